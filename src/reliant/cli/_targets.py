"""Opens what a command was asked about: reads the environment once and hands it down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.cli._folders import cache_folder
from reliant.targets import Limits, Target, open_target

if TYPE_CHECKING:
    from reliant.targets import Fetcher


_NPM_SECONDS = 60
"""npm starts slowly on a cold disk."""


def fetcher(*, offline: bool, npm: bool = False) -> Fetcher:
    """Return what brings packages, repositories and images here, as the user's own tools would.

    With `npm`, an npm that is installed is asked where it fetches from, unless a variable
    or an `.npmrc` says so already.
    """
    from reliant.targets.fetch import NetworkFetcher, read_settings

    environment = dict(os.environ)
    settings = read_settings(
        environment,
        home=Path.home(),
        cache=cache_folder("fetched"),
        prefix=Path(sys.prefix),
        offline=offline,
    )
    if npm and not offline and not settings.npm_registry:
        settings = msgspec.structs.replace(settings, npm_registry=_npm_registry())
    return NetworkFetcher(settings)


def _npm_registry() -> str:
    """Return where the user's npm fetches from; empty if there is no npm to ask."""
    npm = shutil.which("npm")
    if npm is None:
        return ""
    try:
        asked = subprocess.run(  # noqa: S603 - our words, and the npm on the PATH of the user
            [npm, "config", "get", "registry"],
            capture_output=True,
            text=True,
            timeout=_NPM_SECONDS,
            check=False,
            cwd=Path.home(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    address = asked.stdout.strip()
    return address if address.startswith(("https://", "http://")) else ""


def open_named(name: str, *, offline: bool = False, limits: Limits | None = None) -> Target:
    """Open what the user named, fetching it if it is elsewhere."""
    return open_target(
        name, limits, fetcher=fetcher(offline=offline, npm=name.startswith("npm:")), environment=os.environ
    )
