"""CycloneDX 1.6: models as components, providers as services, descent as pedigree.

Written as JSON directly, since no library writes what a model needs. A pedigree names
ancestors only where descent is confirmed or reported and of a kind that is followed;
whatever is disputed, or is a shared design, stands in the properties with its status.
"""

from __future__ import annotations

import urllib.parse
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.core.results import ASSESSMENT_SCHEMA
from reliant.core.use import Channel
from reliant.report._registry import renders
from reliant.report._text import clean
from reliant.report._view import View, descent_words, only_mentioned

if TYPE_CHECKING:
    from reliant.core.results import Assessment, Descent, Model
    from reliant.core.use import Use

_HELD = frozenset({"confirmed", "reported"})
_ROOT = "target"


@renders("cyclonedx", ASSESSMENT_SCHEMA)
def to_cyclonedx(result: Assessment, /, *, colour: bool = False) -> str:
    """Return the bill of materials of what the product relies on; mentions are left out."""
    del colour
    view = View(result)
    uses = [use for use in result.uses if not only_mentioned(use)]
    models, libraries, services = _by_model(uses), _by_library(uses), _by_provider(uses)
    body: dict[str, Any] = {
        "metadata": _metadata(result),
        "components": [
            *(_model(view, id_, found) for id_, found in models.items()),
            *(_library(name, found) for name, found in libraries.items()),
        ],
        "services": [_service(view, id_, found) for id_, found in services.items()],
        "dependencies": _dependencies(models, libraries, services),
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, msgspec.json.encode(body).decode())
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        **body,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _metadata(result: Assessment) -> dict[str, Any]:
    target: dict[str, Any] = {"bom-ref": _ROOT, "type": "application", "name": clean(result.target.name)}
    return {
        "tools": {
            "components": [{"type": "application", "name": result.tool.name, "version": result.tool.version}]
        },
        "component": target,
        "properties": _properties(
            ("place", result.place),
            ("as-of", result.as_of),
            ("known-on", result.known_on),
            ("atlas", result.atlas.version),
            ("target-digest", result.target.digest),
        ),
    }


def _properties(*pairs: tuple[str, str | None]) -> list[dict[str, str]]:
    return [{"name": f"reliant:{name}", "value": clean(value)} for name, value in pairs if value is not None]


def _by_model(uses: list[Use]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = defaultdict(list)
    for use in uses:
        if use.model:
            found[use.model].append(use)
    return dict(found)


def _by_library(uses: list[Use]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = defaultdict(list)
    for use in uses:
        if use.sdk:
            found[use.sdk].append(use)
    return dict(found)


def _by_provider(uses: list[Use]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = defaultdict(list)
    for use in uses:
        if use.provider and use.channel is not Channel.SELF_HOSTED:
            found[use.provider].append(use)
    return dict(found)


def _ref(kind: str, id_: str) -> str:
    return f"{kind}:{clean(id_)}"


def _occurrences(uses: list[Use]) -> dict[str, Any]:
    places = {(one.path, one.line): one for use in uses for one in use.evidence}
    found = []
    for (path, line), one in sorted(places.items()):
        place: dict[str, Any] = {"location": clean(path)}
        if line > 0:
            place["line"] = line
        if one.text:
            place["additionalContext"] = clean(one.text)
        found.append(place)
    return {"occurrences": found}


def _model(view: View, id_: str, uses: list[Use]) -> dict[str, Any]:
    known = view.models.get(id_)
    developer = (known.developer if known else None) or uses[0].developer
    component: dict[str, Any] = {
        "bom-ref": _ref("model", id_),
        "type": "machine-learning-model",
        "name": clean(id_),
    }
    if developer:
        component["manufacturer"] = {"name": clean(view.name(developer))}
    if known and known.licence:
        component["licenses"] = [{"license": {"name": clean(known.licence)}}]
    if known and (known.descent or known.claims):
        component["pedigree"] = _pedigree(view, known)
        family = [
            edge.ancestor for edge in known.descent if edge.kind == "architecture" and edge.status in _HELD
        ]
        if family:
            component["modelCard"] = {"modelParameters": {"architectureFamily": clean(family[0])}}
    component["evidence"] = _occurrences(uses)
    component["properties"] = _properties(
        ("developer", developer),
        ("developer-country", known.country if known else None),
        ("weights", known.weights if known else None),
        *((f"verdict:{use.id}", view.combined(use).value) for use in uses),
        *((f"descent:{edge.kind}", _edge(edge)) for edge in (known.descent if known else ())),
    )
    return component


def _edge(edge: Descent) -> str:
    return f"{descent_words(edge)} {edge.ancestor}, {edge.status}, {edge.basis}"


def _pedigree(view: View, model: Model) -> dict[str, Any]:
    followed = view.result.impact.followed
    held = [edge for edge in model.descent if edge.kind in followed and edge.status in _HELD]
    # Weights that are shared do not say which model came first.
    pedigree = {
        role: [
            {"type": "machine-learning-model", "name": clean(edge.ancestor)}
            for edge in held
            if (edge.basis == "measured") is measured
        ]
        for role, measured in (("ancestors", False), ("variants", True))
    }
    said = [f"it is said: {claim.says}, {claim.status}" for claim in model.claims]
    notes = "; ".join([*map(_edge, model.descent), *said])
    return {**{role: those for role, those in pedigree.items() if those}, "notes": clean(notes)}


def _library(name: str, uses: list[Use]) -> dict[str, Any]:
    return {
        "bom-ref": _ref("sdk", name),
        "type": "library",
        "name": clean(name),
        "evidence": _occurrences(uses),
    }


def _service(view: View, id_: str, uses: list[Use]) -> dict[str, Any]:
    party = view.party(id_)
    owner = party.owner if party else None
    service: dict[str, Any] = {
        "bom-ref": _ref("service", id_),
        "provider": {"name": clean(owner or view.name(id_))},
        "name": clean(view.name(id_)),
        "x-trust-boundary": True,
        "properties": _properties(
            ("provider", id_),
            ("country", party.country if party else None),
            ("channels", ", ".join(sorted({use.channel.value for use in uses}))),
            *((f"verdict:{use.id}", view.combined(use).value) for use in uses),
        ),
    }
    endpoints = sorted({_address(use.endpoint) for use in uses if use.endpoint})
    if endpoints:
        service["endpoints"] = endpoints
    return service


def _address(endpoint: str) -> str:
    address = endpoint if "://" in endpoint else f"https://{endpoint}"
    return urllib.parse.quote(clean(address), safe="/:.-_~?=&%@[]")


def _dependencies(
    models: dict[str, list[Use]], libraries: dict[str, list[Use]], services: dict[str, list[Use]]
) -> list[dict[str, Any]]:
    every = [
        *(_ref("model", id_) for id_ in models),
        *(_ref("sdk", name) for name in libraries),
        *(_ref("service", id_) for id_ in services),
    ]
    found: list[dict[str, Any]] = [{"ref": _ROOT, "dependsOn": every}] if every else [{"ref": _ROOT}]
    for id_, uses in services.items():
        served = sorted({_ref("model", use.model) for use in uses if use.model})
        if served:
            found.append({"ref": _ref("service", id_), "dependsOn": served})
    return found
