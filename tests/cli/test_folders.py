"""One variable names the place of all that may be thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.testing import CliRunner

from reliant.cli._atlas_import import _cache
from reliant.cli._folders import cache_folder
from reliant.cli._trace_online import cache_folder as trace_folder

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
def _where() -> None:
    for folder in (cache_folder(), cache_folder("fetched"), trace_folder(), _cache(None)):
        click.echo(folder)


def test_every_cache_lies_where_the_variable_says(tmp_path: Path) -> None:
    said = CliRunner(env={"RELIANT_CACHE": str(tmp_path)}).invoke(_where)

    assert said.output.split() == [
        str(tmp_path),
        str(tmp_path / "fetched"),
        str(tmp_path / "trace"),
        str(tmp_path / "imports"),
    ]


def test_without_the_variable_it_is_the_users_cache(tmp_path: Path) -> None:
    said = CliRunner(env={"RELIANT_CACHE": None, "XDG_CACHE_HOME": str(tmp_path)}).invoke(_where)

    assert all("reliant" in line for line in said.output.split())
    assert str(tmp_path) not in said.output.split()
