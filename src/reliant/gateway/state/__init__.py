"""What must outlive a restart besides the log: keys made at run time, objects held, numbers reached."""

from __future__ import annotations

from typing import Protocol

from reliant.gateway.admit.keys import StoredKey


class Store(Protocol):
    """A place to keep it: SQLite on one machine, PostgreSQL for many.

    Every call raises StoreAway where it does not answer.
    """

    async def open(self) -> None:
        """Connect, and make the tables that are not there."""

    async def keys(self) -> list[StoredKey]:
        """Return all keys made at run time."""

    async def save_key(self, key: StoredKey) -> None:
        """Add a key, or replace the one of the same name."""

    async def hold(self, ids: list[str], upstream: str, owner: str) -> None:
        """Remember where objects are held; they are safe when this returns."""

    async def holder(self, object_id: str) -> tuple[str, str] | None:
        """Return the upstream and the owner of an object."""

    async def holders(self, ids: list[str]) -> dict[str, tuple[str, str]]:
        """Return the upstream and the owner of each of these objects that is known."""

    async def upstreams_of(self, owner: str) -> list[str]:
        """Return the upstreams that hold something of an owner."""

    async def close(self) -> None:
        """Disconnect."""
