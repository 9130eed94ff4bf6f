"""Writes down what is decided and how it ends, and counts it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reliant.gateway.audit.records import Decision, Observation, Outcome

if TYPE_CHECKING:
    from reliant.gateway.admit.admission import Ruling
    from reliant.gateway.admit.placement import Placement
    from reliant.gateway.api.answers import Problem
    from reliant.gateway.api.refusals import Shape
    from reliant.gateway.audit.writer import ChainWriter
    from reliant.gateway.clock import Clock
    from reliant.gateway.metrics import Metrics
    from reliant.gateway.route.prices import Prices
    from reliant.gateway.route.routes import Candidate, Plan
    from reliant.gateway.serve.context import Context
    from reliant.gateway.upstream.target import Target


class Said(NamedTuple):
    """What the records of requests alike have in common, and the records made of it.

    Attributes:
        decided: The part of the decision that they share.
        action: What was decided.
        hashed: Whether the decision holds a digest of the body.
        upstream: Who is asked first.
        ended: The part of the outcome that they share if that one answers.
    """

    decided: bytes
    action: str
    hashed: bool
    upstream: str
    ended: bytes

    def decision(self, number: int, moment: int, request_id: bytes, body: bytes) -> bytes:
        """Return the record that such a request with this body goes out."""
        digest = b',"body":"%b"' % hashlib.sha256(body).hexdigest().encode() if self.hashed else b""
        return b'{"kind":"decision","n":%d,"t":%d,"id":"%b"%b%b,"body_bytes":%d}' % (
            number,
            moment,
            request_id,
            self.decided,
            digest,
            len(body),
        )

    def outcome(
        self,
        number: int,
        moment: int,
        request_id: bytes,
        status: int,
        tokens_in: int,
        tokens_out: int,
        microusd: int,
        took_us: int,
    ) -> bytes:
        """Return the record that the first upstream answered it whole."""
        return (
            b'{"kind":"outcome","n":%d,"t":%d,"id":"%b","status":%d%b,"tokens_in":%d,"tokens_out":%d,'
            b'"microusd":%d,"took_us":%d}'
        ) % (number, moment, request_id, status, self.ended, tokens_in, tokens_out, microusd, took_us)


def _shared(record: Decision | Outcome) -> bytes:
    """Return the fields of a record but those that every request has anew, which are empty here."""
    return _NEW.sub(b"", msgspec.json.encode(record), 1).removesuffix(b"}")


_NEW = re.compile(rb'\{"kind":"[a-z]+","n":0,"t":0,"id":""(?:,"status":0)?')


_CALLER_LEFT = 499
_REPORTING = frozenset({"chat", "completions", "responses", "messages", "embeddings"})
_BYTES_A_TOKEN = 4
"""What is taken where a provider does not say how many tokens it read."""


def _reports(context: Context, status: int) -> bool:
    """Say whether an answer like this one should have told its tokens."""
    return (
        context.upstream is not None
        and context.endpoint.name in _REPORTING
        and (status < 400 or status == _CALLER_LEFT)
        and context.method == b"POST"
    )


def action_of(placement: Placement, first: Candidate) -> str:
    """Return what is done with a request that goes to `first`."""
    action = first.ruling.action
    return "warn" if placement.action == "warn" and action == "allow" else action


class Journal:
    """The decision log and the counts of one worker, as requests use them."""

    def __init__(self, log: ChainWriter, metrics: Metrics, clock: Clock) -> None:
        self.log = log
        self.metrics = metrics
        self.clock = clock
        self.listeners: list[Callable[[Context, Outcome], None]] = []

    def decided(self, context: Context, placement: Placement, first: Candidate, body: bytes) -> int:
        """Write down that a request goes out; return the number of the record."""
        context.action = action_of(placement, first)
        number, moment = self.log.take()
        digest, opened = self._digest(context, body)
        record = self._decision(context, placement, first.ruling, first.target.name)
        return self.log.append(
            msgspec.structs.replace(
                record,
                n=number,
                t=moment,
                id=context.id_text,
                place=placement.places[0],
                action=context.action,
                body=digest,
                body_bytes=len(body),
            ),
            opened,
        )

    def always_says(self, context: Context, placement: Placement, first: Candidate) -> Said | None:
        """Return what the records of requests like this one have in common; None if prompts are kept."""
        prompts = context.runtime.config.audit.prompts
        if prompts == "keep":
            return None
        record = self._decision(context, placement, first.ruling, first.target.name)
        action = action_of(placement, first)
        decided = msgspec.structs.replace(record, place=placement.places[0], action=action)
        ended = self._outcome(context, first.target.name, first.model)
        return Said(_shared(decided), action, prompts == "hash", first.target.name, _shared(ended))

    def decided_alike(self, said: Said, request_id: bytes, body: bytes) -> int:
        """Write down that a request like one before goes out; return the number of the record."""
        number, moment = self.log.take()
        return self.log.append_text(said.decision(number, moment, request_id, body))

    def _decision(
        self, context: Context, placement: Placement, ruling: Ruling | None, upstream: str | None
    ) -> Decision:
        """Return what a decision says whichever way it goes; number, time and id are still to be set."""
        caller = context.caller
        return Decision(
            n=0,
            t=0,
            id="",
            key=caller.name if caller else "",
            tenant=caller.tenant.name if caller and caller.tenant else None,
            client=context.client,
            endpoint=context.endpoint.name,
            model=context.model,
            upstream=upstream,
            verdict=ruling.verdict if ruling else "BLOCKED",
            action="refuse",
            rules=ruling.rules if ruling else (),
            dry_run=ruling.dry_run if ruling else (),
            evidence=placement.said(),
        )

    def _digest(self, context: Context, body: bytes) -> tuple[str | None, Any]:
        how = context.runtime.config.audit.prompts
        if how == "none" or not body:
            return None, None
        if how == "hash":
            return hashlib.sha256(body).hexdigest(), None
        try:
            text = body.decode()
        except UnicodeDecodeError:
            text = "base64:" + base64.b64encode(body).decode()
        digest, opened = self.log.kept(text)
        return "sealed:" + digest, {"body": opened}

    def refused(
        self, context: Context, placement: Placement, plan: Plan | None, problem: Problem, body: bytes
    ) -> int:
        """Write a refusal down; return the number of its record."""
        ruling = plan.refused if plan is not None else None
        context.action = "refuse"
        number, moment = self.log.take()
        digest, opened = self._digest(context, body)
        record = self._decision(context, placement, ruling, None)
        self.log.append(
            msgspec.structs.replace(
                record,
                n=number,
                t=moment,
                id=context.id_text,
                place=ruling.place if ruling else placement.places[0],
                body=digest,
                body_bytes=len(body),
                code=problem.code,
            ),
            opened,
        )
        self.metrics.refusals.labels(record.rules[0] if record.rules else problem.code).inc()
        return number

    def observed(
        self, target: Target, shape: Shape, request: Context, status: int, request_id: str | None
    ) -> None:
        """Write down that a provider refused the place."""
        number, moment = self.log.take()
        self.log.append(
            Observation(
                n=number,
                t=moment,
                provider=target.config.provider,
                upstream=target.name,
                channel=target.config.channel,
                place=request.place,
                status=status,
                shape=shape.id,
                model=request.model,
                request_id=request_id,
            )
        )

    def broke_off(self, context: Context, status: int, why: str) -> None:
        """Write the outcome of a request that was let in and cannot be served to its end."""
        if "passage" in vars(context) and not context.answered:
            self.ended(context, status, why, 0, 0, streamed=False)

    def ended(
        self, context: Context, status: int, end: str, tokens_in: int, tokens_out: int, *, streamed: bool
    ) -> None:
        """Write the outcome, and count what was used."""
        context.status = status
        context.answered = True
        took = self.clock.steady() - context.began
        prices = context.runtime.prices
        upstream = context.upstream or ""
        estimated = not tokens_in and (tokens_out > 0 or status < 400) and _reports(context, status)
        if estimated:
            tokens_in = len(context.body) // _BYTES_A_TOKEN
        microusd = 0
        metrics = self.metrics
        if prices.active and (tokens_in or tokens_out or status < 400):
            model = context.served or context.model
            microusd = self._priced(prices, upstream, model, context.key, tokens_in, tokens_out)
        metrics.answered(context.endpoint.name, upstream, context.action, status, took)
        if tokens_in or tokens_out:
            metrics.used(upstream, context.key, tokens_in, tokens_out, microusd / 1_000_000)
        if context.meter is not None:
            context.meter.leave(self.clock.wall(), tokens_in + tokens_out, microusd / 1_000_000)
        number, moment = self.log.take()
        said = context.passage.said
        plain = end == "whole" and len(context.attempts) == 1 and not streamed and not self.listeners
        plain = plain and not estimated
        if plain and said is not None and said.upstream == upstream:
            # What most requests are: only these differ from one to the next.
            took_us = int(took * 1_000_000)
            self.log.append_text(
                said.outcome(number, moment, context.id, status, tokens_in, tokens_out, microusd, took_us)
            )
            return
        outcome = msgspec.structs.replace(
            self._outcome(context, context.upstream, context.served),
            n=number,
            t=moment,
            id=context.id_text,
            status=status,
            attempts=context.attempts if len(context.attempts) > 1 or end != "whole" else (),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            microusd=microusd,
            streamed=streamed,
            end=end,
            took_us=int(took * 1_000_000),
            estimated=estimated,
        )
        self.log.append(outcome)
        for listener in self.listeners:
            listener(context, outcome)

    def _priced(
        self, prices: Prices, upstream: str, model: str, key: str, tokens_in: int, tokens_out: int
    ) -> int:
        """Return what an answer cost in millionths of a dollar; one of unknown price counts as such."""
        price = prices.microusd(upstream, model, tokens_in, tokens_out)
        if price is None and upstream:
            self.metrics.unpriced(upstream, key)
        return price or 0

    def counter(
        self, context: Context, said: Said, first: Candidate
    ) -> Callable[[bytes, int, int, float], None]:
        """Return what `ended` comes to for requests like this one that `first` answers whole, with 200.

        It gets the id, the tokens in, which the answer must state, and out, and the seconds it took.
        """
        log, wall, prices, priced = self.log, self.clock.wall, context.runtime.prices, self._priced
        upstream, served, key, meter = first.target.name, first.model, context.key, context.meter
        answered = self.metrics.cell(context.endpoint.name, upstream, said.action, 200).add
        used = self.metrics.used

        def ended(request_id: bytes, tokens_in: int, tokens_out: int, took: float) -> None:
            active = prices.active
            microusd = priced(prices, upstream, served, key, tokens_in, tokens_out) if active else 0
            answered(took)
            used(upstream, key, tokens_in, tokens_out, microusd / 1_000_000)
            if meter is not None:
                meter.leave(wall(), tokens_in + tokens_out, microusd / 1_000_000)
            number, moment = log.take()
            took_us = int(took * 1_000_000)
            log.append_text(
                said.outcome(number, moment, request_id, 200, tokens_in, tokens_out, microusd, took_us)
            )

        return ended

    def _outcome(self, context: Context, upstream: str | None, served: str) -> Outcome:
        """Return what an outcome says of every answer by `upstream`; the rest is still to be set."""
        model = served if served != context.model else ""
        unpriced = upstream is not None and (
            context.runtime.prices.each(upstream, served or context.model) is None
        )
        return Outcome(
            n=0, t=0, id="", status=0, upstream=upstream, model=model, key=context.key, unpriced=unpriced
        )
