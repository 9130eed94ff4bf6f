"""What is read at the start only: a reload that changes it waits for the next start, and says so."""

from __future__ import annotations

import msgspec

from reliant.gateway.config.read import Config

_AT_START: dict[str, tuple[str, ...]] = {
    "listen": ("host", "port", "workers", "tls_cert", "tls_key"),
    "limits": ("header_bytes", "header_s", "body_s", "keep_alive_s", "connections", "drain_s"),
    "audit": ("path", "durability", "checkpoint_records", "checkpoint_s", "segment_bytes", "signing_key"),
    "store": ("url", "url_env"),
    "shared": ("url", "url_env", "lease", "timeout_s", "on_down"),
    "telemetry": ("otlp_endpoint", "sample", "service_name"),
}
"""Tables and keys. Were the number of workers or the shared counts taken over, a worker would take
another part of a quota than the others take."""


def with_start_of(fresh: Config, begun: Config) -> tuple[Config, tuple[str, ...]]:
    """Return `fresh` with what only a start reads as it was then, and the keys that wait for the next one."""
    waiting: list[str] = []
    for table, names in _AT_START.items():
        now, then = getattr(fresh, table), getattr(begun, table)
        other = [name for name in names if getattr(now, name) != getattr(then, name)]
        if other:
            waiting += [f"{table}.{name}" for name in other]
            kept = msgspec.structs.replace(now, **{name: getattr(then, name) for name in other})
            fresh = msgspec.structs.replace(fresh, **{table: kept})
    return fresh, tuple(waiting)
