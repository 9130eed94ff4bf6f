"""The page that says what the inventory reads: made from the claims of the detectors.

Made anew by: `python -m reliant.inventory.coverage > docs/inventory/coverage.md`.
"""

from __future__ import annotations

import sys

from reliant.inventory.registry import all_detectors


def coverage_page() -> str:
    """Return the page as Markdown, one section per detector, ordered by id."""
    detectors = all_detectors()
    parts = [
        "# What the inventory reads",
        "",
        f"Made from the claims of its {len(detectors)} detectors. Nothing that is read is run, installed or",
        "unpickled. What a file holds beyond its limit is listed under *not looked at*.",
    ]
    for detector in detectors:
        claim = detector.claim
        parts += ["", f"## {detector.id}", ""]
        parts += [f"- Reads: {claim.reads}", f"- Finds: {', '.join(claim.finds)}"]
        if claim.resolves:
            parts.append(f"- Follows: {'; '.join(claim.resolves)}")
        if claim.limits:
            parts.append(f"- Misses: {claim.limits}")
        parts.append(f"- Limit: {detector.wants.limit / 1e6:g} MB per file")
    return "\n".join([*parts, ""])


if __name__ == "__main__":
    sys.stdout.write(coverage_page())
