"""A scenario of cuts as a file: steps with days, each with what is gone from then on.

name: OpenAI closes its API to mainland China
summary: Notice on 24 June 2024, enforced on 9 July.
steps:
  - {on: 2024-06-24, label: notice}
  - {on: 2024-07-09, label: enforced, cuts: [provider:openai]}
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec

from reliant.assessment.graph import Cut
from reliant.assessment.simulate import Scenario, Stage
from reliant.atlas.load import read_yaml
from reliant.core.dates import PartialDate
from reliant.errors import ConfigError


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
    told = read_yaml(path)
    return isinstance(told, dict) and "steps" in told


def read_scenario(path: Path) -> Scenario:
    """Read a scenario of cuts.

    Raises:
        ConfigError: It says something a scenario cannot.
        RecordError: It is not YAML.
    """
    told = _plain(read_yaml(path))
    try:
        found = msgspec.convert(told, _File)
    except msgspec.ValidationError as error:
        raise ConfigError(path, 0, str(error)) from error
    stages = []
    for step in found.steps:
        try:
            day = PartialDate.parse(step.on).latest if step.on else None
        except ValueError as error:
            raise ConfigError(path, 0, str(error)) from error
        stages.append(Stage(tuple(map(Cut.parse, step.cuts)), day, step.label))
    if not stages:
        raise ConfigError(path, 0, "a scenario needs at least one step")
    return Scenario(found.name, tuple(stages), found.summary, found.sources)


def _plain(told: Any) -> Any:
    """Return dates as text, however the reader of YAML gives them."""
    if isinstance(told, dict):
        return {key: _plain(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(value) for value in told]
    return told.isoformat() if isinstance(told, dt.date) else told
