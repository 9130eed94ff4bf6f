"""The files of a hub repository: path, length, version, address, from the hub's own list.

One list tells every length and digest, so no file is asked for before it is read. The
bytes themselves come by range requests through `remote`, with its budget and cache. The
list is asked for once, without retries and waits: a hub that is down is said to be down
after one time-out of the client, and how long a server asks to wait is never obeyed.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from reliant.errors import FetchError, WeightsError
from reliant.lineage.formats.header import short
from reliant.lineage.formats.json import loads_strict
from reliant.lineage.formats.safetensors import is_plain_name

MAX_FILES = 20_000
_MAX_PAGES = 100
_MAX_PAGE = 8 << 20
_ELSEWHERE = "Or download the model elsewhere, and name its folder."


class HubFile(NamedTuple):
    """One file of a repository; `version` changes when its content does."""

    url: str
    size: int
    version: str


def files_of(name: str, client: Any, *, endpoint: str, token: str | None) -> dict[str, HubFile]:
    """Return the files of `org/name` or `org/name@revision`, by path.

    Args:
        client: An httpx client; its time-outs are those of the answer.
        token: Sent to the endpoint and nowhere else; None sends none, also if the user's machine holds one.

    Raises:
        FetchError: There is no such repository or revision, it is closed, or the hub does not answer.
    """
    repository, _, revision = name.partition("@")
    base = endpoint.rstrip("/")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    at = quote(revision or "main", safe="")
    page: str | None = f"{base}/api/models/{repository}/tree/{at}?recursive=True&expand=False"
    found: dict[str, HubFile] = {}
    for _ in range(_MAX_PAGES):
        if page is None or len(found) >= MAX_FILES:
            break
        listed, page = _page(client, page, headers, name, base)
        for one in listed:
            path, size = one.get("path"), one.get("size")
            if one.get("type") != "file" or not isinstance(path, str) or not is_plain_name(path):
                continue
            if type(size) is not int or size < 0:
                continue
            lfs = one.get("lfs")
            version = lfs.get("oid") if isinstance(lfs, dict) else one.get("oid")
            url = f"{base}/{repository}/resolve/{at}/{quote(path)}"
            found[path] = HubFile(url, size, str(version)[:200])
    return found


def _page(
    client: Any, url: str, headers: dict[str, str], name: str, base: str
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of the list, and the address of the next one."""
    import httpx  # noqa: PLC0415 - an extra; the caller made the client with it

    host = host_of(base)
    body = bytearray()
    try:
        with client.stream("GET", url, headers={**headers, "accept-encoding": "identity"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise _refused(answer, name, host)
            for part in answer.iter_raw(1 << 16):
                body += part
                if len(body) > _MAX_PAGE:
                    raise FetchError(
                        f"the hub at {host} sends a list of files of more than {_MAX_PAGE:,} bytes"
                    )
            onward = answer.links.get("next", {}).get("url")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise unreachable(
            f"the hub at {host}", name, error, f"HF_ENDPOINT names another hub. {_ELSEWHERE}"
        ) from error
    try:
        listed = loads_strict(bytes(body), name, "list of files")
    except WeightsError as error:
        raise FetchError(f"the hub at {host} sent no list of files for {name}: {error.problem}") from error
    if not isinstance(listed, list):
        raise FetchError(f"the hub at {host} sent no list of files for {name}", hint=_ELSEWHERE)
    if onward is not None and not onward.startswith(f"{base}/"):
        raise FetchError(f"the list of files of {name} goes on at another host, {short(onward)}")
    return [one for one in listed if isinstance(one, dict)], onward


def _refused(answer: Any, name: str, host: str) -> FetchError:
    """Return what an answer other than 200 means."""
    repository, _, revision = name.partition("@")
    match answer.headers.get("x-error-code"):
        case "GatedRepo":
            return FetchError(f"{name} is gated", hint="Ask for access on its page, and set HF_TOKEN.")
        case "RevisionNotFound":
            return FetchError(f"{repository} has no revision {revision!r}")
        case "RepoNotFound":
            hint = "Check the id; a private one needs HF_TOKEN."
            return FetchError(f"{name} is not there, or is private", hint=hint)
    if answer.status_code in {401, 403, 404}:
        hint = "Check the id; a private one needs HF_TOKEN."
        return FetchError(f"{name} is not there, or is private ({host}: {answer.status_code})", hint=hint)
    return FetchError(f"the hub at {host} answers {answer.status_code} for {name}", hint="Try again later.")


def unreachable(who: str, name: str, error: Exception, hint: str) -> FetchError:
    """Return the error of a server that does not answer: who, what was asked, and what was wrong."""
    why = {
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "no answer in time",
        "ConnectError": "no connection",
        "PoolTimeout": "no connection in time",
    }.get(type(error).__name__, type(error).__name__)
    return FetchError(
        f"{name} could not be fetched: {who}: {why}", hint=f"Is it up, and reachable from here? {hint}"
    )


def host_of(base: str) -> str:
    """Return the host and port of an address, as an error shows it."""
    try:
        return urlsplit(base).netloc or short(base)
    except ValueError:
        return short(base)
