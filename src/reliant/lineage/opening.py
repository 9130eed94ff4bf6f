"""From a name to an opened model: a path, a URL, or a hub id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reliant.errors import FetchError
from reliant.lineage.formats.source import Meter
from reliant.lineage.opened import Opened, open_model
from reliant.lineage.place import Place, local_place
from reliant.lineage.remote import HUB, HUB_ID, Cache, RemotePlace

if TYPE_CHECKING:
    from collections.abc import Callable


class Online(NamedTuple):
    """What is needed to read from a server; without it names of servers are refused.

    Attributes:
        client: Makes an httpx client when the first is needed.
    """

    client: Callable[[], Any]
    cache: Path | None = None
    hub: str = HUB
    token: str | None = None


class Limits(NamedTuple):
    """Bytes that may be read of one model; None for no limit."""

    local: int | None = 1 << 30
    remote: int | None = 256 << 20


def open_named(name: str, limits: Limits, online: Online | None) -> Opened:
    """Return the model that `name` means.

    Raises:
        TargetError: There is nothing under that name.
        FetchError: It is on a server, and nothing may be fetched.
        WeightsError: Its only weight file cannot be read.
    """
    return open_model(place_named(name, limits, online))


def place_named(name: str, limits: Limits, online: Online | None) -> Place:
    """Return where the model lies; a path that exists wins over a hub id."""
    is_url = name.startswith(("http://", "https://"))
    if not is_url and (Path(name).expanduser().exists() or not HUB_ID.match(name)):
        return local_place(name, Meter(limits.local))
    if online is None:
        raise FetchError(
            f"{name} is on a server, and --offline forbids fetching it",
            hint="Leave out --offline, or download the model and name its folder.",
        )
    cache = None if online.cache is None else Cache(online.cache)
    return RemotePlace(
        name,
        Meter(limits.remote),
        online.client(),
        hub=online.hub,
        cache=cache,
        token=None if is_url else online.token,
    )
