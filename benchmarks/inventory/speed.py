"""Times whole commands on one tree, side by side, interleaved: ours, cold and warm, and the peers'.

Then the one pass for all literals over the same files, by each library that can make it.

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

from reliant.atlas import load
from reliant.inventory import Vendors
from reliant.inventory.literals import ByHyperscan, by_ahocorasick
from reliant.inventory.prefilter import Prefilter
from reliant.inventory.registry import Router, all_detectors
from reliant.targets import open_target


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Return wall seconds and the peak memory in MB of one run and its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - start, usage.ru_maxrss // 1024


def compare_literals(tree: Path, runs: int) -> None:
    """Print processor seconds to compile the literals and to pass over the tree, by library."""
    detectors = all_detectors()
    patterns = Prefilter(Vendors.from_atlas(load()), detectors).patterns
    router = Router(detectors)
    with open_target(str(tree)) as target:
        texts = [file.read(1_000_000).lower() for file in target.files() if router.wanted_by(file.path)]
    print(f"{len(patterns):,} literals, {sum(map(len, texts)) / 1e6:.1f} MB in {len(texts):,} files")
    found: list[int] = []
    for name, library in (("ahocorasick-rs", by_ahocorasick), ("hyperscan", ByHyperscan)):
        try:
            start = time.process_time()
            compiled = library(patterns)
            built = time.process_time() - start
        except ImportError:
            print(f"{name:24} is not installed: pip install 'reliant[hyperscan]'")
            continue
        passes = []
        for _ in range(runs):
            start = time.process_time()
            found.append(sum(len(compiled.find_matches_as_indexes(text)) for text in texts))
            passes.append(time.process_time() - start)
        print(f"{name:24} compiled in {built:5.3f} s, median pass {statistics.median(passes):5.3f} s")
    print("same number of matches" if len(set(found)) == 1 else "THE LIBRARIES DO NOT AGREE")


def main() -> int:
    """Print one line per command, and one per library."""
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
    compare_literals(arguments.tree, arguments.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
