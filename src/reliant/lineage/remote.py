"""Models on a server: read by range requests, within a byte budget, through a cache that survives.

Any HTTP server that answers ranges will do; a hub repository is such a server with a list
of files. What was fetched is kept in blocks under the file's version tag, so a second run
or a broken one starts where the last ended. Nothing here is opened unless the caller hands
in a client: the command line does, and only when it may go online.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from reliant.errors import FetchError, MissingExtra, WeightsError
from reliant.lineage.formats.header import short
from reliant.lineage.formats.safetensors import is_plain_name
from reliant.lineage.formats.sniff import SUFFIXES
from reliant.lineage.formats.source import Meter, Span, _Joined, check_inside
from reliant.lineage.hub import HubFile, files_of, host_of, unreachable

if TYPE_CHECKING:
    from pathlib import Path

HUB = "https://huggingface.co"
HUB_ID = re.compile(r"^[A-Za-z0-9][\w.\-]{0,95}/[A-Za-z0-9][\w.\-]{0,95}(?:@[\w.\-/]{1,100})?$")
_MAX_LIST = 8 << 20
_SIDE_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "README.md",
    "adapter_config.json",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
    "mergekit_config.yml",
)


class RemoteStamp(NamedTuple):
    """Length and version of a remote file."""

    size: int
    version: str


class Cache:
    """Fetched stretches of bytes on disk: one sparse file and one list of stretches per file version."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def paths(self, url: str, version: str) -> tuple[Path, Path]:
        """Return where the bytes and the list of stretches of a file version lie."""
        key = hashlib.sha256(f"{url}\n{version}".encode()).hexdigest()[:40]
        self._root.mkdir(parents=True, exist_ok=True)
        return self._root / f"{key}.bytes", self._root / f"{key}.json"

    def held(self, url: str, version: str) -> list[Span]:
        """Return the stretches that are there."""
        _, listed = self.paths(url, version)
        try:
            spans = json.loads(listed.read_text(encoding="utf-8"))
            return sorted(Span(int(a), int(b)) for a, b in spans)
        except (OSError, ValueError, TypeError):
            return []

    def load(self, url: str, version: str, span: Span) -> bytes | None:
        """Return the bytes of a stretch, if all of it is there."""
        if not any(
            one.offset <= span.offset and span.offset + span.length <= one.offset + one.length
            for one in self.held(url, version)
        ):
            return None
        with self.paths(url, version)[0].open("rb") as file:
            file.seek(span.offset)
            data = file.read(span.length)
        return data if len(data) == span.length else None

    def store(self, url: str, version: str, span: Span, data: bytes) -> None:
        """Keep a stretch; the list is replaced last, so a broken write loses bytes but never lies."""
        held, listed = self.paths(url, version)
        descriptor = os.open(held, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, data, span.offset)
        finally:
            os.close(descriptor)
        spans = _joined([*self.held(url, version), span])
        fresh = listed.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(spans), encoding="utf-8")
        fresh.replace(listed)


def _joined(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.offset <= found[-1].offset + found[-1].length:
            end = max(found[-1].offset + found[-1].length, span.offset + span.length)
            found[-1] = Span(found[-1].offset, end - found[-1].offset)
        else:
            found.append(span)
    return found


def need_httpx() -> Any:
    """Return httpx.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import httpx  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("reading models from a server", "trace") from error
    return httpx


class RemoteFile(_Joined):
    """One file on a server."""

    def __init__(self, place: RemotePlace, name: str, url: str, stamp: RemoteStamp) -> None:
        self.name = name
        self._place = place
        self._url = url
        self._stamp = stamp
        self.size = stamp.size

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`, from the cache if they are there."""
        check_inside(self.name, self.size, offset, length)
        if not length:
            return b""
        span = Span(offset, length)
        cache = self._place.cache
        data = None if cache is None else cache.load(self._url, self._stamp.version, span)
        if data is not None:
            self._place.cached_bytes += length
            return data
        self._place.meter.count(self.name, length)
        data = self._place.fetch(self._url, self.name, span, self._stamp)
        if cache is not None:
            cache.store(self._url, self._stamp.version, span, data)
        return data


class RemotePlace:
    """A hub repository, a folder URL or a file URL.

    Args:
        name: As the user gave it.
        meter: Counts what is fetched.
        client: An httpx client, which the caller opens and closes.
        hub: Address of the hub.
        cache: Where to keep what was fetched; None keeps nothing.
        token: Sent to the hub's own host, and to no other.
    """

    def __init__(
        self,
        name: str,
        meter: Meter,
        client: Any,
        *,
        hub: str = HUB,
        cache: Cache | None = None,
        token: str | None = None,
    ) -> None:
        self.name = name
        self.meter = meter
        self.cache = cache
        self.cached_bytes = 0
        self._client = client
        self._headers = {}
        self._names: tuple[str, ...] | None = None
        self._base = ""
        self._on_hub: dict[str, HubFile] = {}
        if "://" in name:
            parts = urlsplit(name)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise FetchError(f"{short(name)} is not an http address")
            is_file = name.lower().endswith(SUFFIXES)
            self._base = name.rpartition("/")[0] + "/" if is_file else name.rstrip("/") + "/"
            self._names = (name.rpartition("/")[2],) if is_file else None
        else:
            self._hub, self._token = hub, token
            if token:
                self._headers = {"authorization": f"Bearer {token}"}

    def names(self) -> tuple[str, ...]:
        """Return the files: the hub's list, or the usual names that a plain server has."""
        if self._names is None:
            self._names = self._from_server() if self._base else self._from_hub()
        return self._names

    def open(self, name: str) -> RemoteFile:
        """Return one file."""
        if not is_plain_name(name):
            raise WeightsError(self.name, f"it names {short(name)}, which is not a file of its folder")
        if not self._base:
            self.names()
            known = self._on_hub.get(name)
            if known is None:
                raise WeightsError(self.name, f"the repository has no file {short(name)}")
            return RemoteFile(self, name, known.url, RemoteStamp(known.size, known.version))
        url = urljoin(self._base, quote(name))
        return RemoteFile(self, name, url, self.stamp(url, name))

    def _from_hub(self) -> tuple[str, ...]:
        self._on_hub = files_of(self.name, self._client, endpoint=self._hub, token=self._token)
        return tuple(sorted(self._on_hub))

    def _from_server(self) -> tuple[str, ...]:
        """Try the usual names one by one: a plain server lists nothing."""
        found = [name for name in _SIDE_FILES if self._is_there(name)]
        if "model.safetensors.index.json" in found or "pytorch_model.bin.index.json" in found:
            index = next(name for name in found if name.endswith(".index.json"))
            from reliant.lineage.formats.safetensors import shard_names  # noqa: PLC0415 - only for shards

            source = self.open(index)
            found += sorted(set(shard_names(source.read(0, min(source.size, _MAX_LIST)), index).values()))
        else:
            usual = (
                "model.safetensors",
                "pytorch_model.bin",
                "model.gguf",
                "model.onnx",
                "model.npz",
                "adapter_model.safetensors",
            )
            found += [name for name in usual if self._is_there(name)]
        return tuple(found)

    def _is_there(self, name: str) -> bool:
        try:
            self.stamp(urljoin(self._base, quote(name)), name)
        except WeightsError:
            return False
        return True

    def stamp(self, url: str, name: str) -> RemoteStamp:
        """Return length and version of a file.

        Raises:
            WeightsError: It is not there, or the server says nothing of its length.
        """
        answer = self._send("HEAD", url, {})
        size = answer.headers.get("x-linked-size") or answer.headers.get("content-length", "")
        if answer.status_code >= 400 or not size.isdecimal() or len(size) > 15:
            raise WeightsError(name, f"the server answers {answer.status_code}")
        version = (
            answer.headers.get("x-linked-etag")
            or answer.headers.get("etag")
            or answer.headers.get("last-modified")
            or size
        )
        return RemoteStamp(int(size), version)

    def fetch(self, url: str, name: str, span: Span, stamp: RemoteStamp) -> bytes:
        """Return a stretch of a file.

        Raises:
            WeightsError: The server ignores ranges, sends another length, or the file changed meanwhile.
        """
        httpx = need_httpx()
        last = span.offset + span.length - 1
        headers = {**self._headers, "range": f"bytes={span.offset}-{last}", "accept-encoding": "identity"}
        data = bytearray()
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                whole = answer.status_code == 200 and span.offset == 0 and span.length == stamp.size
                if answer.status_code != 206 and not whole:
                    raise WeightsError(
                        name,
                        f"the server answers {answer.status_code} to a range request",
                        hint="It has to support ranges: download the model and name the folder.",
                    )
                for part in answer.iter_raw(1 << 20):
                    data += part
                    if len(data) > span.length:
                        raise WeightsError(name, "the server sends more than was asked for")
        except httpx.HTTPError as error:
            raise WeightsError(
                name,
                f"the connection to {host_of(url)} broke ({type(error).__name__})",
                hint="Run it again: what came is kept.",
            ) from error
        if len(data) != span.length:
            raise WeightsError(
                name,
                f"the server sent {len(data):,} of {span.length:,} bytes",
                hint="Run it again: what came is kept.",
            )
        return bytes(data)

    def _send(self, method: str, url: str, headers: dict[str, str]) -> Any:
        httpx = need_httpx()
        try:
            return self._client.request(
                method, url, headers={**self._headers, **headers, "accept-encoding": "identity"}
            )
        except httpx.HTTPError as error:
            raise unreachable(f"the server at {host_of(url)}", self.name, error, "") from error
