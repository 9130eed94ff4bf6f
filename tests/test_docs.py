"""What README and docs show is true: their code runs, their commands exist, their links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import click
import pytest
import yaml

from reliant.cli.main import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").glob("*.md"),
        *(ROOT / "examples").glob("*/*.md"),
    ]
)
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(<?([^)>\s]+)>?\)")


class Block(NamedTuple):
    """A fenced block: where it stands, and its text without the fence's indent."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            indent, language, body = match.groups()
            lines = [line.removeprefix(indent) for line in body.splitlines()]
            found.append(Block(page, text.count("\n", 0, match.start()) + 1, language, "\n".join(lines)))
    return found


BLOCKS = _blocks()


def _of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def _commands() -> list[tuple[str, list[str]]]:
    """Every command line of a console block, where it stands and its words."""
    found = []
    for block in _of("console"):
        joined = block.text.replace("\\\n", " ")
        for at, line in enumerate(joined.splitlines(), block.line + 1):
            if line.startswith(("$ ", "reliant ", "make ")):
                words = shlex.split(line.removeprefix("$ "), comments=True)
                found.append((f"{block.page.relative_to(ROOT)}:{at} {' '.join(words)}", words))
    return found


COMMANDS = _commands()


@pytest.mark.parametrize("block", _of("python"), ids=str)
def test_every_python_block_runs(block: Block, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("words", [words for _, words in COMMANDS], ids=[name for name, _ in COMMANDS])
def test_every_command_exists_with_each_option_that_is_shown(words: list[str]) -> None:
    if words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        assert set(words[1:]) <= set(targets)
        return
    if words[0] != "reliant":
        return
    command: click.Command = cli
    context = click.Context(cli, info_name="reliant")
    rest = words[1:]
    while rest and isinstance(command, click.Group) and not rest[0].startswith("-"):
        name, below, after = command.resolve_command(context, rest)
        assert below is not None, name
        command, rest = below, after
        context = click.Context(below, info_name=name, parent=context)
    known = {option for one in command.get_params(context) for option in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "-h"}

    assert command.get_help(context)
    assert {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)} <= known


@pytest.mark.parametrize("block", _of("toml", "yaml", "json"), ids=str)
def test_every_block_of_configuration_can_be_read(block: Block) -> None:
    read = {"toml": tomllib.loads, "yaml": yaml.safe_load, "json": json.loads}[block.language]

    assert read(block.text)


def _anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ +(.+)$", text, re.M)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", head)).strip().lower() for head in heads]
    return {re.sub(r"\s+", "-", head) for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_to_our_own_files_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), link


def test_every_page_of_the_docs_opens_with_its_title() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.read_text(encoding="utf-8").startswith("# "), page


def test_every_page_of_the_docs_is_reached_from_the_first() -> None:
    start = ROOT / "docs" / "index.md"
    seen, todo = {start}, [start]
    while todo:
        page = todo.pop()
        for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in seen:
                seen.add(target)
                todo.append(target)

    assert set((ROOT / "docs").rglob("*.md")) <= seen


def test_the_list_of_findings_is_that_of_the_format() -> None:
    from reliant.report.sarif import ALL_RULES

    rows = re.findall(r"^\| `(RLT-\S+)` \| (\w+) \|", (ROOT / "docs" / "findings.md").read_text(), re.M)

    assert rows == [(rule.id, rule.level) for rule in ALL_RULES]


def test_the_exit_codes_of_the_docs_are_those_of_the_errors() -> None:
    from reliant import errors

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.M)}
    ours = {value.exit_code for value in vars(errors).values() if hasattr(value, "exit_code")}

    assert ours <= codes
