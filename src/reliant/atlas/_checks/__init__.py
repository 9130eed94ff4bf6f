"""The checks of the linter: those of one record, and those of all records together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.atlas._checks import descent, files, names, records, references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reliant.atlas._read import Folder, Found
    from reliant.errors import RecordError

RECORD_CHECKS: tuple[Callable[[Found, Folder], Iterable[RecordError]], ...] = (
    records.has_sources,
    records.quotes_are_short,
    records.dates_are_days,
    records.ends_follow_beginnings,
    records.published_before_retrieved,
    records.counts_hold,
    records.patterns_compile,
    records.addresses_are_web,
    records.memory_names_fields,
    records.confirmed_was_read,
    references.places_are_countries,
    references.sources_are_named,
    references.ids_exist,
    references.licences_are_recorded,
)
"""What can be said of one record beside the others."""

FOLDER_CHECKS: tuple[Callable[[Folder], Iterable[RecordError]], ...] = (
    files.every_file_is_read,
    names.providers_have_their_own_names,
    names.models_have_their_own_names,
    names.hosts_have_one_owner,
    names.patterns_match_one_model,
    descent.origins_agree_with_edges,
    descent.nothing_descends_from_itself,
    descent.families_are_families,
)
"""What can be said only of all records together."""
