"""Copies of one text are one source, and what they say differently is shown with both wordings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas import Atlas
from reliant.atlas.evidence import (
    Contradiction,
    Desk,
    Text,
    check_quotes,
    citations,
    contradictions,
    group,
    likeness,
)
from reliant.atlas.evidence.desk import MAX_BYTES, read_text
from reliant.errors import UsageError
from support.atlas_builder import AtlasBuilder

ORIGINAL = Text(
    "original",
    """The ministry said on Monday that Acme may sell its models abroad from 1 July 2024.
In March 2024, Acme, a company founded by Ada Example, was criticised after engineers found old weights.
Companies there can also gain access to the models through partners.
Open models would be beyond the purview of the rules, people with knowledge of the plan said.
The lab told the minister that the country "severely lacks autonomy" in this area.
Forty services have been approved so far, and none of them is foreign.
""",
)


def wording(found: tuple[Contradiction, ...], word: str) -> Contradiction:
    return next(one for one in found if word in one.original or word in one.copy)


@pytest.fixture(scope="module")
def press(shared: Path) -> dict[str, Text]:
    return {
        path.name[:3]: read_text(path, path.name[:3])
        for path in sorted((shared / "cases" / "press").iterdir())
    }


def test_five_press_texts_are_two_sources(press: dict[str, Text]) -> None:
    groups = group(list(press.values()))

    assert [(found.origin, found.members) for found in groups] == [
        ("000", ("000", "001", "002", "004")),
        ("003", ("003",)),
    ]


def test_a_summary_is_told_apart_from_another_report_on_the_same_subject(press: dict[str, Text]) -> None:
    summary = likeness(press["004"], press["000"])
    report = likeness(press["003"], press["000"])

    assert (summary.verdict, report.verdict) == ("summary", "different")
    assert summary.carried > 4 * report.carried


def test_the_founding_date_that_moved_is_shown(press: dict[str, Text]) -> None:
    """The copy says 01.AI was founded in November 2023 and announced it; the original says neither."""
    found = wording(contradictions(press["000"], press["001"]), "announced that its AI model Yi-34B")

    assert {"date", "speech"} <= set(found.kinds)
    assert found.original.startswith("In November 2023, 01.AI")
    assert "founded by former Google executive Li Kaifu in November 2023, announced" in found.copy
    assert "found" in found.original


def test_who_gains_access_is_shown(press: dict[str, Text]) -> None:
    found = wording(contradictions(press["000"], press["001"]), "Microsoft companies will also")

    assert (
        found.original
        == "By partnering with Microsoft, companies there can also gain access to OpenAI's AI models."
    )
    assert "modality" in found.kinds
    assert ("there can", "will") in found.parts


def test_beyond_the_purview_is_shown(press: dict[str, Text]) -> None:
    found = wording(contradictions(press["000"], press["001"]), "go beyond export controls")

    assert found.original == "Open source models would be beyond the purview of export controls."
    assert found.parts == (("would be", "go"), ("the purview of", ""))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("serious lack of autonomy", "quotation"),
        ("Institute of Artificial Intelligence", "name"),
        ("circumstances", "quotation"),
        ("officials told Reuters", "name"),
        ("Metaplatforms", "name"),
        ("lend a helping hand", "added"),
    ],
)
def test_the_other_garbled_places_are_shown(press: dict[str, Text], words: str, kind: str) -> None:
    found = [one for one in contradictions(press["000"], press["001"]) if words in one.copy]

    assert found
    assert kind in {kind for one in found for kind in one.kinds}


def test_what_a_copy_drops_is_shown(press: dict[str, Text]) -> None:
    dropped = [
        one.original for one in contradictions(press["000"], press["002"]) if one.kinds == ("dropped",)
    ]

    assert any("Messi" in sentence for sentence in dropped)
    assert any("Hong Kong government official" in sentence for sentence in dropped)


def test_a_text_and_its_exact_copy_are_one_without_differences() -> None:
    copy = Text("copy", ORIGINAL.body.replace('"', "”").replace(" the ", "  the "))

    (found,) = group([ORIGINAL, copy])

    assert len(found.members) == 2
    assert contradictions(ORIGINAL, copy) == ()


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("1 July 2024", "1 August 2024", "date"),
        ("Forty services", "45 services", "number"),
        ("Ada Example", "Bea Example", "name"),
        ("severely lacks autonomy", "seriously wants autonomy", "quotation"),
        ("engineers found", "engineers announced", "speech"),
        ("can also gain", "will also gain", "modality"),
        ("none of them is foreign", "some of them are foreign", "negation"),
    ],
)
def test_each_kind_of_difference_is_named(old: str, new: str, kind: str) -> None:
    assert old in ORIGINAL.body

    (found,) = contradictions(ORIGINAL, Text("copy", ORIGINAL.body.replace(old, new)))

    assert kind in found.kinds


def test_a_quote_stands_in_its_document_or_the_nearest_sentence_is_shown() -> None:
    page = {"title": "P", "kind": "press", "quote": "may sell its models ... from 1 July 2024"}
    wrong = {"title": "W", "kind": "press", "quote": "Acme must not sell its models abroad from 1 July 2024"}
    record = AtlasBuilder().provider("acme", sources={"page": page, "wrong": wrong}).build().provider("acme")

    right, missing = check_quotes(record, [ORIGINAL])

    assert (right.source, right.document) == ("page", "original")
    assert (missing.source, missing.document) == ("wrong", None)
    assert missing.nearest.startswith("The ministry said on Monday")


def test_quotes_of_the_atlas_stand_in_the_agency_text(atlas: Atlas, press: dict[str, Text]) -> None:
    found = {one.record for one in citations(atlas, press["000"])}

    assert "hk.government.no-chatgpt" in found
    assert {one.record for one in citations(atlas, press["004"])} == set()


def test_a_kept_document_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_text("\n\nThe title\n\nThe ministry said that it is so today.\n", encoding="utf-8")
    desk = Desk(tmp_path / "desk")

    kept, _ = desk.add(path, "page", publisher="P", published="2024-05", url="https://example.org")
    ((found, text),) = desk.documents()

    assert found == kept
    assert (kept.title, kept.published, len(kept.sha256)) == ("The title", "2024-05", 64)
    assert text.sentences == ("The ministry said that it is so today.",)


@pytest.mark.parametrize("name", ["../evil", "", "A", "a/b", ".hidden", "x" * 99])
def test_a_name_that_could_leave_the_desk_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "page.txt"
    path.write_text("text", encoding="utf-8")

    with pytest.raises(UsageError, match="is no name for a document"):
        Desk(tmp_path / "desk").add(path, name)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a\0b", b"%PDF-1.7\n\xe2\xe3\xcf\xd3"])
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "page"
    path.write_bytes(data)

    with pytest.raises(UsageError, match="text"):
        read_text(path)


def test_a_document_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "page"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)

    with pytest.raises(UsageError, match="bytes, more than"):
        read_text(path)


@given(st.lists(st.text(max_size=80), max_size=4), st.lists(st.text(max_size=80), max_size=4))
def test_any_two_texts_can_be_compared(one: list[str], other: list[str]) -> None:
    left, right = Text("left", "\n".join(one)), Text("right", "\n".join(other))

    found = likeness(left, right)

    assert 0 <= found.pairs <= 1
    assert 0 <= found.held <= 1
    assert 0 <= found.carried <= 1
    contradictions(left, right)


def test_order_of_the_documents_changes_nothing(press: dict[str, Text]) -> None:
    texts = list(press.values())

    assert [found.members for found in group(texts)] == [found.members for found in group(texts[::-1])]
