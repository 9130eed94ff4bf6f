"""The snapshot holds all that was read, decodes it when asked, and tells one content from another."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from reliant.atlas import Atlas, load
from reliant.atlas._read import read_folder
from reliant.atlas.compile import compile_folder, compile_if_changed, compile_records
from reliant.errors import AtlasError
from support.atlas_builder import AtlasBuilder


def test_a_record_comes_back_as_it_went_in() -> None:
    builder = AtlasBuilder().provider("acme", api_hosts=["api.acme.example"], aliases=["Acme Inc."])

    atlas = builder.build()

    assert atlas.providers["acme"] == builder.records()["providers"][0]
    assert len(atlas.providers) == 1
    assert "acme" in atlas.providers
    assert "other" not in atlas.providers


def test_the_version_is_the_digest_of_the_content() -> None:
    one = AtlasBuilder().provider("acme").build()
    same = AtlasBuilder().provider("acme").build()
    other = AtlasBuilder().provider("acme", hq_country="FR").build()

    assert one.version == same.version != other.version


def test_the_newest_source_is_the_last_day_that_surely_was_reached() -> None:
    sources = {
        "a": {"title": "A", "kind": "press", "published": "2026"},
        "b": {"title": "B", "kind": "press", "published": "2026-10-24"},
        "c": {"title": "C", "kind": "press"},
    }

    assert AtlasBuilder().provider("acme", sources=sources).build().newest_source == "2026-10-24"


def test_a_file_beside_the_folders_is_carried_as_it_is() -> None:
    atlas = AtlasBuilder().document("words", {"a": [1, "NO"]}).build()

    assert atlas.document("words") == {"a": [1, "NO"]}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01\x02\x03", msgspec.msgpack.encode({"a": 1})])
def test_what_is_no_snapshot_is_refused_with_the_next_step(data: bytes) -> None:
    with pytest.raises(AtlasError, match="is no snapshot") as caught:
        Atlas.from_bytes(data)

    assert "reliant.atlas.compile" in caught.value.hint


def test_a_snapshot_of_another_format_is_refused() -> None:
    parts = msgspec.msgpack.decode(compile_records({}, {}))
    parts[0] = 99

    with pytest.raises(AtlasError, match="has format 99"):
        Atlas.from_bytes(msgspec.msgpack.encode(parts))


def test_a_missing_snapshot_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="there is no snapshot") as caught:
        load(tmp_path / "none.bin")

    assert "python -m reliant.atlas.compile" in caught.value.hint


def test_it_is_compiled_again_only_when_a_record_changed(tmp_path: Path) -> None:
    root, target = tmp_path / "atlas", tmp_path / "snapshot.bin"
    AtlasBuilder().provider("acme").write(root)

    assert compile_if_changed(root, target)
    assert not compile_if_changed(root, target)
    AtlasBuilder().provider("zed").write(root)
    assert compile_if_changed(root, target)
    assert set(load(target).providers) == {"acme", "zed"}


def test_a_mistake_in_a_record_stops_the_build_with_its_line(tmp_path: Path) -> None:
    root = AtlasBuilder().provider("acme").write(tmp_path)
    path = root / "providers" / "acme.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "odd: 1\n", encoding="utf-8")

    with pytest.raises(AtlasError, match=r"acme\.yaml:\d+: odd: is no field of this record"):
        compile_folder(read_folder(root))


def test_a_shared_source_stands_in_the_record_and_counts_as_one_origin(tmp_path: Path) -> None:
    root = (
        AtlasBuilder()
        .record("sources", "wire-1", title="The wire story", kind="press", published="2024-05-08", sources={})
        .provider("acme", sources={"wire": "wire-1"})
        .write(tmp_path)
    )

    atlas = Atlas.from_bytes(compile_folder(read_folder(root)))

    source = atlas.providers["acme"].sources["wire"]
    assert (source.title, source.origin, source.published) == ("The wire story", "wire-1", "2024-05-08")


def test_country_names_come_in_three_languages(atlas: Atlas) -> None:
    assert [atlas.country_name("CN", language) for language in ("en", "zh", "ja")] == [
        "China",
        "中国",
        "中国",
    ]
    assert atlas.country_name("NO") == "Norway"
    assert atlas.country_name("ZZ") == "ZZ"
    assert atlas.is_country("MP")
    assert not atlas.is_country("MI")
    assert not atlas.is_country("EU")
    assert len(atlas.countries) == 250
