"""How the reports of other scanners are read: pairs of a provider, as it is called there, and a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Pair = tuple[str | None, str | None]


def airom(report: Any) -> Iterator[Pair]:
    """Read components; a model is one whose kind says so."""
    for part in report.get("components", ()):
        model = part["name"] if re.search("model|llm", part["kind"]) else None
        yield part.get("provider"), model


def ai_bom(report: Any) -> Iterator[Pair]:
    """Read CycloneDX components with properties `...:provider` and `...:model_name`."""
    for part in report.get("components", ()):
        told = {entry["name"].partition(":")[2]: entry["value"] for entry in part.get("properties", ())}
        yield told.get("provider"), told.get("model_name")


def aibom_scanner(report: Any) -> Iterator[Pair]:
    """Read detections in code, and dependencies."""
    for part in report.get("detections", ()):
        yield part.get("provider"), part.get("model_name")
    for part in report.get("dependencies", ()):
        yield part.get("provider"), None


def ladex(report: Any) -> Iterator[Pair]:
    """Read detections; the evidence of a model is its id."""
    for part in report.get("detections", ()):
        yield part.get("provider"), part["evidence"] if part["component_type"] == "model" else None


def aibom_inspector(report: Any) -> Iterator[Pair]:
    """Read the nodes of the stack."""
    for node in report.get("stack", {}).get("nodes", ()):
        if node["kind"] == "Provider":
            yield node["id"], None
        elif node["kind"] == "Model":
            yield node["metadata"].get("provider"), node["id"]


def scopesafe(report: Any) -> Iterator[Pair]:
    """Read models; one whose name is unknown is its provider only."""
    for part in report.get("models", ()):
        yield part.get("provider"), None if part.get("name") == "unknown" else part.get("name")


def cdxgen(report: Any) -> Iterator[Pair]:
    """Read services and models; the group `ai` says that the provider is not known."""
    for part in report.get("services", ()):
        provider = part.get("provider", {}).get("name")
        yield None if provider == "ai" else provider, None
    for part in report.get("components", ()):
        if part["type"] == "machine-learning-model":
            yield None if part.get("group") == "ai" else part.get("group"), part["name"]
