"""What one request gathers on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.gateway.api.answers import Dialect, Headers
from reliant.gateway.api.surface import Endpoint
from reliant.gateway.audit.records import Attempt

if TYPE_CHECKING:
    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.admit.limits import Meter
    from reliant.gateway.http.call import Call
    from reliant.gateway.route.routes import Candidate
    from reliant.gateway.runtime import Runtime
    from reliant.gateway.serve.intake import Passage, Picked


class Context:
    """One request: who asks for what, and how it went so far.

    Attributes:
        picked: What was read of its headers; set once the caller is known.
        passage: What was decided about it; set once it was let in.
        body: As it was sent, once it is whole.
        asked: How many questions of the gateway's own were asked for it.
        further: The upstreams whose lists are part of the one that is asked for, besides the first.
        holds: Whether the answer may name objects that the provider keeps from now on.
        learnt: Whether a stream has said already what it makes.
        owner: Whose objects those are.
    """

    action = "none"
    answered = False
    asked = 0
    attempts: tuple[Attempt, ...] = ()
    body = b""
    caller: Caller | None = None
    client = ""
    further: tuple[Candidate, ...] = ()
    holds = False
    learnt = False
    meter: Meter | None = None
    model = ""
    owner = ""
    passage: Passage
    picked: Picked
    served = ""
    status = 0
    upstream: str | None = None

    def __init__(
        self, runtime: Runtime, endpoint: Endpoint, call: Call, request_id: bytes, began: float
    ) -> None:
        self.runtime = runtime
        self.endpoint = endpoint
        self.call = call
        self.id = request_id
        self.began = began

    @property
    def id_text(self) -> str:
        """The id, as the log writes it."""
        return self.id.decode("ascii")

    @property
    def dialect(self) -> Dialect:
        """In which shape the caller expects an error."""
        return self.endpoint.dialect

    @property
    def method(self) -> bytes:
        """What the provider is asked for, in capitals."""
        return self.call.method.encode()

    @property
    def suffix(self) -> str:
        """The path after /v1."""
        return self.call.path[3:]

    @property
    def query(self) -> bytes:
        """What stands after the question mark."""
        return self.call.query

    @property
    def headers(self) -> Headers:
        """As the caller sent them."""
        return self.call.headers

    @property
    def key(self) -> str:
        """The name of the caller's key."""
        return self.caller.name if self.caller is not None else ""

    @property
    def place(self) -> str | None:
        """Where the request comes from."""
        return self.passage.placement.places[0]
