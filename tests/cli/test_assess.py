"""`reliant assess` as its user meets it: exit codes, formats, the operator's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from reliant import report
from reliant.cli.assess import assess
from reliant.errors import NothingToAssess, UsageError

_CALL = 'from openai import OpenAI\n\nreply = OpenAI().chat.completions.create(model="gpt-4o", messages=[])\n'


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """One file that calls OpenAI, and nothing else."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "chat.py").write_text(_CALL)
    return folder


def run(*arguments: str | Path) -> Result:
    words = ["--no-cache", "--offline", *map(str, arguments)]
    return CliRunner().invoke(assess, words, catch_exceptions=False)


def as_json(*arguments: str | Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(*arguments, "--format", "json").stdout)
    return result


def test_a_blocked_default_exits_with_one(app: Path) -> None:
    assert run(app, "--place", "CN", "--as-of", "2024-07-10").exit_code == 1


def test_the_same_call_from_a_supported_place_exits_with_zero(app: Path) -> None:
    assert run(app, "--place", "US", "--as-of", "2024-07-10").exit_code == 0


def test_a_finding_can_be_told_not_to_count(app: Path) -> None:
    assert run(app, "--place", "CN", "--as-of", "2024-07-10", "--fail-on", "never").exit_code == 0


def test_a_use_in_tests_alone_does_not_fail_the_run(app: Path) -> None:
    (app / "tests").mkdir()
    (app / "chat.py").rename(app / "tests" / "test_chat.py")
    assert run(app, "--place", "CN", "--as-of", "2024-07-10").exit_code == 0


def test_the_providers_gate_turns_from_terms_to_enforced_on_2024_07_09(app: Path) -> None:
    """OpenAI announced on 2024-06-24 that it blocks API traffic from unsupported places from 2024-07-09."""
    gates = {}
    for day in ("2024-07-08", "2024-07-10"):
        answer = next(
            one["axes"]["access"]
            for one in as_json(app, "--place", "CN", "--as-of", day)["verdicts"]
            if one["use"].startswith("gpt-4o")
        )
        gates[day] = {
            gate["by"]: (gate["verdict"], gate["enforcement"], gate["since"]) for gate in answer["gates"]
        }
        if day == "2024-07-08":
            assert [(one["status"], one["on"], one["from"]) for one in answer["pending"]] == [
                ("announced", "2024-06-24", "2024-07-09")
            ]
    assert gates["2024-07-08"]["provider"][:2] == ("BLOCKED", "terms")
    assert gates["2024-07-10"]["provider"] == ("BLOCKED", "enforced", "2024-07-09")
    assert {one["state"] for one in gates.values()} == {("BLOCKED", "enforced", "2023-03-02")}


def test_the_json_matches_its_published_schema(app: Path) -> None:
    schema = json.loads(report.schema("assess"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(as_json(app, "--place", "CN"))


def test_every_field_of_the_contract_is_there(app: Path) -> None:
    result = as_json(app, "--place", "CN", "--as-of", "2024-07-10")
    assert result["schema"] == "reliant.assessment/1"
    assert {"tool", "atlas", "target", "place", "as_of", "known_on", "uses", "models", "verdicts"} <= set(
        result
    )
    assert {"impact", "not_looked_at", "sources"} <= set(result)
    wanted = {"id", "provider", "sdk", "developer", "model", "kind", "channel", "role", "scope", "confidence"}
    assert wanted | {"functions", "evidence"} <= set(result["uses"][0])
    assert set(result["uses"][0]["evidence"][0]) == {"path", "line", "column", "text", "detector"}
    assert set(result["verdicts"][0]["axes"]) == {"access", "law", "licence", "register"}
    assert {
        "functions",
        "stop_share",
        "single_points",
        "hhi",
        "face_value",
        "look_through",
        "unknown",
    } <= set(result["impact"])


def test_a_page_and_the_terminal_come_from_one_run(app: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = run(app, "--place", "CN", "--as-of", "2024-07-10", "--output", f"html={page}")
    assert "as of 2024-07-10" in " ".join(result.stdout.split())
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_an_empty_folder_is_nothing_to_assess(tmp_path: Path) -> None:
    with pytest.raises(NothingToAssess) as error:
        run(tmp_path)
    assert error.value.exit_code == 4


def test_a_wrong_place_is_named_with_the_next_step(app: Path) -> None:
    with pytest.raises(UsageError, match="'XX' is not a country code") as error:
        run(app, "--place", "XX")
    assert "ISO 3166" in error.value.hint


def test_functions_of_the_operator_take_the_place_of_those_guessed(app: Path) -> None:
    (app / "reliant.toml").write_text('[functions.support]\nweight = 4\nneeds = "model:gpt-4o"\n')
    functions = as_json(app, "--place", "CN", "--as-of", "2024-07-10")["impact"]["functions"]
    assert [(one["function"]["id"], one["function"]["weight"], one["state"]) for one in functions] == [
        ("support", 4.0, "stops")
    ]


def test_an_ignore_counts_until_its_day_and_not_on_it(app: Path) -> None:
    (app / "reliant.toml").write_text(
        '[[ignore]]\nuse = "openai"\nreason = "Moving to another provider."\nuntil = 2024-07-20\n'
    )
    here = (app, "--place", "CN", "--as-of")
    assert run(*here, "2024-07-19").exit_code == 0
    assert run(*here, "2024-07-20").exit_code == 1
    assert any("ended on 2024-07-20" in remark for remark in as_json(*here, "2024-07-20")["remarks"])


def test_a_packed_target_is_not_asked_how_to_judge_it(app: Path, tmp_path: Path) -> None:
    import shutil

    (app / "reliant.toml").write_text('[[ignore]]\nreason = "Trust me."\nuntil = 2030-01-01\n')
    packed = shutil.make_archive(str(tmp_path / "packed"), "gztar", app)
    assert run(packed, "--place", "CN", "--as-of", "2024-07-10").exit_code == 1


def test_the_operators_facts_reach_the_rules(app: Path) -> None:
    def missing(*more: str) -> set[str]:
        result = as_json(app, "--place", "CN", "--as-of", "2024-07-10", *more)
        return {
            one["fact"]
            for answer in result["verdicts"]
            for axis in answer["axes"].values()
            for one in axis["missing"]
        }

    assert "service.public" in missing()
    assert "service.public" not in missing("--public-service", "no")


def test_a_scenario_says_which_verdicts_it_changes(app: Path) -> None:
    here = (app, "--place", "CN", "--as-of", "2024-07-08", "--scenario", "openai-block-2024-07-09")
    result = as_json(*here)
    assert result["scenario"] == "openai-block-2024-07-09"
    gates = {gate for change in result["changes"] for gate in change["gates"]}
    assert "provider: BLOCKED terms -> BLOCKED enforced" in gates
    assert "What if openai-block-2024-07-09:" in run(*here).stdout


def test_without_a_scenario_nothing_is_said_of_one(app: Path) -> None:
    result = as_json(app, "--place", "CN")
    assert (result["scenario"], result["changes"]) == (None, [])


def test_an_assessment_as_known_on_a_day_shows_no_descent_that_was_found_later(tmp_path: Path) -> None:
    """Yi-34B came out on 2023-11-02; its layout was seen on 2023-11-04, the dispute is of 2024-05-09."""
    (tmp_path / "chat.py").write_text(
        "from transformers import AutoModelForCausalLM\n\n"
        'model = AutoModelForCausalLM.from_pretrained("01-ai/Yi-34B")\n'
    )
    found = {}
    for day in ("2023-11-01", "2023-11-02", "2023-12-01", "2024-05-09"):
        result = as_json(tmp_path, "--place", "US", "--as-of", day, "--known-on", day)
        assert result["known_on"] == day
        model = result["models"][0]
        relations = sorted(edge["kind"] for edge in model["descent"])
        found[day] = (model["weights"], model["descent_known"], relations, len(model["claims"]))
        dates = {source["published"] for source in result["sources"] if source["id"] in cited(model)}
        assert all(date is None or date <= day for date in dates)
    assert found == {
        "2023-11-01": (None, False, [], 0),
        "2023-11-02": ("open", False, [], 0),
        "2023-12-01": ("open", False, ["architecture"], 0),
        "2024-05-09": ("open", True, ["architecture", "weights"], 1),
    }


def cited(model: dict[str, Any]) -> set[str]:
    """Return the sources of the edges and claims of a model."""
    edges = {name for edge in model["descent"] for name in edge["sources"]}
    return edges | {name for claim in model["claims"] for name in (*claim["sources"], *claim["against"])}
