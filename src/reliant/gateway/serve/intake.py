"""What is read of a request before anything is decided: headers, body, the connection's round trip."""

from __future__ import annotations

import datetime as dt
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from reliant.gateway.admit.keys import digest_of
from reliant.gateway.api.answers import Headers
from reliant.gateway.api.body import Head, read_form, read_json
from reliant.gateway.api.surface import SESSION, Endpoint, find, unknown
from reliant.gateway.http.call import Call

if TYPE_CHECKING:
    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.admit.placement import Placement
    from reliant.gateway.route.routes import Plan
    from reliant.gateway.runtime import Runtime
    from reliant.gateway.serve.journal import Said


class Picked:
    """The headers the gateway itself reads.

    Requests on one connection mostly carry the same headers, so what was read of
    them is kept with the connection.

    Attributes:
        secret: SHA-256 of the secret, or None if none was given.
        lines: For each upstream, the header lines that go on to it.
        passages: By method, path, query and model, what was decided about requests like this a moment ago.
    """

    __slots__ = (
        "content_type",
        "forwarded",
        "headers",
        "hints",
        "lines",
        "name",
        "passages",
        "secret",
        "traceparent",
    )

    def __init__(self, headers: Headers, name: bytes) -> None:
        """Read `headers`; `name` is that of the forwarding header."""
        self.headers = headers
        self.name = name
        fields = dict(headers)
        given = fields.get(b"authorization")
        if given is not None and given[:7].lower() == b"bearer ":
            secret = given[7:].strip()
        else:
            secret = (fields.get(b"x-api-key") or fields.get(b"api-key") or b"").strip()
        if len(fields) < len(headers) and _said_twice(headers):
            secret = b""  # who is between here and the caller may have looked at the other
        self.secret = digest_of(secret) if secret else None
        self.content_type = fields.get(b"content-type", b"application/json")
        self.forwarded = [value for known, value in headers if known == name] if name in fields else []
        self.traceparent = fields.get(b"traceparent", b"")
        language = fields.get(b"accept-language")
        self.hints = {b"accept-language": language} if language is not None else {}
        self.lines: dict[str, bytes] = {}
        self.passages: dict[tuple[str, str, bytes, str], Passage] = {}


def _said_twice(headers: Headers) -> bool:
    """Say whether a header that holds a secret stands more than once."""
    given = [name for name, _ in headers if name in _SECRETS]
    return len(set(given)) < len(given)


_SECRETS = frozenset({b"authorization", b"x-api-key", b"api-key"})


class Passage(NamedTuple):
    """What was decided about a request: it holds for the next one like it, for a moment.

    Everything the decision rests on is either named here, so that a change is seen,
    or does not change within that moment.

    Attributes:
        heads: For each upstream, the head that was sent to it, up to the digits of the length.
    """

    until: float
    runtime: Runtime
    caller: Caller
    address: str
    day: dt.date
    placement: Placement
    plan: Plan
    said: Said | None
    heads: dict[str, bytes]

    def holds(self, runtime: Runtime, caller: Caller, address: str, now: float) -> bool:
        """Say whether it may be used for a request of `caller` now."""
        return (
            now < self.until
            and self.runtime is runtime
            and self.caller is caller
            and self.address == address
            and self.day is runtime.admission.today
        )


def pick(call: Call, forwarded: bytes) -> Picked:
    """Return what the gateway reads of the headers; `forwarded` names the forwarding header."""
    connection, head = call.connection, call.head
    kept = head.picked or connection.kept
    if (
        kept is None
        or kept.name != forwarded
        or (kept.headers is not head.headers and kept.headers != head.headers)
    ):
        kept = Picked(head.headers, forwarded)
    head.picked = connection.kept = kept
    return kept


def endpoint_of(call: Call) -> Endpoint | None:
    """Return what is asked for; None for what has nothing to do with models."""
    head = call.head
    path = head.path
    if head.endpoint is None and path.startswith("/v1/"):
        anthropic = any(name == b"anthropic-version" for name, _ in head.headers)
        found = None
        if path.startswith("/v1/models/") or head.raw_path == path.encode("latin-1", "replace"):
            # The names of models may hold what a path has to escape.
            found = find(head.method, path, anthropic=anthropic)
        if any(name == b"upgrade" and value.lower() == b"websocket" for name, value in head.headers):
            found = SESSION
        head.endpoint = found or unknown(path, anthropic=anthropic)
    return head.endpoint


def read_head(endpoint: Endpoint, body: bytes, content_type: bytes) -> Head:
    """Return the part of a body that decides where it may go.

    Raises:
        BadBody: It cannot be judged.
    """
    if endpoint.body == "none":
        return Head()
    if endpoint.body == "form":
        if content_type.lower().startswith(b"multipart/"):
            return Head(model=read_form(body, content_type))
        return read_json(body or b"{}")
    if not body and endpoint.model_optional:
        return Head()
    return read_json(body)


def rtt_ms(call: Call) -> float | None:
    """Return the connection's round trip as the kernel measured it, where it tells."""
    sock = call.connection.transport.get_extra_info("socket")
    if sock is None:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    except (OSError, AttributeError):
        return None
    # struct tcp_info of linux/tcp.h: tcpi_rtt at 68, tcpi_min_rtt at 148, both in microseconds.
    at = 148 if len(info) >= 152 else 68
    return float(struct.unpack_from("I", info, at)[0]) / 1_000 if len(info) >= 72 else None


async def drain(call: Call, limit: int) -> bool:
    """Read what is left of a small body, so that the answer is not lost on the way; False if it is larger."""
    if call.whole:
        return True
    size = 0
    while size <= limit:
        message = await call.receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return True
    return False
