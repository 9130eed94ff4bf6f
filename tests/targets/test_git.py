"""A revision is read from its objects; nothing a repository configures is run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from reliant.errors import FetchError, TargetError
from reliant.targets import Limits, changed_since, open_target
from reliant.targets.fetch import NetworkFetcher, Settings

if TYPE_CHECKING:
    from pathlib import Path

_WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b",
}


def git(repository: Path, *arguments: str) -> str:
    environment = {**_WHO, "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: `old` and `new` content."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "app").mkdir()
    (folder / "app/main.py").write_text("old")
    (folder / "same.py").write_text("same")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "v1")
    (folder / "app/main.py").write_text("new")
    git(folder, "commit", "-qam", "two")
    return folder


def contents(name: str) -> dict[str, bytes]:
    with open_target(name) as target:
        return {file.path: file.read(1000) for file in target.files()}


def test_a_revision_is_read_without_changing_the_checkout(repository: Path) -> None:
    with open_target(f"{repository}@v1") as target:
        found = {file.path: file.read(99) for file in target.files()}

        assert found == {"app/main.py": b"old", "same.py": b"same"}
        assert (target.stamp.kind, target.stamp.digest) == ("git", git(repository, "rev-parse", "v1"))
    assert (repository / "app/main.py").read_text() == "new"


def test_filters_hooks_and_attributes_of_a_repository_change_nothing_and_run_nothing(
    repository: Path, tmp_path: Path
) -> None:
    trap = f"touch {tmp_path}/ran; cat"
    (repository / ".gitattributes").write_text("*.py filter=trap\nsame.py export-ignore\n")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "-qm", "three")
    for name in ("filter.trap.smudge", "filter.trap.clean", "core.fsmonitor", "core.pager", "diff.external"):
        git(repository, "config", name, trap)
    (tmp_path / "ran").unlink(missing_ok=True)

    assert contents(f"{repository}@main")["same.py"] == b"same"
    assert changed_since(repository, "v1", Limits(), {}) == {".gitattributes", "app/main.py"}
    assert not (tmp_path / "ran").exists()


def test_links_and_submodules_are_listed(repository: Path) -> None:
    (repository / "link").symlink_to("/etc/passwd")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendored")
    git(repository, "add", "link")
    git(repository, "commit", "-qm", "three")
    with open_target(f"{repository}@HEAD") as target:
        list(target.files())

        assert {one.path: one.reason for one in target.not_looked_at} == {
            "link": "symbolic link, not followed",
            "vendored": "submodule, not fetched",
        }


def test_what_changed_is_told_by_content_and_with_what_git_does_not_know(repository: Path) -> None:
    (repository / "app/main.py").write_text("old")
    (repository / ".env").write_text("KEY=1")
    (repository / "same.py").unlink()

    assert changed_since(repository, "v1", Limits(), {}) == {".env", "same.py"}
    assert changed_since(repository / "app", "main", Limits(), {}) == {"main.py"}


def test_a_revision_that_is_none_is_an_error(repository: Path) -> None:
    for revision in ("nothing", "--output=/tmp/x", "v1:app"):
        with pytest.raises(TargetError, match="git"):
            open_target(f"{repository}@{revision}")


def test_a_repository_elsewhere_is_fetched_bare_and_opens_offline_later(
    repository: Path, tmp_path: Path
) -> None:
    name = f"git+{repository.as_uri()}@v1"
    for offline in (False, True):
        fetcher = NetworkFetcher(Settings(cache=tmp_path / "cache", offline=offline))
        with open_target(name, fetcher=fetcher) as target:
            assert {file.path: file.read(9) for file in target.files()}["app/main.py"] == b"old"
            assert target.stamp.digest == git(repository, "rev-parse", "v1")


@pytest.mark.parametrize("address", ["git+ext::sh -c 'touch x'", "git+--upload-pack=touch", "git+/etc"])
def test_an_address_that_would_run_a_program_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(FetchError, match="no address of a repository"):
        open_target(address, fetcher=NetworkFetcher(Settings(cache=tmp_path)))
