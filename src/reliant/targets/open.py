"""Open what the user named: a path, a package, a repository or an image."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from reliant.core.results import TargetStamp
from reliant.errors import FetchError, TargetError
from reliant.targets.file import Skipped, why
from reliant.targets.limits import Limits
from reliant.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODEL_FILES = frozenset({".safetensors", ".gguf", ".ggml", ".onnx", ".pt", ".pth", ".bin", ".ckpt"})
_LOG_FILES = frozenset({".log", ".jsonl", ".ndjson", ".har"})
_ELSEWHERE = ("pypi:", "npm:", "git+", "oci:", "docker:")


class Fetched(msgspec.Struct, frozen=True):
    """Something brought from elsewhere.

    Attributes:
        path: Where it lies now.
        kind: sdist, wheel, npm, git or image.
        name: As asked, with the version that was found if none was asked for.
        digest: `sha256:HEX` of an archive, or a git commit.
    """

    path: Path
    kind: str
    name: str
    digest: str | None


class Fetcher(Protocol):
    """Brings a named thing to this machine. Only this reaches the network, and only when it is given."""

    def fetch(self, name: str, limits: Limits) -> Fetched:
        """Return where `name` now lies.

        Raises:
            FetchError: It is not to be had.
        """
        ...


def open_target(
    name: str,
    limits: Limits | None = None,
    *,
    fetcher: Fetcher | None = None,
    environment: Mapping[str, str] | None = None,
) -> Target:
    """Open `name` for reading; nothing in it is run, installed or changed.

    Args:
        name: A folder; an archive (zip, wheel, jar, tar and its packed forms); an image
            (a `docker save` file or an OCI layout); a single file (an SBOM, a log, a
            model); `PATH@REF`, a revision of a local git repository; or something
            elsewhere: `pypi:NAME[==VERSION]`, `npm:NAME[@VERSION]`, `git+URL[@REF]`,
            `oci:REFERENCE`.
        limits: What it may cost.
        fetcher: Brings what is elsewhere.
        environment: Variables that git is run with; by default none of the user's.

    Raises:
        TargetError: There is nothing of that name, or it cannot be opened.
        FetchError: It is elsewhere, and there is no fetcher or it failed.
    """
    limits = limits or Limits()
    path = Path(name)
    if not _exists(path):
        if _is_elsewhere(name):
            return _open_fetched(name, limits, fetcher, environment)
        repository, _, revision = name.rpartition("@")
        if repository and revision and _exists(Path(repository) / ".git"):
            return _open_revision(name, Path(repository), revision, limits, environment)
        raise TargetError(
            f"there is no file or folder {name!r}",
            hint="Name a folder, a file, PATH@REVISION, pypi:NAME, npm:NAME, git+URL or oci:REFERENCE.",
        )
    try:
        return _open_path(name, path, limits)
    except OSError as error:
        raise TargetError(f"{name} {why(error)}", hint="Check the path and its permissions.") from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_elsewhere(name: str) -> bool:
    return name.startswith(_ELSEWHERE) or (name.startswith(("https://", "ssh://", "git@")) and ".git" in name)


def _open_path(name: str, path: Path, limits: Limits) -> Target:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        if _may_be_layout(path):
            from reliant.targets import image  # noqa: PLC0415 - most folders are none

            if image.is_layout(path):
                return _open_image(name, path, limits, ExitStack(), image.digest_of(path))
        return Target(TargetStamp(name=name, kind="directory"), path, limits)
    if not stat.S_ISREG(mode):
        raise TargetError(f"{name} is a device, a pipe or a socket", hint="Name a folder or a file.")
    from reliant.targets.unpack import is_archive  # noqa: PLC0415 - a folder needs none of it

    # Weights are often zip files inside (PyTorch), and are read as weights.
    if path.suffix.lower() not in _MODEL_FILES and is_archive(path):
        return _open_archive(name, path, limits, "archive")
    return Target(
        TargetStamp(name=name, kind=_kind_of_file(path), digest=_digest(path, limits)),
        path.parent,
        limits,
        only=path,
    )


def _may_be_layout(folder: Path) -> bool:
    return (folder / "oci-layout").is_file() or (folder / "manifest.json").is_file()


def _kind_of_file(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in _MODEL_FILES:
        return "model"
    if suffix in _LOG_FILES:
        return "log"
    with path.open("rb") as file:
        head = file.read(4096)
    marks = (b'"bomFormat"', b'"spdxVersion"', b"SPDXVersion:", b"cyclonedx.org/schema/bom", b"spdx.org/rdf")
    return "sbom" if any(mark in head for mark in marks) else "file"


def _digest(path: Path, limits: Limits) -> str | None:
    """Return `sha256:HEX`, or None for a file too large to be read whole."""
    if path.stat().st_size > limits.unpacked_bytes // 8:
        return None
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _private_folder(closing: ExitStack) -> Path:
    folder = tempfile.mkdtemp(prefix="reliant-")
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _open_archive(name: str, path: Path, limits: Limits, kind: str, digest: str | None = None) -> Target:
    from reliant.targets.unpack import unpack  # noqa: PLC0415 - as above

    with ExitStack() as closing:
        folder = _private_folder(closing)
        skipped = Skipped(limits.listed)
        unpack(path, folder, limits, skipped)
        digest = digest or _digest(path, limits)
        kept = closing.pop_all()
    if _may_be_layout(folder):
        from reliant.targets import image  # noqa: PLC0415 - as above

        if not image.is_layout(folder):
            return _folder_of(name, kind, digest, folder, limits, skipped, kept)
        return _open_image(name, folder, limits, kept, digest)
    return _folder_of(name, kind, digest, folder, limits, skipped, kept)


def _folder_of(
    name: str,
    kind: str,
    digest: str | None,
    folder: Path,
    limits: Limits,
    skipped: Skipped,
    closing: ExitStack,
) -> Target:
    """Return what was unpacked into a private folder as a target."""
    return Target(
        TargetStamp(name=name, kind=kind, digest=digest),
        _content(folder),
        limits,
        skipped=skipped,
        closing=closing,
    )


def _content(folder: Path) -> Path:
    """Return the one folder that everything lies in, as in a source archive, or `folder` itself."""
    inside = list(folder.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        return inside[0]
    return folder


def _open_image(name: str, layout: Path, limits: Limits, closing: ExitStack, digest: str | None) -> Target:
    from reliant.targets import image  # noqa: PLC0415 - as above

    with closing:
        folder = _private_folder(closing)
        skipped = Skipped(limits.listed)
        image.flatten(layout, folder, limits, skipped)
        kept = closing.pop_all()
    return Target(
        TargetStamp(name=name, kind="image", digest=digest), folder, limits, skipped=skipped, closing=kept
    )


def _open_revision(
    name: str, repository: Path, revision: str, limits: Limits, environment: Mapping[str, str] | None
) -> Target:
    from reliant.targets import git  # noqa: PLC0415 - as above

    with ExitStack() as closing:
        folder = _private_folder(closing)
        skipped = Skipped(limits.listed)
        commit = git.export(
            repository, revision, folder, limits=limits, skipped=skipped, environment=environment or {}
        )
        kept = closing.pop_all()
    return Target(
        TargetStamp(name=name, kind="git", digest=commit), folder, limits, skipped=skipped, closing=kept
    )


def _open_fetched(
    name: str, limits: Limits, fetcher: Fetcher | None, environment: Mapping[str, str] | None
) -> Target:
    if fetcher is None:
        raise FetchError(
            f"{name} is not on this machine, and nothing was given to fetch it with",
            hint="Download it yourself and name the file.",
        )
    fetched = fetcher.fetch(name, limits)
    if fetched.kind == "git":
        return _open_revision(fetched.name, fetched.path, fetched.digest or "HEAD", limits, environment)
    if fetched.kind == "image":
        return _open_image(fetched.name, fetched.path, limits, ExitStack(), fetched.digest)
    return _open_archive(fetched.name, fetched.path, limits, fetched.kind, fetched.digest)
