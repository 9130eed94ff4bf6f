"""What an assessment says: the shape of `reliant.assessment/1`.

These structs are the public JSON: a field may be added, none may change its name,
its type or its meaning.
"""

from __future__ import annotations

import msgspec

from reliant.core.need import Function
from reliant.core.use import NotLookedAt, Use
from reliant.core.verdict import Axis, AxisAnswer, Verdict, VerdictChange

ASSESSMENT_SCHEMA = "reliant.assessment/1"


class Tool(msgspec.Struct, frozen=True):
    """The program that made the result."""

    name: str
    version: str


class AtlasStamp(msgspec.Struct, frozen=True):
    """Which facts a result rests on; `newest_source` is the last publication date in them."""

    version: str
    newest_source: str


class TargetStamp(msgspec.Struct, frozen=True):
    """What was assessed.

    Attributes:
        name: As the user named it.
        kind: directory, archive, git, sbom and so on.
        digest: Of the content, if it has one (an archive's sha256, a git commit).
    """

    name: str
    kind: str
    digest: str | None = None
    files: int = 0
    bytes: int = 0


class Source(msgspec.Struct, frozen=True):
    """Somebody's words.

    Attributes:
        id: Within the result; figures and rules refer to it.
        kind: primary, press, dataset or general.
        origin: Copies of one text share their origin and count as one source.
    """

    id: str
    title: str
    publisher: str | None
    url: str | None
    published: str | None
    retrieved: str | None
    kind: str
    quote: str | None = None
    origin: str | None = None


class Descent(msgspec.Struct, frozen=True):
    """One edge from a model to an ancestor.

    Attributes:
        kind: weights, merge, adapter, quantised, distilled_outputs, tokenizer, architecture, data or api.
        status: confirmed, reported, disputed or denied.
        basis: declared (somebody says so) or measured (from the weights).
        note: What a reader must know beside it, in one sentence.
    """

    ancestor: str
    kind: str
    status: str
    basis: str
    sources: tuple[str, ...] = ()
    note: str | None = None


class ModelClaim(msgspec.Struct, frozen=True):
    """A sentence that is said about a model; `against` are the sources that say otherwise."""

    says: str
    status: str
    sources: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    note: str | None = None


class Model(msgspec.Struct, frozen=True):
    """A model that the target relies on, or an ancestor of one.

    Attributes:
        weights: open, closed or None when not known.
        relied_on: False for one that is here only because another descends from it.
        descent_known: False if nobody recorded whether its weights start from another model's.
    """

    id: str
    developer: str | None
    weights: str | None
    licence: str | None
    descent: tuple[Descent, ...]
    name: str | None = None
    country: str | None = None
    relied_on: bool = True
    descent_known: bool = False
    claims: tuple[ModelClaim, ...] = ()


class FileClaim(msgspec.Struct, frozen=True):
    """What a model file says of its own origin.

    Attributes:
        kind: base, self, scratch, merge, quantised or adapter.
        value: As written, cut at 300 characters.
        place: File and key.
    """

    kind: str
    value: str
    place: str


class WeightsFound(msgspec.Struct, frozen=True):
    """What the weights of a model file say against one reference, or against an index as a whole.

    Attributes:
        reference: A path of the target, or a name of the index.
        verdict: As in `reliant.trace/1`: exact, near_copy, derived, partial, same_space,
            none_detected or not_testable.
        statement: The verdict in one sentence.
        detection_limit: The least cosine between neurons that would have been found.
        bytes_read: Of the model file, for all its comparisons.
    """

    reference: str
    verdict: str
    statement: str
    path: str | None = None
    agreement: float = 0.0
    log10_p: float = 0.0
    detection_limit: float | None = None
    bytes_read: int = 0


class ModelFinding(msgspec.Struct, frozen=True):
    """Something about a model file that a reader must act on.

    Attributes:
        id: As in the list of findings, for example RLT-LIN-001.
        kind: For example `says_from_scratch`.
        basis: measured (the weights say otherwise) or declared (two statements exclude each other).
    """

    id: str
    kind: str
    text: str
    basis: str
    reference: str | None = None


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One model that lies in the target, on evidence levels that are never blended.

    Attributes:
        path: The folder or file, relative to the target.
        uses: Ids of the uses that its files show.
        files: The weight files that were opened.
        architecture: As its config or header names it.
        sizes: Width, layers and so on: config level.
        vocabulary: Tokens of its tokenizer; None if it brings none.
        same_blueprint_as: Other model files of the target with equal sizes. No evidence of common weights.
        same_tokenizer_as: The same of the tokenizer.
        claims: What it says of its origin: declared level.
        weights: What its values say; empty unless they were looked at.
        descent: Edges that follow, each with its basis.
        problem: Why it could not be read; empty if it could.
    """

    path: str
    uses: tuple[str, ...] = ()
    format: str = ""
    files: tuple[str, ...] = ()
    parameters: int = 0
    architecture: str | None = None
    sizes: dict[str, float] = {}
    vocabulary: int | None = None
    same_blueprint_as: tuple[str, ...] = ()
    same_tokenizer_as: tuple[str, ...] = ()
    claims: tuple[FileClaim, ...] = ()
    weights: tuple[WeightsFound, ...] = ()
    descent: tuple[Descent, ...] = ()
    findings: tuple[ModelFinding, ...] = ()
    bytes_read: int = 0
    problem: str = ""


class Party(msgspec.Struct, frozen=True):
    """A provider or developer named in the result, so that a report need not look it up.

    Attributes:
        country: ISO 3166 code of where it is based; None if not known.
        owner: Who controls it, if somebody else does.
        owner_country: Where that owner is based.
    """

    id: str
    name: str
    country: str | None = None
    owner: str | None = None
    owner_country: str | None = None


class UseAnswer(msgspec.Struct, frozen=True):
    """The verdicts on one use.

    Attributes:
        ignored: Why the operator sets the finding aside, and until when; it changes
            no verdict, only the exit code.
    """

    use: str
    combined: Verdict
    axes: dict[Axis, AxisAnswer]
    ignored: str | None = None


class Interval(msgspec.Struct, frozen=True):
    """A share in [0, 1] of which a part is not known: from `low` to `low` plus the unknown share."""

    low: float
    high: float


class Share(msgspec.Struct, frozen=True):
    """The share that one name has."""

    id: str
    share: Interval


class Concentration(msgspec.Struct, frozen=True):
    """The Herfindahl-Hirschman index over the known shares.

    Attributes:
        index: In [1/n, 1]; None if no share is known.
        effective: 1 / index: as many equal suppliers would give the same index.
        unknown: The share whose supplier is not known, in [0, 1].
        bounds: The index over all shares: low if the unknown part comes from ever so many suppliers,
            high if from the largest known one; None where it was not asked for.
    """

    index: float | None
    effective: float | None
    unknown: float
    bounds: Interval | None = None


class FunctionImpact(msgspec.Struct, frozen=True):
    """What happens to one function under the verdicts of the day.

    Attributes:
        state: `works`, `stops` or `unknown`.
        because: Ids of the uses that decide it.
    """

    function: Function
    state: str
    because: tuple[str, ...]


class SinglePoint(msgspec.Struct, frozen=True):
    """A name whose loss alone stops functions; `stop_share` by weight.

    Attributes:
        level: `provider`; `jurisdiction`, the country that providers are in; or `reach`, a country with
            all that its cut takes away: providers there, providers owned from there, and closed weights
            made there. `reach` is what `reliant simulate --cut jurisdiction:CC` stops for certain.
    """

    supplier: str
    level: str
    stop_share: float
    functions: tuple[str, ...]


class OriginShares(msgspec.Struct, frozen=True):
    """The share form of look-through: who holds how much of what is used; the values sum to 1.

    Attributes:
        retained: The part of a model with bases that its own maker keeps, in [0, 1].
        shares: By country, and `unknown`.
    """

    retained: float
    shares: dict[str, float]


class Impact(msgspec.Struct, frozen=True):
    """What stops, by weight of the functions.

    Attributes:
        stop_share: Of the weight of functions, the part that stops under the verdicts of the day.
        face_value: Per jurisdiction, by whom a function buys from directly.
        look_through: Per jurisdiction, by any ancestor along followed descent.
        followed: The kinds of descent that look-through follows.
        unknown: The share of weight whose supplier is not known.
        hhi: By provider and jurisdiction, and by owner and model.
        hidden: Per jurisdiction, look-through minus face value on what is known of both.
        origin: Shares that sum to 1, under stated rules.
    """

    functions: tuple[FunctionImpact, ...]
    stop_share: Interval
    single_points: tuple[SinglePoint, ...]
    hhi: dict[str, Concentration]
    face_value: tuple[Share, ...]
    look_through: tuple[Share, ...]
    unknown: float
    followed: tuple[str, ...] = ()
    hidden: dict[str, float] = {}
    origin: tuple[OriginShares, ...] = ()


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer for one target, place and day.

    Attributes:
        parties: Every provider and developer named in it.
        place_names: Name in English by ISO 3166 code, for every code named in it.
        remarks: What a reader must know of how it was made, one sentence each.
        scenario: Name of the what-if under which it was asked.
        changes: What the scenario changes: verdicts and gates, against the rules as they are.
        model_files: The models that lie in the target, and what is known of their descent.
    """

    schema: str = ASSESSMENT_SCHEMA
    tool: Tool
    atlas: AtlasStamp
    target: TargetStamp
    place: str | None
    as_of: str
    known_on: str | None
    uses: tuple[Use, ...]
    models: tuple[Model, ...]
    verdicts: tuple[UseAnswer, ...]
    impact: Impact
    not_looked_at: tuple[NotLookedAt, ...]
    sources: tuple[Source, ...]
    parties: tuple[Party, ...] = ()
    place_names: dict[str, str] = {}
    remarks: tuple[str, ...] = ()
    scenario: str | None = None
    changes: tuple[VerdictChange, ...] = ()
    model_files: tuple[ModelFile, ...] = ()
