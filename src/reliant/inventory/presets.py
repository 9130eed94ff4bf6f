"""Files of settings that leave fields at the defaults which a class of the program gives them.

`{"llm": "claude-x", "answer": {...}}` sets two fields of `class Settings`. The third, `embedding`, keeps
what the class says, so the preset needs that model as well, although it stands in another file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.use import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reliant.inventory.across import Form
    from reliant.inventory.engine import Seen
    from reliant.inventory.merge import Draft

_ENOUGH = 3
"""So many keys that are all fields of one class are settings of that class."""
_DEEPEST = 3


def defaults_left(entries: Sequence[Seen], drafts: Sequence[Draft]) -> dict[str, list[Draft]]:
    """Return, by file of settings, the uses whose default it leaves as it is."""
    presets = [(e.path, facts.given) for e in entries for facts in e.facts if facts.given]
    if not presets:
        return {}
    forms = [
        (e.path, name, form)
        for e in entries
        if e.scope is Scope.CODE
        for facts in e.facts
        for name, form in facts.forms.items()
    ]
    standing: dict[str, list[tuple[int, Draft]]] = {}
    for draft in drafts:
        for p in draft.places:
            if draft.model is not None:
                standing.setdefault(p.path, []).append((p.signal.line, draft))
                file, _, line = p.signal.where.rpartition(":")
                if file and file != p.path:
                    standing.setdefault(file, []).append((int(line), draft))
    found: dict[str, list[Draft]] = {}
    for path, given in presets:
        top = {key.partition(".")[0] for key in given}
        fitting = [one for one in forms if len(top) >= _ENOUGH and top <= set(one[2].fields)]
        if len(fitting) != 1:
            continue
        file, name, form = fitting[0]
        beside = {other: inner for where, other, inner in forms if where == file and other != name}
        left = [
            draft
            for first, last in _left(form, beside, set(given), "", 0)
            for line, draft in standing.get(file, ())
            if first <= line <= last
        ]
        if left:
            found[path] = list(dict.fromkeys(left))
    return found


def _left(
    form: Form, forms: dict[str, Form], given: set[str], above: str, depth: int
) -> Iterator[tuple[int, int]]:
    """Yield the lines of the defaults that are not set."""
    for name, lines in form.models.items():
        if f"{above}{name}" not in given:
            yield lines
    for name, called in form.inner.items():
        if called in forms and depth < _DEEPEST:
            yield from _left(forms[called], forms, given, f"{above}{name}.", depth + 1)
