# ruff: noqa: SIM117 - what is served stands around what is asked
"""From verdicts to refusals: what each axis means, who is told apart, and when rules are asked at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.core.facts import Facts
from reliant.core.results import Source
from reliant.core.verdict import Answer, Axis, AxisAnswer, RuleAnswer, Verdict, worst
from reliant.gateway.admit.admission import Admission, Ruling
from reliant.gateway.admit.keys import KeyRing
from reliant.gateway.admit.operator_rules import OperatorRules
from reliant.gateway.config import Config, parse_config
from support.gateway_provider import providers
from support.gateway_rig import REST, Running, config, gateway, get, post

DAY = dt.date(2026, 11, 20)


class Said:
    """Rules that always say the same; it counts how often they were asked."""

    def __init__(self, verdicts: Mapping[Axis, Verdict]) -> None:
        self.axes = {axis: AxisAnswer(verdict) for axis, verdict in verdicts.items()}
        self.asked: list[dt.date] = []

    def decide(self, _facts: Facts, as_of: dt.date, _known_on: dt.date | None = None) -> Answer:
        self.asked.append(as_of)
        return Answer(worst(one.verdict for one in self.axes.values()), self.axes)

    def sources(self, _ids: tuple[str, ...]) -> tuple[Source, ...]:
        return ()


def admission(read: Config, book: Said) -> Admission:
    return Admission(
        read,
        enforced=book,
        everything=None,
        operator=OperatorRules(read.rule),
        facts=lambda *_: Facts({}),
        today=DAY,
    )


def ruled(policy: str, verdicts: Mapping[Axis, Verdict]) -> Ruling:
    read = parse_config(f"[policy]\n{policy}\n{REST}", Path("g.toml"), {})
    return admission(read, Said(verdicts)).ruling(KeyRing(read).callers[0], "m", "gpt-4o", "US")


def one(axis: Axis, verdict: Verdict) -> dict[Axis, Verdict]:
    return {each: verdict if each is axis else Verdict.OPEN for each in Axis}


@pytest.mark.parametrize("axis", list(Axis))
def test_what_is_not_known_blocks_on_access_and_warns_elsewhere_unless_told(axis: Axis) -> None:
    unknown = one(axis, Verdict.UNKNOWN)
    other = next(each for each in Axis if each is not axis)

    assert ruled("", unknown).action == ("refuse" if axis is Axis.ACCESS else "warn")
    assert ruled(f'on_unknown = {{ {axis} = "block" }}', unknown).action == "refuse"
    assert ruled(f'on_unknown = {{ {axis} = "warn" }}', unknown).action == "warn"
    assert ruled(f'on_unknown = {{ {other} = "block" }}', unknown).action == ruled("", unknown).action


@pytest.mark.parametrize("axis", list(Axis))
def test_strict_blocks_what_is_not_known_on_every_axis(axis: Axis) -> None:
    unknown = one(axis, Verdict.UNKNOWN)

    assert ruled('profile = "strict"', unknown).action == "refuse"
    assert ruled(f'profile = "strict"\non_unknown = {{ {axis} = "warn" }}', unknown).action == "warn"


@pytest.mark.parametrize("axis", list(Axis))
def test_open_obligations_warn_or_block_as_the_operator_says(axis: Axis) -> None:
    conditional = one(axis, Verdict.CONDITIONAL)

    assert ruled("", conditional).action == "warn"
    assert ruled('profile = "strict"', conditional).action == "warn"
    assert ruled('on_conditional = "block"', conditional).action == "refuse"


_STEPS = {"allow": 0, "warn": 1, "refuse": 2}


@given(
    st.fixed_dictionaries({axis: st.sampled_from(list(Verdict)) for axis in Axis}),
    st.sampled_from(["", 'profile = "strict"', 'on_conditional = "block"', 'on_unknown = { law = "block" }']),
)
def test_the_strictest_axis_decides(verdicts: dict[Axis, Verdict], policy: str) -> None:
    alone = [ruled(policy, one(axis, verdict)).action for axis, verdict in verdicts.items()]

    found = ruled(policy, verdicts)

    assert found.action == max(alone, key=_STEPS.__getitem__)
    assert (found.action == "refuse") >= (Verdict.BLOCKED in verdicts.values())
    assert found.verdict == worst(verdicts.values())


def of_rule(rule: str, effect: str, truth: str) -> tuple[RuleAnswer, ...]:
    return (RuleAnswer(rule, truth, (), (), effect, f"What {rule} says."),)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("", ("warn", "a.law")),
        ('on_conditional = "block"', ("refuse", "a.licence")),
        ('on_unknown = { register = "block" }', ("refuse", "a.register")),
        ('on_unknown = { law = "block", register = "block" }', ("refuse", "a.law")),
    ],
)
def test_the_rule_that_is_named_first_is_one_that_decided(policy: str, wanted: tuple[str, str]) -> None:
    """Something not known is graver than an obligation, but it did not refuse where it only warns."""
    book = Said(
        {
            Axis.ACCESS: Verdict.OPEN,
            Axis.LAW: Verdict.UNKNOWN,
            Axis.LICENCE: Verdict.CONDITIONAL,
            Axis.REGISTER: Verdict.UNKNOWN,
        }
    )
    book.axes = {
        **book.axes,
        Axis.LAW: AxisAnswer(Verdict.UNKNOWN, of_rule("a.law", "deny", "unknown")),
        Axis.LICENCE: AxisAnswer(Verdict.CONDITIONAL, of_rule("a.licence", "require", "yes")),
        Axis.REGISTER: AxisAnswer(Verdict.UNKNOWN, of_rule("a.register", "deny", "unknown")),
    }
    read = parse_config(f"[policy]\n{policy}\n{REST}", Path("g.toml"), {})

    found = admission(read, book).ruling(KeyRing(read).callers[0], "m", "gpt-4o", "US")

    assert (found.action, found.because[0].rule, found.rules[0]) == (wanted[0], wanted[1], wanted[1])
    assert {one.rule for one in found.because} == {"a.law", "a.licence", "a.register"}
    if found.action == "refuse":
        assert ("a.licence" in found.rules) == ("on_conditional" in policy)


def test_where_no_record_permits_it_no_rule_is_blamed(tmp_path: Path) -> None:
    """Nobody has recorded that Azure offers this model in Germany; the AI Act's duties did not refuse it."""
    with providers("mock") as (mock,):
        text = config(mock, place="DE").replace('provider = "openai"', 'provider = "azure-openai"')
        with gateway(tmp_path, text) as running:
            body = {"model": "gpt-4o", "messages": []}
            headers = {"authorization": "Bearer sk-test"}
            answer = post(f"{running.url}/v1/chat/completions", json=body, headers=headers)
            decision = running.decisions()[-1]
            metrics = get(f"{running.url}/metrics").text

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (403, "reliant_policy_unknown", None)
    assert error["message"].startswith("No record says that it is offered here on this day.")
    assert error["reliant"]["left_out"] == [f"{mock.name}: refused: {error['message']}"]
    assert "rules" not in decision
    assert 'reliant_gateway_refusals_total{rule="reliant_policy_unknown"} 1.0' in metrics


def test_rules_are_asked_once_a_day_for_callers_alike_and_not_for_each_request() -> None:
    more = '[[key]]\nname = "alike"\nsecret = "sk-alike"\n[[key]]\nname = "there"\nsecret = "sk-there"\n'
    read = parse_config(REST + more + 'country = "CN"\n', Path("g.toml"), {})
    book = Said(one(Axis.LAW, Verdict.OPEN))
    table = admission(read, book)
    first, alike, there = KeyRing(read).callers

    for _ in range(50):
        for caller in (first, alike):
            table.ruling(caller, "m", "gpt-4o", "US")
    assert len(book.asked) == 1
    table.ruling(there, "m", "gpt-4o", "CN")
    assert len(book.asked) == 2
    table.advance(DAY)
    table.ruling(first, "m", "gpt-4o", "US")
    assert len(book.asked) == 2
    table.advance(DAY + dt.timedelta(days=1))
    table.ruling(first, "m", "gpt-4o", "US")
    assert book.asked[2:] == [DAY + dt.timedelta(days=1)]


def test_what_the_configuration_names_is_decided_before_the_first_request(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        text = config(mock).replace('model = "*"', 'model = "gpt-4o"')
        with gateway(tmp_path, text) as running:
            table = running.worker.runtime.admission
            before = table.compiled
            answer = ask(running)
            after = table.compiled

    assert answer == 200
    assert before > 0
    assert after == before


def ask(running: Running, key: str = "sk-test") -> int:
    body = {"model": "gpt-4o", "messages": []}
    headers = {"authorization": f"Bearer {key}"}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers).status_code


def test_who_owns_the_tenant_decides_where_a_rule_asks_for_it(tmp_path: Path) -> None:
    """Anthropic refuses firms of which more than half is owned from an unsupported region, since 2025-09."""
    more = "".join(
        f'[[tenant]]\nname = "{name}"\ncountry = "US"\nowner_country = "{owner}"\n'
        f'[[key]]\nname = "{name}"\nsecret = "sk-{name}-key"\ntenant = "{name}"\n'
        for name, owner in (("ours", "US"), ("theirs", "CN"))
    )
    policy = '[policy]\non_unknown = { access = "warn" }\n'
    with providers("mock") as (mock,):
        text = config(mock, more=more + policy).replace('provider = "openai"', 'provider = "anthropic"')
        with gateway(tmp_path, text) as running:
            statuses = [ask(running, f"sk-{name}-key") for name in ("ours", "theirs")]
            refused = running.decisions()[-1]

    assert statuses == [200, 403]
    assert refused["verdict"] == "BLOCKED"
    assert any(rule.startswith("anthropic.") for rule in refused["rules"])


@pytest.mark.parametrize(
    ("tenant", "status"),
    [
        pytest.param('sector = "defence"\n', 403, id="sector"),
        pytest.param('sector = "private"\n', 200, id="another sector"),
        pytest.param('facts = { "user.kind" = "enterprise" }\nsector = "private"\n', 403, id="fact"),
    ],
)
def test_what_a_tenant_says_of_itself_is_what_rules_are_asked_with(
    tmp_path: Path, tenant: str, status: int
) -> None:
    more = (
        f'[[tenant]]\nname = "t"\ncountry = "US"\n{tenant}'
        '[[key]]\nname = "t"\nsecret = "sk-t-key"\ntenant = "t"\n'
        '[[rule]]\nid = "house.a"\nsummary = "S."\nwhen = { sector = "defence" }\n'
        '[[rule]]\nid = "house.b"\nsummary = "S."\nwhen = { "user.kind" = "enterprise" }\n'
    )
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        found = ask(running, "sk-t-key")

    assert found == status
    assert len(mock.seen) == (status == 200)


def test_the_place_of_a_key_is_its_own_before_its_tenants_before_the_gateways(tmp_path: Path) -> None:
    more = (
        '[[tenant]]\nname = "t"\ncountry = "CN"\n'
        '[[key]]\nname = "of-tenant"\nsecret = "sk-tenant"\ntenant = "t"\n'
        '[[key]]\nname = "own"\nsecret = "sk-own-1"\ntenant = "t"\ncountry = "DE"\n'
    )
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        for key in ("sk-test", "sk-tenant", "sk-own-1"):
            ask(running, key)
        places = [one["place"] for one in running.decisions()]

    assert places == ["US", "CN", "DE"]


def test_rules_of_the_atlas_in_dry_run_are_recorded_and_let_through(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        dry: list[str] = []
        # One after another, until nothing that is sure blocks the way any more.
        for _ in range(10):
            names = ", ".join(f'"{rule}"' for rule in dry)
            policy = f'[policy]\ndry_run = [{names}]\non_unknown = {{ access = "warn" }}\n'
            with gateway(tmp_path, config(mock, place="CN", more=policy)) as running:
                status = ask(running)
                decision = running.decisions()[-1]
            if status == 200:
                break
            dry += decision["rules"][:1]

    assert status == 200
    assert "openai.api-block-2024-07" in dry
    assert set(dry) <= set(decision["dry_run"])
    assert not set(dry) & set(decision["rules"])
    assert len(mock.seen) == 1


@pytest.mark.parametrize(
    ("day", "status"),
    [("2026-11-30", 200), ("2026-12-01", 403), ("2026-12-30", 403), ("2026-12-31", 200)],
)
def test_a_rule_holds_from_its_first_day_to_the_one_before_its_last(
    tmp_path: Path, day: str, status: int
) -> None:
    rule = (
        '[[rule]]\nid = "house"\nsummary = "S."\nwhen = { provider = "openai" }\n'
        "since = 2026-12-01\nuntil = 2026-12-31\n"
    )
    noon = dt.datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=rule), wall=lambda: noon) as running:
            assert ask(running) == status


def test_the_day_changes_at_midnight_of_utc_wherever_the_gateway_stands(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house"\nsummary = "S."\nsince = 2026-12-01\nwhen = { provider = "openai" }\n'
    midnight = dt.datetime(2026, 12, 1, tzinfo=dt.UTC).timestamp()
    now = [midnight - 1.0]
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=rule), wall=lambda: now[0]) as running:
            statuses = [ask(running)]
            for moment in (midnight, midnight - 2.0):
                now[0] = moment
                statuses.append(ask(running))

    assert statuses == [200, 403, 200]
