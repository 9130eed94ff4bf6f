# ruff: noqa: E501 - a table of differences reads best with one to a line
"""Where imported rows and records differ, both values are shown and neither is taken to be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reliant.atlas import Atlas
from reliant.atlas.conflicts import Difference, compare
from reliant.atlas.importers import ModelRow, Place, ProviderRow, guess, read
from support.atlas_builder import AtlasBuilder

HERE = Place("own", "mine.csv", 2)


def differences(builder: AtlasBuilder, **row: Any) -> list[tuple[str, str, str, bool]]:
    found = compare(builder.build(), [ModelRow(at=HERE, name="One", hub_id="acme/One", **row)]).differences
    return [(one.field, one.ours, one.theirs, one.known) for one in found]


def one(**fields: Any) -> AtlasBuilder:
    return (
        AtlasBuilder()
        .provider("acme")
        .provider("base", hf_orgs=["base"])
        .model("base.two", hf_ids=["base/Two"])
        .model("base.three", hf_ids=["base/Three"])
        .model("acme.one", hf_ids=["acme/One"], **fields)
    )


def test_what_agrees_is_no_difference() -> None:
    same = one(released="2024-07-23", weights="open", params_b=7, hf_architecture="A", licence="Apache-2.0")

    assert (
        differences(
            same, released="2024-07", weights="open", params_b=7.6, architecture="A", licence="apache-2.0"
        )
        == []
    )


@pytest.mark.parametrize(
    ("fields", "row", "told"),
    [
        ({"released": "2024-07-23"}, {"released": "2024-07-22"}, ("released", "2024-07-23", "2024-07-22", False)),
        ({"weights": "open"}, {"weights": "closed", "accessibility": "API access"}, ("weights", "open", "API access", False)),
        ({"params_b": 7}, {"params_b": 70.0}, ("params_b", "7", "70", False)),
        ({"hf_architecture": "A"}, {"architecture": "B"}, ("hf_architecture", "A", "B", False)),
        ({"licence": "MIT"}, {"licence": "apache-2.0"}, ("licence", "MIT", "apache-2.0", False)),
    ],
)  # fmt: skip
def test_what_differs_is_told_with_both_values(
    fields: dict[str, Any], row: dict[str, Any], told: tuple[str, str, str, bool]
) -> None:
    assert differences(one(**fields), **row) == [told]


def test_a_difference_that_the_record_names_is_known() -> None:
    record = one(released="2024-07-23", conflicts=[{"field": "released", "value": "2024-07-22"}])

    assert differences(record, released="2024-07-22") == [("released", "2024-07-23", "2024-07-22", True)]


def test_another_base_model_is_told_and_the_recorded_one_is_not() -> None:
    record = one(descent=[{"kind": "weights", "status": "confirmed", "ancestor": "base.two"}])

    assert differences(record, base_models=("base/Two",)) == []
    assert differences(record, base_models=("base/Three",)) == [("descent", "base.two", "base/Three", False)]


def test_the_root_of_a_recorded_chain_contradicts_nothing() -> None:
    edge = {"kind": "weights", "status": "confirmed"}
    record = one(descent=[{**edge, "ancestor": "acme.middle"}]).model(
        "acme.middle", descent=[{**edge, "ancestor": "base.two"}]
    )

    assert differences(record, base_models=("base/Two",)) == []


def test_silence_contradicts_nothing() -> None:
    assert differences(one(), released="2024", weights="open", base_models=("base/Two",)) == []


def test_a_row_about_nothing_we_know_is_counted_and_no_more() -> None:
    result = compare(one().build(), [ModelRow(at=HERE, name="Unheard", hub_id="x/y", released="2024")])

    assert (result.rows, result.matched, result.differences) == (1, 0, ())


def test_a_host_that_belongs_to_somebody_else_is_told() -> None:
    builder = (
        AtlasBuilder()
        .provider("acme", api_hosts=["api.acme.example"])
        .provider("zed", api_hosts=["api.zed.example"])
    )
    row = ProviderRow(at=HERE, id="acme", hosts=("api.zed.example",), env_vars=("ACME_KEY",))

    found = compare(builder.build(), [row]).differences

    assert [(d.field, d.ours, d.theirs) for d in found] == [
        ("api_hosts", "zed", "api.zed.example"),
        ("env_vars", "none", "ACME_KEY"),
    ]


def test_epoch_differs_where_the_checked_facts_said_it_does(atlas: Atlas, shared: Path) -> None:
    """QwQ-32B on Qwen2.5-Coder, OpenChat 3.5 on Llama 2: Epoch against the model's own configuration."""
    path = shared / "data" / "epoch_all_ai_models_2025-03.csv"

    result = compare(atlas, read("epoch", path))

    bases = {d.record: d for d in result.differences if d.field == "descent"}
    assert bases["alibaba.qwq-32b"].theirs == "Qwen2.5-Coder (32B)"
    assert bases["tsinghua.openchat-3.5"].theirs == "Llama 2-7B"
    assert all(d.known for d in bases.values())
    assert (result.rows, result.matched) == (2228, 124)


@pytest.mark.parametrize(
    "name", ["epoch_all_ai_models_2025-03.csv", "epoch_notable_ai_models_2026-01.csv", "models_dev.json"]
)
def test_every_difference_with_the_data_sets_is_named_by_its_record(
    atlas: Atlas, shared: Path, name: str
) -> None:
    """If this fails, read both sides, correct the record or write the other value under `conflicts`."""
    path = shared / "data" / name

    assert [d for d in compare(atlas, read(guess(path), path)).differences if not d.known] == []


def test_models_dev_and_the_atlas_agree_on_hosts(atlas: Atlas, shared: Path) -> None:
    found = compare(atlas, read("models.dev", shared / "data" / "models_dev.json")).differences

    assert [d for d in found if d.field in {"api_hosts", "env_vars"}] == []


def test_genai_prices_knows_the_hosts_by_the_same_names(atlas: Atlas, shared: Path) -> None:
    result = compare(atlas, read("genai-prices", shared / "data" / "genai_prices_data.json"))

    assert result.matched > 15
    assert list[Difference](result.differences) == []
