"""An index of the zoo: size of a fingerprint, time to make one, time to search, found and false.

python benchmarks/lineage/index.py ZOO_FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from reliant.errors import WeightsError
from reliant.lineage.formats import Meter
from reliant.lineage.index import PATHS, Fingerprint, fingerprint, search
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.trace import Model, prepare


def main(zoo: Path) -> None:
    """Measure and print."""
    truth = json.loads((zoo / "truth.json").read_text())
    made: dict[str, Fingerprint] = {}
    models: dict[str, Model] = {}
    started = time.process_time()
    for name in truth:
        try:
            models[name] = prepare(open_model(local_place(str(zoo / name), Meter())))
            made[name] = fingerprint(models[name], ("I", "E", "P"))
        except WeightsError as error:
            print(name, error)
    each = (time.process_time() - started) / len(made)
    sizes = {
        path: sorted(
            sum(array.nbytes for name, array in one.arrays.items() if name.startswith(path))
            for one in made.values()
        )[len(made) // 2]
        for path in PATHS
    }
    names = {one.name: name for name, one in made.items()}
    compared = hits = expected = alarms = 0
    started = time.process_time()
    missed = set()
    by: Counter[str] = Counter()
    worst: dict[str, float] = {}
    for name, one in made.items():
        pool = [other for key, other in made.items() if truth[key]["weights_of"] == [key] and key != name]
        for candidate in search(models[name], one, pool):
            reference = names[candidate.name]
            draw = truth[reference]["same_initialisation_as"]  # all that descends from one draw is related
            true = (
                reference in truth[name]["weights_of"] or reference == truth[name]["same_initialisation_as"]
            )
            true = true or draw in truth[name]["weights_of"]
            compared += 1
            by[candidate.path or ""] += true and candidate.related
            if not true:
                key = ",".join(candidate.tried)
                worst[key] = max(worst.get(key, 0.0), candidate.agreement)
            expected += true
            hits += true and candidate.related
            alarms += candidate.related and not true
            if true and not candidate.related:
                missed.add(name)
    spent = time.process_time() - started
    held = ", ".join(f"{path} {size / 1e6:.2f} MB" for path, size in sizes.items())
    print(
        f"{len(made)} fingerprints, median {held}, {each:.3f} s CPU each; "
        f"{compared} comparisons at {1000 * spent / compared:.1f} ms CPU; "
        f"found {hits} of {expected}, false alarms {alarms}"
    )
    print("found by path:", dict(by), "; largest agreement of strangers by paths tried:", worst)
    print("missed:", ", ".join(sorted(missed)) or "none")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
