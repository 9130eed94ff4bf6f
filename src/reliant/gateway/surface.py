"""Which paths are served, and what the gateway must know of each.

Everything listed is passed through; what is not listed is refused, since a path
nobody looked at could reach a provider without a rule having been asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from reliant.gateway.answers import Dialect

Body = Literal["json", "form", "none"]


class Endpoint(NamedTuple):
    """One kind of request.

    Attributes:
        name: For keys' scopes, metrics and the log.
        body: How the model's name is found in it.
        holds: Whether the provider keeps what is made here, so that later
            requests about it must go to the same provider.
        streams: Whether its event stream has a known end.
        listing: Whether the answer lists objects of everybody behind one provider key.
        objects: Whether the path may name objects that a provider holds.
    """

    name: str
    body: Body
    dialect: Dialect = "openai"
    holds: bool = False
    streams: bool = False
    listing: bool = False
    model_optional: bool = False
    objects: bool = False


CHAT = Endpoint("chat", "json", streams=True)
COMPLETIONS = Endpoint("completions", "json", streams=True)
RESPONSES = Endpoint("responses", "json", holds=True, streams=True)
MESSAGES = Endpoint("messages", "json", dialect="anthropic", streams=True)

_EXACT: dict[tuple[str, str], Endpoint] = {
    ("POST", "/v1/chat/completions"): CHAT,
    ("POST", "/v1/completions"): COMPLETIONS,
    ("POST", "/v1/responses"): RESPONSES,
    ("POST", "/v1/responses/compact"): Endpoint("responses", "json"),
    ("POST", "/v1/responses/input_tokens"): Endpoint("responses", "json", model_optional=True),
    ("POST", "/v1/messages"): MESSAGES,
    ("POST", "/v1/messages/count_tokens"): Endpoint("messages", "json", dialect="anthropic"),
    ("POST", "/v1/embeddings"): Endpoint("embeddings", "json"),
    ("POST", "/v1/moderations"): Endpoint("moderations", "json", model_optional=True),
    ("POST", "/v1/images/generations"): Endpoint("images", "json", model_optional=True),
    ("POST", "/v1/images/edits"): Endpoint("images", "form", model_optional=True),
    ("POST", "/v1/images/variations"): Endpoint("images", "form", model_optional=True),
    ("POST", "/v1/audio/speech"): Endpoint("audio", "json"),
    ("POST", "/v1/audio/transcriptions"): Endpoint("audio", "form"),
    ("POST", "/v1/audio/translations"): Endpoint("audio", "form"),
    ("POST", "/v1/rerank"): Endpoint("rerank", "json"),
}

# Objects that a provider keeps. The first word after /v1/ decides.
_HELD = {
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
    "chat": "json",
}

NAMES = frozenset({*(endpoint.name for endpoint in _EXACT.values()), *_HELD})
"""The kinds of request that a key can be bound to."""

_PATH = re.compile(r"/v1(/[A-Za-z0-9_][A-Za-z0-9_\-.:]*)+\Z")
_WORDS = frozenset(
    {
        "alpha",
        "cancel",
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


def find(method: str, path: str) -> Endpoint | None:
    """Return what is asked for; None if it is not served."""
    known = _EXACT.get((method, path))
    if known is not None:
        return known
    if not _PATH.match(path) or ".." in path:
        return None
    parts = path.split("/")[2:]
    kind = _HELD.get(parts[0])
    if kind is None or method not in {"GET", "POST", "DELETE"}:
        return None
    if parts[0] == "chat" and (len(parts) < 2 or parts[1] != "completions"):
        return None
    body: Body = "none" if method != "POST" else "form" if _takes_form(parts) else "json"
    return Endpoint(
        parts[0],
        body,
        holds=method == "POST",
        listing=method == "GET" and not object_ids(path),
        model_optional=True,
        objects=True,
    )


def listed() -> Iterator[tuple[str, str, Endpoint]]:
    """Yield method, path and endpoint of what is served; `{id}` stands for an object."""
    for (method, path), endpoint in _EXACT.items():
        yield method, path, endpoint
    for kind in _HELD:
        if kind in {"chat", "responses", "fine_tuning", "assistants", "threads"}:
            continue
        for method, path in (
            ("GET", f"/v1/{kind}"),
            ("POST", f"/v1/{kind}"),
            ("GET", f"/v1/{kind}/{{id}}"),
            ("DELETE", f"/v1/{kind}/{{id}}"),
        ):
            found = find(method, path.replace("{id}", "obj-0001"))
            if found is not None:
                yield method, path, found
    yield "GET", "/v1/models", Endpoint("models", "none")


def _takes_form(parts: list[str]) -> bool:
    """Say whether the body may be a form; where it is JSON after all, it is read as that."""
    last = parts[-1]
    return (
        _HELD[parts[0]] == "form"
        or (parts[0] == "uploads" and last == "parts")
        or (parts[0] == "containers" and last == "files")
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
