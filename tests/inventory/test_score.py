"""The scorer counts as the key says, and the open key is met."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def scorer(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", root / "benchmarks" / "inventory" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_KEY = {
    "package": "app",
    "entries": [
        {"provider": "groq", "model": "llama-3", "kind": "hosted-api", "role": "default", "scope": "code",
         "evidence": "a.py:3", "required": True, "aliases": ["meta/llama-3"]},
        {"provider": "openai", "model": None, "kind": "sdk", "role": "optional", "scope": "docs",
         "evidence": "README.md:1", "required": False},
    ],
    "decoys": [{"model": "gpt-4-test", "why": "made up"}],
    "required_providers": ["groq"],
    "required_models": ["llama-3"],
    "allowed_providers": ["groq", "openai"],
    "allowed_models": ["llama-3"],
}  # fmt: skip


def _use(provider: str | None, model: str | None, **more: object) -> dict[str, object]:
    return {
        "provider": provider, "model": model, "sdk": None, "kind": "hosted-api", "role": "default", "scope": "code",  # noqa: E501
        "evidence": [{"path": "a.py", "line": 3}], **more,
    }  # fmt: skip


def test_an_alias_and_a_prefix_are_the_same_model(scorer: ModuleType) -> None:
    for spelling in ("llama-3", "groq/llama-3", "META/llama-3"):
        found = scorer.score(_KEY, [_use("groq", spelling)])
        assert (found.models_hit, found.models_wrong, found.placed, found.lines_right) == (
            {"llama-3"},
            set(),
            1,
            1,
        )


def test_what_is_only_allowed_is_neither_missed_nor_wrong(scorer: ModuleType) -> None:
    found = scorer.score(_KEY, [_use("groq", "llama-3"), _use("openai", None)])

    assert not found.providers_wrong
    assert not found.providers_missed


def test_a_decoy_and_a_stranger_are_wrong(scorer: ModuleType) -> None:
    found = scorer.score(
        _KEY, [_use("acme", None, sdk="acme", kind="sdk"), _use("openai", "gpt-4-test")], "gpt-4-test"
    )

    assert found.decoys == {"gpt-4-test"}
    assert found.models_wrong == {"gpt-4-test"}
    assert found.providers_wrong == found.sdk_as_provider == {"acme"}
    assert found.providers_missed == {"groq"}


def test_an_id_of_the_documents_is_neutral(scorer: ModuleType) -> None:
    assert not scorer.score(_KEY, [_use("groq", "gpt-9")], "we like gpt-9 a lot").models_wrong
    assert scorer.score(_KEY, [_use("groq", "gpt-9")], "we like gpt-9-mini").models_wrong


def test_a_wrong_role_is_counted(scorer: ModuleType) -> None:
    found = scorer.score(_KEY, [_use("groq", "llama-3", role="optional")])

    assert (found.placed, found.place_of) == (0, 1)
