"""TOML as in `reliant.toml`: one reading for all parts of reliant that ask for a table of it.

The facts and rules of the operator stand in the same file as what is told of functions, and
each is read where it is understood. An estate of ten thousand functions takes half a second
to read, so what was read last is kept.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from reliant.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 8_000_000
"""Ten thousand functions with a name, a weight and a need of five suppliers are 1.7 MB."""

_LINE = re.compile(r"line (\d+)")


class Toml(NamedTuple):
    """The text of a file, and its data, which is shared: nobody may change it."""

    text: str
    data: Mapping[str, Any]


def read_toml(path: Path) -> Toml:
    """Return what stands in a TOML file.

    Raises:
        ConfigError: It cannot be read, is too large, too deep or no TOML; the line is named if there is one.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(path, 0, f"is larger than {MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(path, 0, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, 0, "cannot be read: it is not UTF-8") from error
    return parse_toml(text, path)


def parse_toml(text: str, where: Path | str) -> Toml:
    """Return what a text in TOML says; `where` is named in errors.

    Raises:
        ConfigError: It is no TOML, or nests too deep.
    """
    try:
        return Toml(text, _parsed(text))
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        raise ConfigError(where, int(found.group(1)) if found else 0, f"is not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(where, 0, "nests too deep") from error


@functools.lru_cache(maxsize=1)
def _parsed(text: str) -> Mapping[str, Any]:
    return tomllib.loads(text)
