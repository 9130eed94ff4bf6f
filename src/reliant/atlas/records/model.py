"""A model, and the typed, sourced edges to what it descends from.

"Built on Llama" may mean the same weights, the same blueprint or only the same
data. Each is an edge of its own kind with its own status, and evidence that lost
stays beside the edge. An architecture edge never says anything about weights.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from reliant.atlas.records.common import DateText, Name, Record, RecordKind

DescentKind: TypeAlias = Literal[
    "weights",
    "merge",
    "adapter",
    "quantised",
    "distilled_outputs",
    "tokenizer",
    "architecture",
    "data",
    "api",
]
"""What was taken over. weights, merge, adapter and quantised carry weights on."""

DescentStatus: TypeAlias = Literal["confirmed", "reported", "disputed", "denied"]
"""denied: somebody claimed it, and the evidence is against it."""

WEIGHTS_KINDS: frozenset[str] = frozenset({"weights", "merge", "adapter", "quantised"})
"""The kinds along which trained weights are handed on."""


class Contradiction(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """Evidence against an edge or a claim, kept although it lost."""

    says: Name
    sources: tuple[str, ...] = ()


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One relation to one ancestor.

    Attributes:
        ancestor: Id of a model record; None if it is known to exist but not which it is.
        ancestor_said: What the sources call it, needed where `ancestor` is None.
        ancestor_developer: Its developer, where that much is known.
        component: The edge covers only this part, for example `vision encoder`.
        because: The evidence in words.
        sources: Local names of the sources that carry it.
        from_memory: True if none of the sources was read for this edge.
    """

    kind: DescentKind
    status: DescentStatus
    ancestor: str | None
    ancestor_said: str | None = None
    ancestor_developer: str | None = None
    component: str | None = None
    because: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    contradicted_by: tuple[Contradiction, ...] = ()
    note: str | None = None
    from_memory: bool = False


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A sentence that is said about a model, with who says it and who says otherwise."""

    says: Name
    status: DescentStatus
    sources: tuple[str, ...]
    contradicted_by: tuple[Contradiction, ...] = ()
    note: str | None = None


class EpochEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the Epoch tables say of it; they often date by the paper, we by the release."""

    name: Name
    publication_date: DateText | None = None
    base_model: str | None = None
    accessibility: str | None = None
    country: str | None = None


class Model(Record, frozen=True, kw_only=True):
    """One model, or one family of models where a source names no member.

    Attributes:
        developer: Id of a provider record.
        level: family: a name for several models, so that an edge can end at it.
        part_of: Id of the family record it belongs to.
        weights: None where it is not known whether they are open.
        licence: SPDX expression; `LicenseRef-<id>` names a licence of the atlas,
            `LicenseRef-proprietary` hosted use only, `NONE` that none was ever given.
        weights_origin: own: no other developer's weights went into it; derived: others
            went in, and every one of them has an edge; None: not known.
        declared_base: What its makers or its record say it is based on, in words.
        floating: A name of an API whose model depends on the day.
        id_patterns: Python regular expressions over the last segment of an id.
        derivative_patterns: Names that announce somebody's fine-tune: a hint, never an edge.
    """

    name: Name
    developer: str
    level: Literal["model", "family"] = "model"
    part_of: str | None = None
    family: str | None = None
    released: DateText | None = None
    weights: Literal["open", "closed"] | None = None
    licence: str | None = None
    licence_note: str | None = None
    modalities: tuple[str, ...] = ()
    params_b: float | None = None
    weights_origin: Literal["own", "derived"] | None = None
    declared_base: str | None = None
    floating: bool = False
    aliases: tuple[str, ...] = ()
    former_ids: tuple[str, ...] = ()
    hf_ids: tuple[str, ...] = ()
    hf_architecture: str | None = None
    id_patterns: tuple[str, ...] = ()
    derivative_patterns: tuple[str, ...] = ()
    descent: tuple[Edge, ...] = ()
    claims: tuple[Claim, ...] = ()
    models_dev_id: str | None = None
    models_dev_base_id: str | None = None
    epoch: EpochEntry | None = None


KIND = RecordKind(name="model", folder="models", record=Model)
