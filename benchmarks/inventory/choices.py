"""Compares the table of a what-if with keys that were written by reading the source.

    python benchmarks/inventory/choices.py [FOLDER]

Packages come from their registries, or from the archives of a folder. A row is right if the function
stops, goes on or is not known as the key says; a function that is not found is wrong.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from reliant.cli.simulate import simulate

KEYS = Path(__file__).parent / "choices.json"
_WORDS = {True: "stops", False: "goes on", None: "not known"}


def _archive(package: str, folder: Path | None) -> str:
    """Return the archive of a package in a folder; its name in the registry if there is none."""
    if folder is None:
        return package
    name, _, version = package.partition(":")[2].replace("==", "@").rpartition("@")
    plain = name.lstrip("@").replace("/", "-")
    stems = {f"{plain}-{version}", f"{plain.replace('-', '_')}-{version}"}
    return next((str(one) for one in folder.iterdir() if one.name.rpartition(".t")[0] in stems), package)


def main() -> None:
    """Print each row, right or wrong, and how many are right."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    rows: list[dict[str, Any]] = json.loads(KEYS.read_text())["rows"]
    right = 0
    for row in rows:
        asked = [_archive(row["package"], folder), "--cut", row["cut"], "--format", "json"]
        told = json.loads(CliRunner().invoke(simulate, asked, catch_exceptions=False).stdout)
        found = [one for one in told["functions"] if one["id"] == row["function"]]
        answer = _WORDS[found[0]["stops"]] if found else "not found"
        same = answer == _WORDS[row["stops"]]
        right += same
        share = told["stop_share"]
        print(
            f"{'right' if same else 'WRONG'}  {row['package']:36} {row['cut']:22} {row['function']:36} "
            f"{answer:10} key {_WORDS[row['stops']]:10} {share['low']:.0%} to {share['high']:.0%}"
        )
    print(f"{right} of {len(rows)} as read by hand")


if __name__ == "__main__":
    main()
