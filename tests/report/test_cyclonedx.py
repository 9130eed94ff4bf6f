import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from reliant import report
from reliant.core.results import Descent
from support import assessments


def bom(result):
    return json.loads(report.render(result, "cyclonedx"))


def part(body, ref):
    (found,) = [one for one in (*body["components"], *body["services"]) if one["bom-ref"] == ref]
    return found


def properties(one):
    return {item["name"]: item["value"] for item in one["properties"]}


@pytest.mark.parametrize(
    "result",
    [assessments.shop(), assessments.nothing_found(), assessments.hostile()],
    ids=["shop", "nothing", "hostile"],
)
def test_the_document_is_valid_cyclonedx(result):
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(report.render(result, "cyclonedx"))

    assert error is None


def test_a_model_is_a_component_with_the_lines_that_show_it():
    model = part(bom(assessments.shop()), "model:01-ai/Yi-34B")

    assert model["type"] == "machine-learning-model"
    assert model["evidence"]["occurrences"] == [
        {"location": "backend/app/describe.py", "line": 8, "additionalContext": 'model = "01-ai/Yi-34B"'}
    ]


def test_a_denied_ancestor_and_a_disputed_claim_are_no_pedigree_but_are_told():
    model = part(bom(assessments.shop()), "model:01-ai/Yi-34B")

    assert "ancestors" not in model["pedigree"]
    assert properties(model)["reliant:descent:weights"] == (
        "built on the weights of llama-2, denied, declared"
    )
    assert "it is said: built on Llama, disputed" in model["pedigree"]["notes"]
    assert model["modelCard"]["modelParameters"]["architectureFamily"] == "llama-2"


def test_a_confirmed_ancestor_by_weights_is_pedigree():
    (yi, *others) = assessments.MODELS
    child = type(yi)(
        "01-ai/Yi-34B", "01ai", "open", None, (Descent("yi-9b", "weights", "confirmed", "declared"),)
    )
    model = part(bom(assessments.shop(models=(child, *others))), "model:01-ai/Yi-34B")

    assert model["pedigree"]["ancestors"] == [{"type": "machine-learning-model", "name": "yi-9b"}]


def test_a_provider_is_a_service_across_the_trust_boundary_with_its_verdicts():
    service = part(bom(assessments.shop()), "service:azure-openai")

    assert service["provider"]["name"] == "Microsoft"
    assert service["x-trust-boundary"] is True
    assert properties(service)["reliant:verdict:u-azure-chat"] == "CONDITIONAL"


def test_an_endpoint_is_written_as_an_address():
    service = part(bom(assessments.shop()), "service:alibaba")

    assert service["endpoints"] == ["https://dashscope.aliyuncs.com/compatible-mode/v1"]


def test_weights_on_own_machines_are_no_service():
    assert "u-yi" not in json.dumps(bom(assessments.shop())["services"])


def test_the_same_result_gives_the_same_document():
    assert report.render(assessments.shop(), "cyclonedx") == report.render(assessments.shop(), "cyclonedx")


def test_every_reference_leads_to_a_part_of_the_document():
    body = bom(assessments.shop())
    refs = {one["bom-ref"] for one in (*body["components"], *body["services"])} | {"target"}

    for edge in body["dependencies"]:
        assert {edge["ref"], *edge.get("dependsOn", ())} <= refs
