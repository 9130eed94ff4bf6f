"""The files of a hub repository, as `huggingface_hub` lists them: path, length, version, address.

One listing tells every length and digest, so no file is asked for before it is read. The
bytes themselves come by range requests through `remote`, with its budget and cache.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from reliant.errors import FetchError, MissingExtra
from reliant.lineage.formats.safetensors import is_plain_name

MAX_FILES = 20_000


class HubFile(NamedTuple):
    """One file of a repository; `version` changes when its content does."""

    url: str
    size: int
    version: str


def files_of(name: str, *, endpoint: str, token: str | None) -> dict[str, HubFile]:
    """Return the files of `org/name` or `org/name@revision`, by path.

    Args:
        token: Sent to the endpoint; None sends none, also if the user's machine holds one.

    Raises:
        FetchError: There is no such repository or revision, it is closed, or the hub does not answer.
        MissingExtra: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import HfApi, hf_hub_url  # noqa: PLC0415 - an extra, and slow to import
        from huggingface_hub.errors import (  # noqa: PLC0415 - with it
            GatedRepoError,
            HfHubHTTPError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
        from huggingface_hub.hf_api import RepoFile  # noqa: PLC0415 - with it
    except ImportError as error:
        raise MissingExtra("reading models from the hub", "trace") from error
    repository, _, revision = name.partition("@")
    endpoint = endpoint.rstrip("/")
    api = HfApi(endpoint=endpoint, token=token or False, library_name="reliant")
    try:
        tree = api.list_repo_tree(repository, recursive=True, revision=revision or None)
        listed = [one for one in itertools.islice(tree, MAX_FILES) if isinstance(one, RepoFile)]
    except GatedRepoError as error:
        raise FetchError(f"{name} is gated", hint="Ask for access on its page, and set HF_TOKEN.") from error
    except RevisionNotFoundError as error:
        raise FetchError(f"{repository} has no revision {revision!r}") from error
    except RepositoryNotFoundError as error:
        raise FetchError(
            f"{name} is not there, or is private", hint="Check the id; a private one needs HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "nothing")
        raise FetchError(f"the hub answers {status} for {name}", hint="Try again later.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(
            f"the list of files of {name} could not be fetched or read ({type(error).__name__})",
            hint="Is the hub up, and HF_HUB_OFFLINE not set?",
        ) from error
    except Exception as error:  # its HTTP library differs by version, and so do what it raises
        if type(error).__module__.partition(".")[0] not in {"httpx", "httpx2", "requests", "huggingface_hub"}:
            raise
        raise FetchError(
            f"{name} could not be fetched: {type(error).__name__}", hint="Is the hub up?"
        ) from error
    return {
        one.path: HubFile(
            hf_hub_url(repository, one.path, revision=revision or None, endpoint=endpoint),
            one.size,
            one.lfs.sha256 if one.lfs is not None else one.blob_id,
        )
        for one in listed
        if is_plain_name(one.path) and type(one.size) is int and one.size >= 0
    }
