"""The command `reliant gateway`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from reliant.cli.gateway import gateway
from reliant.errors import ConfigError, TargetError


def test_the_help_names_what_it_can_do() -> None:
    said = CliRunner().invoke(gateway, ["--help"]).output

    assert {"serve", "check", "audit"} <= set(said.split())
    for word in ("verify", "export", "redact", "pull"):
        assert word in CliRunner().invoke(gateway, ["audit", "--help"]).output


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(gateway, ["serve", "--config", str(tmp_path / "none.toml")])

    assert isinstance(result.exception, ConfigError)
    assert result.exception.exit_code == 2
    assert "none.toml" in str(result.exception)


@pytest.mark.parametrize("command", ["verify", "export", "redact"])
def test_a_log_that_is_not_there_is_an_error_and_no_result(tmp_path: Path, command: str) -> None:
    result = CliRunner().invoke(gateway, ["audit", command, str(tmp_path / "none")])

    assert isinstance(result.exception, TargetError)
    assert result.exception.exit_code == 2
