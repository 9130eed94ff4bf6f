"""Everything that is not a call to a model: health, metrics, the log's head, and the admin pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from reliant.gateway.admit.keys import digest_of
from reliant.gateway.api.answers import NO_KEY, Headers, Problem, error_answer
from reliant.gateway.api.surface import WATCH
from reliant.gateway.audit.heads import published

if TYPE_CHECKING:
    from reliant.gateway.http.call import Call
    from reliant.gateway.serve.app import Gateway
    from reliant.gateway.worker import Worker


_TELLING = frozenset({"/metrics", "/openapi.json", "/audit/head"})
_READ_ONLY = _TELLING | {"/health"}


class Cold:
    """The paths off the hot way of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._admin: Any = None

    async def answer(self, gateway: Gateway, call: Call) -> None:
        """Serve one request."""
        path = call.path
        if path in _READ_ONLY and call.method not in {"GET", "HEAD"}:
            problem = Problem(status=405, code="method_not_allowed", message="Only GET.", retry=False)
            problem = msgspec.structs.replace(problem, headers=((b"allow", b"GET, HEAD"),))
            status, headers, body = error_answer(problem, "openai", b"none")
            _send(call, status, [*headers, *problem.headers], body)
        elif (
            path in _TELLING and gateway.runtime.config.listen.guarded and not self._admin_asks(gateway, call)
        ):
            status, headers, body = error_answer(NO_KEY, "openai", b"none")
            _send(call, status, headers, body)
        elif path == "/health":
            status, found = self.health(gateway)
            if gateway.runtime.config.listen.guarded and not self._admin_asks(gateway, call):
                found = {"status": found["status"]}
            _json(call, status, found)
        elif path == "/metrics":
            body = self.metrics(gateway)
            _send(call, 200, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")], body)
        elif path == "/openapi.json":
            from reliant.gateway.api.openapi import describe  # noqa: PLC0415 - asked for once in a while

            _json(call, 200, describe())
        elif path == "/audit/head":
            chain = self._worker.chain
            mine = {"chain": chain.chain, "record": chain.next_number - 1, "hash": chain.head}
            _json(call, 200, {**mine, "heads": published(self._worker.audit)})
        elif path == "/admin" or path.startswith("/admin/"):
            if self._admin is None:
                from reliant.gateway.operate.admin import admin_app  # noqa: PLC0415 - its framework is only for this

                self._admin = admin_app(self._worker)
            await self._admin(call.scope(), call.receive, call.send)
        else:
            problem = Problem(
                status=404,
                code="not_served",
                message=f"This gateway does not serve {path[:200]}.",
                retry=False,
            )
            status, headers, body = error_answer(problem, "openai", b"none")
            call.answer(status, headers, body)

    @staticmethod
    def _admin_asks(gateway: Gateway, call: Call) -> bool:
        """Say whether the request carries the secret of an admin key, or of one made for watching."""
        given = dict(call.headers).get(b"authorization", b"")
        if given[:7].lower() != b"bearer ":
            return False
        caller = gateway.runtime.keys.find(digest_of(given[7:].strip()), gateway.clock.wall())
        if caller is None:
            return False
        return caller.admin or (not caller.endpoints.everything and WATCH in caller.endpoints)

    def health(self, gateway: Gateway) -> tuple[int, dict[str, object]]:
        """Return whether this worker can serve, and what its upstreams are like."""
        upstreams = {name: target.health.state for name, target in gateway.runtime.targets.items()}
        if gateway.draining:
            return 503, {"status": "draining", "upstreams": upstreams}
        if gateway.log.broken:
            return 503, {"status": "the decision log cannot be written", "upstreams": upstreams}
        return 200, {"status": "ok", "upstreams": upstreams}

    def metrics(self, gateway: Gateway) -> bytes:
        """Return the metrics of all workers of this gateway."""
        self._states(gateway)
        mine = gateway.metrics.text()
        workers = gateway.runtime.config.listen.workers
        if workers == 1:
            return mine
        from reliant.gateway.operate.merged import merge  # noqa: PLC0415 - only with several workers

        return merge(self._worker.numbers, self._worker.number, mine, workers)

    def _states(self, gateway: Gateway) -> None:
        numbers = {"closed": 0, "half-open": 1, "open": 2, "cut": 3}
        for name, target in gateway.runtime.targets.items():
            gateway.metrics.state.labels(name).set(numbers[target.health.state])
        gateway.metrics.active.set(gateway.active)


def _json(call: Call, status: int, value: object) -> None:
    _send(call, status, [(b"content-type", b"application/json")], msgspec.json.encode(value))


def _send(call: Call, status: int, headers: Headers, body: bytes) -> None:
    call.answer(status, [*headers, (b"cache-control", b"no-store")], body)
