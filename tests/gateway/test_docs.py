"""The documentation says what the gateway does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from reliant.gateway import config as types
from reliant.gateway.config import Config
from support import gateway_reference

TABLES = [
    one
    for one in vars(types).values()
    if isinstance(one, type) and issubclass(one, msgspec.Struct) and not one.__name__.startswith("_")
]


def pages(root: Path) -> list[Path]:
    return sorted((root / "docs" / "gateway").glob("*.md"))


def test_every_toml_block_of_the_pages_is_a_configuration(root: Path) -> None:
    blocks = [
        block
        for page in pages(root)
        for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    for block in blocks:
        msgspec.convert(tomllib.loads(block), Config)

    assert len(blocks) >= 4


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.__name__)
def test_every_key_of_the_configuration_is_on_its_page(root: Path, table: type[msgspec.Struct]) -> None:
    text = (root / "docs" / "gateway" / "configuration.md").read_text(encoding="utf-8")

    missing = [
        name
        for name in table.__struct_fields__
        if f"| `{name}` |" not in text and not (table is Config and re.search(rf"## `\[+{name}\]", text))
    ]

    assert missing == []


def test_the_page_says_of_every_key_what_the_types_say(root: Path) -> None:
    def told(text: str) -> list[tuple[str, str]]:
        rows = (line.split(" | ") for line in text.splitlines() if line.startswith("| `"))
        return [(row[0], row[-1]) for row in rows]

    written = (root / "docs" / "gateway" / "configuration.md").read_text(encoding="utf-8")

    assert told(written) == told(gateway_reference.page())


def test_links_between_the_pages_lead_somewhere(root: Path) -> None:
    for page in pages(root):
        for target in re.findall(r"\]\(([a-z-]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
