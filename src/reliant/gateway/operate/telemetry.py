"""OpenTelemetry spans by the GenAI conventions, sent in batches off the hot path.

A span costs a tuple when a request ends; it becomes OTLP JSON when a batch goes
out. If the collector is away, spans are dropped and counted: the decision log is
the record, this is a view.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import ssl
import tomllib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from reliant.gateway.upstream.client import UpstreamFailure
from reliant.gateway.upstream.pool import Pool, tls_context

if TYPE_CHECKING:
    from reliant.gateway.audit.records import Outcome
    from reliant.gateway.config import Telemetry
    from reliant.gateway.serve.context import Context

_OPERATIONS = {
    "chat": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
_FINE = frozenset({"whole", "caller left"})
_LONGEST_MODEL = 200
_MOST_KEPT = 10_000
_BATCH = 500
_EVERY_S = 1.0
_TIMEOUT_S = 5.0


class _Span(NamedTuple):
    end_ns: int
    took_us: int
    trace: str
    parent: str
    operation: str
    provider: str
    outcome: Outcome
    model: str
    action: str


class Exporter:
    """Sends spans to an OTLP/HTTP collector."""

    def __init__(self, settings: Telemetry, version: str) -> None:
        """Remember where it is; nothing is opened before the first batch."""
        url = urlsplit(settings.otlp_endpoint or "")
        self._settings = settings
        self._version = version
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._path = (url.path.rstrip("/") or "") + ("" if url.path.endswith("/v1/traces") else "/v1/traces")
        self._tls: ssl.SSLContext | None = tls_context(None) if url.scheme == "https" else None
        self._spans: deque[_Span] = deque(maxlen=_MOST_KEPT)
        self._pool: Pool | None = None
        self._names = _names()
        self.dropped = 0

    def listen(self, context: Context, outcome: Outcome) -> None:
        """Take note of one answer."""
        if self._settings.sample < 1.0 and random.random() >= self._settings.sample:  # noqa: S311 - a sample
            return
        if len(self._spans) == _MOST_KEPT:
            self.dropped += 1
        target = context.runtime.targets.get(outcome.upstream or "")
        trace, parent = _parent(context.picked.traceparent)
        name = context.endpoint.name
        self._spans.append(
            _Span(
                outcome.t * 1_000,
                outcome.took_us,
                trace,
                parent,
                _OPERATIONS.get(name, name),
                target.config.provider if target is not None else "",
                outcome,
                context.model[:_LONGEST_MODEL],
                context.action,
            )
        )

    async def run(self) -> None:
        """Send batches until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            with contextlib.suppress(UpstreamFailure):
                while self._spans:
                    await self._send()

    async def _send(self) -> None:
        spans = [self._spans.popleft() for _ in range(min(_BATCH, len(self._spans)))]
        body = self.encode(spans)
        if self._pool is None:
            self._pool = Pool(self._host, self._port, tls=self._tls, connect_s=_TIMEOUT_S, limit=2)
        head = (
            f"POST {self._path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode()
        try:
            exchange = await self._pool.request(head, body, timeout_s=_TIMEOUT_S, idle_s=_TIMEOUT_S)
            await exchange.rest(1 << 20)
        except UpstreamFailure:
            self.dropped += len(spans)
            raise
        if exchange.status >= 400:
            self.dropped += len(spans)
        exchange.release()

    def encode(self, spans: list[_Span]) -> bytes:
        """Return a batch as OTLP JSON."""
        resource = [_text("service.name", self._settings.service_name)]
        scope = {"name": "reliant.gateway", "version": self._version}
        encoded = [_encode(span, self._names.get(span.provider, span.provider)) for span in spans]
        return msgspec.json.encode(
            {
                "resourceSpans": [
                    {
                        "resource": {"attributes": resource},
                        "scopeSpans": [{"scope": scope, "spans": encoded}],
                    }
                ]
            }
        )

    def close(self) -> None:
        """Close the connection."""
        if self._pool is not None:
            self._pool.close()


_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


def _parent(header: bytes) -> tuple[str, str]:
    """Return trace and parent of a `traceparent` header; a new trace if there is none that holds.

    A collector may refuse a whole batch for one id that is none.
    """
    found = _TRACEPARENT.match(header)
    if found is None:
        return os.urandom(16).hex(), ""
    return found[1].decode(), found[2].decode()


def _text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def _number(key: str, value: int) -> dict[str, Any]:
    return {"key": key, "value": {"intValue": str(value)}}


def _names() -> dict[str, str]:
    """Return what the conventions call providers, where that is not their id."""
    text = Path(__file__).with_name("genai_names.toml").read_text(encoding="utf-8")
    names: dict[str, str] = tomllib.loads(text)["provider"]
    return names


def _encode(span: _Span, provider: str) -> dict[str, Any]:
    outcome = span.outcome
    attributes = [
        _text("gen_ai.operation.name", span.operation),
        _text("gen_ai.provider.name", provider),
        _text("gen_ai.request.model", span.model),
        _text("gen_ai.response.model", outcome.model or span.model),
        _number("gen_ai.usage.input_tokens", outcome.tokens_in),
        _number("gen_ai.usage.output_tokens", outcome.tokens_out),
        _number("http.response.status_code", outcome.status),
        _text("reliant.request.id", outcome.id),
        _text("reliant.action", span.action),
        _text("reliant.upstream", outcome.upstream or ""),
        _text("reliant.provider", span.provider),
    ]
    failed = outcome.status >= 400 or outcome.end not in _FINE
    if failed:
        attributes.append(_text("error.type", outcome.end if outcome.end != "whole" else str(outcome.status)))
    return {
        "traceId": span.trace,
        "spanId": os.urandom(8).hex(),
        "parentSpanId": span.parent,
        "name": f"{span.operation} {span.model}".strip(),
        "kind": 3,
        "startTimeUnixNano": str(span.end_ns - span.took_us * 1_000),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": attributes,
        "status": {"code": 2} if failed else {},
    }
