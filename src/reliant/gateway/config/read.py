"""Reads the file: TOML to typed values, and each mistake to its line and the next step."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from reliant.errors import ConfigError
from reliant.gateway.config._part import Part
from reliant.gateway.config._toml_lines import Path as TomlPath
from reliant.gateway.config._toml_lines import line_of, locate
from reliant.gateway.config.parties import Key, Route, Rule, Tenant, Upstream
from reliant.gateway.config.service import (
    Audit,
    Breaker,
    Limits,
    Listen,
    Place,
    Policy,
    Prices,
    Shared,
    Signals,
    Store,
    Telemetry,
)

_MAX_BYTES = 4 << 20


class Config(Part, frozen=True, kw_only=True):
    """The whole file."""

    listen: Listen = Listen()
    limits: Limits = Limits()
    place: Place = Place()
    policy: Policy = Policy()
    signals: Signals = Signals()
    audit: Audit = Audit()
    store: Store = Store()
    shared: Shared = Shared()
    prices: Prices = Prices()
    breaker: Breaker = Breaker()
    telemetry: Telemetry = Telemetry()
    tenant: tuple[Tenant, ...] = ()
    upstream: tuple[Upstream, ...] = ()
    key: tuple[Key, ...] = ()
    route: tuple[Route, ...] = ()
    rule: tuple[Rule, ...] = ()

    def upstream_key(self, upstream: Upstream, env: Mapping[str, str]) -> str | None:
        """Return the secret for `upstream`: as written, or from the named environment variable."""
        if upstream.api_key is not None:
            return upstream.api_key
        return env.get(upstream.api_key_env) if upstream.api_key_env else None


_AT = re.compile(r" - at `(?:key in )?\$?(.*)`\Z")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_FIELD = re.compile(r"(unknown|missing required) field `([^`]+)`")


_MOMENTS = (
    ("datetime", "Write a moment without quotes, for example 2026-12-31T23:59:59Z."),
    ("RFC3339 encoded date", "Write a day without quotes, for example 2026-12-31."),
    ("Expected `date", "Write a day without quotes, for example 2026-12-31."),
)
"""What may be written where a time is wanted, by what the converter says; the first that fits."""


def _path_of(message: str) -> tuple[str, TomlPath, str]:
    """Return what is wrong, where, and what may help, from a message of the converter."""
    at = _AT.search(message)
    steps: list[str | int] = []
    for name, index in _STEP.findall(at[1]) if at else ():
        steps.append(name if name else int(index) if index.isdigit() else 0)
    problem = message[: at.start()] if at else message
    hint = "Every key and what it may be: docs/gateway/configuration.md."
    field = _FIELD.search(message)
    if field and field[1] == "unknown":
        known = _keys_at(steps)
        near = difflib.get_close_matches(field[2], known, n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
        steps.append(field[2])
    elif field:
        hint = f"Add {field[2]} = ... to this table."
    else:
        named = [step for step in steps if isinstance(step, str)]
        problem = f"{named[-1]}: {problem}" if named else problem
        hint = next((words for kind, words in _MOMENTS if kind in problem), hint)
    return problem, tuple(steps), hint


def _keys_at(steps: list[str | int]) -> list[str]:
    """Return the keys that a table may have."""
    found: Any = Config
    for step in steps:
        if isinstance(step, str) and isinstance(found, type) and issubclass(found, Part):
            fields = {field.name: field.type for field in msgspec.structs.fields(found)}
            found = fields.get(step)
            inner = getattr(found, "__args__", ())
            found = inner[0] if inner and isinstance(inner[0], type) else found
    return list(found.__struct_fields__) if isinstance(found, type) and issubclass(found, Part) else []


def read_config(path: Path, env: Mapping[str, str]) -> Config:
    """Return the configuration in `path`.

    Args:
        path: The TOML file.
        env: The environment, for `api_key_env` and `url_env`.

    Raises:
        ConfigError: The file cannot be read, or says something wrong on the named line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            path, 0, f"cannot be read: {error.strerror}", hint="Name a file that exists: --config FILE."
        ) from None
    if len(raw) > _MAX_BYTES:
        raise ConfigError(path, 0, f"is larger than {_MAX_BYTES} bytes", hint="Is it the right file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(path, line, "is not UTF-8", hint="Save the file as UTF-8.") from None
    return parse_config(text, path, env)


def parse_config(text: str, path: Path, env: Mapping[str, str]) -> Config:
    """Return the configuration that `text` holds; `path` is only named in messages.

    Raises:
        ConfigError: It says something wrong on the named line.
    """
    from reliant.gateway.config._checks import Checker  # noqa: PLC0415 - it knows the types that stand here

    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(path, 0, "is nested too deep", hint="A configuration needs three levels.") from None
    except ValueError as error:
        at = re.search(r"at line (\d+)", str(error))
        problem = re.sub(r" \(at .*\)\Z", "", str(error))
        line = int(at[1]) if at else text.count("\n") + 1 if "end of document" in str(error) else 0
        raise ConfigError(
            path, line, problem, hint="This is no TOML: see https://toml.io/en/v1.0.0."
        ) from None
    lines = locate(text)
    try:
        config = msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        problem, at_path, hint = _path_of(str(error))
        raise ConfigError(path, line_of(lines, at_path), problem, hint=hint) from None
    Checker(path, lines, env).check(config)
    return config
