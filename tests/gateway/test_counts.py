"""What keys have used is counted again from the log, and most of it is kept beside the log."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.gateway.admit.limits import Meter
from reliant.gateway.audit.ends import where_it_ended
from reliant.gateway.audit.records import Decision, Outcome
from reliant.gateway.audit.replay import keep, replay
from reliant.gateway.audit.verify import find_chains
from reliant.gateway.audit.writer import ChainWriter
from reliant.gateway.config import Quota
from support.gateway_log import SIGNER, opening
from support.gateway_provider import providers
from support.gateway_rig import config, gateway, post

NOON = 20_000 * 86_400.0 + 43_200
ALL = Quota(
    requests_per_minute=9,
    requests_per_day=9,
    tokens_per_minute=9,
    tokens_per_day=9,
    usd_per_day=9.0,
    usd_per_month=9.0,
)


class Use(NamedTuple):
    """One request that was let in and answered, some seconds after the one before."""

    key: str
    after_s: float
    tokens: int


def uses() -> st.SearchStrategy[list[Use]]:
    seconds = st.sampled_from([0.0, 1.0, 30.0, 61.0, 4_000.0, 50_000.0])
    return st.lists(st.builds(Use, st.sampled_from("ab"), seconds, st.integers(0, 9)), max_size=12)


def meters() -> dict[str, Meter]:
    return {name: Meter(ALL) for name in "ab"}


def write(
    folder: Path, done: list[Use], chain: str = "n-0", began: float = NOON
) -> tuple[dict[str, Meter], float]:
    """Write what was done, and count it as it happens; return the counts, and the time then."""
    now = [began]
    live = meters()
    writer = ChainWriter(folder, chain, SIGNER, now=lambda: now[0], opening=opening(chain), to_disk=False)  # type: ignore[arg-type]
    for number, use in enumerate(done):
        now[0] += use.after_s
        n, t = writer.take()
        said = Decision(
            n=n, t=t, id=str(number), key=use.key, endpoint="chat", verdict="OPEN", action="allow"
        )
        writer.append(said)
        live[use.key].count(now[0], 1, 0, 0.0)
        n, t = writer.take()
        money = use.tokens * 1_000
        writer.append(
            Outcome(n=n, t=t, id=str(number), key=use.key, status=200, tokens_in=use.tokens, microusd=money)
        )
        live[use.key].count(now[0], 0, use.tokens, money / 1_000_000)
    writer.close()
    return live, now[0]


def states(found: dict[str, Meter], now: float) -> dict[str, dict[str, float]]:
    return {
        key: {name: round(used, 6) for name, used in meter.state(now).items()} for key, meter in found.items()
    }


def again(folder: Path, now: float) -> tuple[dict[str, dict[str, float]], int]:
    """Count again; return what is used, and how many records were read for that."""
    found = meters()
    read = replay(find_chains(folder).values(), found, now)
    return states(found, now), read


def kept(folder: Path, counted: dict[str, Meter], chain: str = "n-0") -> None:
    """Keep what was counted up to the end of a chain."""
    ended = where_it_ended(folder, chain)
    keep(folder, chain, {chain: (ended.records - 1, ended.digest.hex())}, counted)


@given(uses(), uses())
@settings(max_examples=60, deadline=None)
def test_counting_again_comes_to_what_was_counted_with_and_without_what_was_kept(
    before: list[Use], after: list[Use]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, then = write(folder, before)
        kept(folder, first)
        _, now = write(folder, after, began=then)
        with_kept, _ = again(folder, now)
        (folder / "n-0.counts").unlink()
        without, _ = again(folder, now)

        whole = Path(name) / "whole"
        live, end = write(whole, before + after)

    assert end == now
    assert with_kept == without == states(live, now)


def test_only_what_follows_what_was_kept_is_read(tmp_path: Path) -> None:
    counted, _ = write(tmp_path, [Use("a", 0.0, 1)] * 50)
    kept(tmp_path, counted)
    _, now = write(tmp_path, [Use("a", 0.0, 1)] * 2)

    state, read = again(tmp_path, now)

    assert state["a"]["requests_per_day"] == 52
    assert read < 10


@pytest.mark.parametrize("trouble", ["another bound", "its record is gone", "half of it", "another record"])
def test_what_was_kept_and_does_not_fit_is_not_used(tmp_path: Path, trouble: str) -> None:
    counted, now = write(tmp_path, [Use("a", 0.0, 1)] * 20)
    if trouble == "another bound":
        for name in "ab":
            counted[name].configure(Quota(requests_per_day=9))
    kept(tmp_path, counted)
    file = tmp_path / "n-0.counts"
    if trouble == "its record is gone":
        log = tmp_path / "n-0-00001.jsonl"
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
        (tmp_path / "n-0.head").unlink()
    elif trouble == "half of it":
        file.write_bytes(file.read_bytes()[:-9])
    elif trouble == "another record":
        digest = where_it_ended(tmp_path, "n-0").digest.hex()
        file.write_text(file.read_text().replace(digest, "0" * 64))

    state, read = again(tmp_path, now)

    assert state["a"] == {
        "requests_per_minute": 20,
        "requests_per_day": 20,
        "tokens_per_minute": 20,
        "tokens_per_day": 20,
        "usd_per_day": 0.02,
        "usd_per_month": 0.02,
    }
    assert read >= 40


def test_what_two_workers_kept_is_added_up_for_the_one_that_goes_on(tmp_path: Path) -> None:
    for chain, times in (("n-0", 3), ("n-1", 4)):
        counted, now = write(tmp_path, [Use("b", 0.0, 1)] * times, chain)
        kept(tmp_path, counted, chain)

    state, read = again(tmp_path, now)

    assert state["b"]["tokens_per_day"] == 7
    assert read == 0


def test_a_bound_holds_over_a_restart_and_nothing_is_read_that_was_kept(tmp_path: Path) -> None:
    key = '[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = { requests_per_day = 5 }\n'

    def ask(times: int) -> list[int]:
        with gateway(tmp_path, config(mock, more=key)) as running:
            url, headers = f"{running.url}/v1/chat/completions", {"authorization": "Bearer sk-quota"}
            body = {"model": "gpt-4o", "messages": []}
            return [post(url, json=body, headers=headers).status_code for _ in range(times)]

    with providers("mock") as (mock,):
        before = ask(3)
        (counts,) = (tmp_path / "state" / "audit").glob("*.counts")
        # What is kept is believed: so it was not counted again from the records.
        counts.write_text(counts.read_text().replace(",3.0]", ",4.0]").replace(",3]", ",4]"))
        after = ask(3)
        counts.unlink()
        without = ask(2)

    assert before == [200] * 3
    assert after == [200, 429, 429]
    assert without == [200, 429]
