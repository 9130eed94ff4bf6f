"""Fetch a container image from its registry, as an OCI layout."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.errors import FetchError, MissingExtra, TargetError
from reliant.targets.open import Fetched

if TYPE_CHECKING:
    from pathlib import Path

    from reliant.targets.fetch.settings import Settings
    from reliant.targets.limits import Limits

_MANIFESTS = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]
_DEFAULT_HOST = "registry-1.docker.io"


def fetch_image(asked: str, reference: str, folder: Path, settings: Settings, limits: Limits) -> Fetched:
    """Write the image `reference` into `folder` as an OCI layout.

    Of an image for several platforms, the one for Linux on amd64 is taken, else the first.

    Raises:
        FetchError: There is no such image, it cannot be reached or is too large.
        MissingExtra: The extra for fetching is not installed.
    """
    try:
        from oras.container import Container  # type: ignore[import-untyped]  # noqa: PLC0415
        from oras.provider import Registry  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("fetching an image", "fetch") from error
    layout = folder / "image"
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    try:
        container = Container(_full(reference))
        registry = Registry(insecure=container.registry in settings.insecure_registries)
        registry.auth.load_configs(container)
        manifest = registry.get_manifest(container, allowed_media_type=_MANIFESTS)
        if "manifests" in manifest:
            name = f"{container.registry}/{container.api_prefix}@{_chosen(manifest['manifests'])}"
            manifest = registry.get_manifest(Container(name), allowed_media_type=_MANIFESTS)
        parts = [manifest["config"], *manifest["layers"]]
        if sum(part["size"] for part in parts) > limits.download_bytes:
            raise FetchError(
                f"{asked} is larger than {limits.download_bytes:,} bytes", hint="Save it and name the file."
            )
        for part in parts:
            _blob(registry, container, part, blobs)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise FetchError(
            f"the image {reference} could not be fetched: {error}",
            hint="Check the reference and your login, or name a file that `docker save` wrote.",
        ) from error
    return Fetched(path=layout, kind="image", name=asked, digest=_describe(layout, manifest))


def _full(reference: str) -> str:
    """Return the reference with its host; a short one means the public default registry."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"{_DEFAULT_HOST}/{reference if slash else f'library/{reference}'}"


def _chosen(manifests: list[dict[str, Any]]) -> str:
    def rank(entry: dict[str, Any]) -> tuple[bool, bool]:
        platform = entry.get("platform", {})
        return (platform.get("os") != "linux", platform.get("architecture") != "amd64")

    return str(min(manifests, key=rank)["digest"])


def _blob(registry: Any, container: Any, part: dict[str, Any], blobs: Path) -> None:
    """Write one blob, unless it is there; it must have the hash it is named by."""
    algorithm, _, value = str(part["digest"]).partition(":")
    if algorithm != "sha256" or len(value) != 64 or not value.isalnum():
        raise TargetError(f"the image names a blob by {part['digest']!r}", hint="Only sha256 is known.")
    path = blobs / value
    if path.is_file() and path.stat().st_size == part["size"]:
        return
    digest = hashlib.sha256()
    size = 0
    with registry.get_blob(container, part["digest"], stream=True) as answer, path.open("wb") as out:
        answer.raise_for_status()
        for chunk in answer.iter_content(chunk_size=1 << 20):
            size += len(chunk)
            if size > part["size"]:
                break
            digest.update(chunk)
            out.write(chunk)
    if size != part["size"] or digest.hexdigest() != value:
        path.unlink()
        raise FetchError(f"a layer of {container} is not what its manifest promised", hint="Try again.")


def _describe(layout: Path, manifest: dict[str, Any]) -> str:
    """Write the files that make the blobs a layout; return the manifest's digest."""
    content = msgspec.json.encode(manifest)
    value = hashlib.sha256(content).hexdigest()
    (layout / "blobs" / "sha256" / value).write_bytes(content)
    entry = {"mediaType": _MANIFESTS[0], "digest": f"sha256:{value}", "size": len(content)}
    (layout / "index.json").write_bytes(msgspec.json.encode({"schemaVersion": 2, "manifests": [entry]}))
    (layout / "oci-layout").write_bytes(b'{"imageLayoutVersion": "1.0.0"}')
    return f"sha256:{value}"
