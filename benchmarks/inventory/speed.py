"""Times whole commands on one tree, side by side, interleaved: ours, cold and warm, and the peers'.

Then the one pass for all literals over the same files, by each library that can make it.

    python benchmarks/inventory/speed.py TREE [--runs 5] [--home DIR] [--peer NAME=COMMAND ...]
    python benchmarks/inventory/speed.py --files 10000 100000

`rg` (as it is on the machine) and `airom` (in an environment of its own below DIR, as for `peers.py`)
run in turn with ours; COMMAND of a further peer is run with `{tree}` replaced. Printed are the median
wall and processor time, the highest memory, and the ratio to ours. With `--files`, trees of so many
files are made and read, and the processor time per file shows whether it stays the same. Nothing is
asserted.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from peers import PEERS, environment

from reliant.atlas import load
from reliant.inventory import Vendors
from reliant.inventory.literals import ByHyperscan, by_ahocorasick
from reliant.inventory.prefilter import Prefilter
from reliant.inventory.registry import Router, all_detectors
from reliant.targets import open_target

_OURS = [sys.executable, "-m", "reliant", "assess"]


class Run(NamedTuple):
    """One run of a command with its children: seconds of wall and processor time, peak memory in MB."""

    wall: float
    processor: float
    peak: int


def _timed(command: list[str], environment: dict[str, str]) -> Run:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Run(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)


def _peers(tree: Path, home: Path, more: list[str]) -> dict[str, list[str]]:
    """Return the commands of the peers that can be run here."""
    found: dict[str, list[str]] = {}
    ripgrep = shutil.which("rg")
    if ripgrep:
        found["rg -c -i -F openai"] = [ripgrep, "-c", "-i", "-F", "openai", str(tree)]
    else:
        print("rg is not installed: apt-get install ripgrep, or pip install ripgrep", file=sys.stderr)
    programs = environment("airom", home, sys.executable)
    if programs is not None:
        parts = PEERS["airom"].command
        into = {"bin": programs, "path": tree, "out": home / "speed-airom.json"}
        found[PEERS["airom"].package] = [part.format(**into) for part in parts]
    for peer in more:
        name, _, command = peer.partition("=")
        found[name] = shlex.split(command.replace("{tree}", str(tree)))
    return found


_KINDS = (
    ("py", "import openai\n\nopenai.OpenAI().responses.create(model='gpt-4o-mini', input='x')\n"),
    *[("py", "".join(f"def f{n}(x):\n    return x + {n}\n\n\n" for n in range(20)))] * 5,
    *[("json", '{"a": [1, 2, 3], "name": "x", "model": "m"}\n')] * 2,
    ("yaml", "name: x\nimage: nginx:1\nenv:\n  - name: OPENAI_API_KEY\n    value: x\n"),
    ("bin", "\0" * 100),
)
"""One file in ten asks a model; the others are what a tree is full of."""


def linearity(counts: list[int]) -> None:
    """Print processor time and peak memory for made trees of so many files."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                ending, text = _KINDS[number % len(_KINDS)]
                place = Path(folder) / f"p{number // 1000}" / f"m{number // 50 % 20}"
                place.mkdir(parents=True, exist_ok=True)
                (place / f"f{number}.{ending}").write_text(text, encoding="utf-8")
            command = [*_OURS, folder, "--format", "json", "--fail-on", "never", "--no-cache"]
            run = _timed(command, dict(os.environ))
        print(
            f"{count:9,} files  {run.processor:6.2f} s of processor time"
            f"  {run.processor / count * 1e6:5.0f} us each"
            f"  wall {run.wall:6.2f} s  peak {run.peak:4} MB"
        )


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
    parser.add_argument("tree", type=Path, nargs="?")
    parser.add_argument("--files", type=int, nargs="+", default=[])
    parser.add_argument("--home", type=Path, default=Path.home() / ".cache/reliant/peers")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", action="append", default=[])
    arguments = parser.parse_args()
    linearity(arguments.files)
    if arguments.tree is None:
        return 0
    ours = [*_OURS, str(arguments.tree), "--format", "json", "--fail-on", "never"]
    with tempfile.TemporaryDirectory() as cache:
        variables = {**os.environ, "RELIANT_CACHE": cache}
        commands = {"reliant assess, cold": [*ours, "--no-cache"], "reliant assess, warm": ours}
        commands |= _peers(arguments.tree, arguments.home, arguments.peer)
        _timed(ours, variables)  # fills the cache
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                runs[name].append(_timed(command, variables))
    cold = statistics.median(run.wall for run in runs["reliant assess, cold"])
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, measured in runs.items():
        middle = statistics.median(run.wall for run in measured)
        processor = statistics.median(run.processor for run in measured)
        print(
            f"{name:24} median {middle:6.2f} s  best {min(run.wall for run in measured):6.2f} s"
            f"  processor {processor:6.2f} s  peak {max(run.peak for run in measured):4} MB"
            f"  {middle / cold:5.2f} x ours cold"
        )
    compare_literals(arguments.tree, arguments.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
