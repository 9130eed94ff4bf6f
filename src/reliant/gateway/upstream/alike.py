"""Which of an answer's headers go on, and how the next answer like it is told from its bytes.

The answers on one connection mostly have the same headers in the same order, and only
what stands in them differs. One that fits the form of an answer the parser has read,
with its length in the same place and all of its bytes here, means what the parser
would make of it, so it is not parsed again. The form is narrow: whatever does not fit
(another status, another line, chunks, a value with odd characters) goes to the parser.
"""

from __future__ import annotations

import re

from reliant.gateway.api.answers import Headers

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        # About the provider's host, not about the answer.
        b"alt-svc",
        b"content-length",
        b"date",
        b"report-to",
        b"nel",
        b"server",
        b"set-cookie",
        b"strict-transport-security",
        b"www-authenticate",
        b"via",
    }
)
_ALIKE_ONLY = frozenset({b"connection", b"content-type"})
"""Headers whose value is a part of the form: it decides how the answer is read."""
_NEVER = frozenset({b"transfer-encoding", b"upgrade", b"trailer"})

_LENGTH = rb"[ \t]*([0-9]{1,9})\r\n"
_VALUE = rb"[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)(?<![ \t])\r\n"
_OK = b"HTTP/1.1 200 "
_MOST_BYTES = 16_384
_TRIES = 4


def passed_on(headers: Headers) -> Headers:
    """Return the headers of a provider's answer that the caller gets."""
    return [(name, value) for name, value in headers if name not in _HOP_BY_HOP]


class Alike:
    """The form of the answers on one connection."""

    __slots__ = ("_length", "_lines", "_names", "_passed", "_pattern", "_tries", "kind")

    def __init__(self) -> None:
        self._pattern: re.Pattern[bytes] | None = None
        self._tries = _TRIES
        self._names: tuple[bytes, ...] = ()
        self._length = 0
        self._lines = b""
        self._passed: tuple[int, ...] = ()
        self.kind = b""
        """The type of what these answers hold."""

    def learn(self, data: bytes, headers: Headers) -> None:
        """Take the form of a whole answer, of which `data` are the bytes and `headers` what was read.

        A provider whose answers always differ is not learnt from again and again.
        """
        if not self._tries or not data.startswith(_OK):
            return
        self._tries -= 1
        self._pattern = None
        first, *lines = data[: data.find(b"\r\n\r\n")].split(b"\r\n")
        pattern, passed, self.kind, self._length = [re.escape(first + b"\r\n")], [], b"", 0
        if len(lines) != len(headers):
            return
        for at, (line, (name, value)) in enumerate(zip(lines, headers, strict=True), 1):
            written = line.partition(b":")[0]
            if written.lower() != name or name in _NEVER:
                return
            if name == b"content-length":
                pattern.append(re.escape(written + b":") + _LENGTH)
                self._length = at if not self._length else -1
            elif name in _ALIKE_ONLY:
                pattern.append(re.escape(written + b":") + rb"[ \t]*(" + re.escape(value) + rb")\r\n")
            else:
                pattern.append(re.escape(written + b":") + _VALUE)
            if name == b"content-type":
                self.kind = value
            if name not in _HOP_BY_HOP:
                passed.append(at)
        if self._length > 0:
            self._names = tuple(name for name, _ in headers)
            self._passed = tuple(passed)
            self._lines = b"".join([self._names[at - 1].replace(b"%", b"%%") + b": %b\r\n" for at in passed])
            self._pattern = re.compile(b"".join(pattern) + rb"\r\n")

    def match(self, data: bytes) -> re.Match[bytes] | None:
        """Return the head of an answer that is all of `data`, if it has this form."""
        if self._pattern is None:
            return None
        found = self._pattern.match(data)
        if found is None:
            return None
        start = found.end()
        if len(data) - start != int(found[self._length]) or start > _MOST_BYTES or start == len(data):
            return None
        self._tries = _TRIES
        return found

    def headers(self, found: re.Match[bytes]) -> Headers:
        """Return the headers of an answer that has this form, as the parser would."""
        return list(zip(self._names, found.groups(), strict=True))

    def lines(self, found: re.Match[bytes]) -> bytes:
        """Return those of its headers that the caller gets, as sound lines."""
        return self._lines % found.group(*self._passed) if self._passed else b""
