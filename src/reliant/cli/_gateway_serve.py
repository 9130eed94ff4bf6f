"""`reliant gateway serve` and `check`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from reliant.cli._options import say


def _settings(config: Path) -> object:
    import platformdirs

    from reliant.gateway.clock import Clock
    from reliant.gateway.worker import Settings

    return Settings(
        path=config,
        env=os.environ,
        state=Path(platformdirs.user_state_dir("reliant")),
        clock=Clock(wall=time.time, steady=time.monotonic),
        say=say,
    )


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("gateway.toml"),
    show_default=True,
    help="The gateway's TOML file.",
)


@click.command()
@config_option
def serve(config: Path) -> None:
    """Serve until stopped; SIGHUP reads the configuration again, SIGTERM drains and stops."""
    from reliant.gateway.server import serve as run

    sys.exit(run(_settings(config)))  # type: ignore[arg-type]


@click.command()
@config_option
def check(config: Path) -> None:
    """Check a configuration, and say what its keys may reach today."""
    from reliant import atlas
    from reliant.gateway.knowledge import Knowledge
    from reliant.gateway.table import permissions
    from reliant.gateway.worker import Settings, load

    settings = _settings(config)
    assert isinstance(settings, Settings)
    knowledge = Knowledge(atlas.load())
    click.echo(permissions(load(settings, knowledge), knowledge, settings.clock, settings.env))
