"""Keeps documents with what is known about them, in a folder of the user."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas.evidence.text import Text
from reliant.core.dates import PartialDate
from reliant.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 5_000_000
"""A page of text has some 10 kB; beyond this it is no document to read."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,80}\Z")


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """One document on the desk.

    Attributes:
        name: What it is kept under.
        sha256: Of the document as it was given.
    """

    name: str
    title: str
    sha256: str
    publisher: str | None = None
    published: str | None = None
    url: str | None = None


def read_text(path: Path, name: str | None = None) -> Text:
    """Return the document at `path`, called by its file name unless named.

    Raises:
        UsageError: It cannot be read, is too large, or is no text.
    """
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if size > MAX_BYTES:
        raise UsageError(f"{path} is {size:,} bytes, more than {MAX_BYTES:,}", hint="Cut it to the article.")
    try:
        body = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", hint="Convert it to plain text first.") from error
    if "\0" in body:
        raise UsageError(f"{path} is no text", hint="Convert it to plain text first.")
    return Text(name or path.name, body)


class Desk:
    """The kept documents of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        path: Path,
        name: str,
        *,
        title: str | None = None,
        publisher: str | None = None,
        published: str | None = None,
        url: str | None = None,
    ) -> tuple[Kept, Text]:
        """Keep the document at `path` under `name`, in place of one that is kept under it.

        Raises:
            UsageError: The document cannot be read, the name or the date is none, or the desk
                cannot be written.
        """
        if not _NAME.match(name):
            raise UsageError(
                f"{name!r} is no name for a document", hint="Use small letters, digits, dots and hyphens."
            )
        if published is not None:
            try:
                PartialDate.parse(published)
            except ValueError as error:
                raise UsageError(str(error)) from error
        text = read_text(path, name)
        first = next((line.strip() for line in text.body.splitlines() if line.strip()), name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        kept = Kept(
            name=name,
            title=title or first[:120],
            sha256=digest,
            publisher=publisher,
            published=published,
            url=url,
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{name}.txt").write_text(text.body, encoding="utf-8")
            (self.folder / f"{name}.json").write_bytes(msgspec.json.encode(kept))
        except OSError as error:
            raise UsageError(f"cannot write to the desk {self.folder}: {error.strerror}") from error
        return kept, text

    def documents(self) -> tuple[tuple[Kept, Text], ...]:
        """Return all kept documents by name.

        Raises:
            UsageError: One of them is damaged.
        """
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                kept = msgspec.json.decode(path.read_bytes(), type=Kept)
            except msgspec.DecodeError as error:
                raise UsageError(f"{path} is damaged: {error}", hint="Delete it and add it again.") from error
            found.append((kept, read_text(path.with_suffix(".txt"), kept.name)))
        return tuple(found)
