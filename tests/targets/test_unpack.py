"""Archives are opened within limits, and nothing in one decides where it lands."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import TargetError
from reliant.targets import Limits, open_target
from reliant.targets.file import Skipped
from reliant.targets.unpack import Writer

if TYPE_CHECKING:
    from pathlib import Path


def tarball(path: Path, *members: tuple[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def contents(path: Path, **limits: int) -> dict[str, bytes]:
    with open_target(str(path), Limits(**limits)) as target:
        return {file.path: file.read(1 << 20) for file in target.files()}


def skipped(path: Path, **limits: int) -> dict[str, str]:
    with open_target(str(path), Limits(**limits)) as target:
        list(target.files())
        return {one.path: one.reason for one in target.not_looked_at}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_source_archive_reads_the_same_however_it_is_packed(tmp_path: Path, mode: str) -> None:
    path = tarball(tmp_path / "shop-1.0.tar", ("shop-1.0/a.py", b"A"), ("shop-1.0/b/c.py", b"C"), mode=mode)

    assert contents(path) == {"a.py": b"A", "b/c.py": b"C"}


def test_a_wheel_keeps_its_folders(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "shop-1.0-py3-none-any.whl", ("shop/a.py", b"A"), ("shop-1.0.dist-info/METADATA", b"M")
    )

    assert set(contents(path)) == {"shop/a.py", "shop-1.0.dist-info/METADATA"}


def test_the_stamp_of_an_archive_is_its_sha256(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.py", b"A"))
    with open_target(str(path)) as target:
        assert target.stamp.kind == "archive"
        assert str(target.stamp.digest).startswith("sha256:")


def test_what_was_unpacked_is_removed_at_the_end(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.py", b"A"))
    with open_target(str(path)) as target:
        root = target.root
        assert root.is_dir()

    assert not root.exists()


@pytest.mark.parametrize(
    "name", ["../out.py", "/etc/out.py", "a/../../out.py", "\\\\host\\out.py", "C:/out.py"]
)
@pytest.mark.parametrize("make", [tarball, zipped])
def test_a_member_whose_name_leaves_the_archive_is_listed_and_not_written(
    tmp_path: Path, name: str, make: object
) -> None:
    path = make(tmp_path / "evil", ("top/ok.py", b"ok"), (name, b"out"))  # type: ignore[operator]

    assert contents(path) == {"ok.py": b"ok"}
    assert set(skipped(path).values()) == {"its name leaves the archive"}
    assert not list(tmp_path.rglob("out.py"))


@given(st.text(max_size=40))
def test_no_name_is_ever_placed_outside_the_folder(name: str) -> None:
    from pathlib import Path

    root = Path("/private/folder")
    place = Writer(root, 1, Limits(), Skipped(1), "x").place(name)

    assert place is None or (place.is_relative_to(root) and ".." not in place.parts and place != root)


def test_links_and_devices_in_an_archive_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind in (("out", tarfile.SYMTYPE), ("same", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(f"top/{name}")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        # A file below the name of a link must not be written through it.
        info = tarfile.TarInfo("top/out/passwd")
        tar.addfile(info)

    assert contents(path) == {"out/passwd": b""}
    assert len(skipped(path)) == 3


def test_a_link_in_a_zip_is_listed(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("out")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
        archive.writestr("b", "B")

    assert contents(tmp_path / "a.zip") == {"b": b"B"}


def test_a_bomb_is_refused_by_ratio_by_total_and_by_count(tmp_path: Path) -> None:
    path = tarball(tmp_path / "bomb.tgz", *((f"z{n}", bytes(1 << 20)) for n in range(8)))

    with pytest.raises(TargetError, match="may be a bomb"):
        contents(path, ratio_from=1 << 20, ratio=100)
    with pytest.raises(TargetError, match="more than 2,097,152 bytes"):
        contents(path, unpacked_bytes=2 << 20)
    with pytest.raises(TargetError, match="more than 5 members"):
        contents(path, files=5)
    with pytest.raises(TargetError, match="members"):
        contents(zipped(tmp_path / "many.zip", *((str(n), b"") for n in range(20))), files=5)


def test_of_a_large_member_the_first_part_is_kept_and_the_cut_is_listed(tmp_path: Path) -> None:
    for path in (
        tarball(tmp_path / "a.tgz", ("w.bin", b"head" + bytes(3 << 20)), ("b.py", b"B")),
        zipped(tmp_path / "a.zip", ("w.bin", b"head" + bytes(3 << 20)), ("b.py", b"B")),
    ):
        found = contents(path, member_bytes=1 << 20)

        assert found["w.bin"][:4] == b"head"
        assert len(found["w.bin"]) == 1 << 20
        assert found["b.py"] == b"B"
        assert skipped(path, member_bytes=1 << 20) == {"w.bin": "only its first 1 MiB were read"}


def test_a_broken_archive_is_an_error_that_names_it(tmp_path: Path) -> None:
    whole = tarball(tmp_path / "a.tar.gz", ("a.py", b"x" * 100_000)).read_bytes()
    for name, content in (
        ("cut.tar.gz", whole[:60]),
        ("zip.zip", b"PK\x03\x04 nothing"),
        ("no.gz", b"\x1f\x8b????"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TargetError, match=name):
            contents(tmp_path / name)


def test_a_header_that_only_serves_to_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fat.tar"
    info = tarfile.TarInfo("a")
    info.pax_headers = {"comment": "x" * (9 << 20)}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)

    with pytest.raises(TargetError, match="header is longer"):
        contents(path)


def test_of_two_members_with_one_name_the_last_counts(tmp_path: Path) -> None:
    assert contents(tarball(tmp_path / "a.tgz", ("t/a", b"1"), ("t/a", b"2"))) == {"a": b"2"}


def test_a_member_that_is_both_file_and_folder_is_listed(tmp_path: Path) -> None:
    path = tarball(tmp_path / "a.tgz", ("t/a", b"1"), ("t/a/b", b"2"), ("t/c", b"3"))

    assert contents(path) == {"a": b"1", "c": b"3"}
    assert list(skipped(path)) == ["t/a/b"]
