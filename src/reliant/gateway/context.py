"""What one request gathers on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.gateway.answers import Dialect
from reliant.gateway.audit.records import Attempt
from reliant.gateway.surface import Endpoint

if TYPE_CHECKING:
    from reliant.gateway.keys import Caller
    from reliant.gateway.limits import Meter
    from reliant.gateway.runtime import Runtime


class Context:
    """One request: who asks for what, and how it went so far."""

    __slots__ = (
        "action",
        "answered",
        "attempts",
        "began",
        "caller",
        "client",
        "dialect",
        "endpoint",
        "id",
        "id_text",
        "meter",
        "model",
        "runtime",
        "served",
        "status",
        "traceparent",
        "upstream",
    )

    def __init__(self, runtime: Runtime, endpoint: Endpoint, request_id: str, began: float) -> None:
        self.runtime = runtime
        self.endpoint = endpoint
        self.dialect: Dialect = endpoint.dialect
        self.id_text = request_id
        self.id = request_id.encode()
        self.began = began
        self.caller: Caller | None = None
        self.meter: Meter | None = None
        self.client = ""
        self.model = ""
        self.served = ""
        self.action = "none"
        self.upstream: str | None = None
        self.status = 0
        self.attempts: tuple[Attempt, ...] = ()
        self.answered = False
        self.traceparent = b""
