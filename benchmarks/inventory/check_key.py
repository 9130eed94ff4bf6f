"""Checks answer keys against the archives they were read from.

    python benchmarks/inventory/check_key.py KEY.json [--cache DIR] [--offline]

Each package is fetched by name and version, its sha256 compared, and each evidence line looked
up: the entry's `word`, else its model or one of its aliases, must stand on that line. Exits 1 if
anything differs, so that a key cannot drift from what was published.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from reliant.targets import open_target
from reliant.targets.fetch import NetworkFetcher, read_settings

_LONGEST = 20_000_000


def problems(package: dict[str, Any], fetcher: NetworkFetcher) -> list[str]:
    """Return what in the key does not agree with the archive."""
    kind, joint = ("pypi", "==") if package["ecosystem"] == "pypi" else ("npm", "@")
    name = f"{kind}:{package['package']}{joint}{package['version']}"
    with open_target(name, fetcher=fetcher) as target:
        if target.stamp.digest != f"sha256:{package['sha256']}":
            return [
                f"{name}: the archive is {target.stamp.digest}, the key was read from {package['sha256']}"
            ]
        files = {file.path: file for file in target.files()}
        found = []
        for entry in package["entries"]:
            path, _, line = entry["evidence"].rpartition(":")
            if path not in files:
                found.append(f"{name}: there is no file {path}")
                continue
            lines = files[path].read(_LONGEST).decode("utf-8", "replace").split("\n")
            text = lines[int(line) - 1] if int(line) <= len(lines) else ""
            words = [entry["word"]] if "word" in entry else [entry["model"], *entry.get("aliases", ())]
            if not any(word is None or word in text or not text for word in words):
                found.append(f"{name}: {entry['evidence']} has none of {words}: {text.strip()[:80]!r}")
    required = {e["provider"] for e in package["entries"] if e["required"]}
    if not set(package["required_providers"]) <= required:
        found.append(f"{name}: a required provider has no required entry")
    return found


def main() -> None:
    """Check the keys that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keys", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/reliant/fetched")
    parser.add_argument("--offline", action="store_true")
    options = parser.parse_args()
    settings = read_settings(
        os.environ, home=Path.home(), cache=options.cache, prefix=Path(sys.prefix), offline=options.offline
    )
    fetcher = NetworkFetcher(settings)
    wrong = 0
    for key in options.keys:
        for package in json.loads(key.read_text(encoding="utf-8"))["packages"]:
            found = problems(package, fetcher)
            wrong += len(found)
            print(
                "\n".join(found)
                or f"{package['package']} {package['version']}: {len(package['entries'])} lines agree"
            )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
