"""Down to which cosine a relation is found: synthetic drift on real layers, and trained drift in the zoo.

python benchmarks/lineage/limit.py ZOO_FOLDER REAL_FOLDER OUT.json
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np

from reliant.lineage.agreement import Bundle, agree, unit
from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.trace import compare, prepare

COSINES = (0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05)


def load(path: Path):
    """Return a prepared model."""
    return prepare(open_model(local_place(str(path), Meter())))


def curve(path: Path, layer: int, rows: int) -> list[tuple[float, float, float]]:
    """Return (cosine, agreement, log10 p) for one layer mixed with noise."""
    side = load(path).side
    one = side.sampler.layer_rows([layer], rows)[0]
    generator = np.random.default_rng(0)
    found = []
    for cosine in COSINES:
        moved = [
            unit(
                cosine * part
                + math.sqrt(1 - cosine**2) * unit(generator.standard_normal(part.shape, np.float32))
            )
            for part in (one.rows.gate, one.rows.up)
        ]
        result = agree(Bundle(moved[0], moved[1], one.rows.numbers), one.rows, width=one.neurons)
        found.append((cosine, round(result.share, 4), round(result.log10_p, 2)))
    return found


def trained(zoo: Path) -> list[tuple[str, float, str, float, float, list]]:
    """Return what is found of models trained on until little of the start is left."""
    base = load(zoo / "a_base")
    gates = {
        name: base.side.sampler.values.whole(name) for name in base.opened.tensors if "gate_proj" in name
    }
    found = []
    for folder in sorted(zoo.glob("a_drift_*"), reverse=True):
        model = load(folder)
        cosines = [
            float((unit(model.side.sampler.values.whole(name)) * unit(gate)).sum(1).mean())
            for name, gate in gates.items()
        ]
        result = compare(model, base)
        whole = model.side.sampler.layer_rows([2], 4096)[0], base.side.sampler.layer_rows([2], 4096)[0]
        every = agree(whole[0].rows, whole[1].rows, width=whole[1].neurons)
        found.append(
            (
                folder.name,
                round(float(np.mean(cosines)), 3),
                result.verdict,
                result.agreement,
                round(every.share, 4),
                list(result.layer_map),
            )
        )
    return found


def main(zoo: Path, real: Path, out: Path) -> None:
    """Measure, print, keep."""
    results = {"curves": {}, "trained": trained(zoo)}
    for label, path, layer in (
        ("zoo, d=192, n=512", zoo / "a_base", 2),
        ("MiniLM-L6, d=384, n=1536", real / "minilm-gt", 3),
        ("SmolLM2-135M, d=576, n=1536", real / "smollm2", 12),
        ("Gemma-3-270M, d=640, n=2048", real / "gemma3", 9),
    ):
        for rows in (64, 4096):
            results["curves"][f"{label}, {'64' if rows == 64 else 'all'} rows"] = curve(path, layer, rows)
    for label, points in results["curves"].items():
        print(label, " ".join(f"{cosine:g}:{share:.2f}/{log10_p:.0f}" for cosine, share, log10_p in points))
    for row in results["trained"]:
        print(*row)
    out.write_text(json.dumps(results))


if __name__ == "__main__":
    main(*(Path(one) for one in sys.argv[1:4]))
