"""What an earlier version printed is still read, and still valid: fields are added, none is changed."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from reliant import report
from reliant.core.results import Assessment

OLD = sorted((Path(__file__).parent / "data").glob("*.json"))
KINDS = {"reliant.assessment/1": ("assess", Assessment)}


@pytest.mark.parametrize("path", OLD, ids=[path.name for path in OLD])
def test_an_old_document_is_valid_and_keeps_every_value(path):
    old = json.loads(path.read_text(encoding="utf-8"))
    command, kind = KINDS[old["schema"]]

    jsonschema.validate(old, json.loads(report.schema(command)))
    read = msgspec.to_builtins(msgspec.convert(old, kind))
    assert kept(old, read)


@pytest.mark.parametrize("path", OLD, ids=[path.name for path in OLD])
def test_an_old_document_can_be_shown_in_every_format(path):
    old = json.loads(path.read_text(encoding="utf-8"))
    result = msgspec.convert(old, KINDS[old["schema"]][1])

    for style in report.styles(old["schema"]):
        assert report.render(result, style)


def kept(old, new):
    """Say whether every value of `old` is in `new`, at the same place."""
    if isinstance(old, dict):
        return all(name in new and kept(value, new[name]) for name, value in old.items())
    if isinstance(old, list):
        return len(old) == len(new) and all(map(kept, old, new))
    return old == new


def test_there_is_an_old_document():
    assert OLD
