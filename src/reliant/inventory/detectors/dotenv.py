"""`.env` files: keys, endpoints and models that a program is started with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._entries import env_entries
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView


class DotEnv:
    """Reads `NAME=value` lines; what is commented out is listed, not used."""

    id = "dotenv"
    claim = Claim(
        reads=".env, .env.*, *.env, .envrc",
        finds=("provider", "model", "endpoint", "env", "region"),
        resolves=("settings with one prefix belong together",),
        limits="Values that are made by a command are not computed.",
    )
    wants = Wants(
        suffixes=(".env",),
        names=(".env", ".envrc"),
        globs=("*.env.*", ".env*", "*/.env*", "env.example", "*/env.example", "*/env.sample"),
        always=True,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the variables name."""
        entries = list(env_entries(file.text))
        yield from signals_of(entries, file, optional=is_example(file) and _many_providers(entries, file))


def _many_providers(entries: list, file: FileView) -> bool:  # type: ignore[type-arg]
    """Say whether the file offers several providers: then none of them is taken unless asked for."""
    found = {env.provider for entry in entries if (env := file.vendors.env(entry.key)) and not env.weak}
    return len(found) > 1


DETECTOR = DotEnv()
