"""What requests alike share is encoded once; the records say the same as if each were encoded by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import msgspec

from reliant.gateway.audit.records import Decision, Outcome
from support.gateway_provider import providers
from support.gateway_rig import Running, config, gateway

KEY = {"authorization": "Bearer sk-test"}
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
OWN = {"n": 0, "t": 0, "id": "", "took_us": 0}
"""What differs from one request to the next by its nature."""


def ask(running: Running, times: int) -> None:
    with httpx.Client(timeout=60) as client:
        for _ in range(times):
            answer = client.post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
            assert answer.status_code == 200


def told(records: list[dict[str, Any]], kind: type[Decision | Outcome]) -> list[Decision | Outcome]:
    """Return the records of a kind, read strictly, without what is each request's own."""
    found = [msgspec.convert(one, kind) for one in records]
    own = {name: value for name, value in OWN.items() if name in kind.__struct_fields__}
    return [msgspec.structs.replace(one, **own) for one in found]


def test_records_of_requests_alike_say_what_a_single_one_says(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        ask(running, 3)
        running.worker.gateway.journal.listeners.append(lambda *_: None)  # now each is encoded by itself
        ask(running, 1)
        decisions, outcomes = running.decisions(), running.outcomes()

    assert len({one["id"] for one in outcomes}) == 4
    assert [one["id"] for one in decisions] == [one["id"] for one in outcomes]
    for kind, records in ((Decision, decisions), (Outcome, outcomes)):
        same = told(records, kind)
        assert same == same[:1] * 4
    assert told(outcomes, Outcome)[0].tokens_out > 0
    assert told(decisions, Decision)[0].body is not None
