"""Downloads with a limit and a hash, through one HTTP client."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reliant.errors import FetchError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reliant.targets.limits import Limits

# Strongest first.
_ALGORITHMS = ("sha512", "sha384", "sha256", "sha1", "md5")


def client(trusted_hosts: tuple[str, ...] = ()) -> Any:
    """Return an HTTP client that also reads `file://` addresses.

    Raises:
        MissingExtra: The extra for fetching is not installed.
    """
    try:
        from unearth.fetchers import PyPIClient  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("fetching by name", "fetch") from error
    # What one of several indexes lacks is no news for the user; a package that none has is an error.
    logging.getLogger("unearth").addHandler(logging.NullHandler())
    return PyPIClient(trusted_hosts=trusted_hosts, timeout=60, follow_redirects=True)


def download(
    session: Any,
    url: str,
    folder: Path,
    name: str,
    *,
    hashes: Mapping[str, str],
    limits: Limits,
    headers: Mapping[str, str] | None = None,
) -> tuple[Path, str]:
    """Write what lies at `url` into `folder` under `name`; return its path and its sha256.

    Args:
        session: An HTTP client.
        url: With any scheme that the client knows.
        folder: Of the cache.
        name: A file name; any folders in it are dropped.
        hashes: Hex digest by algorithm, as the registry promised; may be empty.
        limits: How large it may be.
        headers: For the request.

    Raises:
        FetchError: It could not be had, is too large, or is not what was promised.
    """
    promised = next(((a, hashes[a].lower()) for a in _ALGORITHMS if a in hashes), None)
    sums = {
        a: hashlib.new(a, usedforsecurity=False) for a in {"sha256", promised[0] if promised else "sha256"}
    }
    handle, new = tempfile.mkstemp(dir=folder)
    size = 0
    try:
        with os.fdopen(handle, "wb") as out, session.stream("GET", url, headers=headers) as answer:
            if answer.status_code != 200:
                raise FetchError(
                    f"{_plain(url)} answered {answer.status_code}", hint="Check the name and the version."
                )
            for chunk in answer.iter_bytes():
                size += len(chunk)
                if size > limits.download_bytes:
                    raise FetchError(
                        f"{_plain(url)} is larger than {limits.download_bytes:,} bytes",
                        hint="Download it yourself and name the file.",
                    )
                out.write(chunk)
                for one in sums.values():
                    one.update(chunk)
        if promised and sums[promised[0]].hexdigest() != promised[1]:
            raise FetchError(
                f"{name} is not what its registry promised: its {promised[0]} differs",
                hint="Do not trust this file; try again, and ask the registry if it stays so.",
            )
        path = folder / Path(name).name
        Path(new).replace(path)
    except OSError as error:
        raise FetchError(
            f"{_plain(url)} could not be written: {error.strerror}", hint="Check the disk."
        ) from error
    finally:
        Path(new).unlink(missing_ok=True)
    return path, sums["sha256"].hexdigest()


def integrity(text: str) -> dict[str, str]:
    """Return the hex digests in an npm `integrity` text.

    Examples:
        >>> integrity("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= bad sha512-")
        {'sha1': 'a9993e364706816aba3e25717850c26c9cd0d89d'}
    """
    found = {}
    for part in text.split():
        algorithm, _, value = part.partition("-")
        if algorithm in _ALGORITHMS and value:
            try:
                found[algorithm] = base64.b64decode(value.partition("?")[0], validate=True).hex()
            except ValueError:
                continue
    return found


def _plain(url: str) -> str:
    """Return the address without a password or a token in it."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0].partition('#')[0]}"
