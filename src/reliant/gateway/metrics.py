"""Counts and times, for Prometheus; labels are looked up once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_CHILDREN = 20_000


class Metrics:
    """The counts of one worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "reliant_gateway_requests",
            "Requests answered, by what the rules said and how it ended.",
            ("endpoint", "upstream", "action", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "From the request to the last byte of its answer.",
            ("endpoint", "upstream"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._tokens = Counter(
            "reliant_gateway_tokens",
            "Tokens as the providers reported them.",
            ("upstream", "direction"),
            registry=self.registry,
        )
        self._dollars = Counter(
            "reliant_gateway_cost_usd", "Cost by list price.", ("upstream", "key"), registry=self.registry
        )
        self.refusals = Counter(
            "reliant_gateway_refusals", "Requests refused, by rule.", ("rule",), registry=self.registry
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
        self.records = Counter(
            "reliant_gateway_log_records", "Records in the decision log.", registry=self.registry
        )
        self.active = Gauge("reliant_gateway_active_requests", "Requests in flight.", registry=self.registry)
        self._children: dict[
            tuple[str, str, str, int], tuple[Callable[[], None], Callable[[float], None]]
        ] = {}
        self._token_children: dict[str, tuple[Callable[[float], None], Callable[[float], None]]] = {}

    def answered(self, endpoint: str, upstream: str, action: str, status: int, seconds: float) -> None:
        """Count one answer."""
        mark = (endpoint, upstream, action, status)
        child = self._children.get(mark)
        if child is None:
            if len(self._children) > _CHILDREN:
                self._children.clear()
            child = self._children[mark] = (
                self._requests.labels(endpoint, upstream, action, str(status)).inc,
                self._seconds.labels(endpoint, upstream).observe,
            )
        child[0]()
        child[1](seconds)

    def used(self, upstream: str, key: str, tokens_in: int, tokens_out: int, usd: float) -> None:
        """Count tokens and money."""
        child = self._token_children.get(upstream)
        if child is None:
            child = self._token_children[upstream] = (
                self._tokens.labels(upstream, "in").inc,
                self._tokens.labels(upstream, "out").inc,
            )
        child[0](tokens_in)
        child[1](tokens_out)
        if usd:
            self._dollars.labels(upstream, key).inc(usd)

    def text(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self.registry)
