"""What the operator says of functions in `reliant.toml`: weights, days, replacements.

No file of a code base tells how many requests a function serves or how long the team
would need to move it. These are told, and what is not told stays unknown.

    [functions.chat]
    weight = 5
    survive_days = 0            # or demand_per_day, stock and capacity_per_day; or inf
    recover_days = 3
    cost_per_day = 5000
    needs = { any = ["model:gpt-4o", "provider:azure-openai"] }

    [[functions.chat.replacements]]
    name = "Qwen 2.5 on our machines"
    self_hosted = true
    reachable = true
    permitted = true
    api_fits = true
    parity = "passed"           # passed, failed, or left out if nobody measured
    evidence = "parity/chat.json"

    [effort]                    # engineer-days to give what is cut another supplier
    "provider:openai" = 4

    [simulate]
    weights_kept = true         # copies of downloaded weights are kept

    [availability]              # the chance that a provider is there on an ordinary day
    openai = 0.995
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from reliant.assessment.measures.days import survive_days
from reliant.documents.toml import parse_toml, read_toml
from reliant.errors import ConfigError

_Days = Annotated[float, msgspec.Meta(ge=0)]
_Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Replacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that could take over; each condition is None until somebody looked.

    Attributes:
        parity: passed or failed, by a measurement named in `evidence`.
        effort_days: Engineer-days until it serves, or until it is measured.
    """

    name: str
    provider: str | None = None
    model: str | None = None
    self_hosted: bool = False
    reachable: bool | None = None
    permitted: bool | None = None
    api_fits: bool | None = None
    parity: str | None = None
    evidence: str | None = None
    effort_days: _Days | None = None

    @property
    def proven(self) -> bool:
        """True if it is reachable, permitted, fits the calls, and passed a measurement that is named."""
        return bool(
            self.reachable and self.permitted and self.api_fits and self.parity == "passed" and self.evidence
        )

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is missing to call it proven."""
        wanted = {
            "reachable": self.reachable,
            "permitted": self.permitted,
            "api_fits": self.api_fits,
            "parity": self.parity == "passed",
            "evidence": self.evidence,
        }
        return tuple(name for name, value in wanted.items() if not value)


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is told of one function."""

    weight: Annotated[float, msgspec.Meta(gt=0)] | None = None
    name: str | None = None
    survive_days: _Days | None = None
    recover_days: _Days | None = None
    demand_per_day: _Days | None = None
    stock: _Days | None = None
    capacity_per_day: _Days | None = None
    cost_per_day: _Days | None = None
    shares: dict[str, float] = {}
    needs: Any = None
    replacements: tuple[Replacement, ...] = ()

    @property
    def survives(self) -> float | None:
        """Days that demand is met without the supplier; infinity is for ever; None if not told."""
        if self.survive_days is not None:
            return self.survive_days
        if self.demand_per_day is None:
            return None
        return survive_days(self.demand_per_day, self.stock or 0.0, self.capacity_per_day or 0.0)


NOTHING_TOLD = Plan()


class Plans(msgspec.Struct, frozen=True):
    """What is told of all functions, and of cuts.

    Attributes:
        effort: Engineer-days by `level:id`.
        weights_kept: Whether copies of downloaded weights are kept; None if not told.
        availability: The chance in [0, 1] that a provider is there, by its id.
    """

    functions: Mapping[str, Plan] = {}
    effort: Mapping[str, float] = {}
    weights_kept: bool | None = None
    availability: Mapping[str, float] = {}

    def of(self, function: str) -> Plan:
        """Return the plan of a function; an empty one if nothing is told."""
        return self.functions.get(function, NOTHING_TOLD)


def read_plans(path: Path) -> Plans:
    """Read the tables `functions`, `effort`, `simulate` and `availability` of a `reliant.toml`.

    Raises:
        ConfigError: The file is not TOML, is too large, or says something it cannot.
    """
    return parse_plans(read_toml(path).text, str(path))


@functools.lru_cache(maxsize=1)
def parse_plans(text: str, where: str = "reliant.toml") -> Plans:
    """Read plans from the text of a `reliant.toml`; other tables are left alone.

    Raises:
        ConfigError: It is not TOML or says something it cannot.
    """
    told = parse_toml(text, where).data
    functions = told.get("functions", {})
    if not isinstance(functions, dict):
        raise ConfigError(where, _line(text, "functions"), "[functions] must be a table of tables")
    plans: dict[str, Plan] = {}
    for name, table in functions.items():
        try:
            plans[name] = msgspec.convert(table, Plan)
        except msgspec.ValidationError as error:
            raise ConfigError(where, _line(text, name), f"function {name!r}: {error}") from error
    try:
        effort = msgspec.convert(told.get("effort", {}), dict[str, float])
        kept = msgspec.convert(told.get("simulate", {}).get("weights_kept"), bool | None)
        up = msgspec.convert(told.get("availability", {}), dict[str, _Chance])
    except (msgspec.ValidationError, AttributeError) as error:
        raise ConfigError(where, 0, str(error)) from error
    if any(not (days > 0 and math.isfinite(days)) for days in effort.values()):
        raise ConfigError(where, _line(text, "effort"), "an effort must be above 0 days")
    return Plans(plans, effort, kept, {name.removeprefix("provider:"): part for name, part in up.items()})


def _line(text: str, name: str) -> int:
    """Return the first line of a table header that names it; 0 if there is none."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("[") and name in line:
            return number
    return 0
