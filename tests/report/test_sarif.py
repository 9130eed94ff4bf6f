import json

import msgspec
import pytest
from sarif_pydantic import Sarif

from reliant import report
from reliant.core.use import Evidence
from reliant.report.sarif import ALL_RULES
from support import assessments


def run(result):
    return json.loads(report.render(result, "sarif"))["runs"][0]


@pytest.mark.parametrize(
    "result",
    [
        assessments.shop(),
        assessments.shop("2024-07-08"),
        assessments.nothing_found(),
        assessments.hostile(),
    ],
    ids=["after", "before", "nothing", "hostile"],
)
def test_the_document_is_sarif(result):
    document = Sarif.model_validate_json(report.render(result, "sarif"))

    assert document.version == "2.1.0"
    assert len(document.runs) == 1


def test_a_blocked_use_is_an_error_at_the_line_that_shows_it():
    first = run(assessments.shop())["results"][0]

    assert (first["ruleId"], first["level"]) == ("RLT-ACC-001", "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "backend/app/chat.py"
    assert place["region"]["startLine"] == 14
    assert "provider: blocked (enforced) since 2024-07-09" in first["message"]["text"]


def test_what_is_not_known_is_a_warning_that_names_the_missing_fact():
    found = [one for one in run(assessments.shop())["results"] if one["ruleId"] == "RLT-LAW-002"]

    assert found
    assert all(one["level"] == "warning" and "service.public" in one["message"]["text"] for one in found)


def test_what_is_not_known_of_one_provider_is_one_result_with_all_its_lines():
    (law,) = [
        one
        for one in run(assessments.shop())["results"]
        if one["ruleId"] == "RLT-LAW-002" and "OpenAI, direct" in one["message"]["text"]
    ]

    lines = [law["locations"][0], *law["relatedLocations"]]
    assert [place["physicalLocation"]["artifactLocation"]["uri"] for place in lines] == [
        "backend/app/chat.py",
        "backend/app/search.py",
    ]


def test_a_pending_rule_is_one_result():
    found = [one for one in run(assessments.shop("2024-07-08"))["results"] if one["ruleId"] == "RLT-ACC-004"]

    assert len(found) == 2


def test_what_is_only_mentioned_or_open_is_no_result():
    found = [one for one in run(assessments.shop())["results"] if "properties" in one]
    uses = {use for one in found for use in one["properties"]["uses"]}

    assert "u-docs" not in uses
    assert "u-qwen-translate" not in uses


def test_every_result_names_a_rule_by_id_and_index():
    body = run(assessments.shop("2024-07-08"))
    rules = body["tool"]["driver"]["rules"]

    assert {one["ruleId"] for one in body["results"]} >= {
        "RLT-ACC-001",
        "RLT-ACC-003",
        "RLT-ACC-004",
        "RLT-IMP-001",
    }
    for one in body["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]


def test_a_fingerprint_survives_moved_code_and_tells_results_apart():
    def moved(use):
        evidence = tuple(msgspec.structs.replace(one, line=one.line + 40) for one in use.evidence)
        return msgspec.structs.replace(use, evidence=evidence)

    before = run(assessments.shop())["results"]
    after = run(assessments.shop(uses=tuple(map(moved, assessments.USES))))["results"]
    prints = [one["partialFingerprints"]["reliant/v1"] for one in before]

    assert prints == [one["partialFingerprints"]["reliant/v1"] for one in after]
    assert len(set(prints)) == len(prints)


def test_what_was_not_looked_at_is_a_notification():
    notes = run(assessments.shop())["invocations"][0]["toolExecutionNotifications"]

    assert [note["message"]["text"] for note in notes][1] == "Not looked at: symbolic link"


def test_a_finding_that_was_set_aside_is_suppressed_with_its_reason():
    answers = assessments.shop().verdicts
    aside = msgspec.structs.replace(answers[0], ignored="contract ends in 2024")
    first = run(assessments.shop(verdicts=(aside, *answers[1:])))["results"][0]

    assert first["suppressions"] == [{"kind": "external", "justification": "contract ends in 2024"}]


def test_a_path_is_written_as_an_address():
    use = assessments.use("u-openai-chat", "src/a b#1.py:3", provider="openai")
    first = run(assessments.shop(uses=(use,)))["results"][0]

    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "src/a%20b%231.py"


def test_a_file_without_lines_has_no_region():
    use = msgspec.structs.replace(
        assessments.USES[0], evidence=(Evidence("weights/model.gguf", 0, 0, "", "weights.gguf"),)
    )
    first = run(assessments.shop(uses=(use,)))["results"][0]

    assert "region" not in first["locations"][0]["physicalLocation"]


def test_rule_ids_never_change(snapshot):
    assert [(rule.id, rule.name, rule.level) for rule in ALL_RULES] == snapshot
