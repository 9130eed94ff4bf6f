"""Runs the assessment for a command: gathers what the environment says, and calls the pipeline.

`assess` and `simulate` ask the same question of the same target, so they share this.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import platformdirs

from reliant import inventory, targets
from reliant.assessment.assess import Question, assess
from reliant.assessment.ignored import with_ignored
from reliant.assessment.planned import with_plans
from reliant.assessment.simulate.plans import Plans, read_plans
from reliant.cli._folders import cache_folder
from reliant.cli._questions import Desk
from reliant.cli._targets import open_named
from reliant.errors import NothingToAssess, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reliant.assessment.model_files import ModelFiles
    from reliant.atlas import Atlas
    from reliant.core.results import Assessment, TargetStamp
    from reliant.inventory import Inventory
    from reliant.inventory.cache import Packed
    from reliant.policy import RuleBook
    from reliant.policy.operator import Operator
    from reliant.targets import Target


_MODEL_FILE = "model-file"
"""Id of the detector that sees weight files."""


class Deep(NamedTuple):
    """That weights are to be compared, and with the fingerprints in which folders."""

    indexes: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """A target that was scanned: what was found, and under which rules it is judged.

    Attributes:
        atlas: As known on the day of the question, if it names one.
        files: The models that lie in the target; None if there are none.
    """

    found: Inventory
    stamp: TargetStamp
    atlas: Atlas
    rules: RuleBook
    question: Question
    plans: Plans
    operator: Operator
    before: RuleBook | None = None
    files: ModelFiles | None = None

    def assessment(self) -> Assessment:
        """Judge what was found, with the functions that the operator names if there are any."""
        result = with_plans(self._as_found(), self.plans, self.atlas)
        return with_ignored(result, self.operator, self.question.as_of)

    def as_found(self) -> Assessment:
        """Judge what was found, with the functions that the code shows."""
        return with_ignored(self._as_found(), self.operator, self.question.as_of)

    def _as_found(self) -> Assessment:
        return assess(
            self.found,
            self.stamp,
            self.question,
            atlas=self.atlas,
            rules=self.rules,
            before=self.before,
            files=self.files,
        )


def look(
    path: str,
    who: Mapping[str, Any],
    *,
    as_of: dt.date,
    known_on: dt.date | None = None,
    changed_since: str | None = None,
    workers: int | None = None,
    cached: bool = True,
    offline: bool = False,
    deep: Deep | None = None,
) -> Looked:
    """Open and scan PATH, and read what the operator says.

    Args:
        deep: Compare the weights of model files too.

    Raises:
        UsageError: A place, a facts file or a configuration is wrong.
        TargetError: PATH cannot be opened.
        NothingToAssess: There is no file in it.
    """
    config = who.get("config") or own_config(path)
    desk = Desk.open({**who, "config": config})
    about = desk.about_you(desk.options, as_of)
    place = desk.place
    vendors = inventory.Vendors.from_atlas(desk.atlas)
    packed = _packed(path, vendors.version) if cached and changed_since is None else None
    kept = packed.get() if packed is not None else None
    if kept is not None:
        found, stamp = kept
        files = None
    else:
        found, stamp, files = _scanned(
            path, vendors, desk, known_on, changed_since, workers, deep, cached=cached, offline=offline
        )
        if packed is not None and files is None and stamp.kind == "archive":
            packed.put(found, stamp)
    plans = read_plans(config) if config else Plans()
    scenario = desk.scenario.name if desk.scenario else None
    question = Question(as_of, place, known_on, about, scenario)
    known = desk.atlas.known_on(known_on)
    return Looked(found, stamp, known, desk.book, question, plans, desk.operator, desk.before, files)


def _packed(path: str, version: str) -> Packed | None:
    """Return where what an archive gave is remembered; None if the name is no file."""
    from reliant.inventory.cache import Packed

    file = Path(path)
    return Packed(cache_folder(), file, version) if file.is_file() else None


def _scanned(
    path: str,
    vendors: inventory.Vendors,
    desk: Desk,
    known_on: dt.date | None,
    changed_since: str | None,
    workers: int | None,
    deep: Deep | None,
    *,
    cached: bool,
    offline: bool,
) -> tuple[Inventory, TargetStamp, ModelFiles | None]:
    """Open the target and look at its files, and at the models among them."""
    with open_named(path, offline=offline) as target:
        only = None
        if changed_since is not None:
            if target.stamp.kind != "directory":
                raise UsageError(
                    f"--changed-since needs a folder, and {path} is {target.stamp.kind}",
                    hint="Name a checkout.",
                )
            only = targets.changed_since(target.root, changed_since, target.limits, os.environ)
        cache = None
        if cached and target.stamp.kind == "directory":
            from reliant.inventory.cache import Cache

            cache = Cache(cache_folder(), str(target.root.resolve()))
        found = inventory.scan(target, vendors, workers=workers, cache=cache, only=only)
        files = _model_files(target, found, desk.atlas.known_on(known_on), deep)
        stamp = target.stamp
        if stamp.files == 0 and not found.not_looked_at:
            raise NothingToAssess(
                f"there is no file in {path}", hint="Name a folder or an archive with code in it."
            )
    return found, stamp, files


def _model_files(target: Target, found: Inventory, atlas: Atlas, deep: Deep | None) -> ModelFiles | None:
    """Return what the models in the target say of their descent; without any, nothing is imported."""
    if not any(seen.detector == _MODEL_FILE for use in found.uses for seen in use.evidence):
        return None
    from reliant.assessment.model_files import groups_of, look_into

    groups = groups_of(found.uses)
    unpacked = target.stamp.kind != "directory"
    files = look_into(groups, target.root, atlas, cut_at=target.limits.member_bytes if unpacked else None)
    if deep is None or not files.files:
        return files
    from reliant.assessment.model_weights import Indexes, with_weights

    return with_weights(files, groups, target.root, atlas, Indexes(deep.indexes))


def index_folder() -> Path:
    """Return where the user's own reference index lies; RELIANT_INDEX names another place."""
    return Path(os.environ.get("RELIANT_INDEX") or platformdirs.user_data_path("reliant") / "index")


def own_config(path: str) -> Path | None:
    """Return the `reliant.toml` of a folder; what was fetched or packed is not asked how to judge it."""
    file = Path(path) / "reliant.toml"
    return file if Path(path).is_dir() and file.is_file() else None


__all__ = ["Deep", "Looked", "look"]
