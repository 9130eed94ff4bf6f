"""A head that is not parsed again means exactly what the parser would have made of it."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.gateway.config import Limits
from reliant.gateway.http.call import Call
from reliant.gateway.http.connection import Connection, Listening
from reliant.gateway.http.heads import AHEAD, SMALL_BODY

HEAD = (
    b"POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
    b"Content-Length: %d\r\nContent-Type: application/json\r\n\r\n"
)


TURNS = 5
"""Of the loop: more than a request needs that waits for its body."""


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close
    pause_reading = resume_reading = lambda self: None


class NoLog:
    """A decision log that has nothing pending."""

    pending = False

    def after(self, send: Any, data: bytes, failed: Any) -> None:
        send(data)


def seen(*pieces: bytes, known: bool = False, gathers: bool = False) -> tuple[list[Any], bytes, bool]:
    """Return the requests that are served when these bytes come, what is answered, and if it closes.

    They come from somebody with a key if `known`; with `gathers` a body is waited for as a whole.
    """
    calls: list[Any] = []

    async def run() -> tuple[bytes, bool]:
        async def serve(call: Call) -> None:
            call.head.known, here = known, call.whole
            if gathers and 0 <= call.length <= AHEAD:
                await call.gathered()
            body, more = call.body, not call.whole
            while more:
                message = await call.receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            calls.append(
                (
                    *(call.method, call.path, call.raw_path, call.query, call.headers),
                    *(call.keep_alive, here, call.length, body),
                )
            )
            call.answer(200, [], b"ok")

        connection = Connection(Listening(Limits(), serve, NoLog()))  # type: ignore[arg-type]
        wire = Wire()
        connection.connection_made(wire)
        for piece in pieces:
            connection.data_received(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        return wire.written, wire.closed

    written, closed = asyncio.run(run())
    return calls, written, closed


def request(body: bytes) -> bytes:
    return HEAD % len(body) + body


def in_two(data: bytes) -> tuple[bytes, bytes]:
    """Return a request in two pieces: so it is always parsed."""
    return data[:9], data[9:]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=2_000))
def test_a_repeated_head_is_served_as_a_parsed_one(first: bytes, second: bytes) -> None:
    repeated = seen(request(first), request(second))

    assert repeated == seen(*in_two(request(first)), *in_two(request(second)))
    assert len(repeated[0]) == 2


@settings(deadline=None)
@given(st.data())
def test_a_head_that_differs_in_anything_else_is_parsed(data: st.DataObject) -> None:
    body = b'{"model":"m"}'
    other = bytearray(request(body))
    at = data.draw(st.integers(0, len(other) - 1))
    other[at] = data.draw(st.integers(0, 255))
    changed = bytes(other)
    if data.draw(st.booleans()):
        more = data.draw(st.sampled_from([b"\r\n", b"0", b" ", b"+", b"\x00", b"9"]))
        changed = changed[:at] + more + changed[at:]

    assert seen(request(body), changed) == seen(request(body), *in_two(changed))


def test_two_requests_in_one_piece_are_both_served() -> None:
    one, two = request(b"one"), request(b"second")

    calls, written, _ = seen(one, one + two)

    assert [call[-1] for call in calls] == [b"one", b"one", b"second"]
    assert written.count(b"HTTP/1.1 200") == 3


def test_what_follows_a_request_that_closes_is_not_served() -> None:
    body = b"x"
    last = request(body).replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")

    calls, _, closed = seen(request(body), last, request(body))

    assert len(calls) == 2
    assert closed


@given(st.integers(1, 200_000), st.integers(1, 200_000))
@settings(max_examples=20, deadline=None)
def test_a_large_body_is_whole_however_its_pieces_come(size: int, cut: int) -> None:
    data = request(b"x" * size)

    calls, _, _ = seen(data[:cut], data[cut:], data, data)

    assert [call[-1] for call in calls] == [b"x" * size] * 3


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([1, 900, SMALL_BODY, SMALL_BODY + 1, 150_000, AHEAD, AHEAD + 1]), max_size=4),
    st.lists(st.floats(0, 1), max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_bodies_of_any_size_in_any_pieces_are_served_whole(
    sizes: list[int], cuts: list[float], known: bool, gathers: bool
) -> None:
    """Also where a piece ends one body and begins the next request, and where a head is known."""
    bodies = [bytes([65 + at]) * size for at, size in enumerate(sizes)]
    requests = [request(body) for body in bodies]
    data = b"".join(requests)
    ends = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    apart = seen(*requests, known=known, gathers=gathers)
    in_pieces = seen(*(data[at:to] for at, to in itertools.pairwise(ends)), known=known, gathers=gathers)

    for calls, written, closed in (apart, in_pieces):
        assert [call[-1] for call in calls] == bodies
        assert [call[:5] for call in calls] == [call[:5] for call in apart[0]]
        assert written.count(b"HTTP/1.1 200") == len(sizes)
        assert not closed


def test_a_large_body_of_somebody_without_a_key_is_not_read_before_it_is_looked_at() -> None:
    large = request(b"x" * (SMALL_BODY + 1))

    for known, whole in ((False, False), (True, True)):
        calls, _, _ = seen(large, large[:500], large[500:], known=known)
        assert [call[6] for call in calls] == [True, whole]


def test_what_follows_a_large_request_that_closes_is_not_served() -> None:
    large = request(b"x" * 100_000)
    last = large.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")

    for cut in (300, 50_000, len(last)):
        calls, written, closed = seen(large, last[:cut], last[cut:] + large)
        assert [len(call[-1]) for call in calls] == [100_000, 100_000]
        assert written.count(b"HTTP/1.1 200") == 2
        assert closed


def test_a_large_body_with_two_lengths_is_no_request() -> None:
    large = request(b"x" * 100_000).replace(b"Host: x\r\n", b"Host: x\r\nContent-Length: 5\r\n")

    calls, written, closed = seen(large[:400], large[400:])

    assert not calls
    assert written.startswith(b"HTTP/1.1 400")
    assert closed
