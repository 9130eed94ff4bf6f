# ruff: noqa: E501 - a table of mistakes reads best with one mistake to a line
"""The linter tells every mistake, each with the file and the line it stands on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas._checks.records import words
from reliant.atlas.lint import lint
from reliant.atlas.records import kinds
from reliant.errors import RecordError
from support.atlas_builder import AtlasBuilder

SOURCE = """\
sources:
  page:
    title: The page
    kind: primary
confidence: confirmed
reviewed: {on: 2026-11-20, by: tests}
"""

PROVIDER = f"""\
id: acme
name: Acme
roles: [lab]
hq_country: US
{SOURCE}"""

EVENT = f"""\
id: cut
name: It was cut
date: 2024-07-09
by: acme
lost_access: everybody
cause: policy
{SOURCE}"""

LIST = f"""\
id: acme
name: Where Acme offers its API
issuer: acme
copies:
  - id: one
    not_before: 2024-01
    not_after: 2024-02
    places: [US, FR, NO]
    count: 3
{SOURCE}"""


def mistakes(root: Path, name: str, text: str) -> list[RecordError]:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [error for error in lint(root) if error.path == path]


def only(errors: list[RecordError]) -> tuple[int, str]:
    assert len(errors) == 1, [str(error) for error in errors]
    return errors[0].line, errors[0].problem


def test_records_without_mistakes_pass(tmp_path: Path) -> None:
    for name, text in (("providers/acme", PROVIDER), ("events/cut", EVENT), ("lists/acme", LIST)):
        assert mistakes(tmp_path, f"{name}.yaml", text) == []


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("providers/acme", PROVIDER.replace("sources:\n  page:\n    title: The page\n    kind: primary", "sources: {}"), 5, "has no source"),
        ("providers/acme", PROVIDER.replace("id: acme", "id: zed"), 1, "id: is 'zed', and the path says 'acme'"),
        ("providers/acme", PROVIDER.replace("US", "MI"), 4, "hq_country: 'MI' is the code of no country"),
        ("providers/acme", PROVIDER.replace("[lab]", "[lap]"), 3, "roles.0: 'lap' is not in the vocabulary"),
        ("providers/acme", PROVIDER + "parent: nobody\n", 11, "parent: 'nobody' is no id under providers/"),
        ("providers/acme", PROVIDER + "odd: 1\n", 11, "odd: is no field of this record"),
        ("providers/acme", PROVIDER + "name: Again\n", 11, "has the key 'name' twice, first on line 2"),
        ("providers/acme", PROVIDER + "model_id_regex: '(a'\n", 11, "is no regular expression"),
        ("providers/acme", PROVIDER + "from_memory: [env_vars]\n", 11, "the record has no 'env_vars'"),
        ("providers/acme", PROVIDER + "replaced_by: gone\n", 11, "replaced_by: 'gone' is no id"),
        ("providers/acme", PROVIDER + "default_base_url: localhost\n", 11, "is no web address"),
        ("providers/acme", PROVIDER.replace("kind: primary", "kind: general"), 9, "no source was read"),
        ("events/cut", EVENT + "end: 2024-07-01\n", 13, "end: 2024-07-01 lies before date 2024-07-09"),
        ("events/cut", EVENT.replace("2024-07-09", "2024-13-09"), 3, "is not a date"),
        ("events/cut", EVENT.replace("date: 2024-07-09\n", ""), 1, "the field 'date' is missing"),
        ("events/cut", EVENT + "models: [gpt-9]\n", 13, "models: 'gpt-9' is no id under models/"),
        ("lists/acme", LIST.replace("count: 3", "count: 160"), 9, "says 160, and there are 3 places"),
        ("lists/acme", LIST.replace("NO]", "US]"), 8, "names US twice"),
        ("lists/acme", LIST.replace("NO]", "NO1]"), 8, "'NO1' is the code of no country"),
        ("lists/acme", LIST + "assert: {copies: 2}\n", 16, "assert.copies: says 2, and there are 1"),
        ("lists/acme", LIST + "assert: {codes: 160}\n", 16, "there is nothing of that name to count"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, line: int, says: str
) -> None:
    found = only(mistakes(tmp_path, f"{name}.yaml", text))

    assert found[0] == line
    assert says in found[1]


def test_a_quote_of_more_than_25_words_is_refused(tmp_path: Path) -> None:
    long = PROVIDER.replace("    kind: primary\n", f"    kind: primary\n    quote: {'word ' * 26}\n")

    assert only(mistakes(tmp_path, "providers/acme.yaml", long)) == (
        9,
        "sources.page.quote: has 26 words, more than 25",
    )
    assert mistakes(tmp_path, "providers/acme.yaml", long.replace("word " * 26, "word " * 25)) == []


def test_words_are_counted_in_chinese_as_well() -> None:
    assert words("国家网信办:2025年新增446款生成式人工智能服务完成备案") <= 25
    assert words("生成式人工智能服务" * 10) > 25


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = PROVIDER.replace("US", "XX").replace("[lab]", "[lap, hub, app2]").replace("confirmed", "sure")

    found = mistakes(tmp_path, "providers/acme.yaml", text)

    assert [error.line for error in found] == [3, 3, 9]


@pytest.mark.parametrize(
    ("builder", "says"),
    [
        (AtlasBuilder().provider("acme", aliases=["Best"]).provider("zed", aliases=["best"]), "'best' belongs to acme"),
        (AtlasBuilder().provider("acme").provider("zed", former_ids=["acme"]), "'acme' belongs to acme as well"),
        (
            AtlasBuilder().provider("acme", api_hosts=["api.x.example"]).provider("zed", app_hosts=["api.x.example"]),
            "'api.x.example' belongs to acme as well",
        ),
        (
            AtlasBuilder().provider("a").model("a.one", hf_ids=["a/One"]).model("a.two", aliases=["A/one"]),
            "'A/one' belongs to a.one as well",
        ),
        (
            AtlasBuilder().provider("a").model("a.one").model("a.two", id_patterns=["^(one|two)$"]),
            "matches 'one', which is a.one",
        ),
    ],
    ids=["alias", "former id", "host", "hub id", "pattern"],
)  # fmt: skip
def test_a_name_leads_to_one_record(tmp_path: Path, builder: AtlasBuilder, says: str) -> None:
    assert says in only(lint(builder.write(tmp_path)))[1]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"weights_origin": "derived"}, "is derived, and no edge carries weights"),
        (
            {
                "weights_origin": "own",
                "descent": [{"kind": "weights", "status": "confirmed", "ancestor": "b.one"}],
            },
            "is own, and weights come from b.one",
        ),
        ({"part_of": "b.one"}, "part_of: b.one is no family"),
        ({"licence": "Apache-2.0 AND MIT"}, "licence: 'MIT' is the SPDX id of no licence record"),
        ({"licence": "LicenseRef-none-such"}, "licence: 'none-such' is no id under licences/"),
        (
            {"descent": [{"kind": "merge", "status": "reported", "ancestor": "a.two"}]},
            "leads back to the model itself",
        ),
    ],
)
def test_a_model_does_not_contradict_itself(tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    builder = (
        AtlasBuilder()
        .provider("a")
        .provider("b")
        .record("licences", "apache", name="Apache", spdx="Apache-2.0")
        .model("b.one")
        .model("a.two", **fields)
    )

    assert says in only(lint(builder.write(tmp_path)))[1]


def test_a_source_that_no_record_has_is_refused(tmp_path: Path) -> None:
    edge: dict[str, Any] = {
        "kind": "weights",
        "status": "confirmed",
        "ancestor": "a.one",
        "sources": ["nowhere"],
    }
    root = AtlasBuilder().provider("a").model("a.one").model("a.two", descent=[edge]).write(tmp_path)

    assert only(lint(root))[1] == "sources: the record has no source 'nowhere'"


def test_a_shared_source_that_is_none_is_named(tmp_path: Path) -> None:
    root = AtlasBuilder().provider("acme", sources={"page": "none-such"}).write(tmp_path)

    (error,) = lint(root)
    assert error.problem == "sources.page: there is no shared source 'none-such'"
    assert "sources/none-such.yaml" in error.hint


def test_two_files_with_one_id_are_refused(tmp_path: Path) -> None:
    root = AtlasBuilder().provider("a").model("a.one").write(tmp_path)
    text = (root / "models" / "a" / "one.yaml").read_text(encoding="utf-8")
    (root / "models" / "a.one.yaml").write_text(text, encoding="utf-8")

    assert "id: 'a.one' is that of" in only(lint(root))[1]


def test_a_file_that_nobody_reads_is_told(tmp_path: Path) -> None:
    root = AtlasBuilder().provider("acme").write(tmp_path)
    (root / "providers" / "zed.yml").write_text("id: zed", encoding="utf-8")
    (root / "provider").mkdir()

    assert [error.problem for error in lint(root)] == ["is no kind of record", "is not read"]


FIELDS = sorted({name for kind in kinds().values() for name in kind.record.__struct_encode_fields__})
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "a", "CN", "2024-07", "2024-99", "(", "x.one"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=20,
)


@given(
    folder=st.sampled_from(sorted(kinds())),
    data=ANYTHING,
    more=st.dictionaries(st.sampled_from(FIELDS), ANYTHING),
)
def test_no_record_is_too_odd_for_the_linter(
    tmp_path_factory: pytest.TempPathFactory, folder: str, data: object, more: dict[str, object]
) -> None:
    root = tmp_path_factory.mktemp("odd")
    builder = AtlasBuilder().provider("x").model("x.one").record(folder, "odd", **more).write(root)
    (root / folder / "plain.yaml").write_text(json.dumps(data), encoding="utf-8")

    for error in lint(builder):
        assert error.path.exists()
        assert error.problem


def test_a_layer_above_adds_its_own_checks(tmp_path: Path) -> None:
    root = AtlasBuilder().provider("acme").write(tmp_path)

    found = lint(root, [lambda folder: [next(iter(folder)).error(("name",), "I do not like it")]])

    assert [error.problem for error in found] == ["I do not like it"]


def test_the_atlas_of_the_checkout_has_no_mistakes(root: Path) -> None:
    assert [str(error) for error in lint(root / "atlas")] == []
