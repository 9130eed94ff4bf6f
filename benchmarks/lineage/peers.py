"""The same pairs by another tool, in that tool's own environment.

    PEER_ENV/bin/python benchmarks/lineage/peers.py modeldna|cisco|reliant ZOO RESULTS.jsonl [--bare|--cross]

`--bare` takes the pairs that are hardest to tell from relatives: bases of one architecture, one tokenizer
and one data set, trained apart from other random draws and only briefly, so that they are still alike in
every statistic of their weights. `--cross` takes every model of the zoo against every base, the pairs of
`zoo_pairs.py`.

modeldna counts as having found a relation if its verdict is neither NO_MATCH nor unresolved;
provenancekit if its decision is a match of any strength. What modeldna leaves unresolved is counted
apart: its own description of that verdict is "family-level match, exact parent ambiguous". Both read
folders only. Bytes are what the process read; mapped files are not counted.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

UNRELATED = ("c_base", "e_base")
REFERENCES = 21  # seven trained bases and fourteen bare ones


def bases(truth: dict[str, dict]) -> list[str]:
    """Return the models trained from nothing."""
    return [
        name
        for name, one in truth.items()
        if one["weights_of"] == [name] and "distilled" not in name and "same_init" not in name
    ]


def pairs(folder: Path) -> list[tuple[str, str, bool]]:
    """Return (suspect, reference, related): every derivation with its parents, and with two strangers."""
    truth = json.loads((folder / "truth.json").read_text())
    found = []
    for suspect, one in truth.items():
        if suspect.startswith(("n", "c_base.", "a_ft_long.")) or one["same_initialisation_as"]:
            continue
        found += [(suspect, parent, True) for parent in one["weights_of"] if parent != suspect]
        found += [
            (suspect, other, False)
            for other in UNRELATED
            if other not in one["weights_of"] and other != suspect
        ]
    return found


def bare_pairs(folder: Path) -> list[tuple[str, str, bool]]:
    """Return every pair of the bare bases of one architecture: none is related."""
    truth = json.loads((folder / "truth.json").read_text())
    kinds: dict[str, list[str]] = {}
    for name in truth:
        if name.startswith("n") and name[1:].isdecimal():
            config = json.loads((folder / name / "config.json").read_text())
            kinds.setdefault(str(config.get("model_type")), []).append(name)
    return [(a, b, False) for names in kinds.values() for a, b in itertools.combinations(names, 2)]


def cross_pairs(folder: Path) -> list[tuple[str, str, bool]]:
    """Return every model with every base, but for those that only had a first random draw in common."""
    truth = json.loads((folder / "truth.json").read_text())
    return [
        (suspect, base, base in one["weights_of"])
        for suspect, one in truth.items()
        for base in bases(truth)[:REFERENCES]
        if suspect != base and one["same_initialisation_as"] != base
    ]


def reliant(suspect: Path, reference: Path) -> tuple[bool, str]:
    """Return whether reliant finds a relation, and its verdict."""
    from reliant.lineage.opening import Limits, open_named  # noqa: PLC0415
    from reliant.lineage.results import RELATED  # noqa: PLC0415
    from reliant.lineage.trace import compare, prepare  # noqa: PLC0415

    limits = Limits(None, None)
    pair = [prepare(open_named(str(one), limits, None)) for one in (suspect, reference)]
    found = compare(*pair)
    return found.verdict in RELATED, found.verdict


def modeldna(suspect: Path, reference: Path) -> tuple[bool, str]:
    """Return whether modeldna finds a relation, and its verdict."""
    from modeldna.scan import compare_pair  # noqa: PLC0415

    word = compare_pair(str(suspect), str(reference))[3].verdict.value
    return not any(part in word.upper() for part in ("NO_MATCH", "UNRESOLVED", "NO MATCH")), word


def kept_fingerprints() -> None:
    """Let modeldna make each fingerprint once, as it would for its database."""
    from modeldna import scan  # noqa: PLC0415

    made: dict[str, Any] = {}
    make = scan.extract_fingerprint

    def once(source: Any, **how: Any) -> Any:
        name = how["model_id"]
        if name not in made:
            try:
                made[name] = make(source, **how)
            except Exception as problem:  # it fails the same way in every pair
                made[name] = problem
        if isinstance(made[name], Exception):
            raise made[name]
        return made[name]

    scan.extract_fingerprint = once


_SCANNER: list[Any] = []


def cisco(suspect: Path, reference: Path) -> tuple[bool, str]:
    """Return whether provenancekit finds a relation, and its decision."""
    from provenancekit.core.scanner import ModelProvenanceScanner  # noqa: PLC0415

    if not _SCANNER:
        _SCANNER.append(ModelProvenanceScanner())
    result = _SCANNER[0].compare(str(suspect), str(reference))
    decision = str(result.scores.provenance_decision)
    found = "match" in decision.lower() and not decision.lower().startswith(("no", "not"))
    return found, f"{decision} ({result.scores.pipeline_score:.2f}, weights {result.scores.identity_score})"


def read_bytes() -> int:
    """Return what this process has read so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


def main(tool: str, folder: Path, results: Path, which: str) -> None:
    """Run, and print one line."""
    run = {"modeldna": modeldna, "cisco": cisco, "reliant": reliant}[tool]
    if tool == "modeldna" and which == "--cross":
        kept_fingerprints()
    rows = []
    chosen = {"--bare": bare_pairs, "--cross": cross_pairs}.get(which, pairs)
    for suspect, reference, related in chosen(folder):
        started, cpu, before = time.perf_counter(), time.process_time(), read_bytes()
        try:
            found, word = run(folder / suspect, folder / reference)
            error = ""
        except Exception as problem:  # a peer may raise anything; it counts as an error
            found, word, error = False, "", f"{type(problem).__name__}: {problem}"[:200]
        rows.append(
            {
                "suspect": suspect,
                "reference": reference,
                "related": related,
                "found": found,
                "word": word,
                "error": error,
                "seconds": time.perf_counter() - started,
                "cpu": time.process_time() - cpu,
                "bytes": read_bytes() - before,
            }
        )
        with results.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    report(tool, rows)


def report(tool: str, rows: list[dict]) -> None:
    """Print what was found."""
    true, false = [row for row in rows if row["related"]], [row for row in rows if not row["related"]]
    cpu = sorted(row["cpu"] for row in rows)[len(rows) // 2]
    size = sorted(row["bytes"] for row in rows)[len(rows) // 2] / 1e6
    unsure = [sum("UNRESOLVED" in row["word"] for row in group) for group in (true, false)]
    print(
        f"{tool}: found {sum(row['found'] for row in true)} of {len(true)}, false alarms "
        f"{sum(row['found'] for row in false)} of "
        f"{len(false)}, errors {sum(bool(row['error']) for row in rows)}, unresolved {unsure[0]} related and "
        f"{unsure[1]} unrelated, median {cpu:.2f} s CPU and {size:.1f} MB a pair"
    )
    print(
        "   ",
        dict(
            Counter(
                f"{'related' if row['related'] else 'unrelated'}: {row['word'].partition(' (')[0] or 'error'}"
                for row in rows
            )
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "")
