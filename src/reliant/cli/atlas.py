"""`reliant atlas`: show, search, check and extend the dated, cited facts."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import click

from reliant.cli._claim import claim
from reliant.cli._options import as_of_option, emit, format_option, known_on_option, output_option, say
from reliant.errors import UsageError


@click.group()
def atlas() -> None:
    """Show, search, check and extend the dated, cited facts."""


atlas.add_command(claim)


@atlas.command()
@click.argument("record", metavar="ID")
@known_on_option
@format_option("terminal", "json")
@output_option
def show(record: str, known_on: dt.date | None, style: str, output: Path | None) -> None:
    """Print the record ID: what it says, how sure that is, and every source.

    ID is of any kind of record; a provider or model is also found by its alias.
    """
    from reliant.atlas import load
    from reliant.cli import _atlas_show

    known = load().known_on(known_on)
    records = known.find(record)
    render = _atlas_show.as_json if style == "json" else _atlas_show.as_text
    emit(render(known, records), output)


@atlas.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--kind", help="Only records of this kind: provider, model, rule, event and so on.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Print at most so many.")
@known_on_option
@format_option("terminal", "json")
@output_option
def search(
    words: tuple[str, ...],
    kind: str | None,
    limit: int,
    known_on: dt.date | None,
    style: str,
    output: Path | None,
) -> None:
    """Print the records that have all WORDS, best first."""
    from reliant.atlas import load
    from reliant.cli import _atlas_show

    known = load().known_on(known_on)
    kinds = {known.records(folder).kind for folder in known.folders} | set(known.folders)
    if kind is not None and kind not in kinds:
        raise UsageError(
            f"there is no kind of record {kind!r}", hint=f"Choose one of: {', '.join(sorted(kinds))}."
        )
    text, found = _atlas_show.hits(known, words, kind, limit, as_json=style == "json")
    emit(text, output)
    sys.exit(0 if found else 3)


@atlas.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@format_option("terminal", "json")
@output_option
def lint(folder: Path | None, style: str, output: Path | None) -> None:
    """Check the records in FOLDER, by default those of the checkout, and print every mistake with its line.

    Exits with 1 if there is one.
    """
    from reliant.cli import _atlas_lint

    text, errors = _atlas_lint.checked(folder, as_json=style == "json")
    emit(text, output)
    sys.exit(1 if errors else 0)


@atlas.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--kind", help="What the files are; by default this is seen from their first lines.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keep the rows here.")
@as_of_option
@format_option("terminal", "json")
def import_(files: tuple[Path, ...], kind: str | None, cache: Path | None, as_of: object, style: str) -> None:
    """Read data sets of others into your cache, each row with its file and line.

    They never become part of the atlas: `reliant atlas conflicts` shows where they differ from it.
    """
    from reliant.cli import _atlas_import

    emit(_atlas_import.imported(files, kind, cache, str(as_of), as_json=style == "json"))


@atlas.command()
@click.option("--kind", help="Only what came from this data set.")
@click.option("--record", help="Only differences with this record.")
@click.option("--all", "everything", is_flag=True, help="Also those that the record names already.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Where the rows are kept.")
@format_option("terminal", "json", "csv")
@output_option
def conflicts(
    kind: str | None,
    record: str | None,
    everything: bool,
    cache: Path | None,
    style: str,
    output: Path | None,
) -> None:
    """Print where imported rows and the atlas differ, for a person to settle.

    Exits with 1 if there is a difference that no record names yet, and with 3 if nothing was imported.
    """
    from reliant.cli import _atlas_import

    text, code = _atlas_import.compared(cache, kind=kind, record=record, everything=everything, style=style)
    emit(text, output)
    sys.exit(code)


@atlas.group()
def evidence() -> None:
    """Keep documents as evidence: find copies, check quotes, show what copies say differently."""


@evidence.command()
@click.argument("document", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, metavar="ID", help="The name to keep it under.")
@click.option("--title", help="Of the document; by default its first line.")
@click.option("--publisher", help="Who published it.")
@click.option("--published", metavar="DATE", help="Day, month or year.")
@click.option("--url", help="Where it was.")
@click.option(
    "--desk", type=click.Path(file_okay=False, path_type=Path), help="Folder of the kept documents."
)
@format_option("terminal", "json")
def add(
    document: Path,
    source: str,
    title: str | None,
    publisher: str | None,
    published: str | None,
    url: str | None,
    desk: Path | None,
    style: str,
) -> None:
    """Keep DOCUMENT, and say which kept documents and cited sources it is a copy of."""
    from reliant.cli import _atlas_evidence

    about = {"title": title, "publisher": publisher, "published": published, "url": url}
    emit(_atlas_evidence.added(document, source, about, desk, as_json=style == "json"))


@evidence.command()
@click.argument("documents", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--record", metavar="ID", help="Check that the quotes of this record stand in the documents.")
@click.option(
    "--desk", type=click.Path(file_okay=False, path_type=Path), help="Folder of the kept documents."
)
@format_option("terminal", "json")
@output_option
def check(
    documents: tuple[Path, ...], record: str | None, desk: Path | None, style: str, output: Path | None
) -> None:
    """Group DOCUMENTS by common origin, and show what copies of one text say differently.

    Without DOCUMENTS those kept on the desk are taken. Exits with 1 if copies differ or a quote
    is not found.
    """
    from reliant.cli import _atlas_evidence

    text, findings = _atlas_evidence.checked(documents, record, desk, as_json=style == "json")
    emit(text, output)
    if findings:
        say(f"{findings} findings")
    sys.exit(1 if findings else 0)
