"""One found dependency on AI, with the lines that show it."""

from __future__ import annotations

import enum

import msgspec


class Kind(enum.StrEnum):
    """What sort of thing is relied on."""

    HOSTED_API = "hosted-api"
    SDK = "sdk"
    OPEN_WEIGHTS = "open-weights"
    GATEWAY = "gateway"
    EMBEDDING = "embedding"
    TOKENIZER = "tokenizer"


class Role(enum.StrEnum):
    """How the product relies on it: without asking, if asked to, or only by naming it."""

    DEFAULT = "default"
    OPTIONAL = "optional"
    LISTED = "listed"


class Scope(enum.StrEnum):
    """Which part of the target shows it."""

    CODE = "code"
    CONFIG = "config"
    MANIFEST = "manifest"
    DOCS = "docs"
    TESTS = "tests"
    EXAMPLES = "examples"
    TOOLING = "tooling"


class Channel(enum.StrEnum):
    """The way to the provider."""

    DIRECT = "direct"
    PARTNER = "partner"
    RESELLER = "reseller"
    SELF_HOSTED = "self-hosted"
    APP = "app"
    UNKNOWN = "unknown"


class Evidence(msgspec.Struct, frozen=True, order=True):
    """One place in the target that shows a use.

    Attributes:
        path: Relative to the target, with forward slashes.
        line: From 1; 0 for a file that has no lines, such as a weight file.
        column: From 1; 0 if not known.
        text: The line as it stands, trimmed and cut at 200 characters.
        detector: Id of the detector that read it.
    """

    path: str
    line: int
    column: int
    text: str
    detector: str


class Use(msgspec.Struct, frozen=True):
    """One dependency on AI.

    Attributes:
        id: Stable over runs on the same content: derived from what is used, not from its line.
        provider: Who serves the call: an id of the atlas, or None when the endpoint
            is not known. Never merely whose SDK is imported.
        sdk: The package that speaks to it, as its registry writes it.
        developer: Whose model it is: an id of the atlas.
        model: The model id as written.
        confidence: In [0, 1]: how sure it is that this use exists as described.
            It says nothing of how much depends on it.
        functions: Ids of the functions that need it.
        evidence: At least one place, ordered by path and line.
        overridable_by: Name of the environment variable or option that replaces the value.
        chosen_at_run_time: The model is picked while running, so `model` is None.
        region: Region that the endpoint or configuration names, as the provider spells it.
        endpoint: Host, or host and path, of the endpoint where one was found.
    """

    id: str
    provider: str | None
    sdk: str | None
    developer: str | None
    model: str | None
    kind: Kind
    channel: Channel
    role: Role
    scope: Scope
    confidence: float
    functions: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    overridable_by: str | None = None
    chosen_at_run_time: bool = False
    region: str | None = None
    endpoint: str | None = None


class NotLookedAt(msgspec.Struct, frozen=True, order=True):
    """Something that was skipped, and why.

    Attributes:
        incomplete: True if it should have been read and could not be; False if it
            was left out by design, such as version history.
    """

    path: str
    reason: str
    incomplete: bool = False
