"""Numbers the sources of a result: each text once, in the order in which it is first cited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.atlas.citing import cited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reliant.atlas.records.common import Source as RecordSource
    from reliant.core.results import Source


class Citations:
    """The sources cited so far; a report prints their ids as `[1]`, `[2]` and so on."""

    def __init__(self) -> None:
        self._ids: dict[RecordSource, str] = {}
        self._cited: list[Source] = []

    def cite(
        self, sources: Mapping[str, RecordSource], names: Iterable[str] | None = None
    ) -> tuple[str, ...]:
        """Return the ids of a record's sources: of those with these local names, or of all."""
        wanted = sources if names is None else [name for name in names if name in sources]
        return tuple(dict.fromkeys(self._one(sources[name]) for name in wanted))

    def _one(self, source: RecordSource) -> str:
        if source not in self._ids:
            number = str(len(self._cited) + 1)
            self._ids[source] = number
            self._cited.append(cited(source, number))
        return self._ids[source]

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that was cited."""
        return tuple(self._cited)
