"""What happened, asked the day before and the day after. If one fails, the product is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from reliant.atlas import Atlas
from reliant.core.verdict import Answer, Axis, Enforcement, Gate, Gatekeeper, Verdict
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question, given, split_channel

B, U, C, O = Verdict.BLOCKED, Verdict.UNKNOWN, Verdict.CONDITIONAL, Verdict.OPEN  # noqa: E741

Ask: TypeAlias = Callable[..., Answer]

TOLD: set[str] = set()
"""Ids of the events of the atlas that a story here tells."""


def story(*events: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test as the story of these events of the atlas."""
    TOLD.update(events)
    return lambda test: test


@pytest.fixture(scope="module")
def ask(atlas: Atlas) -> Ask:
    """Ask the real rules: a day, a provider, and facts."""
    book = RuleBook.from_atlas(atlas)
    asker = Asker(atlas, book)

    def asked(
        day: str, provider: str | None = None, place: str | None = None, *, model: str | None = None,
        way: str = "", known_on: str | None = None, **you: Any,
    ) -> Answer:  # fmt: skip
        channel, partner = split_channel(way) if way else (None, None)
        question = Question(provider=provider, model=model, channel=channel, partner=partner, place=place)
        facts = asker.facts(question, given({k.replace("__", "."): v for k, v in you.items()}, "the story"))
        known = dt.date.fromisoformat(known_on) if known_on else None
        return book.decide(facts, dt.date.fromisoformat(day), known)

    return asked


def gate(answer: Answer, by: Gatekeeper) -> Gate | None:
    return next((one for one in answer.axes[Axis.ACCESS].gates if one.by is by), None)


def access(answer: Answer) -> Verdict:
    return answer.axes[Axis.ACCESS].verdict


def law(answer: Answer) -> Verdict:
    return answer.axes[Axis.LAW].verdict


def truth(answer: Answer, rule: str) -> str:
    found = [one.truth for axis in answer.axes.values() for one in axis.rules if one.id == rule]
    return found[0] if found else "no"


@story("openai-api-block")
def test_openai_blocks_its_api_in_china_on_2024_07_09(ask: Ask) -> None:
    """The Register, 2024-06-25: additional measures ... starting on July 9."""
    before, after = (
        ask("2024-07-08", "openai", "CN", model="gpt-4o"),
        ask("2024-07-10", "openai", "CN", model="gpt-4o"),
    )
    provider = gate(before, Gatekeeper.PROVIDER)
    assert provider
    assert (provider.verdict, provider.enforcement) == (B, Enforcement.TERMS)
    pending = before.axes[Axis.ACCESS].pending
    assert [(one.rule, one.on, one.from_) for one in pending] == [
        ("openai.api-block-2024-07", "2024-06-24", "2024-07-09")
    ]
    provider = gate(after, Gatekeeper.PROVIDER)
    assert provider == Gate(
        Gatekeeper.PROVIDER, B, Enforcement.ENFORCED, "2024-07-09", "openai.api-block-2024-07"
    )
    assert after.axes[Axis.ACCESS].pending == ()
    assert access(ask("2024-07-10", "openai", "US")) is O


@story("openai-api-block")
def test_nobody_could_know_of_the_block_before_it_was_announced(ask: Ask) -> None:
    """The e-mails went out in the night of 2024-06-24; the first report is of 2024-06-25."""
    hidden = ask("2024-07-10", "openai", "CN", known_on="2024-06-20")
    seen = ask("2024-07-10", "openai", "CN", known_on="2024-06-26")
    provider = gate(hidden, Gatekeeper.PROVIDER)
    assert provider
    assert provider.enforcement is Enforcement.TERMS
    provider = gate(seen, Gatekeeper.PROVIDER)
    assert provider
    assert provider.enforcement is Enforcement.ENFORCED


@story("gfw-openai")
def test_the_state_filters_the_host_since_2023_03_02(ask: Ask) -> None:
    """Rest of World, 2024-09: the Chinese government blocked ChatGPT's domain on March 2, 2023."""
    assert gate(ask("2023-03-01", "openai", "CN"), Gatekeeper.STATE) is None
    assert gate(ask("2023-03-02", "openai", "CN"), Gatekeeper.STATE) == Gate(
        Gatekeeper.STATE, B, Enforcement.ENFORCED, "2023-03-02", "cn.network.openai"
    )


@story("azure-cn-individuals")
def test_azure_stays_for_enterprises_and_ends_for_individuals_on_2024_10_21(ask: Ask) -> None:
    """SCMP, 2024-10-21: only enterprise customers are eligible to subscribe to Azure OpenAI Service."""
    way = "partner:azure"
    assert access(ask("2024-07-10", "openai", "CN", way=way)) is C
    assert access(ask("2024-10-20", "openai", "CN", way=way, user__kind="individual")) is C
    assert access(ask("2024-10-21", "openai", "CN", way=way, user__kind="individual")) is B
    assert access(ask("2024-10-21", "openai", "CN", way=way, user__kind="enterprise")) is C
    unsaid = ask("2024-10-21", "openai", "CN", way=way)
    assert access(unsaid) is U
    assert [one.fact for one in unsaid.axes[Axis.ACCESS].missing] == ["user.kind"]


@story("openai-api-block-pilot")
def test_hong_kong_egress_is_refused_from_2023_11_16(ask: Ask) -> None:
    """NextChat pull request 3290, 2023-11-16: OpenAI has blocked the IP addresses of Vercel in Hong Kong."""
    assert truth(ask("2023-11-16", "openai", "HK"), "openai.api-block-2023-11") == "yes"
    # The first evidence is no start: before it, nothing is known of a technical block.
    assert truth(ask("2023-11-15", "openai", "HK"), "openai.api-block-2023-11") == "unknown"


@story("openai-api-block")
def test_a_server_in_hong_kong_cuts_off_users_elsewhere(ask: Ask) -> None:
    """Vercel changelog, 2024-06-27: this block will include Functions in the Hong Kong region."""
    assert access(ask("2024-07-10", "openai", "US", user__region=("US", "HK"))) is B
    assert access(ask("2024-07-10", "openai", "US", user__region=("US", "DE"))) is O


@story("cn-platform-chatgpt-ban")
def test_platforms_in_china_are_told_to_drop_chatgpt_by_2023_02_22(ask: Ask) -> None:
    """Nikkei Asia by Fast Company, 2023-02-24."""
    assert access(ask("2023-02-23", "openai", "CN", way="reseller")) is B
    assert access(ask("2023-02-21", "openai", "CN", way="reseller")) is U


@story("italy-chatgpt")
def test_chatgpt_is_off_in_italy_from_2023_03_31_to_2023_04_28(ask: Ask) -> None:
    """OpenAI support notice, 2023-03-31: we have disabled ChatGPT for users in Italy."""
    days = {"2023-03-30": O, "2023-03-31": B, "2023-04-27": B, "2023-04-28": O}
    assert {day: access(ask(day, "openai", "IT", way="app")) for day in days} == days


@story("hf-blocked-cn")
def test_the_hub_is_filtered_in_china_since_2023_05_07(ask: Ask) -> None:
    """Semafor, 2023-10-20: Hugging Face confirms it; GFWeb dates the first block."""
    assert access(ask("2023-05-06", "huggingface", "CN", way="direct")) is U
    assert access(ask("2023-05-07", "huggingface", "CN", way="direct")) is B


def test_weights_on_disk_run_whatever_is_blocked(ask: Ask) -> None:
    """Charles University on the NUKIB warning, 2025-07-11: the model deployed locally."""
    assert access(ask("2024-07-10", "ollama", "CN", model="qwen2.5:7b")) is O
    on_disk = ask("2024-07-10", "huggingface", "CN", way="self-hosted", weights__on_disk=True)
    assert access(on_disk) is O
    unsaid = ask("2024-07-10", "huggingface", "CN", way="self-hosted")
    assert access(unsaid) is U
    assert [one.fact for one in unsaid.axes[Axis.ACCESS].missing] == ["weights.on_disk"]


@story("hk-chatbots")
def test_bard_is_missing_in_hong_kong_until_the_app_opens_on_2026_03_16(ask: Ask) -> None:
    """SCMP, 2023-05-11 and 2026-03-16."""
    days = {"2023-05-11": B, "2026-03-15": B, "2026-03-16": O}
    assert {day: access(ask(day, "google", "HK", way="app")) for day in days} == days


@story("copilot-claude-cn")
def test_copilot_withholds_claude_in_china_by_2024_11_05(ask: Ask) -> None:
    """Microsoft staff, 2024-11-05: unfortunately Claude 3.5 Sonnet is not available in China."""
    assert access(ask("2024-11-05", "github-copilot", "CN", model="claude-3.5-sonnet")) is B
    assert access(ask("2024-11-04", "github-copilot", "CN", model="claude-3.5-sonnet")) is U


@story("bedrock-claude-cn")
def test_bedrock_refuses_claude_to_callers_in_china_by_2024_12_12(ask: Ask) -> None:
    """AWS error text, 2024-12-12: access to Anthropic models is not allowed from unsupported countries."""
    held = gate(ask("2024-12-12", "aws-bedrock", "CN", model="claude-3.5-sonnet"), Gatekeeper.PARTNER)
    assert held
    assert (held.verdict, held.enforcement) == (B, Enforcement.ENFORCED)
    assert access(ask("2024-12-11", "aws-bedrock", "CN", model="claude-3.5-sonnet")) is U


@story("cursor-cn")
def test_cursor_refuses_us_models_in_china_by_2025_07_16(ask: Ask) -> None:
    """Cursor by a user thread, 2025-07-16: this model provider doesn't serve your region."""
    assert truth(ask("2025-07-16", "cursor", "CN", model="gpt-4o"), "cursor.region-limit") == "yes"
    assert truth(ask("2025-07-15", "cursor", "CN", model="gpt-4o"), "cursor.region-limit") == "unknown"
    assert truth(ask("2025-07-16", "cursor", "CN", model="deepseek-v3"), "cursor.region-limit") == "no"


@story("zhipu-entity", "baai-entity")
@pytest.mark.parametrize(("provider", "day"), [("zhipu", "2025-01-16"), ("baai", "2025-03-25")])
def test_an_entity_listing_is_about_supply_and_never_forbids_use(ask: Ask, provider: str, day: str) -> None:
    """90 FR 4617: this rule is effective January 16, 2025; 90 FR 14046 for BAAI."""
    eve = (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat()
    listed = [
        rule for rule in ("us.bis.entity-list-zhipu-2025", "us.bis.entity-list-baai-2025") if provider in rule
    ]
    assert truth(ask(day, provider, "US", act="supply"), listed[0]) == "yes"
    assert truth(ask(eve, provider, "US", act="supply"), listed[0]) == "no"
    assert truth(ask(day, provider, "US"), listed[0]) == "no"


@story("deepseek-italy")
def test_the_italian_order_binds_the_provider_and_the_service_stayed_reachable(ask: Ask) -> None:
    """Garante, 2025-01-30; Tuttotech, 2025-05-14: ancora oggi raggiungibile e utilizzabile dall'Italia."""
    before, after = ask("2025-01-29", "deepseek", "IT"), ask("2025-05-15", "deepseek", "IT")
    assert truth(before, "it.garante.deepseek-2025") == "no"
    assert access(after) is O
    reading = "reading:it.garante.deepseek-2025"
    assert reading in [one.fact for one in after.axes[Axis.LAW].missing]
    chosen = {"contractor.of": "none", "sector": "private"}
    book_says = {
        choice: law(ask("2025-05-15", "deepseek", "IT", **{reading: choice}, **chosen))
        for choice in ("order-to-provider", "service-unlawful")
    }
    assert book_says == {"order-to-provider": C, "service-unlawful": B}  # C: the AI Act asks for literacy


@story("deepseek-gov-bans")
def test_australian_agencies_may_not_use_deepseek_from_2025_02_04(ask: Ask) -> None:
    """PSPF Direction 001-2025, signed 2025-02-04; companies are not bound."""
    assert truth(ask("2025-02-03", "deepseek", "AU", sector="government"), "au.home-affairs.deepseek") == "no"
    assert law(ask("2025-02-04", "deepseek", "AU", sector="government")) is B
    assert law(ask("2025-02-04", "deepseek", "AU", sector="private")) is O


@story("deepseek-korea")
def test_new_downloads_stop_in_korea_from_2025_02_15_to_2025_04_28(ask: Ask) -> None:
    """Aju Press, 2025-02-17: decided to suspend the service here since last Saturday."""
    rule = "kr.pipc.deepseek-app"
    told = {
        day: truth(ask(day, "deepseek", "KR", way="app", act="distribute"), rule)
        for day in ("2025-02-14", "2025-02-15", "2025-04-27", "2025-04-28")
    }
    assert told == {"2025-02-14": "no", "2025-02-15": "unknown", "2025-04-27": "unknown", "2025-04-28": "no"}


@story("diffusion-rescinded")
def test_the_diffusion_rule_is_on_the_books_and_not_enforced(ask: Ask) -> None:
    """GAO B-337935, 2026-05-12; Pillsbury, 2026-05-28: remains legally in effect."""
    you: dict[str, Any] = {
        "act": "export",
        "item": "model",
        "model.weights": "closed",
        "model.training_flop": 2e26,
    }
    asked = ask("2025-06-01", place="CN", user__aia_country=False, **you)
    assert truth(asked, "us.bis.ai-diffusion") == "unknown"
    assert "reading:us.bis.ai-diffusion" in [one.fact for one in asked.axes[Axis.LAW].missing]
    open_weights = ask("2025-06-01", place="CN", user__aia_country=False, **{**you, "model.weights": "open"})
    assert truth(open_weights, "us.bis.ai-diffusion") == "no"


@story("claude-federal-ban", "claude-dod", "claude-dod-courts", "claude-dod-injunction")
def test_the_two_designations_of_anthropic_part_ways_on_2026_03_26(ask: Ask) -> None:
    """N.D. Cal., 2026-03-26 (Wired); D.C. Circuit, 2026-09-25 (Reuters): ruled 2-1 to uphold."""
    you = {"contractor.of": "us.dod"}
    first, second = "us.dod.anthropic-3252", "us.dod.anthropic-4713"
    assert {truth(ask("2026-03-03", "anthropic", "US", **you), rule) for rule in (first, second)} == {"no"}
    assert {truth(ask("2026-03-05", "anthropic", "US", **you), rule) for rule in (first, second)} == {"yes"}
    after = ask("2026-03-26", "anthropic", "US", **you)
    assert (truth(after, first), truth(after, second)) == ("no", "yes")
    agency = {"public_body": "us.federal-civilian"}
    directive = "us.president.anthropic-directive"
    told = [
        truth(ask(day, "anthropic", "US", **agency), directive)
        for day in ("2026-02-26", "2026-02-27", "2026-03-26")
    ]
    assert told == ["no", "yes", "no"]
    # What came of the rehearing was not found.
    assert truth(ask("2026-11-15", "anthropic", "US", **you), second) == "unknown"


@story("grok-indonesia", "grok-malaysia", "grok-philippines")
def test_grok_is_blocked_in_malaysia_from_2026_01_11_to_2026_01_23(ask: Ask) -> None:
    """CNA, 2026-01-21; Vella Times: the move took effect on Jan. 23."""
    held = {
        day: gate(ask(day, "xai", "MY", way="app"), Gatekeeper.STATE)
        for day in ("2026-01-10", "2026-01-11", "2026-01-22", "2026-01-23")
    }
    assert [bool(one and one.verdict is B) for one in held.values()] == [False, True, True, False]
    # In Indonesia the block was temporary, and nobody wrote whether it ended.
    assert truth(ask("2026-01-10", "xai", "ID", way="app"), "id.network.grok") == "yes"
    assert truth(ask("2026-06-01", "xai", "ID", way="app"), "id.network.grok") == "unknown"
    assert truth(ask("2026-01-15", "xai", "PH", way="app"), "ph.network.grok") == "yes"
    assert truth(ask("2026-01-14", "xai", "PH", way="app"), "ph.network.grok") == "no"


@story("fable5", "mythos5")
def test_fable_5_is_off_for_everybody_although_only_foreign_nationals_were_ordered_off(ask: Ask) -> None:
    """API error text, 2026-06-13; Lawfare, 2026-07: the company pulled the models for everyone."""
    days = {"2026-06-11": O, "2026-06-12": B, "2026-06-30": B, "2026-07-01": O}
    you = {"user.nationality": "US", "contractor.of": "none", "public_body": "none"}
    asked = {
        day: ask(day, "anthropic", "US", model="claude-fable-5", **you, **_held_in("US")) for day in days
    }
    assert {day: access(answer) for day, answer in asked.items()} == days
    # The order does not reach a US national; what the provider cut does.
    assert truth(asked["2026-06-12"], "us.commerce.fable-5-order") == "no"
    notes = " ".join(asked["2026-06-12"].axes[Axis.ACCESS].notes)
    assert "ordered was access by any foreign national" in notes
    assert "cut was all customers worldwide" in notes
    foreign = ask(
        "2026-06-12", "anthropic", "DE", model="claude-fable-5", **{**you, "user.nationality": "DE"}
    )
    order = "us.commerce.fable-5-order"
    assert truth(foreign, order) == "unknown"  # is a permanent resident a foreign national? two readings
    resident = {"user.nationality": "DE", "user.us_permanent_resident": False}
    assert truth(ask("2026-06-12", "anthropic", "DE", model="claude-fable-5", **resident), order) == "yes"
    assert truth(ask("2026-06-30", "anthropic", "DE", model="claude-fable-5", **resident), order) == "no"


@story("fable5")
def test_other_claude_models_stay_on(ask: Ask) -> None:
    """API error text, 2026-06-13: Claude Fable 5 is not available. Please use Opus 4.8."""
    assert access(ask("2026-06-13", "anthropic", "US", model="claude-opus-4.8", **_held_in("US"))) is O


@story("mythos5")
def test_mythos_5_comes_back_only_for_those_who_were_approved(ask: Ask) -> None:
    """Semafor by Press Release Cloud, 2026-06; Claude docs: available only in limited release."""
    you = _held_in("US")
    told = {
        day: access(
            ask(day, "anthropic", "US", model="claude-mythos-5", user__approved_preview=approved, **you)
        )
        for day, approved in (
            ("2026-06-11", True),
            ("2026-06-12", True),
            ("2026-06-26", True),
            ("2026-07-02", False),
        )
    }
    assert told == {"2026-06-11": O, "2026-06-12": B, "2026-06-26": O, "2026-07-02": B}


@story("gpt56")
def test_gpt_5_6_opens_to_all_on_2026_07_09(ask: Ask) -> None:
    """Press of 2026-06-26; project threads of 2026-07-09: general availability."""
    told = {
        day: access(ask(day, "openai", "US", model="gpt-5.6"))
        for day in ("2026-06-26", "2026-07-08", "2026-07-09")
    }
    assert told == {"2026-06-26": B, "2026-07-08": B, "2026-07-09": O}
    assert access(ask("2026-06-27", "openai", "US", model="gpt-5.6", user__approved_preview=True)) is O


@story("naver-sovereign")
def test_the_korean_programme_disqualifies_weights_that_are_not_ones_own(ask: Ask) -> None:
    """Korea Bizwire, 2026-01-19: beginning with zeroed weights."""
    you = {"programme": "kr.sovereign-model"}
    derived = ask("2026-01-15", place="KR", **you, **{"model.weights_origin": "derived"})
    own = ask("2026-01-15", place="KR", **you, **{"model.weights_origin": "own"})
    assert law(derived) is B
    assert law(own) is not B
    assert truth(ask("2025-07-31", place="KR", **you), "kr.msit.sovereign-model") == "no"


@story("openclaw-cn")
def test_openclaw_is_kept_off_state_computers_by_2026_03_11_in_one_reading(ask: Ask) -> None:
    """Bloomberg by Morning Overview, 2026-03-12: internal channels rather than a published regulation."""
    you = {"product": "openclaw", "sector": "government"}
    rule = "cn.regulators.openclaw"
    assert truth(ask("2026-03-11", place="CN", **you), rule) == "unknown"
    assert truth(ask("2026-03-11", place="CN", **you, **{f"reading:{rule}": "ban"}), rule) == "yes"


def _held_in(country: str) -> dict[str, Any]:
    return {
        f"owner.share[{how}, not in anthropic.supported-countries, above 50]": False
        for how in ("multiplied", "chain")
    } | {"owner.controlled_from": ()}


@story("anthropic-ownership")
def test_anthropic_refuses_by_ownership_from_2025_09_05(ask: Ask) -> None:
    """Anthropic, 2025-09-04: more than 50% owned, directly or indirectly; in force 2025-09-05."""
    owned = {name: True if "share" in name else ("CN",) for name in _held_in("CN")}
    assert access(ask("2025-09-04", "anthropic", "SG", **owned)) is O
    assert access(ask("2025-09-05", "anthropic", "SG", **owned)) is B
    assert access(ask("2025-09-05", "anthropic", "SG", **_held_in("SG"))) is O
    assert access(ask("2025-09-05", "anthropic", "SG")) is U


def test_the_exclusion_order_follows_weights_and_not_blueprints(ask: Ask) -> None:
    """FR 2026-21447, published 2026-10-20: products developed using DeepSeek implementations."""
    you = {"public_body": "us.federal-civilian", "sector": "government"}
    rule = "us.dhs.deepseek-exclusion-2026"

    def told(model: str, day: str = "2026-10-21") -> str:
        return truth(ask(day, "together", "US", model=model, **you), rule)

    assert told("deepseek-r1-distill-qwen-32b") == "yes"
    assert told("a-model-nobody-recorded") == "unknown"
    assert told("deepseek-v3", "2026-07-23") == "no"
    # Between signature and publication the two readings part.
    assert told("deepseek-v3", "2026-08-01") == "unknown"


def test_the_eu_clause_reaches_the_multimodal_models_of_llama_3_2_only(ask: Ask) -> None:
    """Llama 3.2 use policy, 2024-09-25: not being granted ... in the European Union."""

    def licence(model: str, country: str, day: str = "2024-09-26") -> Verdict:
        you = {
            "company.country": country,
            "users.monthly_million_at_release": 1,
            "use.trains_other_models": False,
        }
        return ask(day, "ollama", country, model=model, **you).axes[Axis.LICENCE].verdict

    assert licence("llama-3.2-90b-vision", "DE") is B
    # Elsewhere, and for the text models, the use policy of the licence is what remains.
    assert licence("llama-3.2-90b-vision", "US") is C
    assert licence("llama-3.2-3b", "DE") is C


def test_a_closed_weight_plan_decides_nothing(ask: Ask) -> None:
    """Reuters, 2024-05-08: a plan, far from final; superseded on 2025-01-13."""
    answer = ask("2024-06-01", "openai", "RU", model="gpt-4o")
    plan = "us.commerce.closed-weights-plan-2024"
    assert truth(answer, plan) == "no"
    assert plan in [one.rule for one in answer.axes[Axis.LAW].pending]
    assert plan not in [one.rule for one in ask("2024-05-07", "openai", "RU").axes[Axis.LAW].pending]
    assert plan not in [one.rule for one in ask("2025-01-14", "openai", "RU").axes[Axis.LAW].pending]


def test_domestic_providers_are_open_in_china_where_a_source_says_so(ask: Ask) -> None:
    """SCMP, 2024-06-25; MSPowerUser, 2024-06: offers to those who lose OpenAI."""
    assert access(ask("2024-07-10", "zhipu", "CN")) is O
    assert access(ask("2024-07-10", "baidu", "CN")) is O
    # Reports of use that are older than the day: 2023-05-23 and 2024-05-09.
    assert access(ask("2024-07-10", "minimax", "CN")) is O
    assert access(ask("2024-07-10", "deepseek", "CN")) is O
    # No source of that time says so of every provider, and silence is no permission.
    assert access(ask("2024-07-10", "stepfun", "CN")) is U


WITHOUT_A_VERDICT = {
    "bytedance": "one account was suspended for what it did; the rule on outputs is openai.no-rival-training",
    "state-actors-2024-02": "accounts of named actors were closed",
    "influence-2024-05": "accounts of named operations were closed",
    "influence-2025-02": "accounts were closed",
    "influence-2026-06": "accounts were closed",
    "hk-own-llm": "a migration",
    "hkgai-v1-deepseek": "a descent, told by the models",
    "apple-cn": "a partnership; the absence of the service is apple.intelligence-china",
    "windsurf": "capacity of one customer was withdrawn: observation anthropic.windsurf-2025-06",
    "pangu-row": "a disputed descent, told by the models",
    "openai-claude": "one customer was cut off for breaking terms",
    "trae-claude": "an effect of the ownership rule: observation anthropic.trae-2025-11",
    "sealion-switch": "a migration",
    "anthropic-harness-block": "a technical limit of subscriptions, by product",
    "xai-claude": "one customer was cut off for breaking terms",
    "distillation-2026-02": "an accusation",
    "rakuten": "a descent, told by the models",
    "composer2": "a descent, told by the models",
    "alibaba-distillation-letter": "an accusation",
    "deepseek-entity-hold": "a listing that did not happen",
    "anthropic-workarounds": "how a rule is enforced: observation anthropic.workaround-closure-2026-07",
    "alibaba-bans-claude": "a customer's own choice",
    "openai-outage-2024-12-11": "an outage",
    "openai-outage-2024-12-26": "an outage",
    "openai-outage-2025-06-10": "an outage",
}


def test_every_event_of_the_atlas_has_a_story_or_a_reason_why_not(atlas: Atlas) -> None:
    assert set(atlas.events) <= TOLD | set(WITHOUT_A_VERDICT)
    assert not TOLD & set(WITHOUT_A_VERDICT)
