"""Manifests of Go, Rust, Java, Kotlin, Ruby, C#, PHP and Dart: the SDKs that a project asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.inventory.declared import declared
from reliant.inventory.signals import Claim, Signal, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_GO = re.compile(r"^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]+/[\w./~-]+?)(?:/v\d+)?\s+v\d")
_CARGO = re.compile(
    r"^\s*\"?([a-z0-9_-]+)\"?\s*=\s*(?:\"|\{)|^\s*\[(?:[\w-]+\.)?dependencies\.([a-z0-9_-]+)\]", re.IGNORECASE
)
_GRADLE = re.compile(r"""["']([\w.-]+:[\w.-]+)(?::[^"']*)?["']""")
_TOML_MODULE = re.compile(r"""module\s*=\s*["']([\w.-]+:[\w.-]+)["']""")
_GEM = re.compile(r"""^\s*(?:gem|\w+\.add_(?:runtime_|development_)?dependency)[\s(]+["']([\w.-]+)["']""")
_NUGET = re.compile(
    r"""<Package(?:Reference|Version)\s+[^>]*?(?:Include|Update)\s*=\s*"([\w.-]+)\"|<package\s+id="([\w.-]+)\""""
)
_PHP = re.compile(r'"([\w.-]+/[\w.-]+)"\s*:\s*"[^"]*"')
_PUB = re.compile(r"^\s{2}([a-z0-9_]+):\s")
_POM = re.compile(r"<groupId>\s*([\w.-]+)\s*</groupId>\s*<artifactId>\s*([\w.-]+)\s*</artifactId>")
_DEV = re.compile(r"(?i)dev[-_]?dependencies|require-dev|testImplementation|\btest\b|development")


class MoreManifests:
    """Reads one declaration per line; a pom.xml by pairs of group and artifact."""

    id = "manifests-more"
    claim = Claim(
        reads=(
            "go.mod, Cargo.toml, pom.xml, build.gradle(.kts), libs.versions.toml, Gemfile, *.gemspec, "
            "*.csproj, composer.json, pubspec.yaml"
        ),
        finds=("sdk", "provider"),
        limits="Versions inherited from a parent project are not followed.",
    )
    wants = Wants(
        names=(
            "go.mod",
            "cargo.toml",
            "pom.xml",
            "build.gradle",
            "build.gradle.kts",
            "libs.versions.toml",
            "gemfile",
            "composer.json",
            "pubspec.yaml",
            "packages.config",
            "directory.packages.props",
        ),
        suffixes=(".csproj", ".fsproj", ".vbproj", ".gemspec"),
        always=True,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which SDKs the manifest names."""
        name = file.name.lower()
        if name == "pom.xml":
            for match in _POM.finditer(file.text):
                signal = declared(file, "maven", f"{match[1]}:{match[2]}", file.line_of(match.start(2)))
                if signal is not None:
                    yield signal
            return
        registry, pattern = _reading(name)
        aside = False
        for number, line in enumerate(file.lines, 1):
            if line.lstrip().startswith(("[", '"require', "dev_dependencies", "dependencies:")):
                aside = bool(_DEV.search(line))
            if len(line) > 5_000 or line.lstrip().startswith(("//", "#")):
                continue
            for match in pattern.finditer(line):
                found = next(group for group in match.groups() if group)
                signal = declared(
                    file,
                    registry,
                    found,
                    number,
                    column=line.find(found) + 1,
                    aside=aside or bool(_DEV.search(line[: match.start()])),
                )
                if signal is not None:
                    yield signal


def _reading(name: str) -> tuple[str, re.Pattern[str]]:
    if name == "go.mod":
        return "go", _GO
    if name == "cargo.toml":
        return "cargo", _CARGO
    if name.startswith("build.gradle"):
        return "maven", _GRADLE
    if name == "libs.versions.toml":
        return "maven", _TOML_MODULE
    if name == "gemfile" or name.endswith(".gemspec"):
        return "rubygems", _GEM
    if name == "composer.json":
        return "packagist", _PHP
    if name == "pubspec.yaml":
        return "pub", _PUB
    return "nuget", _NUGET


DETECTOR = MoreManifests()
