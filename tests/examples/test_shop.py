"""The example shop is what its list of findings says, and its code is sound."""

import ast
import json
import re
import tomllib

import pytest
import yaml

ROW = re.compile(r"^\| ([FD]\d+) \| (\S+):(\d+) \| `` (.+?) `` \| (.+) \|$", re.M)


@pytest.fixture
def shop(root):
    return root / "examples" / "shop"


@pytest.fixture
def rows(root):
    return ROW.findall((root / "examples" / "EXPECTED-shop.md").read_text(encoding="utf-8"))


def test_every_row_of_the_list_names_a_line_that_says_so(shop, rows):
    for id_, path, line, words, _ in rows:
        text = (shop / path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert words in text, f"{id_}: {path}:{line} says {text!r}"


def test_the_list_holds_findings_and_decoys_under_ids_of_their_own(rows):
    ids = [row[0] for row in rows]

    assert len(ids) == len(set(ids))
    assert sum(id_.startswith("F") for id_ in ids) >= 50
    assert sum(id_.startswith("D") for id_ in ids) >= 8


def test_every_provider_of_the_list_is_in_the_atlas(atlas, rows):
    named = {row[4].split(" | ")[1].strip() for row in rows if row[0].startswith("F")} - {""}

    assert len(named) >= 12
    for id_ in named:
        assert atlas.provider(id_).id == id_


def test_every_file_of_the_shop_can_be_read_by_its_own_language(shop):
    for path in shop.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), str(path))
    for path in [*shop.rglob("*.json"), *shop.rglob("*.ipynb")]:
        json.loads(path.read_text(encoding="utf-8"))
    for path in [*shop.rglob("*.yml"), *shop.rglob("*.yaml")]:
        yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in shop.rglob("*.toml"):
        tomllib.loads(path.read_text(encoding="utf-8"))


def test_every_function_weighs_something_and_says_what_it_needs(shop):
    functions = tomllib.loads((shop / "reliant.toml").read_text(encoding="utf-8"))["functions"]

    assert len(functions) == 9
    for told in functions.values():
        assert told["weight"] > 0
        assert told["needs"]
        assert told["recover_days"] >= 0
