"""Counts and times, for Prometheus.

On the hot path a request adds to a few plain numbers. They become metrics, with
names and labels, only when somebody asks for them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_CELLS = 20_000


class Cell:
    """What one combination of labels has counted."""

    __slots__ = ("buckets", "count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(_BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self.count += 1
        self.seconds += seconds
        self.buckets[bisect_left(_BUCKETS, seconds)] += 1


class Metrics:
    """The counts of one worker."""

    def __init__(self, records: Callable[[], int] = lambda: 0) -> None:
        """Make them; `records` tells how many records the log has."""
        self.registry = CollectorRegistry()
        self._records = records
        self._cells: dict[tuple[str, str, str, int], Cell] = {}
        self._tokens: dict[tuple[str, str], list[float]] = {}
        self._unpriced: dict[tuple[str, str], int] = {}
        self._watched: dict[str, tuple[str, Callable[[], float]]] = {}
        self.refusals = Counter(
            "reliant_gateway_refusals",
            "Requests refused, by rule, or by code where no rule did it.",
            ("rule",),
            registry=self.registry,
        )
        self.failovers = Counter(
            "reliant_gateway_failovers",
            "Answers that came from another upstream than the first.",
            ("when",),
            registry=self.registry,
        )
        self.state = Gauge(
            "reliant_gateway_upstream_state",
            "0 closed, 1 half-open, 2 open, 3 cut by the provider.",
            ("upstream",),
            registry=self.registry,
        )
        self.active = Gauge("reliant_gateway_active_requests", "Requests in flight.", registry=self.registry)
        self.registry.register(self)

    def answered(self, endpoint: str, upstream: str, action: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.cell(endpoint, upstream, action, status).add(seconds)

    def cell(self, endpoint: str, upstream: str, action: str, status: int) -> Cell:
        """Return where answers like this are counted; where there are too many kinds, to no purpose."""
        mark = (endpoint, upstream, action, status)
        cell = self._cells.get(mark)
        if cell is None:
            cell = Cell()
            if len(self._cells) < _CELLS:
                self._cells[mark] = cell
        return cell

    def used(self, upstream: str, key: str, tokens_in: int, tokens_out: int, usd: float) -> None:
        """Count tokens and money."""
        cell = self._tokens.get((upstream, key))
        if cell is None:
            if len(self._tokens) >= _CELLS:
                return
            cell = self._tokens[upstream, key] = [0.0, 0.0, 0.0]
        cell[0] += tokens_in
        cell[1] += tokens_out
        cell[2] += usd

    def watch(self, name: str, words: str, read: Callable[[], float]) -> None:
        """Have one more number on the page, read when asked for; a count if its name ends in `_total`."""
        self._watched[name] = (words, read)

    def unpriced(self, upstream: str, key: str) -> None:
        """Count an answer whose price is not known."""
        if len(self._unpriced) < _CELLS or (upstream, key) in self._unpriced:
            self._unpriced[upstream, key] = self._unpriced.get((upstream, key), 0) + 1

    def unpriced_of(self, key: str) -> int:
        """Return how many answers to a key had no known price."""
        return sum(count for (_, name), count in self._unpriced.items() if name == key)

    def collect(self) -> Iterator[Metric]:
        """Yield the plain numbers as metrics."""
        requests = CounterMetricFamily(
            "reliant_gateway_requests",
            "Requests answered, by what the rules said and how it ended.",
            labels=("endpoint", "upstream", "action", "status"),
        )
        seconds = HistogramMetricFamily(
            "gen_ai_client_operation_duration_seconds",
            "From the request to the last byte of its answer.",
            labels=("endpoint", "upstream", "action", "status"),
        )
        for (endpoint, upstream, action, status), cell in self._cells.items():
            labels = (endpoint, upstream, action, str(status))
            requests.add_metric(labels, cell.count)
            total, buckets = 0, []
            for bound, count in zip((*map(str, _BUCKETS), "+Inf"), cell.buckets, strict=True):
                total += count
                buckets.append((bound, total))
            seconds.add_metric(labels, buckets, cell.seconds)
        tokens = CounterMetricFamily(
            "reliant_gateway_tokens",
            "Tokens as the providers reported them.",
            labels=("upstream", "key", "direction"),
        )
        dollars = CounterMetricFamily(
            "reliant_gateway_cost_usd", "Cost at list price.", labels=("upstream", "key")
        )
        for (upstream, key), (tokens_in, tokens_out, usd) in self._tokens.items():
            tokens.add_metric((upstream, key, "in"), tokens_in)
            tokens.add_metric((upstream, key, "out"), tokens_out)
            if usd:
                dollars.add_metric((upstream, key), usd)
        records = CounterMetricFamily("reliant_gateway_log_records", "Records in the decision log.")
        records.add_metric((), self._records())
        unpriced = CounterMetricFamily(
            "reliant_gateway_unpriced_answers",
            "Answers that are not in the cost, since nobody here knows their price.",
            labels=("upstream", "key"),
        )
        for (upstream, key), count in self._unpriced.items():
            unpriced.add_metric((upstream, key), count)
        yield from (requests, seconds, tokens, dollars, unpriced, records)
        for name, (words, read) in self._watched.items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield kind(name, words, value=read())

    def text(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self.registry)
