"""An answer that is not parsed means exactly what the parser would have made of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reliant.gateway.upstream.alike import passed_on
from reliant.gateway.upstream.client import Exchange, UpstreamFailure
from reliant.gateway.upstream.pool import Pool

HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nx-request-id: req_%b\r\nopenai-version:2020-10-01\r\n"
    b"connection: keep-alive\r\n\r\n"
)


def answer(body: bytes, request_id: bytes = b"1") -> bytes:
    return HEAD % (len(body), request_id) + body


class Wire(asyncio.Transport):
    """A transport to nowhere."""

    def write(self, data: Any) -> None:
        pass

    def abort(self) -> None:
        pass

    pause_reading = resume_reading = lambda self: None


def read(*answers: tuple[bytes, ...]) -> tuple[list[Any], list[bytes | None]]:
    """Return what is read on one connection when answers come, each in pieces; and the lines kept ready."""
    lines: list[bytes | None] = []

    async def run() -> list[Any]:
        pool = Pool("127.0.0.1", 9, tls=None, connect_s=1, limit=1)
        exchange = Exchange(pool)
        exchange.connection_made(Wire())
        found: list[Any] = []
        for pieces in answers:
            exchange.ask(b"", b"", timeout_s=60, after=lambda send, data, failed: None)
            for piece in pieces:
                exchange.data_received(piece)
            try:
                begun = exchange.begun(60)
            except UpstreamFailure as failure:
                found.append(failure.kind)
                break
            lines.append(exchange.lines())
            found.append(
                (
                    *(
                        begun,
                        exchange.status,
                        exchange.kind,
                        exchange.headers,
                        exchange.header(b"x-request-id"),
                    ),
                    *(exchange.complete, exchange.keep_alive, exchange.taken()),
                )
            )
            if not (exchange.complete and exchange.keep_alive):
                break
            exchange.renew()
        return found

    return asyncio.run(run()), lines


def in_two(data: bytes) -> tuple[bytes, ...]:
    """Return an answer in two pieces: so it is always parsed."""
    return data[:9], data[9:]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=300), st.from_regex(rb"[!-~]{1,20}", fullmatch=True))
def test_an_answer_like_the_one_before_is_read_as_a_parsed_one(body: bytes, request_id: bytes) -> None:
    first, second = answer(b"{}"), answer(body, request_id)

    found, lines = read((first,), (second,))

    assert found == read(in_two(first), in_two(second))[0]
    assert lines[0] is None
    assert lines[1] == b"".join([b"%b: %b\r\n" % pair for pair in passed_on(found[1][3])])


@settings(deadline=None)
@given(st.data())
def test_an_answer_that_differs_in_anything_else_is_parsed(data: st.DataObject) -> None:
    first, other = answer(b'{"a":1}'), bytearray(answer(b'{"b":2}', b"2"))
    at = data.draw(st.integers(0, len(other) - 1))
    other[at] = data.draw(st.integers(0, 255))
    changed = bytes(other)
    if data.draw(st.booleans()):
        more = data.draw(st.sampled_from([b"\r\n", b"0", b" ", b"\t", b"+", b"\x00", b"9", b"\n", b"\r\n "]))
        changed = changed[:at] + more + changed[at:]

    assert read((first,), (changed,))[0] == read(in_two(first), in_two(changed))[0]


@given(
    st.lists(st.sampled_from([b"connection: close", b"transfer-encoding: chunked", b"x%d: 1"]), max_size=3)
)
@example([b"content-length: 3"])
@settings(deadline=None)
def test_a_line_more_or_less_makes_it_another_form(lines: list[bytes]) -> None:
    first = answer(b"{}")
    other = first.replace(b"\r\nDate", b"\r\n" + b"".join(one + b"\r\n" for one in lines) + b"Date")

    for one, two in ((first, other), (other, first), (other, other)):
        assert read((one,), (two,))[0] == read(in_two(one), in_two(two))[0]


@pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 200 OK\r\n\r\n", answer(b"{}")])
def test_bytes_after_an_answer_end_the_connection_as_they_do_when_parsed(more: bytes) -> None:
    first = answer(b"{}")

    found = read((first,), (first + more,))[0]

    assert found == read(in_two(first), in_two(first + more))[0]
    assert found[-1][-1] == b"{}"
