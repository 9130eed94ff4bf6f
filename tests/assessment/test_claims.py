"""The claims of the press, tested against data under each reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from reliant.assessment.claims import Evidence, verdict
from reliant.assessment.claims import test_claim as check
from reliant.cli._claim import claim as command
from reliant.cli._claim import evidence
from reliant.core.country import Reading
from reliant.errors import UnknownId

if TYPE_CHECKING:
    from reliant.atlas import Atlas

DATA = (
    "epoch_all_ai_models_2025-03.csv",
    "epoch_notable_ai_models_2026-01.csv",
    "epoch_large_scale_ai_models_2026-01.csv",
    "open_llm_leaderboard_v1_2024-07-13.csv",
    "cmmlu_results.csv",
    "superclue_results_2023.csv",
)
SHIPPED = (
    "as-capable-as-gpt-4",
    "bytedance-suspended",
    "five-influence-operations",
    "majority-on-llama",
    "openai-in-160-countries",
    "over-forty-approved",
    "over-two-hundred-models",
)


@pytest.fixture(scope="session")
def data(shared: Path) -> Evidence:
    """All data sets that the claims of the atlas name."""
    return evidence(tuple(shared / "data" / name for name in DATA))


def test_the_seven_checkable_claims_are_shipped(atlas: Atlas) -> None:
    assert tuple(sorted(atlas.records("claims"))) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_each_claim_comes_to_the_result_that_its_record_expects(
    name: str, data: Evidence, atlas: Atlas
) -> None:
    record = atlas.records("claims")[name]

    found = check(record, data, atlas)

    assert found.verdict == record.verdict
    for asked, told in zip(record.readings, found.readings, strict=True):
        if asked.expect is not None:
            assert (told.part, told.whole) == asked.expect, told.name


def test_the_llama_claim_is_60_17_49_and_27_per_cent(data: Evidence, atlas: Atlas) -> None:
    found = check(atlas.records("claims")["majority-on-llama"], data, atlas)
    known, every, board, _, first_party = (round((one.share or 0) * 100) for one in found.readings)

    assert (known, every, board, first_party) == (60, 17, 49, 27)
    assert [one.holds for one in found.readings] == [True, False, False, True, False]


def test_without_data_a_claim_is_not_testable_and_nothing_is_made_up(atlas: Atlas) -> None:
    found = check(atlas.records("claims")["majority-on-llama"], Evidence(), atlas)

    assert found.verdict == "not testable"
    assert all(one.share is None and one.holds is None for one in found.readings)


def test_a_sample_that_is_too_small_refutes_nothing(data: Evidence, atlas: Atlas) -> None:
    (reading,) = check(atlas.records("claims")["over-two-hundred-models"], data, atlas).readings

    assert reading.part < 200
    assert reading.holds is None


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        ((True, True, None), "borne out"),
        ((False, None), "not borne out"),
        ((True, False), "depends on the reading"),
        ((None,), "not testable"),
        ((), "not testable"),
    ],
)
def test_the_verdict_follows_from_the_readings_that_can_be_told(
    holds: tuple[bool | None, ...], expected: str
) -> None:
    assert verdict([Reading("r", 0, 0, None, one) for one in holds]) == expected


def test_a_claim_can_be_a_file_of_ones_own(root: Path, tmp_path: Path) -> None:
    text = (root / "atlas" / "claims" / "openai-in-160-countries.yaml").read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("at_least: 160", "at_least: 400"), encoding="utf-8")

    result = CliRunner().invoke(command, [str(own)], catch_exceptions=False)

    assert "depends on the reading" in result.stdout


def test_an_unknown_claim_is_refused() -> None:
    with pytest.raises(UnknownId):
        CliRunner().invoke(command, ["nobody-said-so"], catch_exceptions=False)
