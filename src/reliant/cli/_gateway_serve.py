"""`reliant gateway serve` and `check`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reliant.cli._options import say
from reliant.errors import MissingExtra

if TYPE_CHECKING:
    from reliant.gateway.worker import Settings


_EXTRA = ("uvloop", "httptools", "starlette", "cryptography", "maxminddb", "prometheus_client")


def _settings(config: Path) -> Settings:
    """Return how to serve `config`.

    Raises:
        MissingExtra: What the gateway runs on is not installed.
    """
    from importlib.util import find_spec

    import platformdirs

    if not all(find_spec(name) for name in _EXTRA):
        raise MissingExtra("the gateway", "gateway")
    from reliant.gateway.clock import Clock
    from reliant.gateway.worker import Settings

    return Settings(
        path=config,
        env=os.environ,
        state=Path(platformdirs.user_state_dir("reliant")),
        clock=Clock(wall=time.time, steady=time.monotonic),
        say=say,
        again=_again(config),
    )


def _again(config: Path) -> tuple[str, ...]:
    """Return the command that serves `config` as one of several workers."""
    # What lies in the present folder is imported only if it was for this process too.
    found_here = sys.path[:1] == [str(Path.cwd())]
    python = (sys.executable, *(() if found_here else ("-P",)), "-m", "reliant")
    return (*python, "gateway", "serve", "--config", str(config), "--worker=")


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("gateway.toml"),
    show_default=True,
    help="The gateway's TOML file.",
)


@click.command()
@config_option
@click.option("--worker", hidden=True, help="Serve in the place of a worker that died.")
def serve(config: Path, worker: str | None) -> None:
    """Serve until stopped; SIGHUP reads the configuration again, SIGTERM drains and stops."""
    settings = _settings(config)
    if worker is not None:
        from reliant.gateway.forking import serve_again

        serve_again(settings, worker)
    from reliant.gateway.server import serve as run

    sys.exit(run(settings))


@click.command()
@config_option
def check(config: Path) -> None:
    """Check a configuration, and say what its keys may reach today."""
    settings = _settings(config)
    from reliant import atlas
    from reliant.gateway.admit.knowledge import Knowledge
    from reliant.gateway.operate.table import permissions
    from reliant.gateway.worker import load

    knowledge = Knowledge(atlas.load())
    click.echo(permissions(load(settings, knowledge), knowledge, settings.clock, settings.env))
