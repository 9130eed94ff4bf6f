"""`reliant gateway`: serve, audit and operate the enforcing gateway."""

from __future__ import annotations

import click

from reliant.cli._gateway_audit import audit
from reliant.cli._gateway_serve import check, serve


@click.group()
def gateway() -> None:
    """Serve, check and audit the enforcing gateway."""


gateway.add_command(serve)
gateway.add_command(check)
gateway.add_command(audit)
