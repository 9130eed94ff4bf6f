"""Tells what a YAML or JSON file is for, from its path and its first lines, and reads its settings."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from reliant.inventory.detectors._entries import env_entries
from reliant.inventory.detectors._flow import flow_entries
from reliant.inventory.detectors._settings import setting_entries
from reliant.inventory.detectors._yaml import yaml_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reliant.inventory.detectors._entries import Entry
    from reliant.inventory.view import FileView


class Use(enum.Enum):
    """What a file is for."""

    COMPOSE = "compose"
    WORKFLOW = "workflow"
    KUBERNETES = "kubernetes"
    HELM = "helm"
    CLOUDFORMATION = "cloudformation"
    GATEWAY = "gateway"
    MCP = "mcp"
    SBOM = "sbom"
    TRAFFIC = "traffic"
    MANIFEST = "manifest"
    WEIGHTS = "weights"
    PLAIN = "plain"


_COMPOSE = re.compile(r"(?i)(^|/)(docker-)?compose[^/]*\.ya?ml$|(^|/)stack\.ya?ml$")
_WORKFLOW = re.compile(
    r"(?i)(^|/)\.github/(workflows|actions)/|(^|/)action\.ya?ml$|(^|/)\.gitlab-ci|(^|/)\.gitlab/|(^|/)\.circleci/"
    r"|azure-pipelines|bitbucket-pipelines|(^|/)cloudbuild\.ya?ml$|(^|/)\.drone\.yml$|(^|/)buildspec"
)
_HELM = re.compile(r"(?i)(^|/)values[^/]*\.ya?ml$|(^|/)templates/[^/]+\.ya?ml$|(^|/)helmfile|(^|/)charts?/")
_MANIFEST = re.compile(
    r"(?i)(^|/)(package(-lock)?|npm-shrinkwrap|composer|tsconfig[^/]*|jsconfig[^/]*|bower|deno|lerna|nx|turbo|biome|\.eslintrc"
    r"|\.prettierrc|renovate|\.swcrc|babel\.config|jest\.config|tslint|project\.assets|pipfile\.lock)\.?(jsonc?|lock)?$"
    r"|(^|/)(pnpm-lock|mkdocs|\.pre-commit-config|environment[^/]*|conda[^/]*|pubspec|_config|\.readthedocs|codecov|dependabot|\.travis"
    r"|meta|recipe)\.ya?ml$|\.lock$|(^|/)(pubspec|uv|poetry)\.lock$"
)
_MCP = re.compile(r"(?i)(^|/)\.?mcp[^/]*\.json$|claude_desktop_config|mcp_settings|mcp[-_.]servers?")
_KUBERNETES = re.compile(rb"(?m)^apiVersion\s*:.*$")
_KIND = re.compile(rb"(?m)^kind\s*:")
_CLOUDFORMATION = re.compile(
    rb"AWSTemplateFormatVersion|Transform\"?:\s*\"?'?AWS::Serverless|\bType\"?:\s*\"?'?AWS::\w+::"
)
_GATEWAY = re.compile(
    rb"litellm_params|\bmodel_list\s*:|\"?(override_params|virtual_key|virtual_keys)\"?\s*:|\brouter_settings\s*:|(?m:^reliant_gateway)"
    rb"|\"strategy\"\s*:\s*\{[^{}]{0,300}\"mode\"\s*:\s*\"(?:fallback|loadbalance|conditional|single)\""
    rb"|(?m:^\s*strategy\s*:\s*\n\s+mode\s*:\s*[\"']?(?:fallback|loadbalance|conditional|single)\b)"
)
_SBOM = re.compile(rb"\"bomFormat\"|\"spdxVersion\"|spdx\.org/rdf|\"SPDXID\"|cyclonedx\.org/schema")
_TRAFFIC = re.compile(rb"gen_ai\.|\"resourceSpans\"|\"scopeSpans\"")
_HEAD = 60_000
_WORTH = re.compile(
    rb"(?i)model|llm|provider|deployment|image\"?\s*:|repository\"?\s*:|base_?url|api_?base|api_?key|endpoint|checkpoint|repo_id"
)


def _with_templates(*endings: str) -> tuple[str, ...]:
    return tuple(ending + mark for ending in endings for mark in ("", *_TEMPLATE_MARKS))


_TEMPLATE_MARKS = (".j2", ".jinja", ".jinja2", ".tpl", ".tmpl", ".template", ".example", ".sample", ".dist")
_TEMPLATE_END = re.compile(r"(?:\.(?:j2|jinja2?|tpl|tmpl|template|example|sample|dist))+$", re.IGNORECASE)
YAML_ENDINGS = _with_templates(".yaml", ".yml")
JSON_ENDINGS = _with_templates(".json")

# The reading of the last file: several detectors ask the same of each one in turn.
_LAST: list[tuple[FileView, Use]] = []


def use_of(file: FileView) -> Use:
    """Return what a YAML or JSON file, or a template of one, is for."""
    if _LAST and _LAST[0][0] is file:
        return _LAST[0][1]
    found = _use_of(file)
    _LAST[:] = [(file, found)]
    return found


def _use_of(file: FileView) -> Use:
    path = _TEMPLATE_END.sub("", file.path)
    if _MANIFEST.search(path):
        return Use.MANIFEST
    if _MCP.search(path) and path.lower().endswith(".json"):
        return Use.MCP
    head = file.data[:_HEAD]
    if _SBOM.search(head[:20_000]):
        return Use.SBOM
    if _TRAFFIC.search(head):
        return Use.TRAFFIC
    if file.name in _WEIGHTS_CONFIG and _OF_WEIGHTS.search(head):
        return Use.WEIGHTS
    if _COMPOSE.search(path):
        return Use.COMPOSE
    if _WORKFLOW.search(path):
        return Use.WORKFLOW
    if _GATEWAY.search(head):
        return Use.GATEWAY
    if _CLOUDFORMATION.search(head):
        return Use.CLOUDFORMATION
    if _HELM.search(path):
        return Use.HELM
    if _KUBERNETES.search(head) and _KIND.search(head):
        return Use.KUBERNETES
    return Use.MCP if b'"mcpServers"' in head else Use.PLAIN


# What a folder of weights describes itself with; read together with the weights.
_WEIGHTS_CONFIG = frozenset({
    "adapter_config.json", "config.json", "tokenizer_config.json", "generation_config.json", "tokenizer.json",
    "preprocessor_config.json", "special_tokens_map.json", "model_index.json", "vocab.json",
    "added_tokens.json", "modules.json", "config_sentence_transformers.json", "quantize_config.json",
})  # fmt: skip

_OF_WEIGHTS = re.compile(
    rb"\"(architectures|model_type|transformers_version|_name_or_path|_diffusers_version|_class_name|peft_type|tokenizer_class"
    rb"|image_processor_type|feature_extractor_type|bos_token|model_max_length|added_tokens|idx|quant_method|bits)\""
)


def worth_reading(file: FileView) -> bool:
    """Say whether a configuration file has anything in it that could matter."""
    wide = file.data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    return bool(file.hits) or wide or _WORTH.search(file.data) is not None


def entries_of(file: FileView) -> Iterator[Entry]:
    """Yield the settings of a YAML or JSON file."""
    start = file.text[:500].lstrip()
    if start[:1] in {"{", "["} and not start.startswith(("{{", "{%", "{#")):
        return flow_entries(file.text)
    return yaml_entries(file.text)


_FILE_KEY = re.compile(r"(?i)^[\w.-]+\.(ya?ml|json|toml|env|properties|ini|conf|cfg)$")


def with_texts(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield settings, and those of whole files that stand in one of them as a text.

    A config map holds `config.yaml: |` and so on: what is mounted into a container as a file.
    """
    for entry in entries:
        match = _FILE_KEY.match(entry.keys[-1]) if entry.keys and "\n" in entry.value else None
        if match is None:
            yield entry
            continue
        kind = match[1].lower()
        if kind == "json":
            inside = flow_entries(entry.value)
        elif kind in {"yaml", "yml"}:
            inside = yaml_entries(entry.value)
        elif kind == "env":
            inside = env_entries(entry.value)
        else:
            inside = setting_entries(entry.value)
        for one in inside:
            yield one._replace(keys=(*entry.keys, *one.keys), line=entry.line + one.line - 1)
