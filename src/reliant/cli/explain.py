"""`reliant explain`: what a verdict or a figure rests on, what would change it, what to find out first."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reliant.cli._options import as_of_option, colour, emit, known_on_option, offline_option, output_option
from reliant.cli.check import question_options
from reliant.errors import UnknownId, UsageError

if TYPE_CHECKING:
    from reliant.cli._questions import Desk
    from reliant.core.facts import Facts
    from reliant.core.use import Use


@click.command()
@click.argument("what", metavar="[USE|RULE|PATH]", required=False)
@question_options
@as_of_option
@known_on_option
@click.option("--target", metavar="PATH", help="Where USE was found: what you gave to `reliant assess`.")
@click.option(
    "--number",
    metavar="FIGURE",
    help="Show what makes a figure of PATH: stop_share, unknown, face_value:CC, look_through:CC, hidden:CC, "
    "origin:CC, single_point:NAME, reach:CC, or hhi: and one of provider, jurisdiction, owner, model. Any "
    "other number of the JSON by its place: impact.functions[chat], lag[coding].median; `names` lists them.",
)
@click.option(
    "--on", metavar="COUNTRY", help="With --number: the figure is one of `reliant country WHAT --on COUNTRY`."
)
@click.option(
    "--cut",
    "cuts",
    multiple=True,
    metavar="LEVEL:ID",
    help="With --number: the figure is one of `reliant simulate PATH --cut LEVEL:ID`; a --scenario of "
    "dated cuts does the same, one of rules with --what-if. Repeatable.",
)
@click.option(
    "--what-if", is_flag=True, help="With --number: the figure is one of `reliant simulate PATH --scenario`."
)
@click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --on: a data set, as `reliant country` takes it. Repeatable.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["terminal", "json"]),
    default="terminal",
    show_default=True,
    help="How to print it.",
)
@offline_option
@output_option
def explain(
    what: str | None,
    as_of: dt.date,
    known_on: dt.date | None,
    target: str | None,
    number: str | None,
    on: str | None,
    cuts: tuple[str, ...],
    what_if: bool,
    files: tuple[Path, ...],
    style: str,
    offline: bool,
    output: Path | None,
    **asked: Any,
) -> None:
    """Show what a verdict or a figure rests on, and what would change it.

    RULE is the id of a rule: its conditions, dates, readings and sources are shown, and,
    if a question is asked as in `reliant check`, how each condition was decided. USE is
    the id, the provider or the model of something found in --target. Without either,
    the question of the options is explained.

    With --number, PATH is what `reliant assess` takes: the functions, uses, providers,
    owners, countries and lines of descent that make the figure are shown, with sources.
    With --cut or a scenario of cuts, PATH is what `reliant simulate` takes: each function with
    what it adds to the figure, why, and on which sources.
    With --on as well, WHAT is a country: the models, ways, rules and days behind the figure.
    """
    from reliant.cli._questions import Desk

    if number is not None or on is not None or files or cuts or what_if:
        from reliant.cli._explain_number import Asked, lists_cuts

        of = what if on is not None or files else what or target
        figure = Asked(
            number=number, of=of, who=asked, as_of=as_of, known_on=known_on, offline=offline, style=style
        )
        if on is not None or files:
            told = figure.of_country(on, files)
        elif cuts or what_if or lists_cuts(asked.get("scenario")):
            told = figure.of_simulation(cuts)
        else:
            told = figure.of_assessment()
        emit(told, output)
        return
    desk = Desk.open(asked, known_on)
    if what is not None and what in desk.book.rules:
        facts = None if desk.asks_nothing and not desk.place else desk.facts(asked, as_of)
        emit(_rule(desk, what, as_of, known_on, facts, style), output)
        return
    if what is not None:
        use = _found(what, target, asked, as_of, offline, desk)
        facts = desk.asker.facts_of_use(use, desk.place, desk.about_you(asked, as_of))
    elif desk.asks_nothing:
        raise UsageError("nothing is asked", hint="Name a USE or a RULE, or a --provider or --model.")
    else:
        facts = desk.facts(asked, as_of)
    emit(_answer(desk, facts, as_of, known_on, style, colours=colour() and output is None), output)


def _found(
    what: str, target: str | None, asked: dict[str, Any], as_of: dt.date, offline: bool, desk: Desk
) -> Use:
    """Return the use of this id, or the first of this provider or model.

    Raises:
        UsageError: There is no target.
        UnknownId: Nothing in the target, and no rule, is called so.
    """
    import difflib

    if target is None:
        near = tuple(difflib.get_close_matches(what, list(desk.book.rules), n=3, cutoff=0.6))
        if near:
            raise UnknownId(what, near)
        raise UsageError(f"no rule is called {what!r}", hint="For a use, say where: --target PATH.")
    from reliant.cli._run import look

    uses = look(target, asked, as_of=as_of, offline=offline).found.uses
    for name in ("id", "model", "provider"):
        for use in uses:
            if getattr(use, name) == what:
                return use
    raise UnknownId(what, tuple(difflib.get_close_matches(what, [use.id for use in uses], n=3, cutoff=0.5)))


def _answer(
    desk: Desk, facts: Facts, as_of: dt.date, known_on: dt.date | None, style: str, *, colours: bool
) -> str:
    import msgspec

    from reliant.policy.checked import check
    from reliant.policy.explain import explain as explained
    from reliant.policy.text import explanation, terminal

    scenario = desk.scenario.name if desk.scenario else None
    checked = check(desk.book, facts, as_of, known_on, scenario=scenario, before=desk.before)
    beside = explained(desk.book, facts, as_of, known_on, desk.asker.known)
    if style == "json":
        data = {**msgspec.to_builtins(beside), "check": msgspec.to_builtins(checked)}
        return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    return terminal(checked, colour=colours, every_rule=True, more=explanation(beside))


def _rule(
    desk: Desk, rule_id: str, as_of: dt.date, known_on: dt.date | None, facts: Facts | None, style: str
) -> str:
    import msgspec

    from reliant.policy.text import rule_text

    if style == "json":
        rule = desk.book.rules[rule_id]
        return msgspec.json.format(msgspec.json.encode(rule), indent=2).decode()
    return rule_text(desk.book, rule_id, as_of, known_on, facts)
