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


@pytest.fixture(scope="module")
def found(atlas, root):
    """The uses that the inventory finds in the shop."""
    from reliant.inventory import Vendors, scan
    from reliant.targets import open_target

    with open_target(str(root / "examples" / "shop")) as target:
        return scan(target, Vendors.from_atlas(atlas), workers=1).uses


def relied_on(found):
    return [use for use in found if use.role != "listed" and use.scope in {"code", "config", "manifest"}]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"),
        ("openai", "text-embedding-3-small"),
        ("openai", "dall-e-3"),
        ("azure-openai", "gpt-4"),
        ("alibaba", "qwen-plus"),
        ("anthropic", "claude-3-5-sonnet-20240620"),
        ("mistral", "mistral-large-latest"),
        ("ollama", "qwen2:7b"),
        ("huggingface", "01-ai/Yi-34B"),
        ("groq", "groq/llama3-70b-8192"),
        ("deepseek", "deepseek/deepseek-chat"),
        ("litellm", None),
        ("faster-whisper", None),
    ],
)
def test_each_function_of_the_shop_is_found_with_who_serves_it(found, provider, model):
    pairs = {(use.provider, use.model) for use in relied_on(found)}

    assert (provider, model) in pairs


def test_an_sdk_towards_another_vendor_is_not_its_maker(found):
    calls = {
        (use.provider, use.model)
        for use in relied_on(found)
        if use.kind != "sdk" and any(one.path == "backend/shop/translate.py" for one in use.evidence)
    }

    assert calls == {("alibaba", "qwen-plus")}


def test_no_cup_of_tea_is_a_dependency(found, rows):
    decoys = {(path, int(line)) for id_, path, line, _, _ in rows if id_.startswith("D")}
    used = {(one.path, one.line) for use in found if use.role != "listed" for one in use.evidence}

    assert not decoys & used


def test_the_comparison_the_tooling_and_the_table_of_prices_are_not_the_product(found):
    aside = [
        use for use in found if use.model and use.model.startswith(("gemini", "claude-3-haiku", "gpt-3.5"))
    ]

    assert aside
    assert not [use for use in aside if use in relied_on(found)]
