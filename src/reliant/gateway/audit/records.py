"""What a record of the log says. Fields may be added, none renamed."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What every record has: its number in the chain, from 0, and the time in microseconds since 1970."""

    n: int
    t: int


class Opening(Record, frozen=True, kw_only=True, tag="opening"):
    """A gateway process began to write: with which configuration, facts and key.

    Attributes:
        node: What its machine is called.
        cut_bytes: Of a half-written line that a crash left at the end; it was never acted on.
        instead_of: The chain that this one was begun in place of, and `because` of what.
    """

    chain: str
    node: str
    pid: int
    version: str
    config: str
    atlas: str
    public_key: str
    cut_bytes: int = 0
    instead_of: str = ""
    because: str = ""


class Decision(Record, frozen=True, kw_only=True, tag="decision"):
    """What was asked and what the rules said, written before any byte goes out.

    Attributes:
        id: Of the request; its outcome has the same.
        client: The address the place signals were read from.
        verdict: The combined verdict for the chosen upstream, or for the last tried when refused.
        action: `allow`, `warn` or `refuse`.
        rules: Ids of the rules that decided it.
        evidence: What the place signals saw, as `name=value`.
        body: SHA-256 of the request's body, salted when the prompt is kept.
    """

    id: str
    key: str
    tenant: str | None = None
    client: str = ""
    endpoint: str
    model: str = ""
    upstream: str | None = None
    place: str | None = None
    verdict: str
    action: str
    rules: tuple[str, ...] = ()
    dry_run: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    body: str | None = None
    body_bytes: int = 0
    code: str | None = None


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try on one upstream: `answered`, or how it failed."""

    upstream: str
    result: str
    status: int = 0


class Outcome(Record, frozen=True, kw_only=True, tag="outcome"):
    """How the request ended, written before the last byte of the answer goes out.

    Attributes:
        model: What the upstream calls it, where that is another name than was asked for.
        end: `whole`, or why not.
        unpriced: Whether no price of the model is known; `microusd` is 0 then and says nothing.
        estimated: Whether the provider did not say the tokens: those in are then a quarter of the
            body's bytes, those out the events of the stream.
    """

    id: str
    status: int
    upstream: str | None = None
    model: str = ""
    attempts: tuple[Attempt, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    microusd: int = 0
    streamed: bool = False
    end: str = "whole"
    key: str = ""
    took_us: int = 0
    unpriced: bool = False
    estimated: bool = False


class Observation(Record, frozen=True, kw_only=True, tag="observation"):
    """A provider refused the place: evidence for a gate, not a rule."""

    provider: str
    upstream: str
    channel: str
    place: str | None
    status: int
    shape: str
    model: str = ""
    request_id: str | None = None


class Change(Record, frozen=True, kw_only=True, tag="change"):
    """An administrator or the operator changed something."""

    what: str
    by: str
    detail: str = ""


class Checkpoint(Record, frozen=True, kw_only=True, tag="checkpoint"):
    """A signature over everything before: Ed25519 over `head` in the chain, and over other chains' heads.

    Attributes:
        head: Hash of the record before this one.
        others: For other workers' chains, `number:hash` as last seen.
        key: SHA-256 of the public key, the first 16 digits.
        signature: Over the chain's name, number, head and others.
    """

    head: str
    key: str
    signature: str
    others: dict[str, str] = {}


AnyRecord = Opening | Decision | Outcome | Observation | Change | Checkpoint


def signed_text(chain: str, number: int, head: str, others: dict[str, str]) -> bytes:
    """Return the bytes a checkpoint signs."""
    tail = "".join(f"\n{name} {others[name]}" for name in sorted(others))
    return f"reliant audit checkpoint\n{chain}\n{number}\n{head}{tail}\n".encode()
