"""How light the core is: start-up of `reliant --help`, and what a core install adds to an empty environment.

    python benchmarks/install/light.py

Start-up is the median of 21 runs on a warm disk, in turn with `python -c pass` and with
`pip --help` of the same environment; size is what the wheel and its requirements add.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_RUNS = 21
_LIMIT_MB = 60.0
_LIMIT_MS = 150.0


def _size_mb(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Measure and print; exit 1 if a limit is passed."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "core"
        venv.create(home, with_pip=True)
        python = home / "bin" / "python"
        empty = _size_mb(home)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(_ROOT)], check=True
        )
        added = _size_mb(home) - empty
        commands = {
            "reliant --help": [str(home / "bin" / "reliant"), "--help"],
            "python -c pass": [str(python), "-c", "pass"],
            "pip --help": [str(python), "-m", "pip", "--help"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(_RUNS + 1):
            for name, command in commands.items():
                took = _seconds(command)
                if run:  # the first is a warm-up
                    times[name].append(took)
    medians = {name: statistics.median(values) * 1000 for name, values in times.items()}
    own = medians["reliant --help"]
    print(f"core install adds {added:.1f} MB (limit {_LIMIT_MB:.0f})")
    for name, value in medians.items():
        spread = f"{min(times[name]) * 1000:.0f} to {max(times[name]) * 1000:.0f}"
        print(f"{name:<16} {value:6.1f} ms median of {_RUNS} ({spread}), reliant is {own / value:.2f} x this")
    return int(added > _LIMIT_MB or own > _LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
