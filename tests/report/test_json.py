import json
import re

import jsonschema
import msgspec
import pytest

from reliant import report
from reliant.core.results import Assessment
from reliant.errors import UnknownId
from support import assessments

CASES = {
    "the day after": assessments.shop(),
    "the day before": assessments.shop("2024-07-08"),
    "nothing found": assessments.nothing_found(),
    "hostile": assessments.hostile(),
}


@pytest.mark.parametrize("name", CASES)
def test_the_json_is_valid_under_the_published_schema(name):
    schema = json.loads(report.schema("assess"))
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(json.loads(report.render(CASES[name], "json")), schema)


@pytest.mark.parametrize("name", report.SCHEMAS)
def test_every_published_schema_is_one_and_names_its_contract(name):
    schema = json.loads(report.schema(name))

    jsonschema.Draft202012Validator.check_schema(schema)
    (word,) = [
        one["properties"]["schema"]["const"]
        for one in schema["$defs"].values()
        if "const" in str(one.get("properties", {}).get("schema"))
    ]
    assert word == schema["title"]
    assert re.fullmatch(r"reliant\.[a-z-]+/1", word)


def test_the_schema_refuses_another_verdict_word():
    body = json.loads(report.render(assessments.shop(), "json"))
    body["verdicts"][0]["combined"] = "MAYBE"

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, json.loads(report.schema("assess")))


def test_the_json_is_read_back_as_the_same_value():
    text = report.render(assessments.shop(), "json")

    assert msgspec.json.decode(text, type=Assessment) == assessments.shop()


def test_the_json_says_first_which_contract_it_keeps():
    text = report.render(assessments.shop(), "json")

    assert next(iter(json.loads(text).items())) == ("schema", "reliant.assessment/1")


def test_the_contract_has_the_agreed_keys():
    body = json.loads(report.render(assessments.shop(), "json"))

    assert set(body) >= {
        *("schema", "tool", "atlas", "target", "place", "as_of", "known_on", "uses", "models"),
        *("verdicts", "impact", "not_looked_at", "sources"),
    }
    assert set(body["verdicts"][0]["axes"]) == {"access", "law", "licence", "register"}
    assert set(body["impact"]) >= {
        *("functions", "stop_share", "single_points", "hhi", "face_value", "look_through", "unknown"),
    }


def test_a_pending_rule_says_from_when_under_the_word_from():
    body = json.loads(report.render(assessments.shop("2024-07-08"), "json"))

    (pending,) = body["verdicts"][0]["axes"]["access"]["pending"]
    assert pending["from"] == "2024-07-09"


def test_the_schema_describes_its_fields():
    schema = json.loads(report.schema("assess"))

    assert schema["$defs"]["Gate"]["description"].startswith("One gate on the way")
    assert "\n" not in schema["$defs"]["Assessment"]["description"]
    assert schema["$defs"]["Use"]["properties"]["confidence"]["description"].startswith("In [0, 1]")


def test_asking_for_the_schema_of_nothing_names_what_there_is():
    with pytest.raises(UnknownId) as caught:
        report.schema("asess")

    assert "assess" in caught.value.near
