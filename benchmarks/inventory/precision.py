"""Scans the most used packages that have nothing to do with AI: whatever is reported must be explained.

    python benchmarks/inventory/precision.py [--cache DIR] [--offline] [--pin NAME ...]

Prints a Markdown table of every use that was found. The packages are pinned by version and sha256
in `precision.json`; `--pin` adds names to it at their present version.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from reliant.atlas import load
from reliant.inventory import Vendors, scan
from reliant.targets import open_target
from reliant.targets.fetch import NetworkFetcher, read_settings

_PINS = Path(__file__).with_name("precision.json")


def main() -> None:
    """Scan all pinned packages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/reliant/fetched")
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--pin", nargs="*", default=[])
    options = parser.parse_args()
    settings = read_settings(
        os.environ, home=Path.home(), cache=options.cache, prefix=Path(sys.prefix), offline=options.offline
    )
    fetcher = NetworkFetcher(settings)
    pins: dict[str, str] = json.loads(_PINS.read_text()) if _PINS.exists() else {}
    for name in options.pin:
        with open_target(name, fetcher=fetcher) as target:
            pins[target.stamp.name] = str(target.stamp.digest)
    if options.pin:
        _PINS.write_text(json.dumps(pins, indent=1) + "\n")
    vendors = Vendors.from_atlas(load())
    print("| package | provider | model | kind | role, scope | where |\n|---|---|---|---|---|---|")
    files = size = 0
    started = time.perf_counter()
    for name, digest in pins.items():
        with open_target(name, fetcher=fetcher) as target:
            if target.stamp.digest != digest:
                sys.exit(f"{name} is {target.stamp.digest}, pinned as {digest}")
            found = scan(target, vendors, workers=1)
            files += found.files
            size += found.bytes
            for use in found.uses:
                place = f"{use.evidence[0].path}:{use.evidence[0].line}"
                said = f"{use.role}, {use.scope}"
                print(f"| {name} | {use.provider} | {use.model} | {use.kind} | {said} | `{place}` |")
    seconds = time.perf_counter() - started
    print(f"\n{len(pins)} packages, {files:,} files, {size / 1e6:.0f} MB, {seconds:.0f} s with opening")


if __name__ == "__main__":
    main()
