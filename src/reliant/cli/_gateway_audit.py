"""`reliant gateway audit`: check, export and redact the decision log."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reliant.cli._options import emit, format_option, output_option
from reliant.errors import UsageError


@click.group()
def audit() -> None:
    """Check, export and redact the decision log."""


_path = click.argument("path", type=click.Path(path_type=Path))


@audit.command()
@_path
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A file with the keys to check signatures with, one a line; by default the one beside the log.",
)
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Answers of GET /audit/head that you kept: a log cut off at its end does not have them all.",
)
@format_option("terminal", "json")
def verify(path: Path, public_keys: tuple[Path, ...], heads: tuple[Path, ...], style: str) -> None:
    """Check the log at PATH, a folder or one segment; exit 0 if it is sound and 1 if not."""
    import msgspec

    from reliant.gateway.audit.heads import fingerprint
    from reliant.gateway.audit.kept import read_kept
    from reliant.gateway.audit.verify import public_keys_of
    from reliant.gateway.audit.verify import verify as check

    public = public_keys_of(path, public_keys)
    kept = [one for file in heads for one in read_kept(file)]
    report = check(path, public, kept)
    if style == "json":
        emit(msgspec.json.format(msgspec.json.encode(report)).decode())
        sys.exit(0 if report.sound else 1)
    origin = "given" if public_keys else "from beside the log: compare it with the one you were told"
    for key in public:
        click.echo(f"key {fingerprint(key)} ({origin})")
    for one in report.chains:
        erased = f", {one.erased} erased" if one.erased else ""
        erased += f", {one.removed} before them removed by the gateway" if one.removed else ""
        click.echo(
            f"chain {one.chain}: {one.records} records, {one.checkpoints} checkpoints, "
            f"{one.unsigned} after the last{erased}; head {one.head}"
        )
    for problem in report.problems:
        click.echo(f"BROKEN {problem}")
    if not heads:
        click.echo("not checked: whether the end was cut off; that needs a head kept elsewhere (--head)")
    elif any(one.unsigned for one in report.chains):
        click.echo("not checked: records after the last checkpoint that no kept head names")
    click.echo("sound" if report.sound else f"not sound: {len(report.problems)} found")
    sys.exit(0 if report.sound else 1)


@audit.command()
@_path
@format_option("jsonl", "csv", default="jsonl")
@output_option
def export(path: Path, style: str, output: Path | None) -> None:
    """Write the records of all chains in the order of their time, as JSON lines or as a table."""
    from reliant.gateway.audit.export import export_lines, export_rows

    lines = export_rows(path) if style == "csv" else export_lines(path)
    if output is None or str(output) == "-":
        for line in lines:  # one by one: a log may be larger than the memory
            sys.stdout.write(line + "\n")
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise UsageError(
            f"cannot write {output}: {error.strerror}", hint="Name a file in a folder that exists."
        ) from error


@audit.command()
@_path
@click.option("--request", "requests", multiple=True, help="Id of a request whose kept text is erased.")
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Erase the kept text of everything before.")
def redact(path: Path, requests: tuple[str, ...], before: object) -> None:
    """Erase kept prompts; the chain stays valid, and shows that something was erased."""
    import datetime as dt

    from reliant.gateway.audit.redact import redact as erase

    moment = before.replace(tzinfo=dt.UTC).timestamp() if isinstance(before, dt.datetime) else None
    count = erase(path, frozenset(requests), moment)
    if not requests and moment is None:
        raise UsageError("nothing was named to erase", hint="Give --request ID, or --before DATE.")
    click.echo(f"{count} erased")


@audit.command()
@click.argument("url")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def pull(url: str, folder: Path) -> None:
    """Write the copy of the log that the database at URL holds into FOLDER, ready to be checked."""
    import asyncio

    from reliant.gateway.state.postgres import PostgresStore

    async def fetch() -> int:
        store = PostgresStore(url)
        await store.open()
        try:
            return await store.fetch_log(folder)
        finally:
            await store.close()

    click.echo(f"{asyncio.run(fetch())} records")
