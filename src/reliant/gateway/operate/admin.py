"""The admin API and its live page: keys, reload, what the upstreams are like, the last decisions.

Only a key with `admin = true` gets in. The page is one file without anything from
elsewhere; it asks the same API with the key that is typed into it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from reliant.errors import MissingExtra, StoreAway
from reliant.gateway.admit.keys import StoredKey, digest_of
from reliant.gateway.api.surface import NAMES, WATCH
from reliant.gateway.audit.chain import BadLine, read_line
from reliant.gateway.audit.records import AnyRecord, Decision, Outcome
from reliant.gateway.config import Quota
from reliant.gateway.operate import LEARN_S
from reliant.gateway.route.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.worker import Worker

_LATEST = 200
_TAIL_BYTES = 1 << 17
"""So much of the log's end holds the latest answers, also those that took long."""

_RECORD: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)
_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_CSP = (
    "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NAME = re.compile(r"(?=.*[^.\s])[^/\\]{1,200}", re.DOTALL)
_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """What the API is told of a key to make."""

    name: str
    tenant: str | None = None
    country: str | None = None
    models: tuple[str, ...] = ("*",)
    endpoints: tuple[str, ...] = ("*",)
    admin: bool = False
    quota: Quota = Quota()
    expires: float | None = None


class Rotation(msgspec.Struct, forbid_unknown_fields=True):
    """How a key is rotated: so many seconds the old secret stays valid beside the new one."""

    overlap_s: Annotated[float, msgspec.Meta(ge=0, le=31_536_000)] = 86_400.0


class _Seen(msgspec.Struct):
    """One line of the page: an answer, or a refusal, which has no status here but its code as its end."""

    t: int
    id: str
    key: str
    endpoint: str
    model: str
    upstream: str | None
    action: str
    rules: tuple[str, ...]
    status: int | None
    end: str
    ms: float | None


def _seen(asked: Decision | None, ended: Outcome | None) -> _Seen:
    one = ended or asked
    assert one is not None
    return _Seen(
        one.t,
        one.id,
        one.key,
        asked.endpoint if asked is not None else "",
        asked.model if asked is not None else "",
        ended.upstream if ended is not None else None,
        asked.action if asked is not None else "",
        asked.rules if asked is not None else (),
        ended.status if ended is not None else None,
        ended.end if ended is not None else (asked.code or "" if asked is not None else ""),
        ended.took_us / 1_000 if ended is not None else None,
    )


class Admin:
    """The handlers of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def _latest(self) -> list[_Seen]:
        """Return the latest answers and refusals, newest first, as the end of the log has them.

        Nothing is gathered for it: calls cost the same whether somebody watches or not.
        """
        chain = self._worker.chain
        chain.flush()
        with chain.segment.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().splitlines()[1:]
        asked: dict[str, Decision] = {}
        seen: list[_Seen] = []
        for raw in lines:
            try:
                record = _RECORD.decode(read_line(raw).record)
            except (BadLine, msgspec.MsgspecError):
                continue
            if isinstance(record, Decision):
                asked[record.id] = record
                if record.action == "refuse":
                    seen.append(_seen(record, None))
            elif isinstance(record, Outcome):
                seen.append(_seen(asked.get(record.id), record))
        return seen[: -_LATEST - 1 : -1]

    def caller(self, request: Request) -> Caller | None:
        """Return who asks, if the key may."""
        given = request.headers.get("authorization", "")
        secret = given[7:].strip() if given[:7].lower() == "bearer " else request.headers.get("x-api-key", "")
        runtime = self._worker.gateway.runtime
        found = runtime.keys.find(digest_of(secret.encode()), runtime.clock.wall()) if secret else None
        return found if found is not None and found.admin else None

    async def page(self, request: Request) -> Response:
        """Return the live page; it holds no data."""
        text = Path(__file__).with_name("admin.html").read_text("utf-8")
        return HTMLResponse(text, headers={**_HEADERS, "content-security-policy": _policy(text)})

    async def state(self, request: Request) -> Response:
        """Return upstreams, keys' counts and the log's head."""
        gateway, now = self._worker.gateway, self._worker.settings.clock.wall()
        runtime = gateway.runtime
        return _json(
            {
                "worker": self._worker.number,
                "configuration": runtime.digest,
                "atlas": runtime.knowledge.atlas.version,
                "day": runtime.admission.today,
                "rulings": runtime.admission.compiled,
                "active": gateway.active,
                "upstreams": [
                    {
                        "name": name,
                        "provider": target.config.provider,
                        "state": target.health.state,
                        "because": target.health.cut_because,
                    }
                    for name, target in runtime.targets.items()
                ],
                "keys": [
                    {
                        "name": one.name,
                        "tenant": one.tenant.name if one.tenant else None,
                        "country": one.country,
                        "admin": one.admin,
                        "used": runtime.meters[one.name].state(now),
                        "bounds": runtime.meters[one.name].bounds(),
                        "unpriced": gateway.metrics.unpriced_of(one.name),
                    }
                    for one in runtime.keys.callers
                ],
                "log": {
                    "chain": gateway.log.chain,
                    "record": gateway.log.next_number - 1,
                    "hash": gateway.log.head,
                },
                "latest": self._latest(),
            }
        )

    async def make_key(self, request: Request) -> Response:
        """Make a key; its secret is in this answer and nowhere else."""
        try:
            wanted = msgspec.json.decode(await request.body(), type=NewKey)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _problem(400, str(error))
        runtime = self._worker.gateway.runtime
        if any(one.name == wanted.name for one in runtime.keys.callers):
            return _problem(409, f"there is a key {wanted.name!r} already")
        if wanted.tenant is not None and wanted.tenant not in {one.name for one in runtime.config.tenant}:
            return _problem(400, f"there is no tenant {wanted.tenant!r}")
        if wanted.country is not None and not runtime.knowledge.atlas.is_country(wanted.country):
            return _problem(400, f"{wanted.country!r} is not a country code")
        if not _NAME.fullmatch(wanted.name) or not wanted.name.isprintable():
            # It stands in the path under which the key is rotated and ended.
            return _problem(400, "a name is 1 to 200 printable characters without a slash, not dots alone")
        unknown = [
            one for one in wanted.endpoints if one not in {*NAMES, WATCH} and not set(one) & set("*?[")
        ]
        if unknown:
            return _problem(400, f"there is no endpoint {unknown[0]!r}")
        try:
            Prices(runtime.config, [wanted.quota])
        except MissingExtra as error:
            return _problem(409, f"{error} {error.hint}")
        secret = _secret()
        fields = {name: getattr(wanted, name) for name in NewKey.__struct_fields__}
        key = StoredKey(digests=(digest_of(secret.encode()).hex(),), **fields)
        await self._save(key, "key made", request)
        return _json({"name": key.name, "secret": secret}, 201)

    async def rotate_key(self, request: Request) -> Response:
        """Give a key a new secret; the old one stays valid for `overlap_s`, a day if nothing is said."""
        key = self._stored(request)
        if key is None:
            return self._not_here(request)
        try:
            wanted = msgspec.json.decode(await request.body() or b"{}", type=Rotation)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _problem(400, str(error))
        secret = _secret()
        until = self._worker.settings.clock.wall() + wanted.overlap_s
        digests = (digest_of(secret.encode()).hex(), key.digests[0])
        fresh = msgspec.structs.replace(key, digests=digests, previous_until=until)
        await self._save(fresh, "key rotated", request)
        return _json({"name": key.name, "secret": secret, "previous_until": until})

    async def revoke_key(self, request: Request) -> Response:
        """End a key at once on this worker, within seconds on all."""
        key = self._stored(request)
        if key is None:
            return self._not_here(request)
        await self._save(msgspec.structs.replace(key, revoked=True), "key revoked", request)
        return _json({"name": key.name, "revoked": True})

    def _not_here(self, request: Request) -> Response:
        name = request.path_params["name"]
        if any(one.name == name for one in self._worker.gateway.runtime.config.key):
            return _problem(
                409,
                f"the key {name!r} stands in the configuration: change it there (secret_sha256, and the one "
                "before in previous_sha256), and reload",
            )
        return _problem(404, f"no key {name!r} was made here")

    def _stored(self, request: Request) -> StoredKey | None:
        name = request.path_params["name"]
        return next((key for key in self._worker.gateway.runtime.stored if key.name == name), None)

    async def _save(self, key: StoredKey, what: str, request: Request) -> None:
        await self._worker.store.save_key(key)
        await self._worker.learn_keys()
        if self._worker.has_others:
            await asyncio.sleep(LEARN_S * 1.5)  # who uses it next may be answered by another
        caller = self.caller(request)
        self._worker.note(what, caller.name if caller else "", key.name)

    async def reload(self, request: Request) -> Response:
        """Read the configuration again."""
        caller = self.caller(request)
        wrong = self._worker.reload_all(caller.name if caller else "")
        return (
            _problem(409, wrong) if wrong else _json({"configuration": self._worker.gateway.runtime.digest})
        )


def _secret() -> str:
    return "rlt-" + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def _policy(page: str) -> str:
    """Return the policy under which only what stands in the page itself is run."""
    allowed = {
        kind: "'sha256-" + base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode() + "'"
        for kind, inner in _INLINE.findall(page)
    }
    return _CSP.format(**allowed)


def _json(value: object, status: int = 200) -> Response:
    body = msgspec.json.encode(value)
    return Response(body, status, headers=_HEADERS, media_type="application/json")


def _problem(status: int, message: str) -> Response:
    return _json({"error": {"message": message, "type": "admin_error", "param": None, "code": None}}, status)


def admin_app(worker: Worker) -> Any:
    """Return the application for `/admin`."""
    admin = Admin(worker)

    def guarded(
        handler: Callable[[Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guard(request: Request) -> Response:
            if admin.caller(request) is None:
                return _problem(401, "An admin key is needed.")
            try:
                return await handler(request)
            except StoreAway as error:
                return _problem(503, f"{error}. {error.hint}".strip())

        return guard

    return Starlette(
        routes=[
            Route("/admin", admin.page, methods=["GET"]),
            Route("/admin/state", guarded(admin.state), methods=["GET"]),
            Route("/admin/keys", guarded(admin.make_key), methods=["POST"]),
            Route("/admin/keys/{name}/rotate", guarded(admin.rotate_key), methods=["POST"]),
            Route("/admin/keys/{name}", guarded(admin.revoke_key), methods=["DELETE"]),
            Route("/admin/reload", guarded(admin.reload), methods=["POST"]),
        ]
    )
