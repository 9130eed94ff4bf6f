"""The command: its JSON, its exit codes, its words."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from reliant.cli.main import cli
from reliant.errors import ReliantError
from support import tiny_models as tiny

BASE = tiny.llama(1)


@pytest.fixture
def folders(tmp_path):
    found = {}
    for name, w in (("base", BASE), ("tuned", tiny.tuned(BASE, 2)), ("other", tiny.llama(3))):
        found[name] = str(
            tiny.save(tmp_path / name, w, vocabulary=tiny.tokens(), config={"model_type": "llama"})
        )
    return found


def run(*args: str):
    return CliRunner().invoke(cli, ["trace", *args])


def test_the_json_keeps_its_contract(folders) -> None:
    done = run(
        folders["tuned"],
        "--against",
        folders["base"],
        "--against",
        folders["other"],
        "--format",
        "json",
        "--offline",
    )
    assert done.exit_code == 1
    result = json.loads(done.stdout)
    assert result["schema"] == "reliant.trace/1"
    assert result["suspect"] == folders["tuned"]
    assert [one["reference"] for one in result["results"]] == [folders["base"], folders["other"]]
    assert set(result) >= {"schema", "suspect", "results", "contradictions", "not_looked_at"}
    for one in result["results"]:
        assert set(one["levels"]) == {"declared", "config", "tokenizer", "weights"}
        assert set(one["levels"]["weights"]) >= {
            "verdict",
            "path",
            "agreement",
            "log10_p",
            "layer_map",
            "detection_limit",
            "rows_read",
            "bytes_read",
        }
    assert [one["levels"]["weights"]["verdict"] for one in result["results"]] == ["derived", "none_detected"]


def test_nothing_found_exits_0_and_says_down_to_which_limit(folders) -> None:
    done = run(folders["other"], "--against", folders["base"], "--offline")
    assert done.exit_code == 0
    assert "No shared weights with" in done.stdout
    assert "detection limit c >=" in done.stdout


def test_a_relation_exits_1_and_says_shares_weights_with(folders) -> None:
    done = run("--against", folders["base"], folders["tuned"])
    assert done.exit_code == 1
    assert "shares weights" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Not looked at")


@pytest.mark.parametrize(
    "args", [["nowhere/at/all", "--against", "x"], ["--offline", "org/name", "--against", "x"], ["SUSPECT"]]
)
def test_what_cannot_be_opened_is_an_error_with_a_next_step(folders, args: list[str]) -> None:
    args = [folders["base"] if one == "SUSPECT" else one for one in args]
    done = run(*args)
    assert isinstance(done.exception, ReliantError)
    assert done.exception.exit_code == 2
    assert done.exception.hint


def test_the_page_escapes_what_a_model_says(tmp_path, folders) -> None:
    card = "---\nbase_model: <script>alert(1)</script>\n---\n"
    folder = tiny.save(tmp_path / "<b>evil", tiny.tuned(BASE, 2), card=card, vocabulary=tiny.tokens())
    done = run(str(folder), "--against", folders["base"], "--format", "html")
    assert "<script" not in done.stdout
    assert "<b>evil" not in done.stdout
    assert "&lt;script&gt;" in done.stdout
    assert "<svg" in done.stdout
    assert "http://" not in done.stdout
    assert "https://" not in done.stdout


def test_control_characters_of_a_model_do_not_reach_the_terminal(tmp_path, folders) -> None:
    folder = tiny.save(tmp_path / "m", BASE, card="---\nbase_model: \x1b[31mred\x1b[0m\n---\n")
    assert "\x1b" not in run(str(folder), "--against", folders["base"]).stdout


def test_the_budget_is_kept(folders) -> None:
    done = run(folders["tuned"], "--against", folders["base"], "--budget", "200kB", "--format", "json")
    weights = json.loads(done.stdout)["results"][0]["levels"]["weights"]
    assert weights["verdict"] == "derived"
    assert weights["bytes_read"] <= 200_000


def test_an_index_is_built_listed_verified_and_searched(folders, tmp_path) -> None:
    index = str(tmp_path / "index")
    assert run("index", "build", index, folders["base"], folders["other"], "--offline").exit_code == 0
    assert "kept" in run("index", "build", index, folders["base"], "--offline").stderr
    listed = json.loads(run("index", "list", index, "--format", "json").stdout)
    assert {one["name"] for one in listed} == {folders["base"], folders["other"]}
    assert run("index", "verify", index).exit_code == 0
    done = run(folders["tuned"], "--index", index, "--format", "json", "--offline")
    assert done.exit_code == 1
    best = json.loads(done.stdout)["results"][0]
    assert best["reference"] == folders["base"]
    damaged = next((tmp_path / "index").glob("*.rfp"))
    damaged.write_bytes(damaged.read_bytes()[:-4])
    assert run("index", "verify", index).exit_code == 1


def test_help_names_the_exit_codes() -> None:
    done = run("--help")
    assert done.exit_code == 0
    assert "Exit codes: 0 none detected, 1 a relation found" in done.stdout


def test_a_folder_without_weights_is_nothing_to_trace_and_its_card_is_still_shown(tmp_path, folders) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "README.md").write_text("---\nbase_model: org/base\n---\n")
    done = run(str(empty), "--against", folders["base"], "--offline")
    assert done.exit_code == 4
    assert "base 'org/base'" in done.stdout
    assert "There are no weights to read" in done.stdout


def test_a_reference_without_weights_leaves_it_undecided(tmp_path, folders) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(folders["base"], "--against", str(empty), "--offline").exit_code == 3
