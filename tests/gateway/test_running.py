"""A request runs without a task while it waits for nothing but its provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reliant.gateway.http.running import Running, Served, Teller, as_task, told


def run(work: Callable[[Teller], Coroutine[Any, Any, None]], then: Callable[[Running, Teller], None]) -> Any:
    """Run `work`, then do `then`; return whether it became a task, and what went wrong."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[BaseException | None] = loop.create_future()
        teller = Teller()
        waiting: set[Served] = set()
        running = Running(loop, work(teller), over.set_result, waiting)
        # Not within a task, as what a socket brings is not.
        loop.call_soon(running.step)
        loop.call_soon(then, running, teller)
        error = await over
        await asyncio.sleep(0)
        assert not waiting
        return running.task is not None, error

    return asyncio.run(asyncio.wait_for(main(), 60))


def test_waiting_for_a_teller_makes_no_task() -> None:
    async def work(teller: Teller) -> None:
        await told(teller, asyncio.get_running_loop())

    assert run(work, lambda _, teller: teller.tell_now()) == (False, None)


@pytest.mark.parametrize("wait", [lambda: asyncio.sleep(0.001), as_task])
def test_waiting_for_anything_else_does(wait: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def work(teller: Teller) -> None:
        assert asyncio.current_task() is None
        await wait()
        assert asyncio.current_task() is not None
        async with asyncio.timeout(60):
            asyncio.get_running_loop().call_soon(teller.tell_now)
            await told(teller, asyncio.get_running_loop())

    assert run(work, lambda *_: None) == (True, None)


@pytest.mark.parametrize("in_task", [False, True])
def test_who_is_cancelled_may_still_end_well(in_task: bool) -> None:
    held: list[Running] = []

    async def work(teller: Teller) -> None:
        if in_task:
            await as_task()
        try:
            asyncio.get_running_loop().call_soon(lambda: [one.cancel() for one in held])
            await told(teller, asyncio.get_running_loop())
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    became, error = run(work, lambda running, _: held.append(running))

    assert became
    assert error is None


@pytest.mark.parametrize("in_task", [False, True])
def test_what_goes_wrong_is_handed_on(in_task: bool) -> None:
    async def work(teller: Teller) -> None:
        if in_task:
            await as_task()
        raise ValueError("wrong")

    became, error = run(work, lambda *_: None)

    assert became is in_task
    assert isinstance(error, ValueError)


def test_news_that_come_after_the_end_change_nothing() -> None:
    async def work(teller: Teller) -> None:
        await told(teller, asyncio.get_running_loop())

    def cancelled_and_told(running: Running, teller: Teller) -> None:
        running.cancel()
        teller.tell_now()

    assert run(work, cancelled_and_told) == (False, None)
