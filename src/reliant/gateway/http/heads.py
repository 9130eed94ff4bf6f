"""The head of a request, and how the next one like it is told from its bytes.

Requests on one connection mostly carry the same head: only the body's length
differs. A head that is byte for byte the one before, but for the digits of that
length, means the same, so it is not parsed again. It is compared as bytes, never
read in another way than the parser read it: whatever differs goes to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from reliant.gateway.api.answers import Headers

if TYPE_CHECKING:
    from reliant.gateway.api.surface import Endpoint
    from reliant.gateway.http.call import Call
    from reliant.gateway.serve.intake import Picked

_LENGTH = re.compile(rb"\r\ncontent-length: ?([0-9]{1,9})\r\n", re.IGNORECASE)
_DIGITS = 9
_TRIES = 4

SMALL_BODY = 65_536
"""A body up to this size is read before anything is decided; a larger one once its sender is known."""

AHEAD = 1 << 20
"""So much of a body is read ahead of who serves the request."""


class Head:
    """The head of a request; requests that repeat it share it.

    Attributes:
        headers: Without the length of the body, which differs most.
        keep_alive: Whether the caller wants to ask again on this connection.
        endpoint: What is asked for, once it was looked up.
        picked: What the gateway itself reads of the headers, once it has.
        learnt: Whether the next request is compared with this one, so that it may share this.
        known: Whether whoever sends it had a key when it was last served; then a large body is read at once.
        lane: Takes a request whose head is this; False if it must be served the general way.
    """

    __slots__ = (
        "endpoint",
        "headers",
        "http_version",
        "keep_alive",
        "known",
        "lane",
        "learnt",
        "method",
        "path",
        "picked",
        "query",
        "raw_path",
    )

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self.method = "GET"
        self.path = self.http_version = ""
        self.raw_path = self.query = b""
        self.keep_alive = False
        self.endpoint: Endpoint | None = None
        self.picked: Picked | None = None
        self.learnt = self.known = False
        self.lane: Callable[[Call], bool] | None = None


class Repeated:
    """What the bytes of the next request must be for its head to be the one before."""

    __slots__ = ("_after", "_before", "_head", "_tries", "length", "start")

    def __init__(self) -> None:
        self._head: Head | None = None
        self._before = self._after = b""
        self._tries = _TRIES
        self.start = self.length = 0
        """Where the body began in the bytes that were last compared, and the length that is stated there."""

    def learn(self, head: Head, data: bytes, body: int, length: int) -> None:
        """Remember a request of which `data` are the bytes, from its first to the last that is here.

        The last `body` of them belong to its body, of which `length` are stated. A caller
        whose heads always differ is not learnt from again and again.
        """
        if not self._tries:
            return
        self._tries -= 1
        self._head = None
        end = len(data) - body
        lengths = [*_LENGTH.finditer(data, 0, end)]
        if len(lengths) == 1 and int(lengths[0][1]) == length and data.startswith(head.method.encode()):
            self._head = head
            head.learnt = True
            self._before, self._after = data[: lengths[0].start(1)], data[lengths[0].end(1) : end]

    def match(self, data: bytes) -> Head | None:
        """Return the head of a request that `data` begins and nothing follows, if it is the one learnt.

        A body that is not all here must be one that is read at once all the same.
        """
        if self._head is None or not data.startswith(self._before):
            return None
        at = len(self._before)
        end = data.find(b"\r", at, at + _DIGITS + 1)
        if not data.startswith(self._after, end) or not data[at:end].isdigit():
            return None
        self.start = start = end + len(self._after)
        self.length = length = int(data[at:end])
        if len(data) - start != length and not (
            self._head.known and SMALL_BODY < length <= AHEAD and len(data) - start < length
        ):
            return None
        self._tries = _TRIES
        return self._head
