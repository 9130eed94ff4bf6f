"""TOML, INI, `.properties` and `.conf` files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._formats import worth_reading
from reliant.inventory.detectors._routes import is_own
from reliant.inventory.detectors._settings import setting_entries
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView

_MANIFEST = re.compile(
    r"(?i)(^|/)(pyproject|cargo|pipfile|poetry|uv|gopkg|rustfmt|clippy|ruff|mypy|tox|setup|pytest|\.flake8|\.coveragerc|libs\.versions|netlify"
    r"|gradle|gradle-wrapper|log4j2?|logback|logging|alembic|project)\.(toml|cfg|ini|lock|properties)$"
)


class TomlConfig:
    """Reads sections and settings; dotted keys are blocks of their own."""

    id = "toml-config"
    claim = Claim(
        reads="*.toml, *.ini, *.cfg, *.conf, *.properties",
        finds=("provider", "model", "endpoint", "env", "region"),
        resolves=("sections and dotted keys belong together", "comments are listed, not used"),
        limits="pyproject.toml and its like are manifests, gateway.toml is routes; both are read as such.",
    )
    wants = Wants(suffixes=(".toml", ".ini", ".cfg", ".conf", ".properties"), always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the settings name."""
        if not _MANIFEST.search(file.path) and worth_reading(file) and not is_own(file.text):
            yield from signals_of(setting_entries(file.text), file, optional=is_example(file))


DETECTOR = TomlConfig()
