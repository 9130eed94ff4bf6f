"""Asks an endpoint the probes, over the chat-completions protocol that most servers speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from reliant.errors import FetchError, MissingExtra
from reliant.lineage.behaviour import Answers, Probe

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ANSWER = 1 << 20
_FAILURES = 5


class Endpoint(NamedTuple):
    """An address, the model to ask there, and the key, if it needs one."""

    url: str
    model: str
    key: str | None = None

    @property
    def name(self) -> str:
        """Return address and model, without a key."""
        return f"{self.url}#{self.model}"

    @classmethod
    def parse(cls, text: str, key: str | None = None) -> Endpoint:
        """Return the endpoint written as URL#model.

        Raises:
            FetchError: It is no http address with a model behind `#`.
        """
        url, _, model = text.partition("#")
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not model or parts.username:
            raise FetchError(
                f"{text[:200]!r} is no endpoint",
                hint="Write it as https://host/v1#model-id, without a password.",
            )
        return cls(url.rstrip("/"), model, key)


def ask(client: Any, endpoint: Endpoint, probes: Sequence[Probe]) -> Answers:
    """Return what the endpoint answers: one call per probe, one token each.

    Raises:
        FetchError: It cannot be reached, refuses the key, or fails five times in a row.
    """
    try:
        import httpx  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("tracing an endpoint", "trace") from error
    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    address = (
        endpoint.url if endpoint.url.endswith("/chat/completions") else f"{endpoint.url}/chat/completions"
    )
    words: list[str | None] = []
    counts: list[int | None] = []
    spent = failures = 0
    for probe in probes:
        body = {
            "model": endpoint.model,
            "messages": [{"role": "user", "content": probe.text}],
            "max_tokens": 1 if probe.counting else 4,
            "temperature": 0,
        }
        try:
            answer = client.post(address, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise FetchError(f"{endpoint.url} could not be reached: {type(error).__name__}") from error
        word, count, used = _read(answer)
        if answer.status_code in {401, 403}:
            raise FetchError(f"{endpoint.url} refuses the key ({answer.status_code})")
        failures = failures + 1 if answer.status_code >= 400 else 0
        if failures >= _FAILURES:
            raise FetchError(f"{endpoint.url} failed {failures} times in a row (last: {answer.status_code})")
        words.append(None if probe.counting else word)
        counts.append(count if probe.counting else None)
        spent += used
    return Answers(tuple(words), tuple(counts), len(probes), spent)


def _read(answer: Any) -> tuple[str | None, int | None, int]:
    """Return first word, prompt tokens and all tokens of an answer; None where it does not say."""
    if answer.status_code >= 400 or len(answer.content) > _MAX_ANSWER:
        return None, None, 0
    try:
        body = answer.json()
        text = body["choices"][0]["message"]["content"]
        usage = body.get("usage") or {}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None, None, 0
    word = str(text or "").strip().split()
    count, total = usage.get("prompt_tokens"), usage.get("total_tokens")
    return (
        word[0].lower().strip(".,;:!?\"'") if word else None,
        count if type(count) is int else None,
        total if type(total) is int else 0,
    )
