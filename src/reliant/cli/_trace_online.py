"""How `reliant trace` reaches a server: the client, the cache, the byte budget."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Any

import click

from reliant.cli import _folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reliant.lineage.opening import Online

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class Size(click.ParamType[int]):
    """A number of bytes, such as 15MB or 64MiB."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?)\s*([kmg]?i?b?)", str(value).strip(), re.IGNORECASE)
        unit = match[2].upper() if match else ""
        unit = unit + "B" if unit in {"K", "M", "G", "KI", "MI", "GI"} else unit
        if match is None or unit not in _UNITS:
            self.fail(f"{value!r} is no number of bytes; write it as 15MB", param, ctx)
        return int(float(match[1]) * _UNITS[unit])


size = Size()


def cache_folder() -> Path:
    """Return where fetched stretches are kept."""
    return _folders.cache_folder("trace")


@contextlib.contextmanager
def online_or_none(*, offline: bool, cache: Path | None) -> Iterator[Online | None]:
    """Yield what is needed to fetch, or None if nothing may be fetched; the client opens at its first use."""
    if offline:
        yield None
        return
    from reliant.lineage.opening import Online
    from reliant.lineage.remote import HUB

    opened: list[Any] = []

    def client() -> Any:
        if not opened:
            from reliant.lineage.remote import need_httpx

            httpx = need_httpx()
            # A server that is down is told after seconds; one that answers may take its time to send.
            limits = httpx.Timeout(10.0, connect=4.0)
            opened.append(httpx.Client(timeout=limits, follow_redirects=True, max_redirects=5))
        return opened[0]

    try:
        yield Online(client, cache, os.environ.get("HF_ENDPOINT", HUB), os.environ.get("HF_TOKEN"))
    finally:
        for one in opened:
            one.close()
