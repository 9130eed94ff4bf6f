"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from reliant.atlas import Atlas

_ROOT = Path(__file__).resolve().parents[1]

# Machines that run this are shared and slow at times: a law is about values, not about speed. The same
# examples are tried in every run; to look for others: pytest --hypothesis-profile=explore --hypothesis-seed=N
settings.register_profile(
    "reliant", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("reliant"), derandomize=False, max_examples=1_000)
settings.load_profile("reliant")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return _ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The team's research folder; where it is absent the test is skipped and says so."""
    folder = Path(os.environ.get("RELIANT_SHARED", _ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"the research folder {folder} is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def atlas() -> Atlas:
    """The atlas as compiled from this checkout."""
    from reliant.atlas import load

    return load()
