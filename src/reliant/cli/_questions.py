"""Reads what `check` and `explain` are asked: options, files, and lines from stdin."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reliant import atlas as atlas_room
from reliant.atlas import Atlas
from reliant.core.dates import PartialDate
from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.errors import UsageError
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question, is_derived, split_channel
from reliant.policy.checked import Checked, check
from reliant.policy.conditions import is_place
from reliant.policy.operator import Operator, check_facts, read_facts, read_operator_file
from reliant.policy.ownership import Ownership
from reliant.policy.scenario import ScenarioFile, find_scenario

MAX_BATCH = 64_000_000
"""Characters of a whole batch: some hundred thousand questions."""

MAX_LINE = 100_000
"""Characters; a question has a few hundred."""

_CHANNELS = ("direct", "partner", "reseller", "self-hosted", "app")

# Columns of a batch that are no facts by name, and the option each stands for.
_COLUMNS = {
    "id": "id",
    "provider": "provider",
    "model": "model",
    "channel": "channel",
    "place": "place",
    "server_place": "server_place",
    "company_country": "company_country",
    "owner_country": "owner_country",
    "owners": "owners",
    "nationality": "nationalities",
    "sector": "sector",
    "public_service": "public_service",
    "as_of": "as_of",
}


@dataclass(frozen=True)
class Desk:
    """Where questions are answered: the atlas, the rules, and what holds for every question.

    Attributes:
        options: What the command line says.
        before: The rules without the scenario, if there is one.
    """

    atlas: Atlas
    book: RuleBook
    asker: Asker
    options: Mapping[str, Any]
    about: Facts
    operator: Operator = Operator("")  # noqa: RUF009 - immutable
    scenario: ScenarioFile | None = None
    before: RuleBook | None = None

    @classmethod
    def open(cls, options: Mapping[str, Any], known_on: dt.date | None = None) -> Desk:
        """Load the atlas and what the options name; facts of it as known on a day, if one is given.

        Raises:
            UsageError: An option or a file is wrong.
        """
        atlas = atlas_room.load()
        book = RuleBook.from_atlas(atlas)
        asker = Asker(atlas, book)
        operator = (
            read_operator_file(options["config"], asker.known) if options.get("config") else Operator("")
        )
        if operator.rules:
            book = book.with_rules(operator.rules, operator.origin)
        about = operator.facts
        if options.get("facts_file"):
            about |= read_facts(options["facts_file"], asker.known)
        scenario, before = None, None
        if options.get("scenario"):
            scenario = find_scenario(options["scenario"], atlas)
            before, book = book, book.overlaid(scenario)
        asker = Asker(atlas.known_on(known_on), book)
        return cls(atlas, book, asker, options, about, operator, scenario, before)

    @property
    def asks_nothing(self) -> bool:
        """Whether the command line names neither a provider nor a model."""
        return not self.options.get("provider") and not self.options.get("model")

    @property
    def is_silent_on_who_serves(self) -> bool:
        """Whether the command line names a model, and neither who serves it nor that it runs at home."""
        asked = self.options
        return (
            bool(asked.get("model")) and not asked.get("provider") and asked.get("channel") != "self-hosted"
        )

    @property
    def place(self) -> str | None:
        """The place that the command line names, checked.

        Raises:
            UsageError: It is no country.
        """
        return self._place(self.options["place"]) if self.options.get("place") else None

    def facts(self, asked: Mapping[str, Any], as_of: dt.date) -> Facts:
        """Return all facts of one question.

        Raises:
            UsageError: A place is no country, a channel is none, a fact is not in the vocabulary.
        """
        from_line = str(asked.get("where", ""))

        def origin(option: str) -> Provenance:
            return Provenance("given", from_line or option)

        channel, partner = None, None
        if asked.get("channel"):
            channel, partner = split_channel(str(asked["channel"]))
            if channel not in _CHANNELS:
                raise UsageError(f"{channel!r} is no channel", hint=f"Choose one of: {', '.join(_CHANNELS)}.")
        place = self._place(asked["place"]) if asked.get("place") else None
        names = ("provider", "model", "channel", "partner", "place", "developer")
        question = Question(
            provider=asked.get("provider") or None,
            model=asked.get("model") or None,
            channel=channel,
            partner=partner,
            place=place,
            origin={name: origin("--channel" if name == "partner" else f"--{name}") for name in names},
        )
        return self.asker.facts(question, self.about_you(asked, as_of))

    def about_you(self, asked: Mapping[str, Any], as_of: dt.date) -> Facts:
        """Return what is said about the one who asks: seat, owners, nationality, sector and other facts.

        Raises:
            UsageError: A place is no country, or a fact is not in the vocabulary.
        """
        from_line = str(asked.get("where", ""))

        def origin(option: str) -> Provenance:
            return Provenance("given", from_line or option)

        found: dict[str, Fact] = {}
        if asked.get("company_country"):
            found["company.country"] = Fact(
                self._place(str(asked["company_country"])), origin("--company-country")
            )
        if asked.get("server_place"):
            # Blocks look at where a call leaves from: users and the calling machine must both be served.
            said = [asked["place"]] if asked.get("place") else []
            places = dict.fromkeys(self._place(str(one)) for one in (*said, asked["server_place"]))
            found["user.region"] = Fact(tuple(places), origin("--place and --server-place"))
        if asked.get("nationalities"):
            many = asked["nationalities"]
            many = tuple(many.replace(";", " ").split()) if isinstance(many, str) else tuple(many)
            found["user.nationality"] = Fact(tuple(self._place(one) for one in many), origin("--nationality"))
        if asked.get("sector"):
            self._one_of("sector", str(asked["sector"]))
            found["sector"] = Fact(str(asked["sector"]), origin("--sector"))
        if asked.get("public_service"):
            found["service.public"] = Fact(
                _yes(asked["public_service"], "--public-service"), origin("--public-service")
            )
        found.update(self._named_facts(asked, origin))
        about = self.about | found
        owners = self._ownership(asked)
        if owners is not None:
            about = owners.facts(self.book, as_of) | about
        return about

    def _named_facts(self, asked: Mapping[str, Any], origin: Any) -> Iterator[tuple[str, Fact]]:
        for text in asked.get("more") or ():
            name, equals, value = text.partition("=")
            if not equals:
                raise UsageError(f"--fact {text!r} has no value", hint="Write --fact NAME=VALUE.")
            check_facts([name], self.asker.known, "--fact")
            yield name, Fact(self._value(name, value), origin("--fact"))
        for name, value in (asked.get("facts") or {}).items():
            check_facts([name], self.asker.known, str(asked.get("where", "facts")))
            yield name, Fact(self._value(name, value), origin("facts"))
        for text in asked.get("readings") or ():
            rule, equals, reading = text.partition("=")
            known = [one.id for one in self.book.rules[rule].readings] if rule in self.book.rules else []
            if not equals or reading not in known:
                hint = f"Readings of {rule}: {', '.join(known)}." if known else f"{rule!r} has no readings."
                raise UsageError(f"--reading {text!r} names no reading", hint=hint)
            yield f"reading:{rule}", Fact(reading, origin("--reading"))

    def _value(self, name: str, value: Any) -> Value | tuple[Value, ...]:
        """Return a value of a fact from text, as its type in the vocabulary asks."""
        if isinstance(value, list):
            return tuple(self._single(name, one) for one in value)
        if isinstance(value, str) and ";" in value:
            return tuple(self._single(name, one.strip()) for one in value.split(";") if one.strip())
        return self._single(name, value)

    def _single(self, name: str, value: Any) -> Value:
        known = self.asker.known.get(name)
        kind = "yes-no" if is_derived(name) else known.type if known else "text"
        if kind == "yes-no":
            return _yes(value, name)
        if kind == "number" and isinstance(value, str):
            try:
                return float(value)
            except ValueError as error:
                raise UsageError(f"{name}: {value!r} is no number", hint="Write it with digits.") from error
        if is_place(name):
            return self._place(str(value))
        if not isinstance(value, (str, int, float, bool)):
            raise UsageError(
                f"{name}: {value!r} is no plain value", hint="Write a text, a number, yes or no."
            )
        return value

    def _one_of(self, name: str, value: str) -> None:
        known = self.asker.known.get(name)
        if known and known.values and value not in known.values:
            raise UsageError(
                f"{name}: {value!r} is not known", hint=f"Choose one of: {', '.join(known.values)}."
            )

    def _place(self, text: str) -> str:
        code = text.strip().upper()
        if not self.atlas.is_country(code.partition("-")[0]):
            raise UsageError(
                f"{text!r} is not a country code",
                hint="Write an ISO 3166-1 code of two letters, for example CN, or a part of it, US-TX.",
            )
        return code

    def _ownership(self, asked: Mapping[str, Any]) -> Ownership | None:
        if asked.get("owners"):
            return Ownership.read(Path(asked["owners"]))
        if asked.get("owner_country"):
            return Ownership.sole(self._place(str(asked["owner_country"])), "--owner-country")
        return self.operator.ownership

    def check(self, asked: Mapping[str, Any], as_of: dt.date, known_on: dt.date | None) -> Checked:
        """Answer one question; a line of a batch may name a day of its own."""
        day = as_of
        if asked.get("as_of"):
            try:
                day = PartialDate.parse(str(asked["as_of"])).latest
            except ValueError as error:
                raise UsageError(str(error), hint="Write the day as YYYY-MM-DD.") from error
        return check(
            self.book,
            self.facts(asked, day),
            day,
            known_on,
            key=str(asked.get("id", "") or ""),
            scenario=self.scenario.name if self.scenario else None,
            before=self.before,
        )

    def exported(self, language: str, as_of: dt.date, known_on: dt.date | None) -> str:
        """Return the rules of a day in another language."""
        from reliant.policy.export import to_cel, to_rego

        return (to_cel if language == "cel" else to_rego)(self.book, as_of, known_on)

    def batch(self, lines: IO[str], form: str | None) -> list[Mapping[str, Any]]:
        """Return the questions of a batch.

        Raises:
            UsageError: There are none, or a line is wrong; the message names it.
        """
        text = lines.read(MAX_BATCH + 1) if not lines.isatty() else ""
        if len(text) > MAX_BATCH:
            raise UsageError(f"stdin holds more than {MAX_BATCH} characters", hint="Ask in several runs.")
        if not text.strip():
            raise UsageError(
                "nothing is asked",
                hint="Name a --provider or a --model, or pipe questions in as CSV or JSONL.",
            )
        jsonl = form == "jsonl" or (form in (None, "auto") and text.lstrip()[0] in "{[")
        rows = list(_jsonl(text) if jsonl else _csv(text))
        return [self._row(number, row) for number, row in rows]

    def _row(self, number: int, row: Mapping[str, Any]) -> Mapping[str, Any]:
        asked: dict[str, Any] = {**self.options, "where": f"stdin:{number}", "facts": {}, "id": number}
        for column, value in row.items():
            name = column.strip().replace("-", "_")
            if value in (None, ""):
                continue
            if name in _COLUMNS:
                asked[_COLUMNS[name]] = value
            elif column.strip() == "facts" and isinstance(value, dict):
                asked["facts"].update(value)
            else:
                asked["facts"][column.strip()] = value
        return asked


def _jsonl(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line) if len(line) <= MAX_LINE else None
        except ValueError as error:
            raise UsageError(f"stdin:{number}: is not JSON: {error}", hint="One object a line.") from error
        if not isinstance(row, dict):
            raise UsageError(f"stdin:{number}: is no JSON object", hint="One object a line.")
        yield number, row


def _csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        for row in reader:
            extra = row.pop(None, None)
            if extra:
                raise UsageError(
                    f"stdin:{reader.line_num}: has more columns than the first line", hint="Quote commas."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise UsageError(
            f"stdin:{reader.line_num}: is not CSV: {error}", hint="Write a header line."
        ) from error


def _yes(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("yes", "true", "1"):
        return True
    if text in ("no", "false", "0"):
        return False
    raise UsageError(f"{name}: {value!r} is neither yes nor no", hint="Write yes or no.")
