"""Opens what a command was asked about: reads the environment once and hands it down."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from reliant.targets import Limits, Target, open_target

if TYPE_CHECKING:
    from reliant.targets import Fetcher


def fetcher(*, offline: bool) -> Fetcher:
    """Return what brings packages, repositories and images here, as the user's own tools would."""
    from reliant.targets.fetch import NetworkFetcher, read_settings

    settings = read_settings(
        os.environ,
        home=Path.home(),
        cache=Path(platformdirs.user_cache_dir("reliant")) / "fetched",
        prefix=Path(sys.prefix),
        offline=offline,
    )
    return NetworkFetcher(settings)


def open_named(name: str, *, offline: bool = False, limits: Limits | None = None) -> Target:
    """Open what the user named, fetching it if it is elsewhere."""
    return open_target(name, limits, fetcher=fetcher(offline=offline), environment=os.environ)
