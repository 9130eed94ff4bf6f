"""How long a what-if takes on an estate of ten thousand functions.

Prints the median of seven for estates in which functions share needs, in which more
than half have a need of their own, and, the worst case, in which all do.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import time

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.simulate import Scenario, Setting, simulate
from reliant.assessment.simulate_plans import Plans
from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier
from reliant.core.results import AtlasStamp, TargetStamp, Tool

COUNTRIES = ("US", "US", "US", "CN", "FR", "DE", "JP", "KR")


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
    chains = {
        name: Chain(
            name,
            provider=f"provider-{(one := rng.randrange(providers))}",
            jurisdiction=COUNTRIES[one % len(COUNTRIES)],
            model=f"model-{rng.randrange(uses)}",
            self_hosted=rng.random() < 0.15,
        )
        for name in names
    }

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
    for shapes, plain in ((500, 0.45), (None, 0.45), (None, 0.0)):
        for label, cuts in {
            "one provider": ("provider:provider-0",),
            "one country": ("jurisdiction:US",),
            "two providers": ("provider:provider-0", "provider:provider-1"),
        }.items():
            scenario = Scenario.of(*map(Cut.parse, cuts))
            times = []
            for round_ in range(7):
                graph = estate(wanted.functions, 400, 60, seed=round_, shapes=shapes, plain=plain)
                start = time.process_time()
                result = simulate(graph, scenario, Plans(), setting)
                times.append(time.process_time() - start)
            print(
                f"{label:14} {wanted.functions} functions, {len(set(graph.nodes.at))} distinct needs: "
                f"{statistics.median(times) * 1000:.0f} ms of CPU (stop share {result.stop_share.low:.3f})"
            )


if __name__ == "__main__":
    main()
