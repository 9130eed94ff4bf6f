"""Runs other scanners, and ours, on the packages of answer keys: same files, same scorer, no network.

    python benchmarks/inventory/peers.py KEY.json ... --home DIR [--only NAME ...] [--runs 3] [--tree DIR]
        [--python PYTHON]

Each peer lives in an environment of its own below DIR, made on the first run. A package is fetched
by name, checked against the sha256 in the key, and unpacked once. Time and memory are those of the
whole command (median of the runs); `--tree` measures one further folder in the same way. Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import peer_reports
from peer_reports import Pair
from score import score

from reliant.atlas import load
from reliant.inventory import Vendors
from reliant.targets import open_target
from reliant.targets.fetch import NetworkFetcher, read_settings


class Peer(NamedTuple):
    """How to run a scanner offline, and how its report is read.

    Attributes:
        package: What is installed, with its version; by npm if it says so, else by pip.
        prints: The report goes to standard output.
        inside: It looks at the folder it is started in.
    """

    package: str
    command: tuple[str, ...]
    pairs: Callable[[Any], Iterator[Pair]]
    minimum: tuple[int, int] = (3, 9)
    prints: bool = False
    inside: bool = False


# `{bin}` is the environment's folder of programs, `{path}` what is scanned, `{out}` the report.
PEERS = {
    "airom": Peer(
        "airom==0.5.0", ("{bin}/airom", "fs", "{path}", "--offline", "-o", "json={out}"), peer_reports.airom
    ),
    "ai-bom --deep": Peer(
        "ai-bom==3.6.0",
        ("{bin}/ai-bom", "scan", "{path}", "--deep", "-q", "-f", "json", "-o", "{out}"),
        peer_reports.ai_bom,
    ),
    "aibom-scanner": Peer(
        "aibom-scanner==1.3.5",
        ("{bin}/aibom-scanner", "scan", "--path", "{path}", "--format", "json", "--output", "{out}"),
        peer_reports.aibom_scanner,
    ),
    "ladex": Peer(
        "ladex==0.2.2",
        ("{bin}/ladex", "scan", "{path}", "--offline", "--json"),
        peer_reports.ladex,
        minimum=(3, 12),
        prints=True,
    ),
    "aibom-inspector": Peer(
        "aibom-inspector==0.2.0",
        ("{bin}/aibom", "scan", "--local-only", "--format", "json", "--output", "{out}"),
        peer_reports.aibom_inspector,
        minimum=(3, 10),
        inside=True,
    ),
    "scopesafe-aibom": Peer(
        "scopesafe-aibom==0.3.0",
        ("{bin}/aibom", "{path}", "--json"),
        peer_reports.scopesafe,
        minimum=(3, 10),
        prints=True,
    ),
    "cdxgen aibom": Peer(
        "npm:@cyclonedx/cdxgen@12.8.4",
        ("{bin}/aibom", "-o", "{out}", "--no-install-deps", "--no-validate", "{path}"),
        peer_reports.cdxgen,
    ),
}
OURS = "reliant"
# A child begins with the memory of its parent, and its peak keeps it; so the parent must be small.
_LAUNCHER = """
import os, sys, time
started = time.perf_counter()
os.chdir(sys.argv[2])
write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
opened = [(os.POSIX_SPAWN_OPEN, 1, sys.argv[1], write, 0o644), (os.POSIX_SPAWN_OPEN, 2, os.devnull, write, 0)]
process = os.posix_spawnp(sys.argv[3], sys.argv[3:], os.environ, file_actions=opened)
usage = os.wait4(process, 0)[2]
print(time.perf_counter() - started, usage.ru_maxrss / 1024)
"""
_FRAMEWORKS = re.compile(
    r"(?i)langchain|llama.?index|crewai|autogen|haystack|dspy|chroma|weaviate|qdrant|pinecone|faiss|torch|tensor"
)


def environment(name: str, home: Path, python: str) -> Path | None:
    """Return the folder of programs of a peer's environment, made if need be; None if it cannot be."""
    peer = PEERS[name]
    folder = home / re.sub(r"\W", "-", peer.package)
    npm = peer.package.startswith("npm:")
    programs = folder / "node_modules/.bin" if npm else folder / "bin"
    if (folder / ".ready").exists():
        return programs
    if npm:
        folder.mkdir(parents=True, exist_ok=True)
        package = peer.package.removeprefix("npm:")
        commands = [
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package]
        ]
    else:
        version = subprocess.check_output(
            [python, "-c", "import sys; print(*sys.version_info[:2])"], text=True
        )
        if tuple(map(int, version.split())) < peer.minimum:
            print(
                f"{name}: needs Python {'.'.join(map(str, peer.minimum))}, see --python; skipped",
                file=sys.stderr,
            )
            return None
        commands = [
            [python, "-m", "venv", str(folder)],
            [str(folder / "bin/pip"), "install", "-q", peer.package],
        ]
    for command in commands:
        if shutil.which(command[0]) is None or subprocess.run(command, check=False).returncode:
            print(f"{name}: could not be installed, skipped", file=sys.stderr)
            return None
    (folder / ".ready").touch()
    return programs


def run(name: str, programs: Path | None, path: Path, out: Path) -> tuple[float, float]:
    """Run a scanner once; return seconds and peak megabytes of the command."""
    if name == OURS:
        command = [
            sys.executable,
            "-m",
            "reliant",
            "assess",
            str(path),
            "--format",
            "json",
            "--output",
            str(out),
        ]
        prints = inside = False
    else:
        peer = PEERS[name]
        command = [part.format(bin=programs, path=path, out=out) for part in peer.command]
        prints, inside = peer.prints, peer.inside
    place = path if inside else out.parent
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, str(out) if prints else os.devnull, str(place), *command],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak


def uses_of(name: str, report: Any, vendors: Vendors) -> list[dict[str, Any]]:
    """Return what a report says in the form that the scorer reads."""
    if name == OURS:
        return list(report["uses"])
    return [
        {
            "provider": slug(provider, vendors),
            "model": model,
            "kind": "",
            "role": "",
            "scope": "",
            "evidence": [],
        }
        for provider, model in PEERS[name].pairs(report)
    ]


def slug(provider: str | None, vendors: Vendors) -> str | None:
    """Return a peer's word for a provider as ours; a framework or a database is none."""
    if not provider or _FRAMEWORKS.search(provider):
        return None
    plain = re.sub(r"[^a-z0-9]", "", provider.lower())
    return vendors.slugs.get(plain) or vendors.prefix(provider) or provider.lower()


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keys", nargs="+", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--python", default=sys.executable, help="the Python of the peers' environments")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--tree", type=Path)
    options = parser.parse_args()
    options.home = options.home.resolve()
    options.home.mkdir(parents=True, exist_ok=True)
    settings = read_settings(
        os.environ,
        home=Path.home(),
        cache=options.home / "fetched",
        prefix=Path(sys.prefix),
        offline=options.offline,
    )
    vendors = Vendors.from_atlas(load())
    packages = [p for key in options.keys for p in json.loads(key.read_text(encoding="utf-8"))["packages"]]
    trees = {p["package"]: unpacked(p, NetworkFetcher(settings), options.home / "trees") for p in packages}
    names = options.only or [OURS, *PEERS]
    print("| scanner | provider recall | precision | model recall | precision | decoys | s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        programs = environment(name, options.home, options.python) if name != OURS else None
        if name != OURS and programs is None:
            continue
        print(row(name, programs, packages, trees, vendors, options.home, options.runs), flush=True)
        if options.tree:
            measured = [
                run(name, programs, options.tree, options.home / "tree.json") for _ in range(options.runs)
            ]
            seconds, peak = (statistics.median(column) for column in zip(*measured, strict=True))
            print(f"| {name}, {options.tree.name} | | | | | | {seconds:.2f} | {peak:.0f} |", flush=True)


def row(
    name: str,
    programs: Path | None,
    packages: list[dict[str, Any]],
    trees: dict[str, Path],
    vendors: Vendors,
    home: Path,
    runs: int,
) -> str:
    """Return one line of the table."""
    totals = [0] * 7
    seconds, peak = 0.0, 0.0
    for package in packages:
        out = home / "report.json"
        measured = []
        for _ in range(runs):
            out.unlink(missing_ok=True)
            measured.append(run(name, programs, trees[package["package"]], out))
        seconds += statistics.median(one for one, _ in measured)
        peak = max(peak, *(memory for _, memory in measured))
        try:
            report = json.loads(out.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            report = {"uses": []} if name == OURS else {}
        result = score(package, uses_of(name, report, vendors))
        counts = (
            len(result.providers_hit),
            len(package["required_providers"]),
            len(result.providers_wrong),
            len(result.models_hit),
            len({name.lower() for name in package["required_models"]}),
            len(result.models_wrong),
            len(result.decoys),
        )
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
    hit, of, wrong, model_hit, model_of, model_wrong, decoys = totals
    return (
        f"| {name} | {_ratio(hit, of)} | {_ratio(hit, hit + wrong)} | {_ratio(model_hit, model_of)} "
        f"| {_ratio(model_hit, model_hit + model_wrong)} | {decoys} | {seconds:.1f} | {peak:.0f} |"
    )


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.2f} ({part}/{whole})" if whole else "-"


def unpacked(package: dict[str, Any], fetcher: NetworkFetcher, home: Path) -> Path:
    """Return the folder that holds a package's files, unpacked once."""
    kind, joint = ("pypi", "==") if package["ecosystem"] == "pypi" else ("npm", "@")
    folder = home / f"{package['package'].replace('/', '__')}-{package['version']}"
    if not folder.exists():
        with open_target(
            f"{kind}:{package['package']}{joint}{package['version']}", fetcher=fetcher
        ) as target:
            if target.stamp.digest != f"sha256:{package['sha256']}":
                sys.exit(f"{package['package']} is not the archive that the key was read from")
            shutil.copytree(target.root, folder)
    return folder


if __name__ == "__main__":
    main()
