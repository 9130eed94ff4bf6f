"""`reliant atlas`, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from syrupy.assertion import SnapshotAssertion

from reliant.atlas.load import read_yaml
from reliant.cli.atlas import atlas
from reliant.errors import NotKnownYet, UnknownId, UsageError
from support.atlas_builder import AtlasBuilder

PAGE = "The ministry said on Monday that Acme may sell its models abroad from 1 July 2024.\n" * 3


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(atlas, [str(word) for word in words])


def test_yi_34b_is_shown_with_every_source(snapshot: SnapshotAssertion) -> None:
    result = run("show", "yi-34b")

    assert result.exit_code == 0
    assert result.output == snapshot


def test_a_record_is_shown_as_json() -> None:
    data = json.loads(run("show", "yi-34b", "--format", "json").output)

    assert data["schema"] == "reliant.records/1"
    (shown,) = data["records"]
    assert (shown["kind"], shown["record"]["id"]) == ("model", "01ai.yi-34b")
    assert shown["independent_sources"] < len(shown["record"]["sources"])
    assert {edge["kind"]: edge["status"] for edge in shown["record"]["descent"]} == {
        "architecture": "confirmed",
        "weights": "denied",
    }


@pytest.mark.parametrize(
    "name", ["azure", "fable5", "llama-4", "cn-genai-filing.2024-12-31", "epoch-2026-01"]
)
def test_every_kind_of_record_is_shown(name: str) -> None:
    result = run("show", name)

    assert result.exit_code == 0
    assert "Reviewed 2026-" in result.output


def test_an_id_that_is_none_names_what_is_near() -> None:
    result = run("show", "yi-34")

    assert isinstance(result.exception, UnknownId)
    assert "yi-34b" in result.exception.near


def test_a_search_finds_the_nearest_first() -> None:
    lines = run("search", "yi-34b").output.splitlines()

    assert lines[0].split()[:2] == ["model", "01ai.yi-34b"]


def test_a_search_can_be_held_to_one_kind_and_printed_as_json() -> None:
    data = json.loads(run("search", "openai", "--kind", "event", "--format", "json", "--limit", "3").output)

    assert {hit["kind"] for hit in data["hits"]} == {"event"}
    assert len(data["hits"]) == 3 < data["total"]


def test_a_search_that_finds_nothing_says_so() -> None:
    result = run("search", "no-record-has-this-word")

    assert (result.exit_code, result.output) == (3, "No record has all of: no-record-has-this-word.\n")


def test_a_kind_that_is_none_is_refused() -> None:
    result = run("search", "x", "--kind", "colour")

    assert isinstance(result.exception, UsageError)
    assert "provider" in result.exception.hint


def test_lint_prints_every_mistake_with_its_line_and_exits_with_one(tmp_path: Path) -> None:
    root = AtlasBuilder().provider("acme", hq_country="XX", parent="nobody").write(tmp_path)

    result = run("lint", root)

    assert result.exit_code == 1
    assert "acme.yaml:15: hq_country: 'XX' is the code of no country" in result.output
    assert "acme.yaml:16: parent: 'nobody' is no id under providers/" in result.output
    assert result.output.endswith(": 2 mistakes\n")
    errors = json.loads(run("lint", root, "--format", "json").output)["errors"]
    assert [error["line"] for error in errors] == [15, 16]


def test_lint_of_records_without_mistakes_exits_with_zero(tmp_path: Path) -> None:
    result = run("lint", AtlasBuilder().provider("acme").write(tmp_path))

    assert (result.exit_code, result.output.endswith(": no mistakes\n")) == (0, True)


def test_the_records_of_the_checkout_pass_the_checks_of_the_rules_too(root: Path) -> None:
    result = run("lint", root / "atlas")

    assert (result.exit_code, result.output) == (0, f"{root / 'atlas'}: no mistakes\n")


def test_two_rules_that_contradict_each_other_are_told_with_their_lines(root: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {
        "axis": "access",
        "issuer": "acme",
        "kind": "terms",
        "by": "provider",
        "enforcement": "terms",
        "title": "Where the API is offered",
        "summary": "It is or is not.",
        "binds": ["customer"],
        "act": "use",
        "when": {"provider": "acme", "user.region": "FR"},
        "force": {"from": "2024-01-01"},
        "timeline": [{"status": "in-force", "on": "2024-01-01", "source": "page"}],
    }
    builder = AtlasBuilder().provider("acme")
    for effect in ("deny", "allow"):
        builder.record("rules", effect, effect=effect, **shared)
    for name in ("vocabulary", "countries", "groups"):
        builder.document(name, read_yaml(root / "atlas" / f"{name}.yaml"))

    lines = run("lint", builder.write(tmp_path)).output.splitlines()

    told = [line for line in lines if "deny.yaml:" in line or "allow.yaml:" in line]
    assert any("allow" in line and "deny" in line for line in told), lines


def test_imported_rows_are_compared_with_the_atlas(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(
        "name,hub_id,released\nYi-34B,01-ai/Yi-34B,2023-11-05\nYi-34B,01-ai/Yi-34B,2023-11\n",
        encoding="utf-8",
    )
    cache = tmp_path / "cache"

    imported = run("import", table, "--cache", cache, "--as-of", "2026-11-21")
    compared = run("conflicts", "--cache", cache)

    assert imported.exit_code == 0
    assert "2 models" in imported.output
    assert compared.exit_code == 1
    assert (
        "01ai.yi-34b  released\n    atlas: 2023-11-02\n    own: 2023-11-05  (mine.csv:2)" in compared.output
    )
    assert "mine.csv: 2 rows, 2 about a record, 1 new differences" in compared.output


def test_differences_are_printed_as_csv_and_json_and_for_one_record(tmp_path: Path) -> None:
    table, cache = tmp_path / "mine.csv", tmp_path / "cache"
    table.write_text("name,hub_id,released\nYi-34B,01-ai/Yi-34B,2023-11-05\n", encoding="utf-8")
    run("import", table, "--cache", cache)

    assert run("conflicts", "--cache", cache, "--format", "csv").output.splitlines() == [
        "record,field,ours,theirs,data_set,place,known",
        "01ai.yi-34b,released,2023-11-02,2023-11-05,own,mine.csv:2,false",
    ]
    (one,) = json.loads(run("conflicts", "--cache", cache, "--format", "json").output)["differences"]
    assert one["at"] == {"data_set": "own", "file": "mine.csv", "line": 2, "key": ""}
    assert run("conflicts", "--cache", cache, "--record", "gpt-4o").exit_code == 0


def test_without_imports_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert run("conflicts", "--cache", tmp_path).exit_code == 3


def test_a_file_of_no_known_kind_is_refused_with_the_kinds(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello", encoding="utf-8")

    result = run("import", path, "--cache", tmp_path)

    assert isinstance(result.exception, UsageError)
    assert "--kind" in result.exception.hint


def test_a_kept_document_and_its_copy_are_one_source(tmp_path: Path) -> None:
    first, second, desk = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "desk"
    first.write_text(PAGE, encoding="utf-8")
    second.write_text(PAGE.replace("1 July", "1 August"), encoding="utf-8")

    run("evidence", "add", first, "--source", "first", "--desk", desk)
    added = run("evidence", "add", second, "--source", "second", "--desk", desk)
    checked = run("evidence", "check", "--desk", desk)

    assert "copy of the same text as first" in added.output
    assert "2 documents, 1 sources" in checked.output
    assert "date" in checked.output
    assert (
        "“The ministry said on Monday that Acme may sell its models abroad from 1 August 2024.”"
        in " ".join(checked.output.split())
    )
    assert checked.exit_code == 1


def test_a_kept_document_is_printed_as_a_source_with_its_origin(tmp_path: Path) -> None:
    path, desk = tmp_path / "a.txt", tmp_path / "desk"
    path.write_text('The "title": yes\n\n' + PAGE, encoding="utf-8")
    run("evidence", "add", path, "--source", "first", "--desk", desk)

    added = run("evidence", "add", path, "--source", "second", "--published", "2024-06", "--desk", desk)
    stanza = added.output.partition("As a source of a record:\n")[2]
    (tmp_path / "s.yaml").write_text(f"sources:\n{stanza}", encoding="utf-8")

    source = read_yaml(tmp_path / "s.yaml")["sources"]["second"]
    assert (source["title"], source["published"], source["origin"]) == (
        'The "title": yes',
        "2024-06",
        "first",
    )


def test_a_document_at_an_address_that_a_record_cites_is_known(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(PAGE, encoding="utf-8")
    url = "https://blog.eleuther.ai/nyt-yi-34b-response"

    data = json.loads(
        run(
            "evidence",
            "add",
            path,
            "--source",
            "a",
            "--url",
            url,
            "--desk",
            tmp_path / "d",
            "--format",
            "json",
        ).output
    )

    assert ("01ai.yi-34b", None) in [(one["record"], one["quote"]) for one in data["cited_by"]]


def test_the_quotes_of_a_record_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_text(
        "On Tuesday something else was said in the region, and nobody wrote it down.", encoding="utf-8"
    )

    data = json.loads(run("evidence", "check", path, "--record", "gfw-openai", "--format", "json").stdout)

    assert [quote["document"] for quote in data["quotes"]] == [None]


def test_without_documents_check_says_how_to_keep_one(tmp_path: Path) -> None:
    result = run("evidence", "check", "--desk", tmp_path)

    assert isinstance(result.exception, UsageError)
    assert "evidence add" in result.exception.hint


@pytest.mark.parametrize(
    "words", [(), ("show",), ("search",), ("lint",), ("import",), ("conflicts",), ("evidence", "add")]
)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    assert run(*words, "--help").exit_code == 0


def test_a_record_is_shown_as_it_was_known_on_a_day() -> None:
    """01.AI denied in 2024-01, EleutherAI in 2024-03; the agency text that speaks of Llama is of May."""
    shown = {}
    for day in ("2023-11-02", "2023-12-01", "2024-05-09"):
        data = json.loads(run("show", "yi-34b", "--known-on", day, "--format", "json").output)
        assert data["known_on"] == day
        record = data["records"][0]["record"]
        shown[day] = (len(record.get("descent", ())), len(record.get("claims", ())))
    assert shown == {"2023-11-02": (0, 0), "2023-12-01": (1, 0), "2024-05-09": (2, 1)}
    text = run("show", "yi-34b", "--known-on", "2023-12-01").output
    assert "As known on 2023-12-01: what was published later is not shown." in text
    assert "Reuters" not in text


def test_a_record_that_was_not_known_on_the_day_is_not_shown() -> None:
    refused = run("show", "yi-34b", "--known-on", "2023-10-01")
    assert isinstance(refused.exception, NotKnownYet)
    assert "nothing was known of '01ai.yi-34b' on 2023-10-01" in str(refused.exception)


def test_a_search_finds_only_what_was_known_on_the_day() -> None:
    words = ("search", "eleutherai", "yi-34b", "--kind", "model", "--known-on")
    assert [run(*words, day).exit_code for day in ("2023-11-02", "2024-03-31")] == [3, 0]
