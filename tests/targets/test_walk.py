"""What a walk yields, and what it lists as not looked at."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from reliant.errors import TargetError
from reliant.targets import Limits, open_target

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def paths(root: Path, **limits: int) -> list[str]:
    with open_target(str(root), Limits(**limits)) as target:
        return [file.path for file in target.files()]


def reasons(root: Path, **limits: int) -> dict[str, str]:
    with open_target(str(root), Limits(**limits)) as target:
        list(target.files())
        return {skipped.path: skipped.reason for skipped in target.not_looked_at}


def test_files_come_in_the_same_order_with_forward_slashes(tmp_path: Path) -> None:
    tree(tmp_path, "b.py", "a/z.py", "a/b/c.py", "a.py")

    assert paths(tmp_path) == ["a/b/c.py", "a/z.py", "a.py", "b.py"]


def test_what_git_ignores_is_walked_for_it_is_evidence(tmp_path: Path) -> None:
    tree(tmp_path, ".gitignore", ".env", "models/x.gguf")
    (tmp_path / ".gitignore").write_text(".env\nmodels/\n")

    assert paths(tmp_path) == [".env", ".gitignore", "models/x.gguf"]


def test_history_caches_and_installed_packages_are_listed_once_each(tmp_path: Path) -> None:
    tree(
        tmp_path, ".git/config", "node_modules/a/index.js", "node_modules/b/index.js", "app/__pycache__/a.pyc"
    )
    tree(tmp_path, "myenv/pyvenv.cfg", "myenv/lib/a.py", "target/CACHEDIR.TAG", "target/x.rs", "app/a.py")

    assert paths(tmp_path) == ["app/a.py"]
    assert reasons(tmp_path) == {
        ".git": "version history",
        "app/__pycache__": "cache of a tool",
        "myenv": "installed packages",
        "node_modules": "installed packages",
        "target": "cache of a tool",
    }


def test_of_installed_packages_only_the_metadata_is_read(tmp_path: Path) -> None:
    site = "usr/lib/python3/site-packages"
    tree(tmp_path, f"{site}/openai-2.0.dist-info/METADATA", f"{site}/openai/client.py", "app/main.py")

    assert paths(tmp_path) == ["app/main.py", f"{site}/openai-2.0.dist-info/METADATA"]
    assert "only their names" in reasons(tmp_path)[site]


def test_a_link_is_never_followed_even_in_a_circle(tmp_path: Path) -> None:
    tree(tmp_path, "a/b/x.py")
    (tmp_path / "a/b/up").symlink_to(tmp_path)
    (tmp_path / "passwords").symlink_to("/etc/passwd")
    (tmp_path / "gone").symlink_to("nowhere")

    assert paths(tmp_path) == ["a/b/x.py"]
    assert set(reasons(tmp_path)) == {"a/b/up", "gone", "passwords"}


def test_a_pipe_or_a_socket_is_listed_and_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("talk.sock")

        assert paths(tmp_path) == []
        assert set(reasons(tmp_path)) == {"pipe.py", "talk.sock"}


def test_a_file_that_became_a_pipe_after_the_walk_does_not_hang_its_reader(tmp_path: Path) -> None:
    tree(tmp_path, "a.py")
    with open_target(str(tmp_path)) as target:
        (file,) = target.files()
        (tmp_path / "a.py").unlink()
        os.mkfifo(tmp_path / "a.py")

        with pytest.raises(OSError, match="no regular file"):
            file.read(100)


def test_a_tree_of_ten_thousand_folders_ends_at_the_depth_limit(tmp_path: Path) -> None:
    try:
        here = os.open(tmp_path, os.O_RDONLY)
        for _ in range(10_000):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        tree(tmp_path, "e.py")

        assert paths(tmp_path) == ["e.py"]
        assert list(reasons(tmp_path).values()) == ["deeper than 100 folders"]
    finally:
        _remove_deep(tmp_path)


def _remove_deep(root: Path) -> None:
    # shutil.rmtree recurses once per folder.
    subprocess.run(["rm", "-rf", str(root / "d")], check=True)


def test_a_sparse_gigabyte_costs_what_is_asked_of_it(tmp_path: Path) -> None:
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(1 << 30)
    with open_target(str(tmp_path)) as target:
        (file_found,) = target.files()

        assert file_found.size == 1 << 30
        assert file_found.read(16) == bytes(16)


def test_a_name_that_is_no_utf8_can_be_printed_read_and_put_into_json(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text("x = 1")
    with open_target(str(tmp_path)) as target:
        (file,) = target.files()

    assert file.path == r"caf\xe9.py"
    assert pickle.loads(pickle.dumps(file)).read(10) == b"x = 1"
    assert msgspec.json.encode(file.path)


def test_the_walk_stops_at_its_file_limit_and_says_where(tmp_path: Path) -> None:
    tree(tmp_path, *(f"{n}.py" for n in range(9)))

    assert len(paths(tmp_path, files=5)) == 5
    assert reasons(tmp_path, files=5) == {"5.py": "the walk stopped here: more than 5 files"}


def test_a_long_list_of_skipped_paths_is_cut_and_counted(tmp_path: Path) -> None:
    tree(tmp_path, *(f"p{n}/__pycache__/x.pyc" for n in range(30)))

    found = reasons(tmp_path, listed=10)

    assert len(found) == 11
    assert found["(20 more)"] == "cache of a tool"


def test_the_stamp_counts_what_was_walked(tmp_path: Path) -> None:
    tree(tmp_path, "a", "bb")
    with open_target(str(tmp_path)) as target:
        list(target.files())
        list(target.files())

        assert (target.stamp.kind, target.stamp.files, target.stamp.bytes) == ("directory", 2, 3)


def test_a_name_that_is_nothing_is_refused_with_the_forms_that_are_known() -> None:
    with pytest.raises(TargetError, match="no file or folder 'no/such/thing'") as error:
        open_target("no/such/thing")

    assert "pypi:NAME" in error.value.hint


def test_a_device_is_refused() -> None:
    with pytest.raises(TargetError, match="device"):
        open_target("/dev/null")


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("bom.json", b'{"bomFormat": "CycloneDX"}', "sbom"),
        ("sbom.spdx", b"SPDXVersion: SPDX-2.3\n", "sbom"),
        ("traffic.jsonl", b"{}\n", "log"),
        ("weights.gguf", b"GGUF", "model"),
        ("pytorch_model.bin", b"PK\x03\x04....", "model"),
        ("notes.txt", b"hello", "file"),
    ],
)
def test_a_single_file_is_a_target_of_its_own_kind(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with open_target(str(tmp_path / name)) as target:
        (file,) = target.files()

        assert (target.stamp.kind, file.path, file.read(99)) == (kind, name, content)
        assert target.stamp.digest is not None
