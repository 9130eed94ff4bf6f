"""Shell scripts, makefiles and their like: commands, variables and calls by curl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import signals_of
from reliant.inventory.detectors._entries import Entry
from reliant.inventory.detectors._shell import assignments, shell_signals
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView


class Shell:
    """Reads commands line by line; none is run."""

    id = "shell"
    claim = Claim(
        reads="*.sh, *.bash, *.zsh, *.fish, *.ps1, *.bat, Makefile, justfile, Procfile",
        finds=("provider", "model", "endpoint", "env"),
        resolves=("NAME=value", "`python -c`", "commands of model runtimes and hubs", "addresses"),
        limits="Variables are not followed from line to line.",
    )
    wants = Wants(
        suffixes=(".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".cmd", ".mk"),
        names=("makefile", "gnumakefile", "justfile", "procfile", "taskfile.yml"),
        always=True,
        limit=1_000_000,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the commands fetch, serve and call."""
        yield from shell_signals(file.text, file.vendors)
        variables = [
            Entry((name,), value, line, column) for name, value, line, column in assignments(file.text)
        ]
        yield from signals_of(variables, file, code=True)


DETECTOR = Shell()
