"""Runs other scanners, and ours, on the packages of answer keys: same files, same scorer, no network.

    python benchmarks/inventory/peers.py KEY.json ... --home DIR [--only NAME ...] [--runs 3] [--tree DIR]

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
from pathlib import Path
from typing import Any, NamedTuple

from score import score

from reliant.atlas import load
from reliant.inventory import Vendors
from reliant.targets import open_target
from reliant.targets.fetch import NetworkFetcher, read_settings


class Peer(NamedTuple):
    """How to run a scanner offline, and how its report is read."""

    package: str
    command: tuple[str, ...]
    minimum: tuple[int, int] = (3, 9)


# `{bin}` is the environment's folder of programs, `{path}` what is scanned, `{out}` the report.
PEERS = {
    "airom": Peer("airom==0.5.0", ("{bin}/airom", "fs", "{path}", "--offline", "-o", "json={out}")),
    "ai-bom --deep": Peer(
        "ai-bom==3.6.0", ("{bin}/ai-bom", "scan", "{path}", "--deep", "-q", "-f", "json", "-o", "{out}")
    ),
    "aibom-scanner": Peer(
        "aibom-scanner==1.3.5",
        ("{bin}/aibom-scanner", "scan", "--path", "{path}", "--format", "json", "--output", "{out}"),
    ),
    "ladex": Peer("ladex==0.2.2", ("{bin}/ladex", "scan", "{path}", "--offline", "--json", "{out}"), (3, 12)),
}
OURS = "reliant"
# A child begins with the memory of its parent, and its peak keeps it; so the parent must be small.
_LAUNCHER = """
import os, sys, time
started = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
usage = os.wait4(process, 0)[2]
print(time.perf_counter() - started, usage.ru_maxrss / 1024)
"""
_FRAMEWORKS = re.compile(
    r"(?i)langchain|llama.?index|crewai|autogen|haystack|dspy|chroma|weaviate|qdrant|pinecone|faiss|torch|tensor"
)


def environment(name: str, home: Path) -> Path | None:
    """Return the folder of programs of a peer's environment, made if need be; None if it cannot be."""
    peer = PEERS[name]
    if sys.version_info < peer.minimum:
        print(f"{name}: needs Python {'.'.join(map(str, peer.minimum))}, skipped", file=sys.stderr)
        return None
    folder = home / re.sub(r"\W", "-", peer.package)
    if not (folder / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        done = subprocess.run([folder / "bin/pip", "install", "-q", peer.package], check=False)
        if done.returncode:
            print(f"{name}: could not be installed, skipped", file=sys.stderr)
            return None
        (folder / ".ready").touch()
    return folder / "bin"


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
    else:
        command = [part.format(bin=programs, path=path, out=out) for part in PEERS[name].command]
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *map(str, command)],
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
    found: list[tuple[str | None, str | None]] = []
    if name == "airom":
        for part in report.get("components", ()):
            model = part["name"] if re.search("model|llm", part["kind"]) else None
            found.append((part.get("provider"), model))
    elif name.startswith("ai-bom"):
        for part in report.get("components", ()):
            told = {entry["name"].partition(":")[2]: entry["value"] for entry in part.get("properties", ())}
            found.append((told.get("provider"), told.get("model_name")))
    elif name == "aibom-scanner":
        found += [(part.get("provider"), part.get("model_name")) for part in report.get("detections", ())]
        found += [(part.get("provider"), None) for part in report.get("dependencies", ())]
    else:
        found += [(part.get("provider"), part.get("model")) for part in report.get("findings", ())]
    return [
        {
            "provider": slug(provider, vendors),
            "model": model,
            "kind": "",
            "role": "",
            "scope": "",
            "evidence": [],
        }
        for provider, model in found
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
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--tree", type=Path)
    options = parser.parse_args()
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
        programs = environment(name, options.home) if name != OURS else None
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
