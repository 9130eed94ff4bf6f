"""Which paths are served, and what the gateway must know of each.

Everything listed is passed through; what is not listed is refused, since a path
nobody looked at could reach a provider without a rule having been asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from reliant.gateway.api.answers import Dialect

Body = Literal["json", "form", "none"]


class Endpoint(NamedTuple):
    """One kind of request.

    Attributes:
        name: For keys' scopes, metrics and the log.
        body: How the model's name is found in it.
        holds: Whether its answer may name what the provider keeps, so that later
            requests about it must go to the same provider.
        streams: Whether its event stream has a known end.
        listing: Whether the answer lists objects of everybody behind one provider key.
        model_optional: Whether it may be asked without naming a model.
        runs: Whether a model runs also where none is named: the provider's usual one.
        objects: Whether the path may name objects that a provider holds.
        runs_stored: Whether it lets something run that was stored before.
    """

    name: str
    body: Body
    dialect: Dialect = "openai"
    holds: bool = False
    streams: bool = False
    listing: bool = False
    model_optional: bool = False
    runs: bool = False
    objects: bool = False
    runs_stored: bool = False


CHAT = Endpoint("chat", "json", streams=True)
COMPLETIONS = Endpoint("completions", "json", streams=True)
RESPONSES = Endpoint("responses", "json", holds=True, streams=True, runs=True)
MESSAGES = Endpoint("messages", "json", dialect="anthropic", streams=True)
MODELS = Endpoint("models", "none")
UNKNOWN = Endpoint("unknown", "none")
SESSION = UNKNOWN._replace(streams=True)
"""A WebSocket, whatever its path: OpenAI offers one beside `POST /v1/responses` too."""

_EXACT: dict[tuple[str, str], Endpoint] = {
    ("POST", "/v1/chat/completions"): CHAT,
    ("POST", "/v1/completions"): COMPLETIONS,
    ("POST", "/v1/responses"): RESPONSES,
    ("POST", "/v1/responses/compact"): Endpoint("responses", "json"),
    ("POST", "/v1/responses/input_tokens"): Endpoint("responses", "json", model_optional=True),
    ("POST", "/v1/messages"): MESSAGES,
    ("POST", "/v1/messages/count_tokens"): Endpoint("messages", "json", dialect="anthropic"),
    ("POST", "/v1/embeddings"): Endpoint("embeddings", "json"),
    ("POST", "/v1/moderations"): Endpoint("moderations", "json", model_optional=True, runs=True),
    ("POST", "/v1/images/generations"): Endpoint("images", "json", model_optional=True, runs=True),
    ("POST", "/v1/images/edits"): Endpoint("images", "form", model_optional=True, runs=True),
    ("POST", "/v1/images/variations"): Endpoint("images", "form", model_optional=True, runs=True),
    ("POST", "/v1/audio/speech"): Endpoint("audio", "json"),
    ("POST", "/v1/audio/transcriptions"): Endpoint("audio", "form"),
    ("POST", "/v1/audio/translations"): Endpoint("audio", "form"),
    ("POST", "/v1/rerank"): Endpoint("rerank", "json"),
    ("POST", "/v1/videos"): Endpoint(
        "videos", "form", holds=True, objects=True, model_optional=True, runs=True
    ),
    ("GET", "/v1/models"): MODELS,
    ("HEAD", "/v1/models"): MODELS,
}

# Objects that a provider keeps, by how their paths begin.
_HELD: dict[str, Body] = {
    "files": "form",
    "uploads": "json",
    "batches": "json",
    "fine_tuning": "json",
    "vector_stores": "json",
    "conversations": "json",
    "containers": "json",
    "evals": "json",
    "skills": "form",
    "videos": "form",
    "assistants": "json",
    "threads": "json",
    "responses": "json",
    "chat/completions": "json",
    "messages/batches": "json",
}
_NAMED = {"chat/completions": "chat", "messages/batches": "message_batches"}

NAMES = frozenset(
    {*(endpoint.name for endpoint in _EXACT.values()), *(_NAMED.get(kind, kind) for kind in _HELD)}
)
"""The kinds of request that a key can be bound to."""

WATCH = "metrics"
"""The kind of request that a key must name to read what `listen.guarded` closes; every key may make `*`."""

_PATH = re.compile(r"/v1(/[A-Za-z0-9_][A-Za-z0-9_\-.:]*)+\Z")
_WORDS = frozenset(
    {
        "alpha",
        "batches",
        "cancel",
        "characters",
        "checkpoints",
        "complete",
        "completions",
        "content",
        "edits",
        "events",
        "extensions",
        "file_batches",
        "files",
        "graders",
        "input_items",
        "items",
        "jobs",
        "messages",
        "output_items",
        "parts",
        "pause",
        "permissions",
        "remix",
        "results",
        "resume",
        "run",
        "runs",
        "search",
        "steps",
        "submit_tool_outputs",
        "validate",
        "versions",
    }
)
"""Parts of paths that are words of the interface; every other part names an object."""


_RAW = frozenset({"content", "results"})
"""Last words of paths whose answers are what was stored, not an object."""


def find(method: str, path: str, *, anthropic: bool = False) -> Endpoint | None:
    """Return what is asked for; None if it is not served.

    Args:
        method: In capitals.
        path: As it was written.
        anthropic: Whether the caller speaks Anthropic's format where the path does not say it.
    """
    known = _EXACT.get((method, path))
    if known is None:
        if path.startswith("/v1/models/") and method in {"GET", "HEAD"}:
            known = MODELS
        else:
            known = _held(method, path)
    if known is not None and anthropic and known.dialect != "anthropic":
        return known._replace(dialect="anthropic") if known.objects or known is MODELS else known
    return known


def _held(method: str, path: str) -> Endpoint | None:
    """Return the kind of a request about what a provider holds."""
    if not _PATH.match(path) or ".." in path or method not in {"GET", "POST", "DELETE"}:
        return None
    parts = path.split("/")[2:]
    kind = parts[0] if parts[0] in _HELD else "/".join(parts[:2])
    if kind not in _HELD:
        return None
    body: Body = "none" if method != "POST" else "form" if _takes_form(kind, parts) else "json"
    listing = method == "GET" and not object_ids(path)
    return Endpoint(
        _NAMED.get(kind, kind),
        body,
        dialect="anthropic" if kind == "messages/batches" else "openai",
        holds=method != "DELETE" and not listing and parts[-1] not in _RAW,
        listing=listing,
        model_optional=True,
        objects=True,
        runs_stored=method == "POST" and _runs_stored(kind, parts),
    )


def _runs_stored(kind: str, parts: list[str]) -> bool:
    """Say whether a request lets a stored object run: a batch's file, an assistant, an evaluation."""
    if kind == "batches":
        return len(parts) == 1
    return (kind in {"threads", "evals"} and parts[-1] == "runs") or (
        kind == "videos" and parts[-1] in {"remix", "edits", "extensions"}
    )


def unknown(path: str, *, anthropic: bool = False) -> Endpoint:
    """Return the kind of what is not served, in whose format its caller expects to be told."""
    return ANTHROPIC_UNKNOWN if anthropic or path.startswith("/v1/messages") else UNKNOWN


ANTHROPIC_UNKNOWN = UNKNOWN._replace(dialect="anthropic")


def listed() -> Iterator[tuple[str, str, Endpoint]]:
    """Yield method, path and endpoint of what is served; `{id}` stands for an object."""
    for (method, path), endpoint in _EXACT.items():
        if method != "HEAD":
            yield method, path, endpoint
    yield "GET", "/v1/models/{id}", MODELS
    for method, path in (*_usual_paths(), *_MORE_PATHS):
        found = find(method, path.replace("{id}", "obj-0001"))
        if found is not None and (method, path) not in _EXACT:
            yield method, path, found


def _usual_paths() -> Iterator[tuple[str, str]]:
    for kind in _HELD:
        if kind not in {"chat/completions", "responses", "fine_tuning", "assistants", "threads"}:
            yield "GET", f"/v1/{kind}"
            yield "POST", f"/v1/{kind}"
            yield "GET", f"/v1/{kind}/{{id}}"
            yield "DELETE", f"/v1/{kind}/{{id}}"


_MORE_PATHS = (
    ("GET", "/v1/chat/completions"),
    ("GET", "/v1/chat/completions/{id}"),
    ("GET", "/v1/responses/{id}"),
    ("DELETE", "/v1/responses/{id}"),
    ("POST", "/v1/responses/{id}/cancel"),
    ("GET", "/v1/responses/{id}/input_items"),
    ("GET", "/v1/files/{id}/content"),
    ("POST", "/v1/uploads/{id}/parts"),
    ("POST", "/v1/uploads/{id}/complete"),
    ("POST", "/v1/batches/{id}/cancel"),
    ("POST", "/v1/messages/batches/{id}/cancel"),
    ("GET", "/v1/messages/batches/{id}/results"),
    ("GET", "/v1/fine_tuning/jobs"),
    ("POST", "/v1/fine_tuning/jobs"),
    ("GET", "/v1/fine_tuning/jobs/{id}"),
    ("POST", "/v1/fine_tuning/jobs/{id}/cancel"),
    ("POST", "/v1/vector_stores/{id}/search"),
    ("GET", "/v1/vector_stores/{id}/files"),
    ("GET", "/v1/videos/{id}/content"),
    ("POST", "/v1/assistants"),
    ("POST", "/v1/threads"),
    ("POST", "/v1/threads/{id}/runs"),
)
"""Further paths for the description; everything below a kind of object is served alike."""


def _takes_form(kind: str, parts: list[str]) -> bool:
    """Say whether the body may be a form; where it is JSON after all, it is read as that."""
    last = parts[-1]
    return (
        _HELD[kind] == "form"
        or (kind == "uploads" and last == "parts")
        or (kind == "containers" and last == "files")
    )


def object_ids(path: str) -> list[str]:
    """Return what in a path names an object that a provider holds, outermost first.

    Examples:
        >>> object_ids("/v1/vector_stores/vs_abc123/files/file-xyz99")
        ['vs_abc123', 'file-xyz99']
        >>> object_ids("/v1/fine_tuning/jobs")
        []
    """
    return [part for part in path.split("/")[3:] if part not in _WORDS]
