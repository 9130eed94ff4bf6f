"""Texts anywhere in a Python file: hosts, environment names, ids outside of any slot."""

from __future__ import annotations

import ast
import functools
import posixpath
from typing import TYPE_CHECKING

from reliant.core.use import Kind, Role
from reliant.inventory.embedded import settings_in
from reliant.inventory.idforms import is_hub_id, looks_like_id
from reliant.inventory.loose import known_form
from reliant.inventory.python.base import Base
from reliant.inventory.python.nodes import Value
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import hub_repo, is_call, model_in_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.python.tree import Block

_TOLD_BY = frozenset({ast.Attribute, ast.AnnAssign, ast.arg, ast.JoinedStr, ast.Constant})


class Strings(Base):
    """Every text of the file that names a server or a model."""

    def _strings(self) -> Iterator[Signal]:
        for node, block in self.tree.nodes:
            if node.__class__ not in _TOLD_BY:
                continue
            if isinstance(node, ast.Attribute | ast.AnnAssign | ast.arg):
                yield from self._setting(node, block)
                continue
            if isinstance(node, ast.JoinedStr):
                for value in self.evaluator.values(node, block)[:2]:
                    yield from self._url(value, block, aside=id(node) in self.aside)
                    yield from self._image(value, block)
                continue
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            text = node.value
            if len(text) < 3 or id(node) in self.tree.docstrings:
                continue
            value = Value(text, node.lineno, node.col_offset + 1)
            if "\n" in text:
                yield from self._embedded(node, block)
                continue
            aside = id(node) in self.aside
            if ("." in text or "://" in text) and len(text) < 300 and id(node) not in self.references:
                yield from self._url(value, block, aside=aside)
            if "/" in text and not aside and 5 < len(text) < 120:
                yield from self._image(value, block)
            if not aside or _env_like(text):
                yield from self._env(value, block)
            if not aside and not self._is_told(value) and " " not in text and len(text) < 100:
                yield from self._stray(value, block)

    def _url(self, value: Value, block: Block, *, aside: bool) -> Iterator[Signal]:
        text = value.text or ""
        if " " in text.strip():
            return
        hit = self.vendors.host_in(text.strip())
        if hit is None:
            return
        host, entry = hit
        repo = hub_repo(text) if entry.weak else None
        if repo is not None:
            yield self._signal(
                What.MODEL,
                value,
                block,
                model=repo,
                provider=entry.provider,
                endpoint=host,
                kind=Kind.OPEN_WEIGHTS,
                confidence=0.8,
            )
            return
        if entry.port:
            around = (
                f"{posixpath.basename(self.file.path)} {self.file.line(value.line)} {' '.join(block.path)}"
            )
            if not self.vendors.named_in(around, entry.provider):
                return
        elif entry.weak and not is_call(text):
            return
        yield self._signal(
            What.ENDPOINT,
            value,
            block,
            provider=entry.provider,
            endpoint=host,
            region=entry.estate,
            confidence=0.6 if aside else 0.85,
            role=Role.LISTED if aside else None,
        )
        named = model_in_path(text)
        if named is not None and not aside and looks_like_id(named[0]):
            yield self._signal(
                What.MODEL,
                value,
                block,
                model=named[0],
                provider=entry.provider,
                endpoint=host,
                region=entry.estate,
                family=named[1],
                confidence=0.85,
            )

    def _image(self, value: Value, block: Block) -> Iterator[Signal]:
        """Yield the runtime whose container image a program starts: `owner/name:tag`."""
        text = value.text or ""
        if ":" not in text or " " in text or "//" in text:
            return
        provider = self.vendors.image(text)
        if provider is not None:
            yield self._signal(What.ENDPOINT, value, block, provider=provider, confidence=0.7)

    def _embedded(self, node: ast.Constant, block: Block) -> Iterator[Signal]:
        """Yield the endpoints in a text of several lines: code that is written out or sent elsewhere."""
        yield from settings_in(str(node.value), self.file, node.lineno, block.path)
        for offset, line in enumerate(str(node.value).split("\n")[:400]):
            at = line.find("://")
            if at < 0 or len(line) > 1000:
                continue
            start = max(line.rfind(c, 0, at) for c in "\"' (=<[`") + 1
            url = line[start:].split('"')[0].split("'")[0].split(" ")[0].split(")")[0]
            hit = self.vendors.host_in(url)
            quoted = start > 0 and line[start - 1] in "\"'`"
            if hit is None or hit[1].weak or not quoted:
                continue
            yield Signal(
                what=What.ENDPOINT,
                line=node.lineno + offset,
                column=start + 1,
                block=block.path,
                provider=hit[1].provider,
                endpoint=hit[0],
                region=hit[1].estate,
                confidence=0.6,
            )

    def _setting(self, node: ast.Attribute | ast.AnnAssign | ast.arg, block: Block) -> Iterator[Signal]:
        """Yield the provider after which a setting is named: `settings.acme_url`, `acme_key: str`."""
        target = node.target if isinstance(node, ast.AnnAssign) else node
        name = (
            target.id if isinstance(target, ast.Name) else getattr(target, "attr", getattr(target, "arg", ""))
        )
        if "_" not in name or name.isupper():
            return
        entry = self.vendors.env(name)
        if entry is not None and not entry.weak:
            value = Value(name, node.lineno, node.col_offset + 1)
            yield self._signal(What.ENV, value, block, provider=entry.provider, confidence=0.45)

    def _env(self, value: Value, block: Block) -> Iterator[Signal]:
        text = value.text or ""
        if not _env_like(text):
            return
        entry = self.vendors.env(text)
        if entry is not None and not entry.weak:
            yield self._signal(What.ENV, value, block, provider=entry.provider, env=text, confidence=0.5)

    def _stray(self, value: Value, block: Block) -> Iterator[Signal]:
        """Yield an id that stands outside of any name that holds models, unless it is only tested for."""
        text = value.text or ""
        if not looks_like_id(text) or not any(c.isdigit() for c in text):
            return
        if "/" in text and self.vendors.is_closed(text) and not self._knows_owner(text):
            return  # somebody's own label, or a tokenizer: nobody else has these weights
        if self._of_whom_is_asked(text):
            self._tell(value, text)
            yield self._signal(What.MODEL, value, block, model=text, confidence=0.65, role=self._turn(value))
            return
        known = self.vendors.knows_id(text)
        hub = is_hub_id(text) and self.vendors.developer(text) is not None
        if (known or hub) and any(c in text for c in "-/:"):
            yield self._signal(What.MODEL, value, block, model=text, confidence=0.55, role=Role.OPTIONAL)

    def _of_whom_is_asked(self, text: str) -> bool:
        """Say whether an id has the form of those whose server or client is in this very file."""
        developer = self.vendors.developer(text) if known_form(self.file, text) else None
        return developer is not None and developer in self._asked_here

    @functools.cached_property
    def _asked_here(self) -> frozenset[str]:
        """The labs whose own servers the file asks."""
        hosts = (self.vendors.host(hit.key) for hit in self.file.hits if hit.kind == "host")
        asked = {host.provider for host in hosts if host is not None and not host.weak}
        asked |= {
            endpoint.provider for made in self.clients.values() for endpoint in made if endpoint.provider
        }
        records = [self.vendors.providers[provider] for provider in asked]
        return frozenset(name for r in records for name in (r.id, *r.serves))

    def _knows_owner(self, text: str) -> bool:
        owner = text.partition("/")[0]
        return self.vendors.is_organisation(owner) or self.vendors.prefix(owner) is not None


def _env_like(text: str) -> bool:
    return (
        5 < len(text) < 60
        and "_" in text
        and text.replace("_", "").isalnum()
        and (text.isupper() or text[0].isupper())
    )
