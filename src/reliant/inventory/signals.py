"""What a detector says: small signals, each with its place.

A detector reads one file and says what it sees there: an endpoint of a provider, an SDK, a
model id, an environment name. It does not decide who serves a model when the file does not
say so on the spot. The linker does that for every language in the same way: signals that
stand in the same *block* (a class, a function, a mapping of a configuration file) belong
together, and the innermost block that names a provider wins.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

import msgspec

from reliant.core.use import Channel, Kind, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.inventory.view import FileView


class What(enum.StrEnum):
    """What sort of thing was seen."""

    ENDPOINT = "endpoint"
    """Calls go to `provider`: its host, or a client that speaks to it unless told otherwise."""
    SDK = "sdk"
    """A package that speaks to AI services is imported, required or declared."""
    MODEL = "model"
    """A model id."""
    ENV = "env"
    """An environment variable or setting that belongs to `provider` is read or set."""
    CHOICE = "choice"
    """Of several providers one is taken unless asked otherwise: `model` holds the label taken,
    `options` the labels there are, `provider` the one it names if that is known."""
    LABEL = "label"
    """The block it stands in is called `model` by the rest of the program (a plugin's name)."""
    KIN = "kin"
    """The class it stands in is one of several that fill the same place: `model` is their common base."""
    ROUTE = "route"
    """A gateway answers calls for the name `model` by the first of `options` that works; these are
    groups of signals in the same file. Several ROUTEs of one name are all needed."""
    NAMED = "named"
    """A call asks for `model`, which may be a name that a gateway of the target answers; `provider` is
    whom the client speaks to. It counts only where a ROUTE of that name exists."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing seen at one place in a file.

    Attributes:
        line: From 1; 0 for a file without lines.
        column: From 1; 0 if not known.
        block: Where it stands inside the file, outermost first, for example
            `("class Chat:10", "def ask:22")`. Any strings do, if each names one block of the file.
        provider: Who serves it. None on a MODEL asks the linker to find out; None on an
            ENDPOINT says that calls go to a server that cannot be named.
        sdk: The package as its registry writes it.
        model: The id as written, without quotes.
        kind: None: taken from the provider, the SDK or the id.
        role: None: DEFAULT in code that runs unless asked otherwise; the merge step decides.
        scope: None: the scope of the file, from its path.
        confidence: That this is what it says, in [0, 1].
        env: Name of the environment variable or option that replaces the value.
        endpoint: Host, or host and path.
        run_time: The model is picked while running.
        family: `model` is a name somebody chose (a deployment) and only hints at a model.
        fixed: The SDK speaks to `provider` and to nobody else.
        group: Signals with the same non-empty group in a file are alternatives of each other.
        developer: Who made the model, where the library says it and the id does not.
        where: `path:line` of the call that uses it, when that is elsewhere; may be empty.
        asks: What another file must answer first: `name:package.module:NAME`, `attr:name` or
            `key:KEY`. A MODEL with `asks` has no `model` yet.
        region_asks: The same for the region in which a cloud is called.
        options: Of a CHOICE: the labels to choose from, as far as they are known.
    """

    what: What
    line: int
    column: int = 0
    block: tuple[str, ...] = ()
    provider: str | None = None
    sdk: str | None = None
    model: str | None = None
    kind: Kind | None = None
    channel: Channel | None = None
    role: Role | None = None
    scope: Scope | None = None
    confidence: float = 0.9
    env: str | None = None
    endpoint: str | None = None
    region: str | None = None
    run_time: bool = False
    family: bool = False
    fixed: bool = False
    group: str = ""
    where: str = ""
    developer: str | None = None
    options: tuple[str, ...] = ()
    asks: str = ""
    region_asks: str = ""


class Wants(msgspec.Struct, frozen=True, kw_only=True):
    """Which files a detector is woken for.

    A file is a candidate if its name ends with one of `suffixes`, equals one of `names`, or
    matches one of `globs` (on the whole path, as `fnmatch`); all are compared in lower case.

    Attributes:
        always: Wake it for every candidate; otherwise only if the prefilter pass hit a vendor's
            host, environment name, package or model id in it, or one of `patterns`.
        patterns: Further literal byte strings, lower case, that wake it.
        binary: Files with NUL bytes are welcome.
        limit: Bytes of a file that are read at most.
    """

    suffixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    always: bool = False
    patterns: tuple[str, ...] = ()
    binary: bool = False
    limit: int = 4_000_000


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector can do; the coverage page is made from these.

    Attributes:
        reads: The files, in words.
        finds: Any of provider, model, sdk, endpoint, env, region, role.
        resolves: What it follows to a value: constants, env defaults, imports, ...
        limits: What it is known to miss.
    """

    reads: str
    finds: tuple[str, ...]
    resolves: tuple[str, ...] = ()
    limits: str = ""


class Detector(Protocol):
    """One way of reading one kind of file. It keeps no state between files."""

    id: str
    claim: Claim
    wants: Wants

    def detect(self, file: FileView) -> Iterable[Signal]:
        """Say what is seen in `file`; what cannot be read is noted by `file.fail(reason)`."""
        ...
