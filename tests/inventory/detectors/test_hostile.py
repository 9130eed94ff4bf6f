"""A tree made to hang, crash or fool its reader: the scan ends, and every skip is listed."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from reliant.inventory import scan
from reliant.targets import open_target

if TYPE_CHECKING:
    from pathlib import Path

    from reliant.inventory.engine import Scanner


def hostile(root: Path) -> None:
    """Everything at once, and one honest file that must still be found."""
    (root / "honest.env").write_text("GROQ_API_KEY=x\n")
    (root / os.fsdecode(b"br\xf6ken.py")).write_bytes(b"import openai  # \xff\xfe\xf6\n")
    (root / "utf16.yaml").write_bytes("llm:\n  provider: mistral\n".encode("utf-16"))
    with (root / "sparse.safetensors").open("wb") as file:
        file.truncate(1 << 30)
    with (root / "sparse.py").open("wb") as file:
        file.write(b"import openai\n")
        file.truncate(1 << 30)
    (root / "loop").symlink_to(root)
    (root / "self").symlink_to("self")
    os.mkfifo(root / "pipe.yaml")
    (root / "book.ipynb").write_text("this is no notebook, but openai.OpenAI() is here")
    (root / "book2.ipynb").write_text('{"cells": [{"cell_type": 7, "source": {"a": "gpt-4o"}}, null, 3]}')
    (root / "deep.json").write_text("[" * 100_000 + '"gpt-4o"' + "]" * 100_000)
    (root / "deep.py").write_text("x = " + "(" * 5_000 + "'gpt-4o'" + ")" * 5_000)
    (root / "bomb.yaml").write_text(
        "a: &a [model, model]\n"
        + "".join(f"{c}: &{c} [*{p},*{p},*{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    )
    (root / "line.js").write_text("const m = {model: 'gpt-4o'};" * 40_000)
    (root / "quotes.sh").write_text("curl 'https://api.openai.com " * 5_000)
    (root / "braces.go").write_text('package a\nvar x = "gpt-4o"\n' + "{" * 200_000)
    (root / "slashes.ts").write_text("/*" * 100_000 + "'gpt-4o'")
    (root / "spaces.yaml").write_text("model:" + " " * 300_000 + "x\n" + " " * 300_000 + "- model: y")
    (root / "dots.env").write_text("OPENAI_BASE_URL=" + "a." * 100_000 + "\n")
    (root / "big.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 62, 1 << 62) + b"\xff" * 1_000)
    (root / "st.safetensors").write_bytes(struct.pack("<Q", 1 << 26) + b"{" + b"[" * 900_000)
    (root / "spans.jsonl").write_text('{"a":' * 3_000 + "1" + "}" * 3_000 + "\n")
    (root / "bom.json").write_text('{"bomFormat": "CycloneDX", "components": [' + '{"components": [' * 20_000)
    (root / "stack.tf").write_text('resource "a" "b" {\n' * 30_000)
    (root / "Dockerfile").write_text("RUN x \\\n" * 50_000)
    (root / "pom.xml").write_text(
        '<!DOCTYPE x [<!ENTITY a "aaaa">' + "".join(f'<!ENTITY a{n} "&a;&a;">' for n in range(99))
    )
    here = os.open(root, os.O_RDONLY)
    for _ in range(1_000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def _remove_deep(root: Path) -> None:
    # shutil.rmtree recurses once per folder.
    subprocess.run(["rm", "-rf", str(root / "d")], check=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    hostile(tmp_path)
    return tmp_path


def test_a_hostile_tree_ends_with_every_skip_listed_and_the_honest_file_found(
    tree: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("talk.sock")
        with open_target(str(tree)) as target:
            found = scan(target, scanner.vendors, workers=1)
    _remove_deep(tree)

    assert {"groq", "mistral"} <= {use.provider for use in found.uses}
    skipped = {entry.path: entry.reason for entry in found.not_looked_at}
    assert {"loop", "self", "pipe.yaml", "talk.sock", "sparse.safetensors", "sparse.py", "book.ipynb"} <= set(
        skipped
    )
    assert any(path.startswith("d/d/d") for path in skipped)
    assert json.dumps(sorted(skipped))
