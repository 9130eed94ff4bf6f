"""What stands behind the names of a gateway: its ways with all that their settings say, and the routes.

The settings come from a file of configuration, or from a list that a program hands to the gateway's
library; they mean the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Role, Scope
from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._routes import Routes, Way, routes_of
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reliant.inventory.detectors._entries import Entry
    from reliant.inventory.view import FileView

PARAMETERS = re.compile(r"([a-z][a-z0-9]+)_(?:params|settings)\Z")
"""The key below which a gateway keeps what a way needs, with the gateway's name in it."""


def ways_of(entries: Sequence[Entry], file: FileView, *, code: bool = False) -> Iterator[Signal]:
    """Yield the ways and the routes that settings of a gateway give.

    Args:
        entries: The settings.
        file: Where they stand.
        code: The file is a program.
    """
    routes = routes_of(entries, file.path)
    behind = {entry.keys[:-2] for entry in entries if PARAMETERS.match("".join(entry.keys[-2:-1]))}
    settings = [
        entry
        for entry in entries
        if not (entry.key == "model_name" and entry.keys[:-1] in behind) and not _names(entry, routes)
    ]
    optional = is_example(file) and not code
    said = list(signals_of(settings, file, optional=optional, code=code))
    yield from _routed(said, entries, routes, file, code=code)


def _names(entry: Entry, routes: Routes) -> bool:
    """Say whether a setting only names a route, as the lists of fallbacks do."""
    return entry.value in routes.names and any(key.endswith("fallbacks") for key in entry.keys)


def scope_in(file: FileView, *, code: bool = False) -> Scope | None:
    """Return the scope of what a gateway's configuration says; in a program that of the file."""
    return Scope.CONFIG if file.scope is Scope.CODE and not code else None


def _routed(
    signals: list[Signal], entries: Sequence[Entry], routes: Routes, file: FileView, *, code: bool
) -> Iterator[Signal]:
    """Yield the signals with each way's group, a signal for a way that said nothing, and the routes."""
    here = {way: f"{file.path}:{way.line}" for way in routes.ways}
    said: dict[Way, list[Signal]] = {way: [] for way in routes.ways}
    begins = {way.at: way for way in routes.ways}
    for signal in signals:
        block = signal.block
        at = next((block[:depth] for depth in range(len(block) + 1) if block[:depth] in begins), None)
        way = begins[at] if at is not None else None
        if way is None:
            yield signal
        elif not (signal.model or "").startswith("os.environ/"):  # the variable's name is no id
            said[way].append(msgspec.structs.replace(signal, group=way.group, where=here[way]))
    inside: dict[Way, list[Entry]] = {way: [] for way in routes.ways}
    for entry in entries:
        for depth in range(len(entry.keys)):
            if not entry.commented and entry.keys[:depth] in begins:
                inside[begins[entry.keys[:depth]]].append(entry)
    for way, own in said.items():
        elsewhere = [s for s in own if s.what is What.ENDPOINT and s.provider is None and s.endpoint]
        for signal in own:
            head, slash, rest = (signal.model or "").partition("/")
            if elsewhere and slash and signal.what is What.MODEL and file.vendors.prefix(head) is not None:
                # `openai/x` at an address of one's own names the language spoken, not who answers.
                yield msgspec.structs.replace(signal, model=rest, provider=None)
            else:
                yield signal
        if not own:
            yield _unsaid(way, inside[way], file, here[way], code=code)
    for path in routes.paths:
        yield Signal(
            what=What.ROUTE,
            line=path.line,
            block=("routes",),
            model=path.name,
            options=path.groups,
            scope=scope_in(file, code=code),
            where=f"{file.path}:{path.line}",
        )


def _unsaid(way: Way, inside: Sequence[Entry], file: FileView, where: str, *, code: bool) -> Signal:
    """Return what stands for a way of which the settings told nothing that is known."""
    model = next((e for e in inside if e.key == "model"), None)
    head, slash, rest = model.value.partition("/") if model else ("", "", "")
    return Signal(
        what=What.ENDPOINT,
        line=model.line if model else way.line,
        block=way.at,
        provider=file.vendors.prefix(head) if slash else None,
        env=rest if head == "os.environ" else None,
        run_time=not rest or rest == "*" or head == "os.environ",
        group=way.group,
        where=where,
        scope=scope_in(file, code=code),
        role=Role.OPTIONAL if is_example(file) and not code else None,
        confidence=0.7,
    )
