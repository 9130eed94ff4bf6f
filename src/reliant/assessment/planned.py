"""An assessment as the operator's own list of functions reads it.

A scan sees call sites; only the operator knows what they are worth. Where a
`reliant.toml` names functions, their weights and needs take the place of what was
guessed from files, and every impact figure is asked of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from reliant.assessment.assess import reachable
from reliant.assessment.measures.origin import impact_and_origin
from reliant.assessment.simulate.estate import estate_of
from reliant.core.need import suppliers
from reliant.core.truth import Truth
from reliant.core.verdict import Verdict

if TYPE_CHECKING:
    from reliant.assessment.simulate.plans import Plans
    from reliant.atlas import Atlas
    from reliant.core.results import Assessment

_READS = {Truth.YES: Verdict.BLOCKED, Truth.UNKNOWN: Verdict.UNKNOWN, Truth.NO: Verdict.OPEN}


def with_plans(result: Assessment, plans: Plans, atlas: Atlas) -> Assessment:
    """Return `result` with the functions, weights and needs that the operator told.

    Raises:
        ConfigError: A need cannot be read, or names nothing that can be known.
    """
    if not plans.functions:
        return result
    estate = estate_of(result, atlas, plans)
    verdicts = {use: _READS[down] for use, down in estate.already.items()}
    verdicts |= {answer.use: reachable(answer) for answer in result.verdicts}
    needed: dict[str, list[str]] = defaultdict(list)
    for function in estate.graph.functions:
        for use in suppliers(function.need):
            needed[use].append(function.id)
    return msgspec.structs.replace(
        result,
        uses=tuple(
            msgspec.structs.replace(use, functions=tuple(needed.get(use.id, ()))) for use in result.uses
        ),
        impact=impact_and_origin(estate.graph, verdicts),
        remarks=(*result.remarks, *estate.remarks),
    )
