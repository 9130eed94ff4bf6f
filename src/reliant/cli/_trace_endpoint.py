"""`reliant trace endpoint`: does an API serve the model it claims?"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec

from reliant.cli._options import emit, format_option, output_option, say
from reliant.errors import UsageError


@click.command()
@click.argument("url")
@click.option(
    "--against",
    "-a",
    "references",
    multiple=True,
    required=True,
    metavar="URL#MODEL",
    help="What it may be: the same model at an address you trust.",
)
@click.option(
    "--control",
    "-c",
    "controls",
    multiple=True,
    metavar="URL#MODEL",
    help="A model known to be another; repeatable. Without one only tokens are counted.",
)
@click.option(
    "--prompts", default=200, show_default=True, type=click.IntRange(60, 5000), help="Prompts per endpoint."
)
@click.option(
    "--key-env",
    "key_env",
    default=None,
    metavar="NAME",
    help="Variable that holds the key, for all endpoints.",
)
@click.option("--seed", default=0, show_default=True, help="Another seed asks other prompts.")
@format_option("terminal", "json")
@output_option
def endpoint(
    url: str,
    references: tuple[str, ...],
    controls: tuple[str, ...],
    prompts: int,
    key_env: str | None,
    seed: int,
    style: str,
    output: Path | None,
) -> None:
    """Ask URL#MODEL open prompts, and compare its choices with those of references and controls.

    Exit codes: 0 differs from every reference, 1 consistent with one, 2 an error, 3 not decidable.
    """
    from reliant.lineage.behaviour import EndpointTrace, judge, probes
    from reliant.lineage.endpoint import Endpoint, ask

    if key_env is not None and key_env not in os.environ:
        raise UsageError(f"the variable {key_env} is not set", hint="Export the key, or leave out --key-env.")
    key = None if key_env is None else os.environ[key_env]
    suspect = Endpoint.parse(url, key)
    known = [Endpoint.parse(one, key) for one in references]
    others = [Endpoint.parse(one, key) for one in controls]
    asked = probes(prompts, seed)
    if not others:  # nothing can be decided then: only count tokens, which costs little
        asked = [one for one in asked if one.counting]
    everyone = list(dict.fromkeys([suspect, *known, *others]))
    repeated = known if others else []
    total = len(everyone) + len(asked) * (len(everyone) + len(repeated))
    say(f"{total:,} calls of at most 4 tokens each")
    try:
        import httpx
    except ImportError as error:
        from reliant.errors import MissingExtra

        raise MissingExtra("tracing an endpoint", "trace") from error
    with httpx.Client(timeout=60.0) as client:
        reached = [ask(client, one, asked[-1:]) for one in everyone]  # before the others cost anything
        answers = {one.name: ask(client, one, asked) for one in everyone}
        again = {one.name: ask(client, one, asked) for one in repeated}
    results = judge(
        answers[suspect.name],
        {one.name: answers[one.name] for one in known},
        {one.name: answers[one.name] for one in others},
        again,
    )
    every = [*reached, *answers.values(), *again.values()]
    trace = EndpointTrace(
        endpoint=suspect.name,
        results=tuple(results),
        calls=sum(one.calls for one in every),
        tokens=sum(one.tokens for one in every),
    )
    if style == "json":
        emit(msgspec.json.format(msgspec.json.encode(trace)).decode(), output)
    else:
        from reliant.report.trace import render_endpoint

        emit(render_endpoint(trace), output)
    verdicts = {one.verdict for one in results}
    sys.exit(1 if "consistent" in verdicts else 0 if verdicts == {"differs"} else 3)
