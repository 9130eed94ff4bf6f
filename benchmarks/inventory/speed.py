"""Times whole commands on one tree, side by side, interleaved: ours, cold and warm, and the peers'.

    python benchmarks/inventory/speed.py TREE [--runs 5] [--peer NAME=COMMAND ...]

COMMAND is run with `{tree}` replaced, for example
`--peer "rg=rg -c -i -F openai {tree}"` or `--peer "airom=airom scan --offline {tree}"`. Printed are the
median wall time, the highest memory, and the ratio to ours. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Return wall seconds and the peak memory in MB of one run and its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - start, usage.ru_maxrss // 1024


def main() -> int:
    """Print one line per command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tree", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", action="append", default=[])
    arguments = parser.parse_args()
    ours = [
        sys.executable,
        "-m",
        "reliant",
        "assess",
        str(arguments.tree),
        "--format",
        "json",
        "--fail-on",
        "never",
    ]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        commands = {"reliant assess, cold": [*ours, "--no-cache"], "reliant assess, warm": ours}
        for peer in arguments.peer:
            name, _, command = peer.partition("=")
            commands[name] = shlex.split(command.replace("{tree}", str(arguments.tree)))
        _timed(ours, environment)  # fills the cache
        times: dict[str, list[float]] = {name: [] for name in commands}
        memory: dict[str, int] = dict.fromkeys(commands, 0)
        for _ in range(arguments.runs):
            for name, command in commands.items():
                seconds, peak = _timed(command, environment)
                times[name].append(seconds)
                memory[name] = max(memory[name], peak)
    cold = statistics.median(times["reliant assess, cold"])
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, measured in times.items():
        middle = statistics.median(measured)
        print(
            f"{name:24} median {middle:6.2f} s  best {min(measured):6.2f} s  peak {memory[name]:4} MB"
            f"  {middle / cold:5.2f} x ours cold"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
