"""Limits and breaker state common to workers and nodes, in Redis or Valkey.

Requests are paid for with permits, taken some at a time from the common count,
so that most requests need no word with the server. A worker that is killed takes
its unused permits with it: a key may get a few requests less than its bound in
that window, never more. Tokens and money are added up twice a second, from what each
worker says it has counted in all: so a worker that starts anew is not counted twice.

While the server is away, `local` lets each worker count for itself (a key can
then use its bound once per worker), `refuse` answers 503. It is asked again twice a
second, and no request waits for that. A server that comes back and has forgotten
its counts is told by each worker what that one has counted itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from reliant.errors import MissingExtra
from reliant.gateway.admit.limits import Exceeded, Meter
from reliant.gateway.http.running import as_task

if TYPE_CHECKING:
    from reliant.gateway.runtime import Runtime

_LEASE = """
local used = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[4]))
local grant = math.min(tonumber(ARGV[1]), tonumber(ARGV[2]) - used)
if grant <= 0 then return 0 end
redis.call('SET', KEYS[1], string.format('%d', used + grant))
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]))
return grant
"""
_PERMITS_KEPT = 50_000
_EVERY_S = 0.5
_PREFIX = "reliant:"


class SharedState:
    """One worker's side of the common counts."""

    def __init__(
        self, url: str, *, who: str, before: Iterable[str] = (), lease: int, on_down: str, timeout_s: float
    ) -> None:
        """Remember where the server is.

        Args:
            url: Of the server.
            who: The name under which this worker tells what it counted: that of its chain.
            before: The names under which what it goes on with was told until now.
            lease: How many permits are taken at once.
            on_down: What happens while the server is away.
            timeout_s: How long an answer is waited for.

        Raises:
            MissingExtra: The driver is not installed.
        """
        try:
            import redis.asyncio as driver  # noqa: PLC0415 - only where it is configured
            from redis.exceptions import ReadOnlyError, RedisError  # noqa: PLC0415
        except ImportError:
            raise MissingExtra("shared limits", "gateway-cluster") from None
        self._redis: Any = driver.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=2
        )
        self._errors = (RedisError, OSError, TimeoutError)
        self._moved = ReadOnlyError
        self._who = who
        self._before = frozenset(before) - {who}
        self._lease_size = lease
        self._on_down = on_down
        self._held: dict[tuple[str, str, int], int] = {}
        self._locks: dict[tuple[str, str, int], asyncio.Lock] = {}
        self._task: asyncio.Task[None] | None = None
        self._say: Callable[[str], None] = _silent
        self.down = False

    def _away(self, error: BaseException) -> None:
        if not self.down:
            self.down = True
            then = "each worker counts for itself" if self._on_down == "local" else "bounded keys get 503"
            self._say(f"the shared counts are away, {then}: {error or type(error).__name__}")

    def _back(self) -> None:
        if self.down:
            self.down = False
            self._say("the shared counts are back")

    async def take(self, key: str, meter: Meter, now: float) -> Exceeded | None:
        """Pay for one request of `key`; return the bound that forbids it, if one does."""
        for name, span, began, limit, left, used in meter.request_windows(now):
            mark = (key, name, began)
            held = self._held.get(mark, 0)
            if held <= 0:
                held = await self._more(mark, limit, span, used - 1)
                if held <= 0:
                    return Exceeded(name if held == 0 else "store_down", limit, left)
            self._held[mark] = held - 1
        return None

    async def _more(self, mark: tuple[str, str, int], limit: int, span: int, counted: int) -> int:
        """Return permits now held; 0 if the window has none left, -1 if the server is away."""
        await as_task()
        lock = self._locks.setdefault(mark, asyncio.Lock())
        async with lock:
            held = self._held.get(mark, 0)
            if held > 0:
                return held
            if self.down:
                return self._without()
            if len(self._held) > _PERMITS_KEPT:
                self._held.clear()
                self._locks.clear()
            size = max(1, min(self._lease_size, limit // 20))
            name = f"{_PREFIX}n:{mark[0]}:{mark[1]}:{mark[2]}"
            try:
                granted = int(await self._redis.eval(_LEASE, 1, name, size, limit, span * 2, counted))
            except self._errors as error:
                self._away(error)
                return self._without()
            self._held[mark] = granted
            return granted

    def _without(self) -> int:
        return 1 if self._on_down == "local" else -1

    # what is known only after a call, and the breakers
    def start(
        self,
        runtime: Callable[[], Runtime],
        steady: Callable[[], float],
        wall: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        """Begin to exchange counts and states; `say` prints a line for the operator."""
        self._say = say
        self._task = asyncio.create_task(self._exchange(runtime, steady, wall), name="shared")

    async def _exchange(
        self, runtime: Callable[[], Runtime], steady: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._counts(runtime().meters, wall())
                await self._states(runtime(), steady())
                self._back()
            except self._errors as error:
                self._away(error)
                if isinstance(error, self._moved):
                    # The name may belong to another machine by now.
                    await self._redis.connection_pool.disconnect()

    async def _counts(self, meters: dict[str, Meter], now: float) -> None:
        for key, meter in meters.items():
            for window in meter.later_windows(now):
                began, own = window.began, window.own  # it grows while the server is asked
                name = f"{_PREFIX}w:{key}:{window.name}:{began}"
                told = {
                    who.decode(): float(amount) for who, amount in (await self._redis.hgetall(name)).items()
                }
                before = self._before & told.keys()
                if before:
                    await self._redis.hdel(name, *before)
                if told.get(self._who, 0.0) != own:
                    await self._redis.hset(name, self._who, repr(own))
                    await self._redis.expire(name, 86_400 * 32 if window.span == 0 else window.span * 2)
                others = sum(amount for who, amount in told.items() if who not in {self._who, *before})
                if window.began == began:
                    window.used = max(window.used, others + window.own)

    async def _states(self, runtime: Runtime, now: float) -> None:
        for name, target in runtime.targets.items():
            health, place = target.health, f"{_PREFIX}s:{name}"
            if health.changed:
                health.changed = False
                left = int((health.open_until - now) * 1_000)
                try:
                    if health.state in {"open", "cut"} and left > 0:
                        await self._redis.set(place, f"{health.state} {health.cut_because}", px=left)
                    elif health.state == "closed":
                        await self._redis.delete(place)
                except self._errors:
                    health.changed = True  # the others are told once the server is back
                    raise
                continue
            told = await self._redis.get(place)
            if told is not None and health.state == "closed":
                state, _, because = told.decode().partition(" ")
                left = await self._redis.pttl(place)
                if left > 0:
                    health.told(state, now + left / 1_000, because)

    async def stop(self) -> None:
        """Stop and disconnect; where there is no time for that (it is cancelled), hang up."""
        try:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            with contextlib.suppress(*self._errors):
                await self._redis.aclose()
        finally:
            pool = self._redis.connection_pool
            for connection in (*pool._available_connections, *pool._in_use_connections):
                await connection.disconnect(nowait=True)


def _silent(_line: str) -> None:
    """Print nothing: nobody has said where to."""
