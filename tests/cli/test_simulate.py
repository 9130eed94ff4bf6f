"""`reliant simulate` on small trees."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reliant.cli.simulate import simulate
from reliant.errors import ConfigError, UnknownId, UsageError

APP = """\
from openai import OpenAI

client = OpenAI()


def answer(question):
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": question}])
"""

PLANS = """\
[functions.chat]
name = "Answer customers"
weight = 3
survive_days = 7
recover_days = 20
cost_per_day = 2000
needs = "provider:openai"

[functions.translate]
weight = 1
needs = { any = ["provider:openai", "provider:mistral"] }
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """One file that calls one provider, and what the operator told of it."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "reliant.toml").write_text(PLANS)
    return tmp_path


def run(*arguments: str | Path) -> Any:
    """Return what the command prints as JSON."""
    result = CliRunner().invoke(
        simulate,
        [*map(str, arguments), "--as-of", "2024-07-10", "--offline", "--format", "json"],
        catch_exceptions=False,
    )
    return json.loads(result.stdout)


def test_what_needs_the_cut_provider_stops_and_what_has_another_works(app: Path) -> None:
    found = run(app, "--cut", "provider:openai")
    rows = {row["id"]: row for row in found["functions"]}

    assert found["schema"] == "reliant.simulation/1"
    assert (rows["chat"]["stops"], rows["translate"]["stops"]) == (True, False)
    assert rows["chat"]["path"][0] == "function:chat"
    assert rows["chat"]["path"][-2:] == ["model:openai.gpt-4o", "provider:openai"]
    assert rows["translate"]["fallback"] == "mistral"
    assert rows["chat"]["gap_days"] == 13
    assert found["loss"] == 26_000
    assert found["stop_share"] == {"low": 0.75, "high": 0.75}
    assert found["unreplaced"] == {"low": 0.75, "high": 0.75}
    assert found["actions"][0]["saves"] == 0.75


def test_an_alias_of_a_provider_is_as_good_as_its_id(app: Path) -> None:
    assert run(app, "--cut", "provider:OpenAI")["stop_share"] == {"low": 0.75, "high": 0.75}


def test_a_proven_replacement_outside_of_the_cut_leaves_nothing_unreplaced(app: Path) -> None:
    (app / "reliant.toml").write_text(
        PLANS
        + """
[[functions.chat.replacements]]
name = "Qwen on own machines"
self_hosted = true
reachable = true
permitted = true
api_fits = true
parity = "passed"
evidence = "parity/chat.json"
"""
    )
    found = run(app, "--cut", "provider:openai")

    assert found["stop_share"]["low"] == 0.75
    assert found["unreplaced"] == {"low": 0.0, "high": 0.0}
    assert found["functions"][0]["proven"] is True


def test_a_replacement_that_nobody_measured_is_not_proven_and_proving_it_is_an_action(app: Path) -> None:
    (app / "reliant.toml").write_text(
        PLANS
        + """
[[functions.chat.replacements]]
name = "Mistral"
provider = "mistral"
reachable = true
permitted = true
api_fits = true
effort_days = 0.5
"""
    )
    found = run(app, "--cut", "provider:openai")

    assert found["unreplaced"]["low"] == 0.75
    assert found["functions"][0]["missing"] == ["parity", "evidence"]
    assert found["actions"][0]["kind"] == "prove"


def test_dated_steps_say_on_which_day_a_function_stops(app: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "notice.yaml"
    scenario.write_text(
        "name: notice and enforcement\n"
        "steps:\n"
        "  - {on: 2024-06-24, label: notice}\n"
        "  - {on: 2024-07-09, label: enforced, cuts: [provider:openai]}\n"
    )
    found = run(app, "--scenario", scenario)
    rows = {row["id"]: row for row in found["functions"]}

    assert [step["on"] for step in found["scenario"]["steps"]] == ["2024-06-24", "2024-07-09"]
    assert [step["stop_share"]["low"] for step in found["scenario"]["steps"]] == [0.0, 0.75]
    assert rows["chat"]["when"] == "2024-07-09"
    assert rows["translate"]["when"] is None


def test_the_switch_off_of_june_2026_stops_what_calls_that_model_and_nothing_else(tmp_path: Path) -> None:
    """Claude Fable 5 was switched off for everybody on 2026-06-12, by order (Lawfare, 2026-07)."""
    call = """import anthropic

client = anthropic.Anthropic()


def {name}(text):
    return client.messages.create(model="{model}", max_tokens=9, messages=text)
"""
    (tmp_path / "new.py").write_text(call.format(name="new", model="claude-fable-5"))
    (tmp_path / "old.py").write_text(call.format(name="old", model="claude-3-5-sonnet-20240620"))

    result = CliRunner().invoke(
        simulate,
        [
            str(tmp_path),
            *("--scenario", "switch-off-2026-06", "--place", "JP", "--as-of", "2026-07-15"),
            *("--offline", "--format", "json"),
        ],
        catch_exceptions=False,
    )
    rows = {row["id"]: row for row in json.loads(result.stdout)["functions"]}

    assert rows["new"]["stops"] is True
    assert "which the scenario closes" in rows["new"]["why"]
    assert rows["old"]["stops"] is not True


def test_what_the_code_shows_besides_the_list_of_the_operator_is_named_under_assumed(app: Path) -> None:
    (app / "other.py").write_text(APP)

    found = run(app, "--cut", "provider:openai")

    assert {row["id"] for row in found["functions"]} == {"chat", "translate"}
    assert any("left out, found besides" in one and "other" in one for one in found["assumptions"])


def test_two_scenarios_stand_side_by_side(app: Path) -> None:
    found = run(app, "--cut", "provider:openai", "--against", "provider:mistral")

    assert found["schema"] == "reliant.simulation-comparison/1"
    assert [(one["left"], one["right"]) for one in found["functions"]] == [(True, False), (False, False)]


def test_from_a_place_where_it_is_closed_already_the_cut_is_not_the_cause(app: Path) -> None:
    found = run(app, "--cut", "provider:mistral", "--place", "CN")
    rows = {row["id"]: row for row in found["functions"]}

    assert rows["chat"]["already"] is True
    assert found["already"]["low"] == 0.75


def test_a_bloc_is_cut_with_all_of_its_members(app: Path) -> None:
    found = run(app, "--cut", "provider:openai", "--cut", "jurisdiction:EU")

    assert found["stop_share"] == {"low": 1.0, "high": 1.0}


def test_the_screen_says_both_shares_and_never_passes_eighty_columns(app: Path) -> None:
    result = CliRunner().invoke(
        simulate, [str(app), "--cut", "provider:openai", "--offline", "--as-of", "2024-07-10"]
    )

    assert "If the provider OpenAI is cut, 75 % of the weight of 2 AI functions stops; 75 %" in " ".join(
        result.stdout.split()
    )
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("style", ["terminal", "html"])
def test_screen_and_page_name_who_is_cut_and_say_the_id_beside_it(root: Path, style: str) -> None:
    shop = root / "examples" / "shop"
    asked = (str(shop), "--cut", "provider:openai", "--offline", "--as-of", "2024-07-10", "--format", style)

    shown = CliRunner().invoke(simulate, asked, catch_exceptions=False).stdout
    said = " ".join(re.sub(r"</?span[^>]*>", "", shown).split())

    assert "needs OpenAI DALL-E 3; OpenAI is cut (provider:openai)" in said
    assert "Give OpenAI DALL-E 3, OpenAI text-embedding-3-small a second" in said
    assert "Microsoft Azure OpenAI / AI Foundry with OpenAI" in said


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), UsageError),
        (("--cut", "openai"), UsageError),
        (("--cut", "provider:nobody-at-all"), UnknownId),
        (("--cut", "planet:earth"), UsageError),
    ],
)
def test_what_cannot_be_cut_is_refused(app: Path, arguments: tuple[str, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        run(app, *arguments)


@pytest.mark.parametrize(
    "told",
    [
        "[functions.chat]\nneeds = 3\n",
        "[functions.chat]\nweight = 0\n",
        "[functions.chat]\nsurvive_days = -1\n",
        "[functions.chat]\ntypo = 1\n",
        "[functions.chat]\nneeds = { any = [] }\n",
        '[functions.chat]\nneeds = "planet:earth"\n',
        "functions = 3\n",
        "[effort]\nx = 0\n",
        "not toml at all [",
    ],
)
def test_a_configuration_that_says_nonsense_is_refused(app: Path, told: str) -> None:
    (app / "reliant.toml").write_text(told)

    with pytest.raises(ConfigError):
        run(app, "--cut", "provider:openai")


@pytest.mark.parametrize("more", [(), ("--against", "provider:mistral")])
def test_the_page_needs_no_script_and_its_links_lead_somewhere(app: Path, more: tuple[str, ...]) -> None:
    page = (
        CliRunner()
        .invoke(
            simulate,
            [
                str(app),
                *("--cut", "provider:openai"),
                *more,
                *("--offline", "--as-of", "2024-07-10", "--format", "html"),
            ],
            catch_exceptions=False,
        )
        .stdout
    )

    assert "<script" not in page
    assert page.count("Table of this figure") == page.count("<figure")
    assert not re.findall(r'(?:src|href)="(?!#|data:|https?://)', page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


@pytest.mark.parametrize(
    ("cut", "stops", "perhaps"),
    [
        ("provider:openai", {"search", "pictures"}, set()),
        ("jurisdiction:US", {"chat", "search", "recommend", "pictures"}, set()),
        ("jurisdiction:CN", {"translate"}, set()),
        ("provider:anthropic", {"recommend"}, set()),
        ("provider:groq", set(), set()),
        ("hub:huggingface", set(), {"dictate"}),
    ],
)
def test_the_shop_stops_where_a_person_says_it_does(
    root: Path, cut: str, stops: set[str], perhaps: set[str]
) -> None:
    """Read by hand from the files of the shop; the reasons stand in docs/impact.md."""
    rows = run(root / "examples" / "shop", "--cut", cut)["functions"]

    assert {row["id"] for row in rows if row["stops"]} == stops
    assert {row["id"] for row in rows if row["stops"] is None} == perhaps


LITELLM = """\
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
  - model_name: spare
    litellm_params: {model: mistral/mistral-large-latest, api_key: os.environ/MISTRAL_API_KEY}
  - model_name: draw
    litellm_params: {model: openai/dall-e-3, api_key: os.environ/OPENAI_API_KEY}
router_settings:
  fallbacks:
    - chat: [spare]
"""


def test_a_name_of_a_gateway_survives_on_its_fallback_and_one_without_stops(tmp_path: Path) -> None:
    (tmp_path / "litellm.yaml").write_text(LITELLM, encoding="utf-8")

    rows = {row["name"]: row for row in run(tmp_path, "--cut", "provider:openai")["functions"]}
    both = run(tmp_path, "--cut", "provider:openai", "--cut", "provider:mistral")["functions"]

    assert {name: row["stops"] for name, row in rows.items()} == {
        "chat": False,
        "spare": False,
        "draw": True,
    }
    assert "mistral" in rows["chat"]["fallback"]
    assert all(row["stops"] for row in both)


@pytest.mark.parametrize(
    ("day", "owner", "stops"),
    [("2026-02-01", "spacex", None), ("2026-02-02", "Space Exploration Technologies Corp. (SpaceX)", True)],
)
def test_a_cut_of_an_owner_who_was_not_known_on_the_day_may_stop_it(
    tmp_path: Path, day: str, owner: str, stops: bool | None
) -> None:
    """xAI became a part of SpaceX on 2026-02-02."""
    (tmp_path / "app.py").write_text(
        "from openai import OpenAI\n\n"
        'client = OpenAI(base_url="https://api.x.ai/v1")\n'
        'reply = client.chat.completions.create(model="grok-4", messages=[])\n'
    )
    (row,) = run(tmp_path, "--cut", f"owner:{owner}", "--known-on", day)["functions"]
    assert row["stops"] is stops


def test_a_bloc_can_be_cut_on_any_day_that_something_is_known_of(app: Path) -> None:
    rows = run(app, "--cut", "jurisdiction:EU", "--known-on", "2023-01-01")["functions"]
    assert {row["id"] for row in rows if row["stops"]} == set()


@pytest.mark.parametrize(
    ("text", "says", "next_step"),
    [
        ("name: x\nsteps:\n  - {on: 2024-13-45}\n", r"s\.yaml:3: steps\[0\]\.on: ", "2024-07-09"),
        (
            "name: x\nsteps:\n  - {}\n  - {cuts: [openai]}\n",
            r"s\.yaml:4: steps\[1\]\.cuts\[0\]: 'openai'",
            "LEVEL:ID",
        ),
        (
            "name: x\nsteps:\n  - {cuts: [provider:opnai]}\n",
            r"s\.yaml:3: steps\[0\]\.cuts\[0\]: .*'opnai'",
            "openai",
        ),
        (
            "name: x\nsteps:\n  - {cuts: [use:nothing]}\n",
            r"s\.yaml:3: steps\[0\]\.cuts\[0\]: .*'nothing'",
            "",
        ),
        ("name: x\nsteps:\n  - {cuts: [owner:Nobody]}\n", r"s\.yaml:3: .*'Nobody'", ""),
        ("name: x\nsteps:\n  - {cuts: [model:gpt-99]}\n", r"s\.yaml:3: .*'gpt-99'", "gpt-4"),
        (
            "name: x\nsteps:\n  - {cuts: provider:openai}\n",
            r"s\.yaml:3: steps\[0\]\.cuts: ",
            "list of LEVEL:ID",
        ),
        (
            "name: x\nsteps:\n  - {cut: [provider:openai]}\n",
            r"s\.yaml:3: steps\[0\]: .*`cut`",
            "on, label and cuts",
        ),
        ("name: x\nsteps:\n  - {label: 3}\n", r"s\.yaml:3: steps\[0\]\.label: ", "text"),
        ("name: x\nsteps: []\n", r"s\.yaml:2: steps: ", "list of on"),
        ("steps:\n  - {cuts: [provider:openai]}\n", r"s\.yaml:1: .*`name`", "A scenario has name"),
        ("name: 5\nsteps:\n  - {label: a}\n", r"s\.yaml:1: name: ", "what the scenario is called"),
        ("name: x\nsteps:\n  - {label: a}\nsources: here\n", r"s\.yaml:4: sources: ", "list of texts"),
        ("name: x\nsummary: [1]\nsteps:\n  - {label: a}\n", r"s\.yaml:2: summary: ", "one text"),
    ],
)
def test_a_mistake_in_a_scenario_is_told_with_file_line_field_and_next_step(
    root: Path, tmp_path: Path, text: str, says: str, next_step: str
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=says) as told:
        CliRunner().invoke(
            simulate,
            [str(root / "examples" / "shop"), "--scenario", str(file), "--offline"],
            catch_exceptions=False,
        )
    assert next_step in told.value.hint


@pytest.mark.parametrize("cut", ["use:nothing", "owner:Nobody", "model:gpt-99", "provider:opnai"])
def test_a_cut_of_nobody_is_refused_and_not_answered_with_nothing(root: Path, cut: str) -> None:
    with pytest.raises(UnknownId):
        CliRunner().invoke(
            simulate, [str(root / "examples" / "shop"), "--cut", cut, "--offline"], catch_exceptions=False
        )
