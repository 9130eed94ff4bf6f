"""Every exception that reliant raises on purpose.

    ReliantError
    |-- UsageError            the command line or a configuration file is wrong
    |   |-- ConfigError       ... in a file, with its line
    |   `-- UnknownFormat
    |-- MissingExtra          an optional part of reliant is not installed
    |-- TargetError           what was asked to be opened cannot be opened
    |   |-- NothingToAssess   it opened, and there is nothing in it to look at
    |   |-- StoreAway         the gateway's database does not answer, or refuses
    |   |-- WeightsError    a weight file is damaged, hostile or of a kind that is not read
    |   `-- FetchError        it is elsewhere, and could not be fetched
    `-- AtlasError            a record of the atlas is wrong or missing
        |-- RecordError       ... with file and line
        `-- UnknownId         no record has this id
            `-- NotKnownYet   ... that was known on the day asked about

An unreadable file inside a target is not an exception but a finding: it is
listed under "not looked at" and the run goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path


class ReliantError(Exception):
    """The root of the tree: a message that names the thing and the place, and the next step.

    Attributes:
        hint: What to do next, in one sentence; empty if there is nothing to say.
        exit_code: What the command line exits with.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(ReliantError):
    """The command line or a configuration is wrong."""


class ConfigError(UsageError):
    """A configuration file is wrong at a known place; `line` is 0 if the whole file is meant."""

    def __init__(self, path: Path | str, line: int, problem: str, *, hint: str = "") -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {problem}", hint=hint)
        self.path = path
        self.line = line
        self.problem = problem


class UnknownFormat(UsageError):
    """No report format has this name."""

    def __init__(self, wanted: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no report format {wanted!r}", hint=f"Choose one of: {', '.join(known)}.")
        self.wanted = wanted
        self.known = known


class MissingExtra(ReliantError):
    """An optional part of reliant is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra {extra!r}", hint=f"Install it: pip install 'reliant[{extra}]'"
        )
        self.what = what
        self.extra = extra


class TargetError(ReliantError):
    """What was asked to be opened cannot be opened."""


class NothingToAssess(TargetError):
    """The target opened, and there is nothing in it to look at."""

    exit_code = 4


class StoreAway(TargetError):
    """The database of a gateway does not answer, or refuses."""


class FetchError(TargetError):
    """The target is elsewhere, and could not be fetched."""


class WeightsError(TargetError):
    """A weight file is damaged, hostile or of a kind that is not read."""

    def __init__(self, path: Path | str, problem: str, *, hint: str = "") -> None:
        super().__init__(f"could not read {path}: {problem}", hint=hint)
        self.path = path
        self.problem = problem


class AtlasError(ReliantError):
    """A record of the atlas is wrong or missing."""


class RecordError(AtlasError):
    """A record is wrong at a known place; `line` starts at 1 and is 0 if the whole file is meant."""

    def __init__(self, path: Path | str, line: int, problem: str, *, hint: str = "") -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {problem}", hint=hint)
        self.path = path
        self.line = line
        self.problem = problem


class UnknownId(AtlasError):
    """An id that no record of the atlas has; `near` holds up to three alike, best first."""

    def __init__(self, wanted: str, near: tuple[str, ...] = (), named_in: Path | None = None) -> None:
        place = f" (named in {named_in})" if named_in else ""
        hint = f"Did you mean {near[0]!r}?" if near else "Look it up with: reliant atlas search WORDS"
        super().__init__(f"no record has the id {wanted!r}{place}", hint=hint)
        self.wanted = wanted
        self.near = near
        self.named_in = named_in


class NotKnownYet(UnknownId):
    """An id of a record that nobody could know of on the day asked about."""

    def __init__(self, wanted: str, day: dt.date | None) -> None:
        super().__init__(wanted)
        self.args = (f"nothing was known of {wanted!r} on {day}",)
        self.hint = "Name a later day, or leave out --known-on."
        self.day = day
