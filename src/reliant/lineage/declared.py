"""The declared level: what a model says of its own origin, in cards, metadata and recipes.

A claim is somebody's word, with its place. It never counts as evidence for descent; a claim
that the weights contradict is a finding of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from reliant.lineage.opened import Opened

MAX_CLAIMS = 50
_MAX_VALUE = 300
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_BASE_LINE = re.compile(r"^(base_model|base_models|model|base_model_name|merged_from)\s*:\s*(\S.*)$")
_ITEM = re.compile(r"^\s*-\s*(?:model:\s*)?[\"']?([\w.\-]+/[\w.\-]+)[\"']?\s*$")
_SCRATCH = re.compile(
    r"(?:(?:pre-?)?train(?:ed|ing)|built|developed)\s+(?:entirely\s+|fully\s+|completely\s+)?"
    r"from\s+(?:scratch|the ground up)"
    r"|从零(?:开始)?(?:训练|预训练)|スクラッチ(?:から)?(?:学習|開発|構築)",
    re.IGNORECASE,
)


class Claim(msgspec.Struct, frozen=True):
    """One statement of origin.

    Attributes:
        kind: base (descends from), self (its own name), scratch (says it has no parent),
            merge (one of several parents), quantised or adapter.
        value: As written, cut at 300 characters.
        place: File and key.
    """

    kind: str
    value: str
    place: str


def declared_by(opened: Opened) -> tuple[Claim, ...]:
    """Return every claim of origin that the model's own files make."""
    found: list[Claim] = []
    config = opened.config
    _add(found, "self", config.get("_name_or_path"), "config.json _name_or_path")
    if opened.adapter is not None:
        _add(
            found,
            "adapter",
            opened.adapter.get("base_model_name_or_path"),
            "adapter_config.json base_model_name_or_path",
        )
    if isinstance(config.get("quantization_config"), dict):
        method = config["quantization_config"].get("quant_method")
        _add(found, "quantised", method, "config.json quantization_config")
    _from_metadata(found, opened.metadata)
    _from_card(found, opened.text("README.md"))
    for recipe in ("mergekit_config.yml", "mergekit_config.yaml"):
        _from_recipe(found, opened.text(recipe), recipe)
    return tuple(dict.fromkeys(found))[:MAX_CLAIMS]


def _add(found: list[Claim], kind: str, value: Any, place: str) -> None:
    if isinstance(value, str) and value.strip():
        found.append(Claim(kind, value.strip()[:_MAX_VALUE], place))


def _from_metadata(found: list[Claim], metadata: dict[str, Any]) -> None:
    _add(found, "self", metadata.get("general.name"), "GGUF general.name")
    _add(found, "base", metadata.get("general.finetune"), "GGUF general.finetune")
    for key in sorted(metadata):
        if re.fullmatch(r"general\.base_model\.\d+\.(?:name|repo_url)", key):
            _add(found, "base", metadata[key], f"GGUF {key}")
        elif re.fullmatch(r"general\.source\.(?:huggingface\.repository|repo_url|url)", key):
            _add(found, "self", metadata[key], f"GGUF {key}")
    for key in ("base_model", "modelspec.title", "ss_base_model_version", "modelspec.merged_from"):
        kind = {"modelspec.title": "self", "modelspec.merged_from": "merge"}.get(key, "base")
        _add(found, kind, metadata.get(key), f"file metadata {key}")
    producer = metadata.get("producer_name")
    if isinstance(producer, str) and "quant" in producer.lower():
        _add(found, "quantised", producer, "ONNX producer_name")


def _from_card(found: list[Claim], data: bytes | None) -> None:
    if data is None:
        return
    text = data[: 1 << 20].decode("utf-8", "replace")
    match = _FRONT_MATTER.match(text)
    if match is not None:
        _base_lines(found, match[1], "README.md", ("base_model", "base_models"), "base")
    for match in _SCRATCH.finditer(text):
        start = max(0, match.start() - 60)
        _add(found, "scratch", " ".join(text[start : match.end() + 20].split()), "README.md")
        break


def _from_recipe(found: list[Claim], data: bytes | None, place: str) -> None:
    if data is not None:
        text = data[: 1 << 20].decode("utf-8", "replace")
        _base_lines(found, text, place, ("base_model",), "merge")
        for line in text.splitlines():
            match = re.match(r"^\s*-?\s*model:\s*[\"']?([^\s\"'#]+)", line)
            if match is not None:
                _add(found, "merge", match[1], f"{place} model")


def _base_lines(found: list[Claim], text: str, place: str, keys: tuple[str, ...], kind: str) -> None:
    """Add the values of some keys of a YAML text, read line by line: cards are seldom valid YAML."""
    key: str | None = None
    for line in text.splitlines():
        match = _BASE_LINE.match(line)
        if match is not None:
            key = match[1] if match[1] in keys else None
            if key is not None:
                for value in match[2].strip("[]").split(","):
                    _add(found, kind, value.strip().strip("\"'"), f"{place} {key}")
            continue
        if re.match(r"^[\w-]+\s*:", line):
            bare = line.split(":")[0]
            key = bare if bare in keys else None
        elif key is not None and (item := _ITEM.match(line)) is not None:
            _add(found, kind, item[1], f"{place} {key}")


class DeclaredLevel(msgspec.Struct, frozen=True):
    """What both say of their origin.

    Attributes:
        claims: Of the suspect.
        names_reference: A base claim of the suspect bears the name of the reference.
        says_from_scratch: The suspect says that it has no parent.
    """

    claims: tuple[Claim, ...]
    names_reference: bool
    says_from_scratch: bool


def compare_declared(
    claims: tuple[Claim, ...], reference: str, of_reference: tuple[Claim, ...]
) -> DeclaredLevel:
    """Return the declared level of a suspect against one reference."""
    names = {_bare(reference)} | {_bare(claim.value) for claim in of_reference if claim.kind == "self"}
    names.discard("")
    bases = {_bare(claim.value) for claim in claims if claim.kind in {"base", "merge", "adapter"}}
    return DeclaredLevel(claims, bool(names & bases), any(claim.kind == "scratch" for claim in claims))


def _bare(name: str) -> str:
    """Return the last part of a name, in lower case, without format endings and marks."""
    last = name.rstrip("/").rpartition("/")[2].lower()
    last = re.sub(r"\.(?:gguf|safetensors|onnx|npz|bin|pt)$", "", last)
    return re.sub(r"[^a-z0-9]+", "", last)
