"""Models that lie in a target: what they declare, what their weights say, and what follows from either."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from reliant import report
from reliant.assessment.model_files import Group, look_into
from reliant.assessment.simulate.estate import estate_of
from reliant.assessment.simulate.plans import Plans
from reliant.atlas import Atlas
from reliant.cli.main import cli
from reliant.core.results import Assessment
from reliant.core.truth import Truth
from reliant.errors import UsageError
from support import tiny_models as tiny

BASE = tiny.llama(1)
DISTILLED = "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"
CONFIG = {"model_type": "llama", "hidden_size": tiny.D, "num_hidden_layers": 4, "vocab_size": tiny.VOCAB}
AGENCY = ("--place", "US", "--as-of", "2026-11-01", "--fact", "public_body=us.federal-civilian")


def model(target: Path, name: str, w: tiny.Weights, **about: Any) -> Path:
    """Write a model into the target, with a config and a tokenizer."""
    return tiny.save(target / name, w, config=CONFIG, vocabulary=tiny.tokens(), **about)


def index(tmp_path: Path, w: tiny.Weights, name: str) -> Path:
    """Return an index that holds one model under a hub id."""
    from reliant.lineage.formats import Meter
    from reliant.lineage.index import Store, fingerprint
    from reliant.lineage.opened import open_model
    from reliant.lineage.place import local_place
    from reliant.lineage.trace import prepare

    folder = tiny.save(tmp_path / "reference", w, vocabulary=tiny.tokens())
    made = prepare(open_model(local_place(str(folder), Meter())))
    made.opened.name = name
    Store(tmp_path / "index").add(fingerprint(made, ("I", "E")))
    return tmp_path / "index"


def run(*arguments: str | Path) -> Any:
    words = ["assess", "--no-cache", "--offline", "--workers", "1", *map(str, arguments)]
    return CliRunner().invoke(cli, words, catch_exceptions=False)


def told(*arguments: str | Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(*arguments, "--format", "json").stdout)
    return result


def files(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["path"]: one for one in result["model_files"]}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A target to lay models into."""
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "app.py").write_text("print('no model is named here')\n")
    return folder


def test_a_target_without_weight_files_imports_nothing_of_lineage(target: Path) -> None:
    import subprocess

    script = (
        "import sys; sys.argv = ['reliant', 'assess', sys.argv[1], '--no-cache', '--workers', '1']\n"
        "from reliant.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "found = [one for one in sys.modules if one.startswith(('reliant.lineage', 'numpy'))]\n"
        "sys.exit(repr(found) if found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_headers_cards_configs_and_tokenizers_are_read_and_no_weights(target: Path) -> None:
    model(target, "chat", BASE, card=f"---\nbase_model: {DISTILLED}\n---\n")
    model(target, "other", tiny.llama(2))
    found = files(told(target))
    chat = found["chat"]
    assert (chat["format"], chat["vocabulary"], chat["sizes"]["layers"]) == ("safetensors", tiny.VOCAB, 4.0)
    assert chat["claims"][0] == {"kind": "base", "value": DISTILLED, "place": "README.md base_model"}
    assert chat["weights"] == []
    assert chat["same_tokenizer_as"] == chat["same_blueprint_as"] == ["other"]
    assert chat["bytes_read"] < 100_000 < (target / "chat" / "model.safetensors").stat().st_size
    assert chat["uses"]


def test_what_a_file_declares_is_descent_by_declaration_and_reaches_the_rules(target: Path) -> None:
    model(target, "chat", BASE)
    assert run(target, *AGENCY).exit_code == 0
    (target / "chat" / "README.md").write_text(f"---\nbase_model: {DISTILLED}\n---\n")
    result = told(target, *AGENCY)
    (edge,) = files(result)["chat"]["descent"]
    assert (edge["ancestor"], edge["basis"], edge["status"]) == (
        "deepseek.deepseek-r1-distill-llama-8b",
        "declared",
        "reported",
    )
    law = next(one for one in result["verdicts"] if one["axes"]["law"]["verdict"] == "BLOCKED")["axes"]["law"]
    because = [
        leaf for rule in law["rules"] for leaf in rule["because"] if "built_on[deepseek]" in leaf["fact"]
    ]
    assert any("declared: names it as its base" in (leaf["origin"] or "") for leaf in because)
    assert run(target, *AGENCY).exit_code == 1


def test_weights_that_are_found_reach_the_rules_as_measured_and_a_silent_file_hides_nothing(
    target: Path, tmp_path: Path
) -> None:
    model(target, "chat", tiny.tuned(BASE, 7), card="---\nlicense: mit\n---\n# Our own assistant\n")
    references = index(tmp_path, BASE, DISTILLED)
    result = told(target, "--deep", "--index", references, *AGENCY)
    chat = files(result)["chat"]
    (edge,) = chat["descent"]
    assert (edge["basis"], edge["status"], edge["kind"]) == ("measured", "confirmed", "weights")
    assert "shares weights" in edge["note"]
    assert "copied" not in edge["note"]
    (law,) = [one["axes"]["law"] for one in result["verdicts"] if one["axes"]["law"]["verdict"] == "BLOCKED"]
    because = [
        leaf for rule in law["rules"] for leaf in rule["because"] if "built_on[deepseek]" in leaf["fact"]
    ]
    assert any("measured: chat shares weights" in (leaf["origin"] or "") for leaf in because)
    assert {one["id"] for one in result["models"]} >= {"deepseek.deepseek-r1-distill-llama-8b"}


def test_nothing_found_is_said_with_its_limit_and_changes_no_verdict(target: Path, tmp_path: Path) -> None:
    model(target, "chat", tiny.llama(5))
    references = index(tmp_path, BASE, DISTILLED)
    plain, deep = told(target, *AGENCY), told(target, "--deep", "--index", references, *AGENCY)
    (found,) = files(deep)["chat"]["weights"]
    assert (found["verdict"], found["reference"]) == ("none_detected", DISTILLED)
    assert "detected at detection limit c >= 0." in found["statement"]
    assert files(deep)["chat"]["descent"] == []
    assert [one["combined"] for one in plain["verdicts"]] == [one["combined"] for one in deep["verdicts"]]


def test_a_model_that_says_from_scratch_and_shares_weights_is_a_finding(target: Path, tmp_path: Path) -> None:
    model(target, "chat", tiny.tuned(BASE, 7), card="# Assistant\nTrained from scratch by us.\n")
    references = index(tmp_path, BASE, DISTILLED)
    result = told(target, "--deep", "--index", references)
    (finding,) = files(result)["chat"]["findings"]
    assert (finding["id"], finding["kind"], finding["basis"]) == (
        "RLT-LIN-001",
        "says_from_scratch",
        "measured",
    )
    assert run(target).exit_code == 0
    for level, code in (("blocked", 0), ("unknown", 1), ("contradiction", 1), ("never", 0)):
        done = run(target, "--deep", "--index", references, "--place", "US", "--fail-on", level)
        assert done.exit_code == code or level == "unknown", level
    sarif = json.loads(run(target, "--deep", "--index", references, "--format", "sarif").stdout)
    (shown,) = [one for one in sarif["runs"][0]["results"] if one["ruleId"] == "RLT-LIN-001"]
    assert shown["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "chat/model.safetensors"
    assert shown["level"] == "warning"


def test_two_statements_that_exclude_each_other_are_a_lesser_finding(target: Path) -> None:
    model(target, "chat", BASE, card=f"---\nbase_model: {DISTILLED}\n---\nIt was trained from scratch.\n")
    (finding,) = files(told(target))["chat"]["findings"]
    assert (finding["id"], finding["basis"]) == ("RLT-LIN-002", "declared")
    assert run(target, "--fail-on", "contradiction").exit_code == 1


def test_a_declared_base_whose_weights_are_not_there_is_disputed(target: Path, tmp_path: Path) -> None:
    model(target, "chat", tiny.llama(5), card=f"---\nbase_model: {DISTILLED}\n---\n")
    result = told(target, "--deep", "--index", index(tmp_path, BASE, DISTILLED), *AGENCY)
    (edge,) = files(result)["chat"]["descent"]
    assert (edge["basis"], edge["status"]) == ("declared", "disputed")
    assert [one["kind"] for one in files(result)["chat"]["findings"]] == ["names_without_weights"]
    assert all(one["axes"]["law"]["verdict"] != "BLOCKED" for one in result["verdicts"])


def test_model_files_of_a_target_are_compared_with_each_other(target: Path) -> None:
    model(target, "first", BASE)
    model(target, "second", {name.replace("layers", "blocks"): one for name, one in BASE.items()})
    (target / "packed.gguf").write_bytes(tiny.gguf(tiny.tuned(BASE, 3), vocabulary=tiny.tokens()))
    model(target, "stranger", tiny.llama(9))
    found = {
        (path, one["reference"]): one["verdict"]
        for path, file in files(told(target, "--deep")).items()
        for one in file["weights"]
    }
    assert found["first", "second"] == found["second", "first"] == "exact"
    assert found["first", "packed.gguf"] == found["packed.gguf", "second"] == "derived"
    assert found["stranger", "first"] == found["packed.gguf", "stranger"] == "none_detected"
    assert len(found) == 12


def test_the_name_of_a_folder_gives_its_weights_no_origin(target: Path) -> None:
    model(target, "first", BASE)
    model(target, "DeepSeek-R1-Distill-Llama-8B", tiny.tuned(BASE, 3))
    edges = files(told(target, "--deep"))["first"]["descent"]
    assert [edge["ancestor"] for edge in edges] == ["DeepSeek-R1-Distill-Llama-8B"]


def test_shards_are_one_model_and_a_readme_of_code_is_no_card(target: Path) -> None:
    names = sorted(BASE)
    for at, part in enumerate((names[:20], names[20:]), 1):
        (target / f"model-0000{at}-of-00002.safetensors").write_bytes(
            tiny.safetensors({name: BASE[name] for name in part})
        )
    (target / "README.md").write_text("This project was built from scratch.\n")
    (found,) = told(target)["model_files"]
    assert len(found["files"]) == 2
    assert found["parameters"] == sum(one.size for one in BASE.values())
    assert found["claims"] == []


def test_a_file_that_cannot_be_read_is_said_and_stops_nothing(target: Path) -> None:
    model(target, "good", BASE)
    whole = tiny.safetensors(BASE)
    (target / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    found = files(told(target, "--deep"))
    assert "lies outside the file" in found["cut.safetensors"]["problem"]
    assert found["good"]["problem"] == ""


def test_the_result_with_model_files_matches_its_schema_in_every_format(target: Path, tmp_path: Path) -> None:
    model(target, "chat", tiny.tuned(BASE, 7), card="Trained from scratch. <script>alert(1)</script>\n")
    arguments = (target, "--deep", "--index", index(tmp_path, BASE, DISTILLED), *AGENCY)
    Draft202012Validator(json.loads(report.schema("assess"))).validate(told(*arguments))
    page = run(*arguments, "--format", "html").stdout
    assert "Model files, on four levels" in page
    assert "<script>" not in page
    assert "shares weights with" in run(*arguments, "--format", "markdown").stdout
    terminal = run(*arguments).stdout
    assert "! chat says it was trained from scratch" in terminal
    assert "chat: shares weights with deepseek-ai" in terminal
    assert len(terminal.splitlines()) <= 40
    pedigree = [
        one["pedigree"]
        for one in json.loads(run(*arguments, "--format", "cyclonedx").stdout)["components"]
        if "variants" in one.get("pedigree", {})
    ]
    assert pedigree
    assert "ancestors" not in pedigree[0]


def test_an_index_without_deep_is_a_usage_error(target: Path) -> None:
    with pytest.raises(UsageError, match="--index is for the weights"):
        run(target, "--index", target)


def test_what_was_measured_counts_in_the_look_through(target: Path, tmp_path: Path) -> None:
    model(target, "chat", tiny.tuned(BASE, 7))
    plain = told(target)
    deep = told(target, "--deep", "--index", index(tmp_path, BASE, DISTILLED))
    assert [one["id"] for one in plain["impact"]["look_through"]] == []
    assert {one["id"] for one in deep["impact"]["look_through"]} >= {"CN"}


def test_turned_copies_are_found_through_the_index(target: Path, tmp_path: Path) -> None:
    model(target, "chat", tiny.rotated(BASE, 5))
    (found,) = files(told(target, "--deep", "--index", index(tmp_path, BASE, DISTILLED)))["chat"]["weights"]
    assert (found["verdict"], found["path"]) == ("derived", "E")
    assert np.isclose(found["agreement"], 1.0, atol=0.3)


def test_a_simulation_starts_from_the_descent_of_files_and_all_above_it(target: Path, atlas: Atlas) -> None:
    model(target, "chat", BASE, card=f"---\nbase_model: {DISTILLED}\n---\n")
    result = msgspec.convert(told(target), Assessment)
    graph = estate_of(result, atlas, Plans()).graph
    (chain,) = [one for one in graph.chains.values() if one.model and "chat" in one.model]
    links = {link.ancestor: link for link in chain.links}
    near = links["deepseek.deepseek-r1-distill-llama-8b"]
    assert (near.truth, near.kinds, near.jurisdiction) == (Truth.YES, ("weights",), "CN")
    above = next(link for link in chain.links if link.developer == "meta")
    assert len(above.kinds) == 2
    assert above.path[:2] == (chain.model, "deepseek.deepseek-r1-distill-llama-8b")


def test_a_model_at_the_root_of_a_target_is_seen(target: Path) -> None:
    tiny.save(target, BASE, config=CONFIG, vocabulary=tiny.tokens())
    (found,) = told(target)["model_files"]
    assert (found["path"], found["files"]) == ("model.safetensors", ["model.safetensors"])
    assert found["vocabulary"] == tiny.VOCAB


def test_a_model_that_an_archive_was_cut_in_is_said_so(tmp_path: Path, atlas: Atlas) -> None:
    folder = tiny.save(tmp_path / "m", BASE, config=CONFIG)
    file = folder / "model.safetensors"
    os.truncate(file, 100_000)
    group = Group("m", "m", ("model.safetensors",), ())
    (whole,) = look_into([group], tmp_path, atlas).files
    assert "lies outside the file" in whole.problem
    (cut,) = look_into([group], tmp_path, atlas, cut_at=100_000).files
    assert cut.problem == "only its first 0 MiB were unpacked: unpack it, and name the folder"
