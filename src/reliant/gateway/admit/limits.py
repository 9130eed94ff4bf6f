"""How much a key may use: requests, tokens and money per window, and how much at once.

Requests are counted before the call. Tokens and money are known only after it, so
a call is let in while the window has anything left: a key can pass its bound by
what its calls in flight cost, and by no more. The counts live in memory and are
rebuilt from the decision log, which is written before every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from reliant.gateway.config import Quota

_WINDOWS = {"minute": 60, "day": 86_400}


@dataclass(slots=True)
class _Window:
    """A count that begins anew with every span of time; money counts by the calendar month."""

    span: int
    limit: float
    name: str
    began: int = -1
    used: float = 0.0
    own: float = 0.0

    def number(self, now: float) -> int:
        """Return the number of the span that a moment lies in."""
        return _month(now) if self.span == 0 else int(now) // self.span

    def at(self, now: float) -> _Window:
        began = self.number(now)
        # A clock that is set back a little must not give the bound a second time.
        if began != self.began and began != self.began - 1:
            self.began = began
            self.used = self.own = 0.0
        return self

    def resets_in(self, now: float) -> int:
        if self.span == 0:
            return max(1, int(_begin_of(self.began + 1) - now))
        return max(1, int((self.began + 1) * self.span - now))


def _month(now: float) -> int:
    import datetime as dt  # noqa: PLC0415

    day = dt.datetime.fromtimestamp(now, dt.UTC)
    return day.year * 12 + day.month


def _begin_of(month: int) -> float:
    import datetime as dt  # noqa: PLC0415

    year, number = divmod(month - 1, 12)
    return dt.datetime(year, number + 1, 1, tzinfo=dt.UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Exceeded:
    """Which bound is reached, and after how many seconds it is worth trying again."""

    name: str
    limit: float
    retry_after_s: int


class Tally(NamedTuple):
    """What records say was used of a window: by the number of its span, in any order."""

    name: str
    number: Callable[[float], int]
    counts: dict[int, float]

    def add(self, number: int, amount: float) -> None:
        """Count in a span."""
        self.counts[number] = self.counts.get(number, 0.0) + amount


class Meter:
    """The counts of one key."""

    __slots__ = ("_concurrent", "_money", "_requests", "_tokens", "active", "bounded", "quota")

    def __init__(self, quota: Quota) -> None:
        self._requests: list[_Window] = []
        self._tokens: list[_Window] = []
        self._money: list[_Window] = []
        self.active = 0
        self.configure(quota)

    def configure(self, quota: Quota) -> None:
        """Set the bounds; what was used stays used."""
        before = {window.name: (window.began, window.used, window.own) for window in self._windows()}

        def windows(*wanted: tuple[str, int, float | None]) -> list[_Window]:
            return [
                _Window(span, limit, name, *before.get(name, (-1, 0.0, 0.0)))
                for name, span, limit in wanted
                if limit is not None
            ]

        self._requests = windows(
            ("requests_per_minute", 60, quota.requests_per_minute),
            ("requests_per_day", 86_400, quota.requests_per_day),
        )
        self._tokens = windows(
            ("tokens_per_minute", 60, quota.tokens_per_minute),
            ("tokens_per_day", 86_400, quota.tokens_per_day),
        )
        self._money = windows(
            ("usd_per_day", 86_400, quota.usd_per_day), ("usd_per_month", 0, quota.usd_per_month)
        )
        self.quota = quota
        self._concurrent = quota.concurrent
        self.bounded = bool(self._windows()) or quota.concurrent is not None

    def enter(self, now: float) -> Exceeded | None:
        """Count a request in; return the bound that forbids it, if one does."""
        if self._concurrent is not None and self.active >= self._concurrent:
            return Exceeded("concurrent", self._concurrent, 1)
        for window in self._tokens:
            if window.at(now).used >= window.limit:
                return Exceeded(window.name, window.limit, window.resets_in(now))
        for window in self._money:
            if window.at(now).used >= window.limit:
                return Exceeded(window.name, window.limit, window.resets_in(now))
        for window in self._requests:
            if window.at(now).used >= window.limit:
                return Exceeded(window.name, window.limit, window.resets_in(now))
        for window in self._requests:
            window.used += 1
        self.active += 1
        return None

    def leave(self, now: float, tokens: int, usd: float) -> None:
        """Count what a request used once it has ended."""
        self.active -= 1
        if self._tokens or self._money:
            self.count(now, 0, tokens, usd)

    def count(self, now: float, requests: int, tokens: int, usd: float) -> None:
        """Add use of the window that `now` lies in."""
        for window in self._requests:
            window.at(now).used += requests
        for window in self._tokens:
            window.at(now).used += tokens
            window.own += tokens
        for window in self._money:
            window.at(now).used += usd
            window.own += usd

    def undo(self) -> None:
        """Take back an `enter` that was refused elsewhere."""
        self.active -= 1
        for window in self._requests:
            window.used -= 1

    def request_windows(self, now: float) -> Iterator[tuple[str, int, int, int, int, int]]:
        """Yield name, span, number, limit, seconds left and count of the windows that count requests."""
        for window in self._requests:
            used = int(window.at(now).used)
            yield window.name, window.span, window.began, int(window.limit), window.resets_in(now), used

    def later_windows(self, now: float) -> Iterator[_Window]:
        """Yield the windows that are counted after a call."""
        for window in (*self._tokens, *self._money):
            yield window.at(now)

    def tallies(self) -> tuple[list[Tally], list[Tally], list[Tally]]:
        """Return an empty tally for each window: those of requests, of tokens, of money."""

        def empty(windows: list[_Window]) -> list[Tally]:
            return [Tally(window.name, window.number, {}) for window in windows]

        return empty(self._requests), empty(self._tokens), empty(self._money)

    def resume(self, tallies: Iterable[Tally], now: float) -> None:
        """Go on with what was counted before."""
        counted = {tally.name: tally.counts for tally in tallies}
        for window in self._windows():
            counts = counted[window.name]
            began = window.number(now)
            # A clock that was set back a little must not give the bound a second time.
            window.began = began + 1 if began + 1 in counts else began
            window.used = window.own = counts.get(window.began, 0.0)

    def counted(self) -> dict[str, tuple[int, float]]:
        """Return the number of each window's span, and what this worker counted in it."""
        requests = {window.name: (window.began, window.used) for window in self._requests}
        return requests | {
            window.name: (window.began, window.own) for window in (*self._tokens, *self._money)
        }

    def _windows(self) -> list[_Window]:
        return [*self._requests, *self._tokens, *self._money]

    def bounds(self) -> dict[str, float]:
        """Return the bounds that this worker holds."""
        found = {window.name: window.limit for window in self._windows()}
        return found | ({} if self._concurrent is None else {"concurrent": self._concurrent})

    def state(self, now: float) -> dict[str, float]:
        """Return what is used of each bound in its present window."""
        return {window.name: window.at(now).used for window in self._windows()}
