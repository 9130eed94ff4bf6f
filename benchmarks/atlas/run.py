"""How long it takes to have the facts at hand: the snapshot beside other ways to ship the same records.

    python benchmarks/atlas/run.py

Each way is measured in fresh processes, several times, taking turns, and the median is
printed. The limit that matters to a person is 30 ms for `load()`.
"""

from __future__ import annotations

import json
import pickle
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from reliant.atlas import load
from reliant.atlas.compile import find_atlas

ROUNDS = 9

SNAPSHOT = """
import time
import reliant.atlas.query, reliant.atlas.load
start = time.perf_counter()
atlas = reliant.atlas.load()
loaded = time.perf_counter()
{more}
print(loaded - start, time.perf_counter() - start)
"""

WAYS = {
    "snapshot: load()": (SNAPSHOT.format(more=""), 0),
    "snapshot: load and one provider": (SNAPSHOT.format(more='atlas.provider("azure")'), 1),
    "snapshot: load and a model id as written": (
        SNAPSHOT.format(more='atlas.find_model("gpt-4o-2024-08-06")'),
        1,
    ),
    "snapshot: load and decode every record": (
        SNAPSHOT.format(more="for folder in atlas.folders: list(atlas.records(folder).values())"),
        1,
    ),
    "one JSON file, json.load, nothing typed": (
        "import json, time\nstart = time.perf_counter()\njson.load(open(r'{json}'))\n"
        "took = time.perf_counter() - start\nprint(took, took)",
        0,
    ),
    "one pickle, nothing typed": (
        "import pickle, time\nstart = time.perf_counter()\npickle.load(open(r'{pickle}', 'rb'))\n"
        "took = time.perf_counter() - start\nprint(took, took)",
        0,
    ),
    "the YAML files, libyaml, nothing typed": (
        "import time, yaml, pathlib\nstart = time.perf_counter()\n"
        "files = pathlib.Path(r'{root}').rglob('*.yaml')\n"
        "[yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader) for path in files]\n"
        "took = time.perf_counter() - start\nprint(took, took)",
        0,
    ),
}


def main() -> None:
    atlas, root = load(), find_atlas()
    records = {
        folder: {key: msgspec.to_builtins(record) for key, record in atlas.records(folder).items()}
        for folder in atlas.folders
    }
    with tempfile.TemporaryDirectory() as made:
        paths = {"json": Path(made) / "atlas.json", "pickle": Path(made) / "atlas.pickle", "root": root}
        paths["json"].write_text(json.dumps(records), encoding="utf-8")
        paths["pickle"].write_bytes(pickle.dumps(records))
        times: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(ROUNDS):
            for name, (code, column) in WAYS.items():
                if "YAML" in name and len(times[name]) >= 3:
                    continue
                filled = code
                for key, path in paths.items():
                    filled = filled.replace(f"{{{key}}}", str(path))
                out = subprocess.run(
                    [sys.executable, "-c", filled], capture_output=True, text=True, check=True
                )
                times[name].append(float(out.stdout.split()[column]))
        sizes = {key: path.stat().st_size for key, path in paths.items() if key != "root"}
    base = statistics.median(times["snapshot: load()"])
    count = sum(len(held) for held in records.values())
    print(f"{count} records; JSON {sizes['json']:,} bytes, pickle {sizes['pickle']:,} bytes")
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"{1000 * middle:9.2f} ms  {middle / base:8.1f} x  {name}  ({len(taken)} runs)")


if __name__ == "__main__":
    main()
