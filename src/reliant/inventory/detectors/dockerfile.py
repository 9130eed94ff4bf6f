"""Dockerfiles: base images, variables baked in, and models fetched while building."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Scope
from reliant.inventory.detectors._blocks import signals_of
from reliant.inventory.detectors._entries import Entry
from reliant.inventory.detectors._shell import shell_signals
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_PAIR = re.compile(r"""([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)""")
_COPY_FROM = re.compile(r"--from=(\S+)")
_STAGE = re.compile(r"(?i)(\S+)(?:\s+AS\s+(\S+))?\s*$")


class Dockerfile:
    """Reads instructions with their continued lines."""

    id = "dockerfile"
    claim = Claim(
        reads="Dockerfile*, *.dockerfile, Containerfile",
        finds=("provider", "model", "endpoint", "env"),
        resolves=("ENV and ARG", "`python -c` in RUN", "commands of model runtimes", "addresses of weights"),
        limits="Scripts that are copied into the image are read as files of their own.",
    )
    wants = Wants(
        names=("dockerfile", "containerfile"),
        suffixes=(".dockerfile",),
        globs=("*dockerfile.*", "*dockerfile-*", "*containerfile.*"),
        always=True,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the image is made of."""
        for signal in self._all(file):
            # What builds the product's image is its configuration, wherever the file lies.
            yield msgspec.structs.replace(signal, scope=Scope.CONFIG) if file.scope is Scope.CODE else signal

    def _all(self, file: FileView) -> Iterator[Signal]:
        variables: list[Entry] = []
        for text, line in _instructions(file.lines):
            match = _INSTRUCTION.match(text)
            if match is None:
                continue
            word, rest = match[1].upper(), match[2]
            if word == "FROM":
                stage = _STAGE.match(re.sub(r"--\S+\s+", "", rest))
                yield from self._image(stage[1] if stage else "", line, file)
            elif word == "COPY" and (copied := _COPY_FROM.search(rest)):
                yield from self._image(copied[1], line, file)
            elif word in {"ENV", "ARG", "LABEL"}:
                variables += _variables(text, rest, line)
            elif word in {"RUN", "CMD", "ENTRYPOINT", "ADD", "HEALTHCHECK"}:
                plain = rest.replace('", "', " ").strip("[]") if rest.startswith("[") else rest
                yield from shell_signals(plain, file.vendors, first_line=line)
        yield from signals_of(variables, file)

    def _image(self, image: str, line: int, file: FileView) -> Iterator[Signal]:
        provider = file.vendors.image(image)
        if provider is not None:
            yield Signal(what=What.ENDPOINT, line=line, provider=provider, block=(f"image {image}",))


def _variables(text: str, rest: str, line: int) -> list[Entry]:
    found = []
    for match in _PAIR.finditer(rest):
        at = line + text[: text.find(match[0])].count("\n")
        found.append(Entry((match[1],), match[2].strip("\"'"), at, 1))
    if not found and " " in rest:
        name, _, value = rest.partition(" ")
        found.append(Entry((name,), value.strip().strip("\"'"), line, 1))
    return found


def _instructions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yield each instruction with its continued lines, and its first line."""
    number = 0
    while number < len(lines):
        start = number
        line = lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = [line]
        while whole[-1].rstrip().endswith("\\") and number < len(lines) and len(whole) < 500:
            whole.append(lines[number])
            number += 1
        yield "\n".join(whole), start + 1


DETECTOR = Dockerfile()
