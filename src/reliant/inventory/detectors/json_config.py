"""JSON configuration of programs, with or without comments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reliant.inventory.across import FileFacts
from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._formats import JSON_ENDINGS, Use, entries_of, use_of, worth_reading
from reliant.inventory.signals import Claim, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView

# A price list or a vocabulary is data, and may be huge; what names a provider is small.
_MOST_BYTES = 400_000
_MOST_KEYS = 200
# A cloud's SDK carries for each of its services the rules by which a client finds the host.
_RULE_SET = (b'"conditions"', b'"rules"', b'"type": "endpoint"')


class JsonConfig:
    """Reads any JSON that is no manifest, no SBOM and no list of data."""

    id = "json-config"
    claim = Claim(
        reads="*.json, *.jsonc, *.json5, and templates of them",
        finds=("provider", "model", "endpoint", "env", "region"),
        resolves=("settings of one block belong together",),
        limits="Files above 400 kB are taken for data.",
    )
    wants = Wants(suffixes=(*JSON_ENDINGS, ".jsonc", ".json5"), always=True, limit=_MOST_BYTES + 1)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the settings name."""
        if all(mark in file.data for mark in _RULE_SET):
            file.skip("is a cloud's rules for picking an endpoint: what could be called, not what is")
            return
        if len(file.data) <= _MOST_BYTES and worth_reading(file) and use_of(file) is Use.PLAIN:
            signals = list(signals_of(entries_of(file), file, optional=is_example(file)))
            given = _given(file) if any(signal.what is What.MODEL for signal in signals) else ()
            if given:
                file.facts.append(FileFacts(file.path, given=given))
            yield from signals


def _given(file: FileView) -> tuple[str, ...]:
    """Return the keys that a file sets, two levels deep; none if it is no plain JSON."""
    try:
        told = json.loads(file.text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(told, dict) or len(told) > _MOST_KEYS:
        return ()
    inner = [f"{key}.{one}" for key, value in told.items() if isinstance(value, dict) for one in value]
    return (*told, *inner[:_MOST_KEYS])


DETECTOR = JsonConfig()
