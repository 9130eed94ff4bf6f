"""The hand checks of docs/impact.md on three packages from PyPI: what stops, read in their source.

The packages are taken from the user's cache or from a registry; without either the tests are skipped.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from click.testing import CliRunner

from reliant.cli.simulate import simulate
from reliant.errors import FetchError

pytestmark = pytest.mark.registry


@functools.cache
def _played(package: str, cut: str) -> dict[str, Any]:
    """Return the what-if on a package of PyPI."""
    try:
        result = CliRunner().invoke(
            simulate,
            [f"pypi:{package}", "--cut", cut, "--as-of", "2026-11-21", "--format", "json"],
            catch_exceptions=False,
        )
    except FetchError as error:
        pytest.skip(f"{package} is not in the cache, and no registry answers: {error}")
    told: dict[str, Any] = json.loads(result.stdout)
    assert told["functions"]
    return told


def _function(told: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in told["functions"] if row["id"] == name)
    return found


def test_pdf2zh_keeps_working_without_openai() -> None:
    """`--service` is `google` unless asked; `OpenAITranslator` is one of the classes a user picks."""
    told = _played("pdf2zh==1.9.11", "provider:openai")

    assert told["stop_share"] == {"low": 0.0, "high": 0.0}
    assert _function(told, "pdf2zh/translator")["provider"] == "google-translate"


def test_pdf2zh_without_the_us_stops_until_somebody_sets_another_translator() -> None:
    """Google is the default, DeepL is left to be set; one set-up script fetches from Hugging Face."""
    told = _played("pdf2zh==1.9.11", "jurisdiction:US")
    translator = _function(told, "pdf2zh/translator")

    assert translator["stops"] is True
    assert translator["fallback"] is not None
    assert translator["fallback"].startswith("deepl")
    assert translator["proven"] is not True
    assert [row["id"] for row in told["functions"] if row["stops"]] == ["pdf2zh/translator", "script/setup"]


def test_shell_gpt_stops_without_openai() -> None:
    """`gpt-4o` and `USE_LITELLM` false are the defaults; another provider is a setting, no fallback."""
    told = _played("shell-gpt==1.4.5", "provider:openai")

    assert told["stop_share"] == {"low": 1.0, "high": 1.0}
    assert all(row["fallback"] is None for row in told["functions"])


def test_llm_stops_without_openai() -> None:
    """`gpt-4o-mini` is the default and the only plugin inside is OpenAI's."""
    told = _played("llm==0.19", "provider:openai")

    assert told["stop_share"] == {"low": 1.0, "high": 1.0}
    assert any("GPT-4o mini" in row["why"] for row in told["functions"])
