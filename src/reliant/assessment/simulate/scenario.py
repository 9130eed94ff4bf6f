"""A scenario of cuts as a file: steps with days, each with what is gone from then on.

name: OpenAI closes its API to mainland China
summary: Notice on 24 June 2024, enforced on 9 July.
steps:
  - {on: 2024-06-24, label: notice}
  - {on: 2024-07-09, label: enforced, cuts: [provider:openai]}
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from reliant.assessment.graph import Cut
from reliant.assessment.simulate.play import Scenario, Stage
from reliant.core.dates import PartialDate
from reliant.documents.yaml import read_document
from reliant.errors import ConfigError, ReliantError


class _Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    on: str | None = None
    label: str = ""
    cuts: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    steps: tuple[_Step, ...]
    summary: str = ""
    sources: tuple[str, ...] = ()


def is_cut_scenario(path: Path) -> bool:
    """Say whether a scenario file lists cuts, rather than changes of rules."""
    told = read_document(path).data
    return isinstance(told, dict) and "steps" in told


def read_scenario(path: Path, known: Callable[[Cut], tuple[Cut, ...]] = lambda cut: (cut,)) -> Scenario:
    """Read a scenario of cuts.

    Args:
        known: Gives a cut under the ids that are used here; raises if nobody is called so.

    Raises:
        ConfigError: It says something a scenario cannot; line, field and next step are named.
        RecordError: It is not YAML.
    """
    document = read_document(path)
    try:
        found = msgspec.convert(_plain(document.data), _File)
    except msgspec.ValidationError as error:
        problem, _, field = str(error).partition(" - at `$")
        place = _place(field.strip("`."))
        raise ConfigError(
            path, document.line(place), f"{_named(place)}{problem}", hint=_hint(place)
        ) from error
    stages = []
    for at, step in enumerate(found.steps):
        place = ("steps", at, "on")
        try:
            day = PartialDate.parse(step.on).latest if step.on else None
        except ValueError as error:
            raise ConfigError(
                path, document.line(place), f"{_named(place)}{error}", hint=_hint(place)
            ) from error
        cuts: list[Cut] = []
        for number, text in enumerate(step.cuts):
            place = ("steps", at, "cuts", number)
            try:
                cuts += known(Cut.parse(text))
            except ReliantError as error:
                said = f"{_named(place)}{error}"
                raise ConfigError(path, document.line(place), said, hint=str(error.hint)) from error
        stages.append(Stage(tuple(cuts), day, step.label))
    if not stages:
        raise ConfigError(
            path, document.line(("steps",)), "steps: a scenario needs at least one", hint=_hint(("steps",))
        )
    return Scenario(found.name, tuple(stages), found.summary, found.sources)


def _place(field: str) -> tuple[str | int, ...]:
    """Return a path as msgspec writes it, `steps[0].label`, step by step."""
    return tuple(int(one) if one.isdigit() else one for one in re.findall(r"\w+", field))


def _named(place: tuple[str | int, ...]) -> str:
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")
    return f"{text}: " if text else ""


_HINTS = {
    "name": "Write what the scenario is called: name: OpenAI closes its API.",
    "summary": "Write one text.",
    "sources": "Write a list of texts: sources: [https://example.org/notice].",
    "on": "Write a day or a month: on: 2024-07-09.",
    "label": "Write a text: label: enforced.",
    "cuts": "Write a list of LEVEL:ID: cuts: [provider:openai, jurisdiction:US].",
    "steps": "Write a list of on, label and cuts: - {on: 2024-07-09, cuts: [provider:openai]}.",
}


def _hint(place: tuple[str | int, ...]) -> str:
    """Return how the field at a place is written; of the whole file, which fields there are."""
    field = next((one for one in reversed(place) if isinstance(one, str)), "")
    return _HINTS.get(field, f"A scenario has {', '.join(_File.__struct_fields__)}.")


def _plain(told: Any) -> Any:
    """Return dates as text, however the reader of YAML gives them."""
    if isinstance(told, dict):
        return {key: _plain(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(value) for value in told]
    return told.isoformat() if isinstance(told, dt.date) else told
