"""Python manifests and lock files: the SDKs that a project asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.inventory.declared import declared
from reliant.inventory.signals import Claim, Signal, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_LINE = re.compile(r"\s*(?:-\s+)?([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@,\s].*)?$")
_QUOTED = re.compile(r"""["']([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@( ][^"']*)?["']""")
_KEY = re.compile(r"""^\s*["']?([A-Za-z0-9][A-Za-z0-9._-]*)["']?\s*=\s*(?:["'{\[*]|\d)""")
_LOCKED = re.compile(r"""^name\s*=\s*["']([^"']+)["']""")
_JSON_KEY = re.compile(r'^\s{4,12}"([A-Za-z0-9][A-Za-z0-9._-]*)":\s*\{')
_ASIDE_NAME = re.compile(r"(?i)(^|[/_.-])(dev|develop|tests?|docs?|lint|ci|build|optional|extras?)([/_.-]|$)")
_SECTION = re.compile(r"^\s*\[+([^\]]+)\]+")
_ASIDE_SECTION = re.compile(r"(?i)optional|extras?|dev|test|docs?|lint|group")
_SETUP = re.compile(
    r"(install_requires|extras_require|tests_require|setup_requires|requires)\s*=|^\s*([A-Za-z_]*(?:requires?|deps|dependencies|requirements|extras)[A-Za-z_]*)\s*=\s*[\[{(]",
    re.IGNORECASE,
)


class PythonManifests:
    """Reads requirement files, pyproject, setup files, Pipfiles, conda environments and locks by line."""

    id = "manifests-python"
    claim = Claim(
        reads=(
            "requirements*.txt, pyproject.toml, setup.py, setup.cfg, Pipfile, environment.yml; "
            "poetry, uv, pdm and Pipfile locks"
        ),
        finds=("sdk", "provider", "role"),
        limits="Files that are included by -r are read as files of their own; a setup.py is not run.",
    )
    wants = Wants(
        names=(
            "pyproject.toml",
            "setup.py",
            "setup.cfg",
            "pipfile",
            "pipfile.lock",
            "poetry.lock",
            "uv.lock",
            "pdm.lock",
            "environment.yml",
            "environment.yaml",
            "conda.yml",
            "conda.yaml",
        ),
        globs=(
            "*requirements*.txt",
            "*requirements*.in",
            "*/requires.txt",
            "requires.txt",
            "*requirements/*.txt",
            "*constraints*.txt",
        ),
        always=True,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which SDKs the manifest names."""
        name = file.name.lower()
        if name in {"poetry.lock", "uv.lock", "pdm.lock"}:
            yield from _each(file, _LOCKED, locked=True)
        elif name == "pipfile.lock":
            yield from _each(file, _JSON_KEY, locked=True)
        elif name == "pyproject.toml":
            yield from _pyproject(file)
        elif name == "pipfile":
            yield from _pipfile(file)
        elif name == "setup.py":
            yield from _setup(file)
        else:
            yield from _plain(file)


def _each(file: FileView, pattern: re.Pattern[str], *, locked: bool) -> Iterator[Signal]:
    for number, line in enumerate(file.lines, 1):
        match = pattern.match(line)
        if match:
            signal = declared(file, "pypi", match[1], number, column=match.start(1) + 1, locked=locked)
            if signal is not None:
                yield signal


def _plain(file: FileView) -> Iterator[Signal]:
    aside = bool(_ASIDE_NAME.search(file.path))
    section_aside = False
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("["):
            section_aside = bool(_ASIDE_SECTION.search(line)) or file.name == "requires.txt"
        match = _LINE.match(line.partition(" #")[0].rstrip())
        if match:
            signal = declared(
                file, "pypi", match[1], number, column=match.start(1) + 1, aside=aside or section_aside
            )
            if signal is not None:
                yield signal


def _pyproject(file: FileView) -> Iterator[Signal]:
    """Walk the sections; only lists and tables of dependencies are read, never a keyword or a classifier."""
    section = ""
    inside = False
    aside = False
    for number, line in enumerate(file.lines, 1):
        head = _SECTION.match(line)
        if head and not inside:
            section = head[1].strip().lower()
            continue
        bare = line.partition(" #")[0]
        if bare.lstrip().startswith("#"):
            continue
        in_table = section.endswith("dependencies") and section.startswith("tool.")
        in_group = section in {"project.optional-dependencies", "dependency-groups"} or section.startswith(
            "tool.hatch.envs"
        )
        key = bare.partition("=")[0].strip().lower()
        starts = (
            (section == "project" and key == "dependencies")
            or (section == "build-system" and key == "requires")
            or (in_group and "=" in bare and "[" in bare)
            or (
                section.startswith("tool.")
                and key in {"dependencies", "dev-dependencies", "install_requires", "requires"}
                and "[" in bare
            )
        )
        if starts:
            inside = True
            aside = in_group or section == "build-system" or key == "dev-dependencies"
        if inside:
            for match in _QUOTED.finditer(bare.partition("=")[2] if starts else bare):
                signal = declared(file, "pypi", match[1], number, column=line.find(match[1]) + 1, aside=aside)
                if signal is not None:
                    yield signal
            if _closes(bare):
                inside = False
        elif in_table:
            keyed = _KEY.match(bare)
            if keyed:
                optional = "optional" in bare or bool(_ASIDE_SECTION.search(section.removeprefix("tool.")))
                signal = declared(file, "pypi", keyed[1], number, column=keyed.start(1) + 1, aside=optional)
                if signal is not None:
                    yield signal


def _closes(line: str) -> bool:
    plain = re.sub(r"\"[^\"]*\"|'[^']*'", "", line)
    return plain.rstrip().rstrip(",").endswith("]") and plain.count("]") >= plain.count("[")


def _pipfile(file: FileView) -> Iterator[Signal]:
    section = ""
    for number, line in enumerate(file.lines, 1):
        head = _SECTION.match(line)
        if head:
            section = head[1].strip().lower()
        elif section.endswith("packages"):
            match = _KEY.match(line)
            if match:
                signal = declared(
                    file, "pypi", match[1], number, column=match.start(1) + 1, aside=section != "packages"
                )
                if signal is not None:
                    yield signal


def _setup(file: FileView) -> Iterator[Signal]:
    reading = False
    aside = False
    for number, line in enumerate(file.lines, 1):
        bare = line.partition(" #")[0]
        match = _SETUP.search(bare)
        if match:
            reading = True
            said = (match[1] or match[2] or "").lower()
            aside = "extra" in said or "test" in said or "dev" in said or "setup" in said
        if reading:
            for quoted in _QUOTED.finditer(bare):
                signal = declared(file, "pypi", quoted[1], number, column=quoted.start(1) + 1, aside=aside)
                if signal is not None:
                    yield signal
            if bare.strip().startswith((")", "]", "}")) and not bare.strip().startswith("],") and not aside:
                reading = False


DETECTOR = PythonManifests()
