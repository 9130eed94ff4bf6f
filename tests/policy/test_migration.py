"""Nothing of the checked fact files on access and rules is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from reliant.atlas import Atlas
from reliant.atlas.load import read_yaml


@pytest.mark.shared
@pytest.mark.parametrize("name", ["access", "rules"])
def test_every_record_is_in_the_atlas_under_its_former_id(name: str, shared: Path, atlas: Atlas) -> None:
    held = {former for rule in atlas.rules.values() for former in rule.former_ids}
    held |= {former for seen in atlas.observations.values() for former in seen.former_ids}
    counts = {"cn-filing-" + entry.as_of for entry in atlas.registers.values()}
    missing = {record["id"] for record in read_yaml(shared / "facts" / f"{name}.yaml")} - held - counts
    assert missing <= {"cn-filing-ondevice-2026-07-15"}


@pytest.mark.shared
def test_every_list_of_countries_is_in_the_atlas_with_its_count(shared: Path, atlas: Atlas) -> None:
    import json

    lists = json.loads((shared / "data" / "supported_countries.json").read_text(encoding="utf-8"))["lists"]
    copies = [set(copy.places) for one in atlas.lists.values() for copy in one.copies]
    for held in lists.values():
        for places in held.values():
            assert set(places) in copies
