"""What is read of a request before anything is decided: headers, body, the connection's round trip."""

from __future__ import annotations

import socket
import struct

from reliant.gateway.answers import Headers
from reliant.gateway.body import Head, read_form, read_json
from reliant.gateway.connection import Call
from reliant.gateway.surface import Endpoint


class Picked:
    """The headers the gateway itself reads."""

    __slots__ = ("content_type", "forwarded", "hints", "length", "secret", "traceparent")

    def __init__(self) -> None:
        self.secret = b""
        self.content_type = b"application/json"
        self.forwarded: list[bytes] = []
        self.hints: dict[bytes, bytes] = {}
        self.length = 0
        self.traceparent = b""


def pick(headers: Headers, forwarded: bytes) -> Picked:
    """Return what the gateway reads of the headers; `forwarded` names the forwarding header."""
    picked = Picked()
    fields = dict(headers)
    given = fields.get(b"authorization")
    if given is not None and given[:7].lower() == b"bearer ":
        picked.secret = given[7:].strip()
    else:
        picked.secret = (fields.get(b"x-api-key") or fields.get(b"api-key") or b"").strip()
    kind = fields.get(b"content-type")
    if kind is not None:
        picked.content_type = kind
    length = fields.get(b"content-length", b"")
    picked.length = int(length) if length.isdigit() else 0
    if forwarded in fields:
        picked.forwarded = [value for name, value in headers if name == forwarded]
    picked.traceparent = fields.get(b"traceparent", b"")
    language = fields.get(b"accept-language")
    if language is not None:
        picked.hints = {b"accept-language": language}
    return picked


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
