"""The coverage page says what the detectors claim, and each claim is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.coverage import coverage_page
from reliant.inventory.registry import all_detectors

if TYPE_CHECKING:
    from pathlib import Path

_FINDS = {"provider", "model", "sdk", "endpoint", "env", "region", "role"}


def test_the_coverage_page_is_what_the_detectors_claim(root: Path) -> None:
    page = (root / "docs/inventory/coverage.md").read_text(encoding="utf-8")

    assert page == coverage_page(), "run: python -m reliant.inventory.coverage > docs/inventory/coverage.md"


def test_each_detector_claims_what_it_reads_and_finds() -> None:
    for detector in all_detectors():
        assert detector.claim.reads, detector.id
        assert set(detector.claim.finds) <= _FINDS, detector.id
        assert detector.claim.finds, detector.id
        assert detector.wants.suffixes or detector.wants.names or detector.wants.globs, detector.id
