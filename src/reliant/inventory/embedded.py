"""Settings inside of a text: a configuration file that a program writes out.

A command such as `init` holds its template as a text of many lines. The model in it is what the
program uses from then on, so it is read as any other setting, comments left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.use import Role
from reliant.inventory.idforms import holds_model, looks_like_id
from reliant.inventory.loose import known_form
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_SETTING = re.compile(
    r"""^\s*(?:-\s+)?["']?([A-Za-z_][\w.-]{1,40})["']?\s*[:=]\s*["']?([^\s"'#,]{3,80})["']?,?\s*(?:#.*)?$"""
)
_MOST_LINES = 400


def settings_in(text: str, file: FileView, line: int, block: tuple[str, ...]) -> Iterator[Signal]:
    """Yield the models that a text of several lines sets, one name and one id on a line.

    Args:
        text: The text.
        file: Where it stands.
        line: Of the file, where the text begins.
        block: Around it.
    """
    found = []
    for offset, said in enumerate(text.split("\n", _MOST_LINES)[:_MOST_LINES]):
        match = _SETTING.match(said) if len(said) < 200 else None
        if match is None or not holds_model(match[1]) or not looks_like_id(match[2]):
            continue
        if known_form(file, match[2]):
            found.append((offset, match.start(2), match[2]))
    for offset, column, model in found:
        yield Signal(
            what=What.MODEL,
            line=line + offset,
            column=column + 1,
            block=block,
            model=model,
            confidence=0.6,
            role=None if len(found) == 1 else Role.OPTIONAL,
        )
