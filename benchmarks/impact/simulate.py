"""How long a what-if takes on an estate of ten thousand functions.

Prints the median of seven for estates in which functions share needs, in which more
than half have a need of their own, and, the worst case, in which all do; for a cut at
every level, and for two providers at once.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import time

from reliant.assessment.graph import LEVELS, Chain, Cut, Graph, Link
from reliant.assessment.simulate.plans import Plans
from reliant.assessment.simulate.play import Scenario, Setting, simulate
from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier
from reliant.core.results import AtlasStamp, TargetStamp, Tool

COUNTRIES = ("US", "US", "US", "CN", "FR", "DE", "JP", "KR")
FIRST = {"jurisdiction": "US"}
TWO = ("provider:provider-0", "provider:provider-1")


def estate(
    functions: int, uses: int, providers: int, seed: int = 7, shapes: int | None = None, plain: float = 0.45
) -> Graph:
    """Return a graph with needs of one to nine leaves.

    Args:
        shapes: How many different needs there are; every function its own if None.
        plain: How many of the functions need one supplier and nothing else, in [0, 1].
    """
    rng = random.Random(seed)
    names = [f"use-{number}" for number in range(uses)]
    chains = {}
    for name in names:
        one, model, kept = rng.randrange(providers), rng.randrange(uses), rng.random() < 0.15
        country = COUNTRIES[one % len(COUNTRIES)]
        chains[name] = Chain(
            name,
            provider=f"provider-{one}",
            jurisdiction=country,
            owner=f"owner-{one // 2}",
            owner_jurisdiction="US" if one % 10 == 9 else country,  # a tenth is owned abroad
            developer=f"developer-{model % 30}",
            developer_jurisdiction=COUNTRIES[model % len(COUNTRIES)],
            model=f"model-{model}",
            weights="open" if kept or model % 3 == 0 else "closed",
            licence=f"licence-{model % 12}",
            hub="hub-0" if kept else None,
            self_hosted=kept,
            links=(Link("model-0", ("weights",), licence="licence-0"),) if model % 4 == 0 else (),
        )

    def need(depth: int = 2) -> Need:
        if depth == 0 or rng.random() < (plain if depth == 2 else 0.45):
            return Supplier(rng.choice(names))
        kind = AllOf if rng.random() < 0.5 else AnyOf
        return kind(tuple(need(depth - 1) for _ in range(rng.choice((2, 2, 3)))))

    shared = [need() for _ in range(shapes)] if shapes else None
    return Graph(
        tuple(
            Function(f"f{n}", f"f{n}", rng.choice((1, 2, 5)), rng.choice(shared) if shared else need())
            for n in range(functions)
        ),
        chains,
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=10_000)
    wanted = parser.parse_args()
    setting = Setting(
        tool=Tool("reliant", "bench"),
        atlas=AtlasStamp("bench", ""),
        target=TargetStamp("bench", "directory"),
        as_of=dt.date(2026, 11, 21),
    )
    print(f"{wanted.functions} functions")
    for shapes, plain in ((500, 0.45), (None, 0.45), (None, 0.0)):
        for cuts in (*((f"{level}:{FIRST.get(level, f'{level}-0')}",) for level in LEVELS), TWO):
            scenario = Scenario.of(*map(Cut.parse, cuts))
            times = []
            for round_ in range(7):
                graph = estate(wanted.functions, 400, 60, seed=round_, shapes=shapes, plain=plain)
                start = time.process_time()
                result = simulate(graph, scenario, Plans(), setting)
                times.append(time.process_time() - start)
                share, needs = result.stop_share, len(set(graph.nodes.at))
                del result, graph  # else the next round pays for taking them down
            print(
                f"{needs:6} different needs  {scenario.name:42} "
                f"{statistics.median(times) * 1000:4.0f} ms of CPU, at best {min(times) * 1000:4.0f}  "
                f"(stops {share.low:.3f} to {share.high:.3f})"
            )


if __name__ == "__main__":
    main()
