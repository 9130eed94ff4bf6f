"""Traffic as it was: OpenTelemetry spans of GenAI calls, logs of gateways, proxies and HTTP archives."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.inventory.detectors._flow import flow_entries
from reliant.inventory.detectors._formats import Use, use_of
from reliant.inventory.detectors._urls import urls_in
from reliant.inventory.idforms import looks_like_id
from reliant.inventory.signals import Claim, Signal, Wants, What
from reliant.inventory.urls import region_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reliant.inventory.view import FileView

_MODELS = (
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.model_name",
    "model",
    "model_name",
    "model_id",
)
_SYSTEMS = ("gen_ai.provider.name", "gen_ai.system", "custom_llm_provider", "llm.provider", "provider")
_PLACES = (
    "server.address", "url.full", "http.url", "api_base", "base_url", "url", "host", "endpoint", "upstream",
    "request.url", "net.peer.name", "http.host",
)  # fmt: skip
# What a record of a call has besides its model; a line of a data set has none of it.
_CALLS = frozenset({
    "status", "status_code", "latency", "latency_ms", "duration", "duration_ms", "response_time", "spend",
    "startTime", "endTime", "request_id", "trace_id", "traceId", "total_tokens", "call_type",
    "http.status_code", "response_cost", "elapsed", "upstream", "api_base",
})  # fmt: skip
_LOGFMT = re.compile(r"(?:^|\s)([\w.]+)=(?:\"([^\"]*)\"|(\S+))")
_MOST_LINES = 400_000
_LONGEST = 60_000
_MOST_DEPTH = 6


class TrafficLog:
    """Reads records of calls: who answered, with which model; each pair once, at its first line."""

    id = "traffic-log"
    claim = Claim(
        reads="*.jsonl, *.ndjson, *.log, *.har, OTLP JSON",
        finds=("provider", "model", "endpoint", "region"),
        resolves=("OpenTelemetry GenAI attributes", "gateway records", "addresses in access logs"),
        limits="Lines past the first 20 MB are not read; how often a model was called is not counted.",
    )
    wants = Wants(
        suffixes=(".jsonl", ".ndjson", ".log", ".har", ".json"),
        always=True,
        limit=20_000_000,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say who was called, and with which model."""
        suffix = file.name.lower().rpartition(".")[2]
        if suffix == "json" and use_of(file) is not Use.TRAFFIC:
            return
        seen: set[tuple[str | None, str | None]] = set()
        records = _spans(file) if suffix in {"json", "har"} else _lines(file)
        for line, record in records:
            for signal in _call(record, line, file):
                key = (signal.provider, signal.model)
                if key not in seen:
                    seen.add(key)
                    yield signal


def _call(record: Mapping[str, str], line: int, file: FileView) -> Iterator[Signal]:
    """Yield what one call says: its model, and who answered it."""
    address = next((record[name] for name in _PLACES if record.get(name)), "")
    host = next(iter(urls_in(address, file.vendors)), None) if address else None
    system = next((record[name] for name in _SYSTEMS if record.get(name)), "")
    provider = None
    if host is not None and not host[1].weak:
        provider = host[1].provider
    elif system:
        plain = system.lower()
        provider = file.vendors.prefix(plain) or file.vendors.slugs.get(re.sub(r"[^a-z0-9]", "", plain))
        provider = (
            provider
            or file.vendors.prefix(plain.partition(".")[2])
            or file.vendors.prefix(plain.partition(".")[0])
        )
    model = next((record[name] for name in _MODELS if record.get(name)), "")
    told = any(name.startswith(("gen_ai.", "llm.")) for name in record)
    known = bool(model) and (file.vendors.knows_id(model) or file.vendors.developer(model) is not None)
    if not (told or provider or (known and _CALLS & record.keys())):
        return
    block = (f"call {provider} {model}",)
    if provider is not None:
        yield Signal(
            what=What.ENDPOINT,
            line=line,
            block=block,
            provider=provider,
            endpoint=host[0].split("//", 1)[-1][:120] if host else None,
            region=next(iter(region_in(address)), None),
            confidence=0.95,
        )
    if model and looks_like_id(model) and (provider or known or told):
        yield Signal(what=What.MODEL, line=line, block=block, model=model, provider=provider, confidence=0.95)


def _lines(file: FileView) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(file.lines[:_MOST_LINES], 1):
        if len(line) > _LONGEST:
            continue
        start = line.find("{")
        if start >= 0 and line.rstrip().endswith("}"):
            try:
                record = msgspec.json.decode(line[start:].encode())
            except (msgspec.DecodeError, UnicodeEncodeError):
                record = None
            if isinstance(record, dict):
                for flat in _flattened(record):
                    yield number, flat
                continue
        pairs = {match[1]: match[2] or match[3] or "" for match in _LOGFMT.finditer(line)}
        if "//" in line and "url" not in pairs:
            pairs["url"] = next((word for word in line.split() if "://" in word), "").strip("\"'<>,;")
        if pairs:
            yield number, pairs


def _flattened(record: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield each object of a record that says something of its own, with the keys above it."""
    if "resourceSpans" in record or "scopeSpans" in record:
        for span in _found(record, "spans"):
            yield _attributes(span.get("attributes", ()))
        return
    flat: dict[str, str] = {}
    _flatten(record, "", flat, 0)
    yield flat


def _flatten(value: Any, name: str, into: dict[str, str], depth: int) -> None:
    if isinstance(value, dict) and depth < _MOST_DEPTH:
        listed = value.get("attributes")
        if isinstance(listed, list):
            into.update(_attributes(listed))
        for key, inside in value.items():
            _flatten(inside, str(key), into, depth + 1)
            if name and isinstance(inside, str):
                into.setdefault(f"{name}.{key}", inside[:500])
    elif isinstance(value, str | int | float) and name:
        into.setdefault(name, str(value)[:500])


def _attributes(listed: Any) -> dict[str, str]:
    """Return the attributes of a span, in OTLP's form of a list or as an object."""
    found: dict[str, str] = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("key"), str) and isinstance(one.get("value"), dict):
            found[one["key"]] = str(next(iter(one["value"].values()), ""))[:500]
    if isinstance(listed, dict):
        found.update({str(key): str(value)[:500] for key, value in listed.items() if isinstance(value, str)})
    return found


def _found(value: Any, key: str, depth: int = 0) -> Iterator[dict[str, Any]]:
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == key and isinstance(inside, list):
                yield from (one for one in inside if isinstance(one, dict))
            else:
                yield from _found(inside, key, depth + 1)
    elif isinstance(value, list):
        for inside in value:
            yield from _found(inside, key, depth + 1)


def _spans(file: FileView) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the spans of a document over many lines, each with the line of its model."""
    spans: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    lines: dict[tuple[str, ...], int] = {}
    names: dict[tuple[str, ...], str] = {}
    for entry in flow_entries(file.text):
        keys = entry.keys
        if keys and keys[-1] == "key":
            names[keys[:-1]] = entry.value
        elif len(keys) > 2 and keys[-2] == "value" and keys[:-2] in names:
            _note(spans, lines, keys[:-3], names[keys[:-2]], entry.value, entry.line)
        elif keys and (keys[-1] in _MODELS or keys[-1] in _SYSTEMS or keys[-1] in _PLACES):
            _note(spans, lines, keys[:-1], keys[-1], entry.value, entry.line)
    for place, span in spans.items():
        yield lines[place], span


def _note(
    spans: dict[tuple[str, ...], dict[str, str]],
    lines: dict[tuple[str, ...], int],
    place: tuple[str, ...],
    name: str,
    value: str,
    line: int,
) -> None:
    spans[place][name] = value[:500]
    if name in _MODELS or place not in lines:
        lines[place] = line


DETECTOR = TrafficLog()
