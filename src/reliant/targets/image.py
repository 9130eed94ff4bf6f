"""Container images: an OCI layout or what `docker save` writes, flattened into one tree of files.

Layers are applied in order with their deletions, as a container would see them.
The image's own settings (variables, command, labels) come with it as files below
`.image/`, since an endpoint set by `ENV` is in no layer.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from typing import TYPE_CHECKING, Any, cast

import msgspec

from reliant.errors import TargetError
from reliant.targets.unpack import Writer, untar_layer

if TYPE_CHECKING:
    from pathlib import Path

    from reliant.targets.file import Skipped
    from reliant.targets.limits import Limits

_JSON_BYTES = 16 << 20


def is_layout(folder: Path) -> bool:
    """Say whether `folder` is an OCI layout or an unpacked `docker save`."""
    if (folder / "oci-layout").is_file() and (folder / "index.json").is_file():
        return True
    manifest = folder / "manifest.json"
    if not manifest.is_file() or manifest.stat().st_size > _JSON_BYTES:
        return False
    return b'"Layers"' in manifest.read_bytes() and b'"Config"' in manifest.read_bytes()


def digest_of(folder: Path) -> str | None:
    """Return the digest of the image that a layout names first."""
    with contextlib.suppress(OSError, KeyError, IndexError, TypeError, TargetError):
        return str(_json(folder / "index.json")["manifests"][0]["digest"])
    return None


def flatten(layout: Path, folder: Path, limits: Limits, skipped: Skipped) -> None:
    """Write the files of the image in `layout` below `folder`.

    Raises:
        TargetError: The layout is broken, or larger inside than the limits allow.
    """
    config, layers = _parts(layout)
    packed = sum(layer.stat().st_size for layer in layers)
    writer = Writer(folder, packed, limits, skipped, "the image")
    for layer in layers:
        try:
            with layer.open("rb") as file:
                untar_layer(file, writer, skipped)
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            raise TargetError(
                f"the image's layer {layer.name[:20]} cannot be read: {error}", hint="Save the image again."
            ) from error
    _write_settings(config, folder)


def _parts(layout: Path) -> tuple[dict[str, Any], list[Path]]:
    """Return the image's settings and its layers, lowest first."""
    try:
        if (layout / "manifest.json").is_file():
            first = _json(layout / "manifest.json")[0]
            layers = [_inside(layout, name) for name in first["Layers"]]
            return _json(_inside(layout, first["Config"])), layers
        manifest = _manifest(layout, _json(layout / "index.json"))
        layers = [_blob(layout, layer["digest"]) for layer in manifest["layers"]]
        return _json(_blob(layout, manifest["config"]["digest"])), layers
    except (KeyError, IndexError, TypeError, OSError) as error:
        raise TargetError(
            f"the image's layout is not complete: {error}",
            hint="Save it again with: docker save -o FILE IMAGE",
        ) from error


def _manifest(layout: Path, index: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest of the first image that is one: an index may point to an index."""
    for _ in range(4):
        images = [entry for entry in index["manifests"] if _is_image(entry)]
        found = _json(_blob(layout, (images or index["manifests"])[0]["digest"]))
        if "layers" in found:
            return cast("dict[str, Any]", found)
        index = found
    raise TargetError("the image's index points only to further indexes", hint="Save the image again.")


def _is_image(entry: dict[str, Any]) -> bool:
    # Build attestations are listed beside the images, for the platform "unknown".
    return bool(entry.get("platform", {}).get("os") != "unknown")


def _blob(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    if not (algorithm.isalnum() and value.isalnum()):
        raise TargetError(f"{digest!r} is no digest", hint="Save the image again.")
    return layout / "blobs" / algorithm / value


def _inside(layout: Path, name: str) -> Path:
    path = layout / name
    if ".." in path.parts or not path.is_relative_to(layout):
        raise TargetError(f"the image names a layer outside itself: {name!r}", hint="Do not trust this file.")
    return path


def _json(path: Path) -> Any:
    if path.stat().st_size > _JSON_BYTES:
        raise TargetError(f"{path.name} is larger than any image's description", hint="Save the image again.")
    try:
        return msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise TargetError(f"{path.name} is not JSON: {error}", hint="Save the image again.") from error


def _write_settings(config: dict[str, Any], folder: Path) -> None:
    settings = config.get("config") if isinstance(config, dict) else None
    if not isinstance(settings, dict):
        return
    place = folder / ".image"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    told = {name: settings.get(name) for name in ("Env", "Entrypoint", "Cmd", "Labels", "WorkingDir")}
    (place / "config.json").write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1))
    variables = [text for text in settings.get("Env") or () if isinstance(text, str) and "\n" not in text]
    (place / ".env").write_text(os.linesep.join([*variables, ""]), encoding="utf-8", errors="replace")
