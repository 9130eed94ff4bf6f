"""Every model of the zoo against every base: found, missed, false alarms, and the figures behind them.

    python benchmarks/lineage/zoo_pairs.py ZOO_FOLDER RESULTS.jsonl [PART OF]
    python benchmarks/lineage/zoo_pairs.py --report RESULTS.jsonl...

The table goes to stdout; the results file holds one line per pair for the figure and the peers.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from peers import REFERENCES, bases

from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.results import RELATED
from reliant.lineage.trace import Model, compare, prepare


def main(folder: Path, results: Path, part: int = 0, of: int = 1) -> None:
    """Run the pairs that the results do not hold yet, or every `of`-th suspect from the `part`-th on."""
    held = read([results]) if results.exists() else []
    done = {(row["suspect"], row["reference"]) for row in held}
    truth = json.loads((folder / "truth.json").read_text())
    models: dict[str, Model] = {}

    def model(name: str) -> Model:
        if name not in models:
            models[name] = prepare(open_model(local_place(str(folder / name), Meter())))
        return models[name]

    rows, seconds = [], []
    for suspect, origin in list(truth.items())[part::of]:
        for reference in bases(truth)[:REFERENCES]:
            if reference == suspect or (suspect, reference) in done:
                continue
            started = time.perf_counter()
            found = compare(model(suspect), model(reference))
            seconds.append(time.perf_counter() - started)
            kind = "related" if reference in origin["weights_of"] else "unrelated"
            if origin["same_initialisation_as"] == reference:
                kind = "same initialisation"
            rows.append(
                {
                    "suspect": suspect,
                    "reference": reference,
                    "kind": kind,
                    "how": origin["how"],
                    "verdict": found.verdict,
                    "path": found.path,
                    "agreement": found.agreement,
                    "log10_p": found.log10_p,
                    "limit": found.detection_limit,
                    "layer_map": found.layer_map,
                    "cosine": found.cosine,
                    "seconds": round(seconds[-1], 4),
                    "attempts": [
                        [one.path, one.agreement, one.log10_p, one.hits, one.rows] for one in found.attempts
                    ],
                }
            )
        with results.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows if row["suspect"] == suspect)
    report(held + rows)


def read(files: list[Path]) -> list[dict]:
    """Return the rows of some results files."""
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def report(rows: list[dict]) -> None:
    """Print the tables."""
    for kind in ("related", "unrelated", "same initialisation"):
        group = [row for row in rows if row["kind"] == kind]
        found = [row for row in group if row["verdict"] in RELATED]
        times = [row["seconds"] for row in group]
        median = statistics.median(times) if times else 0
        print(
            f"{kind}: {len(group)} pairs, {len(found)} found; verdicts "
            f"{dict(Counter(row['verdict'] for row in group))}; median {median:.2f} s"
        )
        wrong = [row for row in group if (row in found) != (kind != "unrelated")]
        for row in wrong:
            print(
                "   ",
                "MISSED" if kind == "related" else "ALARM",
                row["suspect"],
                row["reference"],
                row["verdict"],
                row["agreement"],
                row["log10_p"],
            )
    worst: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0])
    for row in rows:
        if row["kind"] == "unrelated":
            for path, agreement, log10_p, _, size in row["attempts"]:
                entry = worst[f"{path}, {'64 rows' if size <= 64 else 'all rows'}"]
                entry[0], entry[1], entry[2] = max(entry[0], agreement), min(entry[1], log10_p), entry[2] + 1
    print("\nworst unrelated pair per path: agreement, log10 p, pairs")
    for path, (agreement, log10_p, count) in sorted(worst.items()):
        print(f"    {path}: {agreement:.4f}, {log10_p:.2f}, {count}")


if __name__ == "__main__":
    if sys.argv[1] == "--report":
        report(read([Path(name) for name in sys.argv[2:]]))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]), *(int(one) for one in sys.argv[3:]))
