"""Bring a named thing to this machine: a package, a repository or an image, as the user's own tools would.

Nothing that is fetched is run or installed: a source archive is downloaded and
never built. What was fetched is kept in the user's cache, so that the same
question can be asked again without a network.
"""

from reliant.targets.fetch.fetcher import NetworkFetcher
from reliant.targets.fetch.settings import Settings, read_settings

__all__ = ["NetworkFetcher", "Settings", "read_settings"]
