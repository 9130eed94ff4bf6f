"""The operator's own word: facts about the organisation, rules, choices among readings, ignores.

It stands in `reliant.toml`, or under `[tool.reliant]` of a `pyproject.toml`:

    [facts]
    sector = "private"

    [readings]
    "anthropic.ownership" = "chain"

    [[rules]]
    id = "house.no-free-tiers"
    summary = "Nothing of ours goes to a free tier."
    effect = "deny"
    when = { channel = "app" }

    [[ignore]]
    rule = "eu.ai-act.art-4"
    reason = "Training is in place since May."
    until = "2027-05-01"

A rule has the schema of the atlas; what the operator need not say of itself, such as
sources, is filled in.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from reliant.atlas.load import read_yaml
from reliant.atlas.records.ownership import OwnershipFile
from reliant.atlas.records.rule import Rule
from reliant.core.facts import Fact, Facts, Provenance
from reliant.documents.toml import read_toml
from reliant.errors import ConfigError
from reliant.policy.ask import unknown_names
from reliant.policy.conditions import is_place
from reliant.policy.ownership import Ownership
from reliant.policy.vocabulary import VocabularyFact

MAX_BYTES = 1_000_000
"""A file of a few rules has a few kilobytes; what is larger is not one."""

_FOREVER = "1970-01-01"
"""From when a rule of the operator holds that says nothing of dates."""

_OURS = ("facts", "readings", "rules", "ignore", "owners")
"""The tables of the file that are read here; other parts of reliant read others."""


class Ignore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that the operator has looked at and set aside, until a day.

    It takes the finding out of the exit code and marks it; it changes no verdict.

    Attributes:
        rule: Id of the rule; empty means any.
        use: Id of the use, or of its provider; empty means any.
        until: First day on which it counts again.
    """

    reason: str
    until: dt.date
    rule: str = ""
    use: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """What a file of the operator says.

    Attributes:
        name: Of the file, as rules and facts from it are marked.
        facts: With choices among readings as facts of their own.
        ownership: The graph of holdings, if the file names one.
    """

    name: str
    facts: Facts = Facts()  # noqa: RUF009 - immutable
    rules: tuple[Rule, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    ownership: Ownership | None = None

    @property
    def origin(self) -> str:
        """How its rules are marked in an answer."""
        return f"operator:{self.name}"

    def ignored(self, rule: str, use: Iterable[str], as_of: dt.date) -> Ignore | None:
        """Return what sets a finding aside on `as_of`, or None; `use`: its ids."""
        names = set(use)
        for one in self.ignores:
            if as_of < one.until and one.rule in ("", rule) and (not one.use or one.use in names):
                return one
        return None


def read_operator_file(path: Path, known: Mapping[str, VocabularyFact] | None = None) -> Operator:
    """Read `reliant.toml`, or `[tool.reliant]` of a `pyproject.toml`.

    Args:
        path: The file.
        known: The vocabulary; with it, a fact of another name is a mistake.

    Raises:
        ConfigError: It cannot be read, or something in it is wrong; the message names file and line.
    """
    text, data = read_toml(path)
    if path.name == "pyproject.toml":
        data = data.get("tool", {}).get("reliant", {})
    for name in data:
        near = difflib.get_close_matches(name, _OURS, n=1, cutoff=0.75)
        if name not in _OURS and near:
            raise ConfigError(
                path, _line(text, name), f"there is no table {name!r}", hint=f"Did you mean {near[0]!r}?"
            )
    facts = _facts(path, text, data.get("facts", {}), known)
    for rule_id, reading in _table(path, text, data, "readings").items():
        facts |= {
            f"reading:{rule_id}": Fact(str(reading), Provenance("given", f"{path}:{_line(text, rule_id)}"))
        }
    rules = tuple(_rule(path, text, entry, known) for entry in _entries(path, text, data, "rules"))
    ignores = tuple(
        _typed(path, text, entry, Ignore, "ignore") for entry in _entries(path, text, data, "ignore")
    )
    return Operator(str(path), facts, rules, ignores, _ownership(path, text, data.get("owners")))


def read_facts(path: Path, known: Mapping[str, VocabularyFact] | None = None) -> Facts:
    """Read a YAML or JSON file of facts: name to value, or to a list of values.

    Raises:
        RecordError: It is no YAML.
        ConfigError: A name is not in the vocabulary, or a value is no plain one.
    """
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigError(path, 1, "holds no facts", hint="Write one fact a line: `sector: private`.")
    return _facts(path, _text(path), data, known)


def check_facts(
    names: Iterable[str], known: Mapping[str, VocabularyFact], path: Path | str, text: str = ""
) -> None:
    """Refuse a fact that no rule can ask for.

    Raises:
        ConfigError: One of the names is not in the vocabulary.
    """
    for name in unknown_names(names, known):
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]!r}?" if near else "See atlas/vocabulary.yaml for all names."
        raise ConfigError(path, _line(text, name), f"there is no fact {name!r}", hint=hint)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(path, 0, f"is larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, 0, f"cannot be read: {error}") from error


def _facts(path: Path, text: str, data: Any, known: Mapping[str, VocabularyFact] | None) -> Facts:
    if not isinstance(data, dict):
        raise ConfigError(path, _line(text, "facts"), "`facts` is no table")
    flat = dict(_flat(data))
    if known:
        check_facts(flat, known, path, text)
    found: dict[str, Fact] = {}
    for name, value in flat.items():
        line = _line(text, name.rpartition(".")[2] if name not in text else name)
        origin = Provenance("given", f"{path}:{line}" if line else str(path))
        if value is None:
            continue
        many = value if isinstance(value, list) else [value]
        if not all(isinstance(one, (str, int, float, bool)) for one in many):
            raise ConfigError(
                path, line, f"{name}: a fact is a text, a number, true, false, or a list of these"
            )
        if is_place(name):
            many = [str(one).upper() for one in many]
        found[name] = Fact(tuple(many) if isinstance(value, list) else many[0], origin)
    return Facts(found)


def _flat(data: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    """Yield `a.b: value` for `{a: {b: value}}`: TOML reads dotted keys as tables."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _rule(path: Path, text: str, entry: dict[str, Any], known: Mapping[str, VocabularyFact] | None) -> Rule:
    line = _line(text, str(entry.get("id", "rules")))
    if "id" not in entry:
        raise ConfigError(path, line, "a rule has no id", hint='Give it one: id = "house.my-rule".')
    filled: dict[str, Any] = {
        "axis": "law",
        "issuer": "operator",
        "kind": "rule",
        "title": entry["id"],
        "summary": entry["id"],
        "force": {"from": _FOREVER},
        "sources": {"file": {"title": path.name, "kind": "primary", "publisher": "the operator"}},
        "confidence": "confirmed",
        "reviewed": {"on": _FOREVER, "by": "the operator"},
        **{key: _dated(value) for key, value in entry.items()},
    }
    rule = _typed(path, text, filled, Rule, str(entry["id"]))
    if known:
        for when in (rule.when, *rule.any_of, *rule.unless):
            check_facts(when, known, path, text)
    return rule


_T = TypeVar("_T")


def _typed(path: Path, text: str, entry: Any, wanted: type[_T], key: str) -> _T:
    try:
        return msgspec.convert(entry, wanted)
    except msgspec.ValidationError as error:
        raise ConfigError(path, _line(text, key), f"{key}: {error}") from error


def _dated(value: Any) -> Any:
    """Return dates as the records write them; TOML has a type of its own for them."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _dated(one) for key, one in value.items()}
    return [_dated(one) for one in value] if isinstance(value, list) else value


def _table(path: Path, text: str, data: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(path, _line(text, name), f"`{name}` is no table")
    return dict(_flat(table))


def _entries(path: Path, text: str, data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = data.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(
            path, _line(text, name), f"`{name}` is no list of tables", hint=f"Begin each with [[{name}]]."
        )
    return entries


def _ownership(path: Path, text: str, owners: Any) -> Ownership | None:
    if owners is None:
        return None
    if isinstance(owners, str):
        return Ownership.read(path.parent / owners)
    return Ownership(_typed(path, text, owners, OwnershipFile, "owners"), str(path))


def _line(text: str, key: str) -> int:
    """Return the first line that holds the key, from 1; 0 if none does."""
    wanted = key.rpartition(".")[2] if key and key not in text else key
    for number, line in enumerate(text.splitlines(), 1):
        if wanted and wanted in line:
            return number
    return 0
