"""Terraform and OpenTofu: resources of AI services, the models they deploy, and where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._entries import Entry, plain
from reliant.inventory.detectors._flow import flow_entries
from reliant.inventory.detectors._resources import resource_provider
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_OPEN = re.compile(r'\s*(?P<kind>[A-Za-z_][\w-]*)(?P<labels>(?:\s+"[^"]*")*)\s*=?\s*\{\s*(?P<rest>.*)$')
_SET = re.compile(r'\s*"?(?P<key>[A-Za-z_][\w-]*)"?\s*[=:]\s*(?P<value>.+)$')
_LABEL = re.compile(r'"([^"]*)"')
_DEEPEST = 40
_REGION = ("location", "region")


class Terraform:
    """Reads blocks and attributes; a block's resource type says whose it is."""

    id = "terraform"
    claim = Claim(
        reads="*.tf, *.tfvars, *.tofu, *.hcl",
        finds=("provider", "model", "endpoint", "region", "env"),
        resolves=("resource types", "the location of a resource", "defaults of variables called by name"),
        limits="Expressions and modules are not evaluated.",
    )
    wants = Wants(suffixes=(".tf", ".tfvars", ".tofu", ".hcl"), always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which resources are AI services and which models they deploy."""
        entries = list(_entries(file.text))
        defaults = {
            e.keys[1]: e
            for e in entries
            if len(e.keys) == 3 and e.keys[0] == "variable" and e.key == "default"
        }
        regions: dict[tuple[str, ...], str] = {}
        owners: dict[tuple[str, ...], tuple[str, Entry]] = {}
        read: list[Entry] = []
        kinds: dict[tuple[str, ...], list[str]] = {}
        for entry in entries:
            if entry.key == "kind":
                kinds.setdefault(entry.keys[:3], []).append(entry.value)
        for entry in entries:
            value = entry.value
            name = value.removeprefix("var.")
            if name != value and name in defaults:
                value = defaults[name].value
            block = entry.keys[:3] if entry.keys[0] in {"resource", "data"} else entry.keys[:1]
            if entry.key in _REGION and "." not in value:
                regions[block] = value
            if (
                entry.keys[0] in {"resource", "data", "ephemeral"}
                and len(entry.keys) > 2
                and block not in owners
            ):
                provider = resource_provider(
                    entry.keys[1], file.vendors, "terraform", kinds=kinds.get(block, ())
                )
                if provider is not None:
                    owners[block] = (provider, entry)
            read.append(_called(entry)._replace(value=value))
        for block, (provider, entry) in owners.items():
            near = {
                regions[other] for other, (same, _) in owners.items() if same == provider and other in regions
            }
            # A deployment lies where its account does, and both where the one resource group is.
            near = near or set(regions.values())
            yield Signal(
                what=What.ENDPOINT,
                line=_opened_at(file, block, entry),
                block=block,
                provider=provider,
                region=regions.get(block) or (next(iter(near)) if len(near) == 1 else None),
            )
        yield from signals_of(read, file, optional=is_example(file))


def _called(entry: Entry) -> Entry:
    """Give a variable's default the variable's name, and a model's name the name of its block."""
    if len(entry.keys) > 2 and entry.keys[0] == "variable" and entry.keys[2] == "default":
        return entry._replace(keys=("variable", entry.keys[1], *entry.keys[3:]))
    if (
        len(entry.keys) > 1
        and entry.keys[-1] in {"name", "id", "arn"}
        and entry.keys[-2] in {"model", "foundation_model"}
    ):
        return entry._replace(keys=(*entry.keys[:-1], "model"))
    if entry.key in {"model_arn", "foundation_model_arn"}:
        return entry._replace(value=entry.value.rpartition("/")[2])
    return entry


def _opened_at(file: FileView, block: tuple[str, ...], entry: Entry) -> int:
    """Return the line on which a block opens."""
    head = re.compile(r"\s*" + r"\s+".join([block[0], *(f'"{re.escape(label)}"' for label in block[1:])]))
    for number in range(min(entry.line, len(file.lines)), 0, -1):
        if head.match(file.lines[number - 1]):
            return number
    return entry.line


def _entries(text: str) -> Iterator[Entry]:
    r"""Yield the attributes of all blocks; the keys are the block's type and labels, then its own.

    Examples:
        >>> text = 'resource "a" "b" {\n  x = "y" # z\n  model {\n    name = "m"\n  }\n}'
        >>> [(".".join(e.keys), e.value, e.line) for e in _entries(text)]
        [('resource.a.b.x', 'y', 2), ('resource.a.b.model.name', 'm', 4)]
    """
    path: list[tuple[str, ...]] = []
    in_note = False
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw
        if in_note:
            in_note = "*/" not in line
            continue
        if line.lstrip().startswith("/*"):
            in_note = "*/" not in line
            continue
        commented = line.lstrip().startswith(("#", "//"))
        if commented:
            line = line.lstrip().lstrip("#/ ")
        keys = tuple(part for label in path for part in label)
        setting = _SET.match(line)
        opened = None if commented else _OPEN.match(line)
        if opened is not None:
            rest = opened["rest"]
            labels = (opened["kind"], *_LABEL.findall(opened["labels"]))
            inner = _SET.match(rest.rstrip("} ")) if rest else None
            if inner is not None and "}" in rest:
                yield Entry(
                    (*keys, *labels, inner["key"]), _value(inner["value"]), number, opened.start("rest") + 1
                )
            if rest.count("}") <= rest.count("{"):
                path.append(labels)
            if len(path) > _DEEPEST:
                return
        elif setting is not None and setting["value"].startswith("[") and "]" in setting["value"]:
            yield from flow_entries(
                setting["value"].partition("]")[0] + "]",
                (*keys, setting["key"]),
                number,
                setting.start("value") + 1,
            )
        elif setting is not None:
            if not (commented and setting["value"].endswith(".")):
                yield Entry(
                    (*keys, setting["key"]),
                    _value(setting["value"]),
                    number,
                    setting.start("value") + 1,
                    commented,
                )
            if not commented and setting["value"].count("{") > setting["value"].count("}"):
                path.append((setting["key"],))
        elif not commented:
            for _ in range(line.count("}") - line.count("{")):
                if path:
                    path.pop()


def _value(text: str) -> str:
    return plain(text.rstrip(", "))


DETECTOR = Terraform()
