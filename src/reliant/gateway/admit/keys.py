"""Who may call: keys by the SHA-256 of their secret, with scope, tenant and validity.

A secret is long and random, so a fast hash is enough and nothing but the hash is
kept. Looking up a digest tells an attacker nothing about how close a guess was.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from reliant.gateway.admit.globs import GlobSet
from reliant.gateway.config import Config, Key, Quota, Tenant


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key made at run time, as the store keeps it.

    Attributes:
        digests: Of its secret, and of the one before while rotating.
        previous_until: When the one before ends.
    """

    name: str
    digests: tuple[str, ...]
    previous_until: float | None = None
    tenant: str | None = None
    country: str | None = None
    models: tuple[str, ...] = ("*",)
    endpoints: tuple[str, ...] = ("*",)
    admin: bool = False
    quota: Quota = Quota()
    not_before: float | None = None
    expires: float | None = None
    revoked: bool = False


@dataclass(slots=True, eq=False)
class Caller:
    """A key and the tenant behind it, ready for the hot path.

    `profile` numbers callers that the rules cannot tell apart, so that decisions
    are shared between them.
    """

    name: str
    tenant: Tenant | None
    country: str | None
    models: GlobSet
    endpoints: GlobSet
    quota: Quota
    admin: bool = False
    not_before: float = 0.0
    expires: float = float("inf")
    profile: int = 0
    sticky: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Whose objects it may see: the tenant's, or its own."""
        return f"tenant:{self.tenant.name}" if self.tenant else f"key:{self.name}"


def digest_of(secret: bytes) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret).digest()


def _seconds(moment: dt.datetime | None, default: float) -> float:
    if moment is None:
        return default
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


class KeyRing:
    """All keys, by digest."""

    def __init__(self, config: Config, stored: Iterable[StoredKey] = ()) -> None:
        self._tenants = {tenant.name: tenant for tenant in config.tenant}
        self._place = config.place.country
        self._by_digest: dict[bytes, Caller] = {}
        self._old: dict[bytes, float] = {}
        self._profiles: dict[bytes, int] = {}
        self.callers: list[Caller] = []
        for key in config.key:
            self._add_configured(key)
        for kept in stored:
            if not kept.revoked:
                self._add_stored(kept)

    def _caller(self, key: Key | StoredKey, not_before: float, expires: float) -> Caller:
        tenant = self._tenants.get(key.tenant) if key.tenant else None
        country = key.country or (tenant.country if tenant else None) or self._place
        alike = msgspec.json.encode((country, msgspec.structs.replace(tenant, name="") if tenant else None))
        caller = Caller(
            name=key.name,
            tenant=tenant,
            country=country,
            models=GlobSet(key.models),
            endpoints=GlobSet(key.endpoints),
            quota=key.quota,
            admin=key.admin,
            not_before=not_before,
            expires=expires,
            profile=self._profiles.setdefault(alike, len(self._profiles)),
        )
        self.callers.append(caller)
        return caller

    def _add_configured(self, key: Key) -> None:
        caller = self._caller(key, _seconds(key.not_before, 0.0), _seconds(key.expires, float("inf")))
        secret = (
            bytes.fromhex(key.secret_sha256) if key.secret_sha256 else digest_of((key.secret or "").encode())
        )
        self._by_digest[secret] = caller
        for old in key.previous_sha256:
            self._by_digest[bytes.fromhex(old)] = caller
            self._old[bytes.fromhex(old)] = _seconds(key.previous_until, float("inf"))

    def _add_stored(self, key: StoredKey) -> None:
        caller = self._caller(key, key.not_before or 0.0, key.expires or float("inf"))
        for digest in key.digests:
            self._by_digest[bytes.fromhex(digest)] = caller
        if key.previous_until is not None:
            self._old |= {bytes.fromhex(digest): key.previous_until for digest in key.digests[1:]}

    def until(self, digest: bytes) -> float:
        """Return when the secret with this digest, which is one now, will be none."""
        return min(self._by_digest[digest].expires, self._old.get(digest, float("inf")))

    def find(self, digest: bytes, now: float) -> Caller | None:
        """Return the caller whose secret has this digest; None if there is none, or not now."""
        caller = self._by_digest.get(digest)
        if caller is None or now >= caller.expires or now < caller.not_before:
            return None
        if self._old and now >= self._old.get(digest, float("inf")):
            return None
        return caller
