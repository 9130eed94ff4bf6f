"""An image opens as the tree a container would see, with the settings it carries."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from reliant.errors import TargetError
from reliant.targets import open_target

if TYPE_CHECKING:
    from pathlib import Path


def layer(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


LAYERS = [
    layer(app__main="one", app__old="old", etc__a="a", etc__b="b"),
    layer(app__main="two", **{"app__.wh.old": "", "etc__.wh..wh..opq": "", "etc__c": "c"}),
]
CONFIG = json.dumps({"config": {"Env": ["MODEL=m-1"], "Cmd": ["run"]}}).encode()
SEEN = {"app/main": b"two", "etc/c": b"c"}


def saved(path: Path) -> Path:
    manifest = [{"Config": "config.json", "RepoTags": ["shop:1"], "Layers": ["l0/layer.tar", "l1/layer.tar"]}]
    members = {"manifest.json": json.dumps(manifest).encode(), "config.json": CONFIG}
    members |= {f"l{n}/layer.tar": content for n, content in enumerate(LAYERS)}
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def layout(folder: Path) -> Path:
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes) -> dict[str, object]:
        value = hashlib.sha256(content).hexdigest()
        (blobs / value).write_bytes(content)
        return {"digest": f"sha256:{value}", "size": len(content)}

    manifest = {"config": put(CONFIG), "layers": [put(content) for content in LAYERS]}
    attestation = {**put(b'{"layers": []}'), "platform": {"os": "unknown"}}
    inner = put(json.dumps({"manifests": [attestation, put(json.dumps(manifest).encode())]}).encode())
    (folder / "index.json").write_text(json.dumps({"manifests": [inner]}))
    (folder / "oci-layout").write_text("{}")
    return folder


def contents(path: Path) -> dict[str, bytes]:
    with open_target(str(path)) as target:
        assert target.stamp.kind == "image"
        return {file.path: file.read(999) for file in target.files() if not file.path.startswith(".image")}


def test_what_docker_save_writes_opens_as_the_tree_of_its_last_layer(tmp_path: Path) -> None:
    assert contents(saved(tmp_path / "shop.tar")) == SEEN


def test_an_oci_layout_opens_through_its_index_and_not_as_its_attestation(tmp_path: Path) -> None:
    assert contents(layout(tmp_path / "layout")) == SEEN


def test_variables_of_an_image_come_as_a_file_for_they_are_in_no_layer(tmp_path: Path) -> None:
    with open_target(str(saved(tmp_path / "shop.tar"))) as target:
        files = {file.path: file.read(999) for file in target.files()}

    assert files[".image/.env"].split() == [b"MODEL=m-1"]


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd"])
def test_a_layer_outside_the_image_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "config.json").write_bytes(CONFIG)
    (folder / "manifest.json").write_text(json.dumps([{"Config": "config.json", "Layers": [name]}]))

    with pytest.raises(TargetError, match="outside itself"):
        open_target(str(folder))


def test_an_incomplete_layout_is_an_error(tmp_path: Path) -> None:
    folder = layout(tmp_path / "layout")
    for blob in (folder / "blobs/sha256").iterdir():
        blob.unlink()

    with pytest.raises(TargetError, match="not complete"):
        open_target(str(folder))
