"""Whether an upstream is worth asking: breaker, provider cut, retry budget.

Failures in a window open the breaker; after a pause one request is let through
to see. A refusal of the place is different: it will not pass by waiting a little,
so the upstream counts as cut for longer, and nothing is retried.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from reliant.gateway.config import Breaker as Settings

State = Literal["closed", "open", "half-open", "cut"]


class Health:
    """The state of one upstream as this worker sees it; `now` is the steady clock in seconds."""

    __slots__ = (
        "_failures",
        "_settings",
        "_tokens",
        "_trial",
        "_trial_until",
        "changed",
        "cut_because",
        "open_until",
        "state",
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failures: deque[float] = deque()
        self.state: State = "closed"
        self.open_until = 0.0
        self.cut_because = ""
        self._trial = False
        self._trial_until = 0.0
        self._tokens = 10.0
        self.changed = False

    def allows(self, now: float) -> bool:
        """Say whether a request may go there now; after the pause, one at a time."""
        if self.state == "closed":
            return True
        if self.state == "half-open":
            # A trial that never told how it ended (its caller left, the other of two answered) runs out.
            if self._trial and now < self._trial_until:
                return False
        elif now < self.open_until:
            return False
        self.state = "half-open"
        self._trial = True
        self._trial_until = now + self._settings.open_s
        return True

    def succeeded(self) -> None:
        """Note an answer."""
        if self.state != "closed":
            self.state = "closed"
            self.cut_because = ""
            self.changed = True
            self._trial = False
            self._failures.clear()
        if self._tokens < 10.0:
            self._tokens = min(10.0, self._tokens + self._settings.retry_budget)

    def failed(self, now: float) -> None:
        """Note a failure of the upstream itself."""
        failures = self._failures
        failures.append(now)
        while failures and now - failures[0] > self._settings.window_s:
            failures.popleft()
        if self.state == "half-open" or len(failures) >= self._settings.failures:
            self._open("open", now + self._settings.open_s)

    def released(self) -> None:
        """Note that a trial ended without telling anything, for example because the caller left."""
        self._trial = False

    def cut(self, now: float, because: str) -> None:
        """Note that the provider refuses this place."""
        self.cut_because = because
        self._open("cut", now + self._settings.cut_s)

    def told(self, state: str, until: float, because: str) -> None:
        """Take over what another worker or node has seen."""
        self.state = "cut" if state == "cut" else "open"
        self.open_until = until
        self.cut_because = because
        self._trial = False

    def _open(self, state: State, until: float) -> None:
        self.state = state
        self.open_until = until
        self._trial = False
        self._failures.clear()
        self.changed = True

    def may_retry(self) -> bool:
        """Take one retry from the budget: over time at most a share of the requests."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def retry_after_s(self, now: float) -> int:
        """Return in how many seconds it is worth trying again."""
        return max(1, int(self.open_until - now + 0.999))
