"""Reach of a country over a synthetic hub: arrays beside networkx and DuckDB.

Each method runs in a process of its own, so that its memory can be told. The hub has
35 % roots, 4 % merges and preferential attachment, as a real one does. Peers that are
not installed are left out and named.

    python benchmarks/impact/hub.py --models 5000000
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PLACES = ("US", "CN", "FR", "DE", "JP", "KR", "GB", "CA", "IN")
WEIGHTS = (0.34, 0.3, 0.08, 0.06, 0.06, 0.05, 0.05, 0.03, 0.03)


def make(models: int, folder: Path, seed: int = 11) -> None:
    """Write the arrays of a hub: origin, child, parent."""
    rng = np.random.default_rng(seed)
    origin = rng.choice(len(PLACES), size=models, p=WEIGHTS).astype(np.int16)
    derived = np.flatnonzero(rng.random(models) > 0.35)
    derived = derived[derived > 0]
    merges = derived[rng.random(len(derived)) < 0.04]
    child = np.concatenate((derived, merges)).astype(np.int32)
    # Preferential attachment in one draw: early models are taken far more often.
    parent = (child * rng.random(len(child)) ** 3).astype(np.int32)
    np.savez(folder / "hub.npz", origin=origin, child=child, parent=parent)


def arrays(folder: Path) -> tuple[float, int]:
    """Ours."""
    from reliant.assessment.hub.reach import Hub, reach  # noqa: PLC0415  (only in its own process)

    data = np.load(folder / "hub.npz")
    hub = Hub(
        PLACES, data["origin"], data["child"], data["parent"], np.zeros(len(data["child"]), dtype=np.uint8)
    )
    start = time.process_time()
    touched = reach(hub, ["US"])
    return time.process_time() - start, int(touched.sum())


def networkx(folder: Path) -> tuple[float, int]:
    """A graph of objects."""
    import networkx as nx  # noqa: PLC0415  (only in its own process)

    data = np.load(folder / "hub.npz")
    graph = nx.DiGraph()
    graph.add_edges_from(zip(data["parent"].tolist(), data["child"].tolist(), strict=True))
    seeds = np.flatnonzero(data["origin"] == 0).tolist()
    start = time.process_time()
    touched: set[int] = set()
    todo = [one for one in seeds if one in graph]
    while todo:
        for below in graph.successors(todo.pop()):
            if below not in touched:
                touched.add(below)
                todo.append(below)
    return time.process_time() - start, len(touched)


def duckdb(folder: Path) -> tuple[float, int]:
    """A recursive query."""
    import duckdb as db  # noqa: PLC0415  (only in its own process)

    data = np.load(folder / "hub.npz")
    child, parent = data["child"], data["parent"]
    seeds = np.flatnonzero(data["origin"] == 0).astype(np.int32)
    connection = db.connect()
    connection.execute("SET threads = 2")
    connection.register("given_edges", {"child": child, "parent": parent})
    connection.register("given_seeds", {"id": seeds})
    connection.execute("CREATE TABLE edges AS SELECT * FROM given_edges")
    connection.execute("CREATE TABLE seeds AS SELECT * FROM given_seeds")
    start = time.perf_counter()  # it works in threads: CPU time would add them up
    (count,) = connection.execute(
        "WITH RECURSIVE down(id) AS ("
        " SELECT child FROM edges JOIN seeds ON edges.parent = seeds.id"
        " UNION SELECT child FROM edges JOIN down ON edges.parent = down.id)"
        " SELECT count(*) FROM down"
    ).fetchone()
    return time.perf_counter() - start, int(count)


METHODS = {"arrays": arrays, "networkx": networkx, "duckdb": duckdb}


def main() -> None:
    """Run each method in a process of its own, and print times, memory and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "FOLDER"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        took, count = METHODS[wanted.one[0]](Path(wanted.one[1]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"s": took, "count": count, "mb": peak}))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(wanted.models, folder)
        edges = len(np.load(folder / "hub.npz")["child"])
        print(f"{wanted.models:,} models, {edges:,} edges")
        ours = 0.0
        counts = set()
        for method in wanted.methods:
            if method != "arrays" and importlib.util.find_spec(method) is None:
                print(f"{method:10} is not installed")
                continue
            rounds = 1 if method == "networkx" else wanted.rounds
            runs = [_run(method, folder) for _ in range(rounds)]
            took = statistics.median(run["s"] for run in runs)
            counts.add(runs[0]["count"])
            ours = ours or took
            print(
                f"{method:10} {took:8.2f} s  {max(run['mb'] for run in runs):8.0f} MB  "
                f"{runs[0]['count']:,} reached  {took / ours:6.1f} x"
            )
        print("all agree" if len(counts) == 1 else f"THEY DIFFER: {sorted(counts)}")


def _run(method: str, folder: Path) -> dict[str, float]:
    found = subprocess.run(
        [sys.executable, __file__, "--one", method, str(folder)], capture_output=True, text=True, check=True
    )
    result: dict[str, float] = json.loads(found.stdout)
    return result


if __name__ == "__main__":
    main()
