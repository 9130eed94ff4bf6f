"""Finds the detectors: every module of `reliant.inventory.detectors` with a `DETECTOR`."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import pkgutil
import posixpath
import re
from typing import TYPE_CHECKING

from reliant.inventory import detectors as _package

if TYPE_CHECKING:
    from reliant.inventory.signals import Detector


@functools.cache
def all_detectors() -> tuple[Detector, ...]:
    """Return every detector, ordered by id.

    Raises:
        TypeError: Two detectors share an id.
    """
    found: dict[str, Detector] = {}
    for module in pkgutil.iter_modules(_package.__path__):
        if module.name.startswith("_"):
            continue
        detector: Detector | None = getattr(
            importlib.import_module(f"{_package.__name__}.{module.name}"), "DETECTOR", None
        )
        if detector is None:
            continue
        if detector.id in found:
            raise TypeError(f"two detectors have the id {detector.id!r}")
        found[detector.id] = detector
    return tuple(found[id_] for id_ in sorted(found))


class Router:
    """Answers which detectors want a path, in constant time for most paths."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self._by_suffix: dict[str, list[Detector]] = {}
        self._by_name: dict[str, list[Detector]] = {}
        self._globs: list[tuple[re.Pattern[str], Detector]] = []
        self._long: dict[str, list[tuple[str, Detector]]] = {}
        for detector in detectors:
            for suffix in detector.wants.suffixes:
                if suffix.count(".") == 1:
                    self._by_suffix.setdefault(suffix.lower(), []).append(detector)
                else:
                    end = suffix[suffix.rfind(".") :].lower()
                    self._long.setdefault(end, []).append((suffix.lower(), detector))
            for name in detector.wants.names:
                self._by_name.setdefault(name.lower(), []).append(detector)
            self._globs += [
                (re.compile(fnmatch.translate(glob.lower())), detector) for glob in detector.wants.globs
            ]
        # One look tells for nearly every path that no glob matches.
        self._any_glob = re.compile("|".join(pattern.pattern for pattern, _ in self._globs) or r"(?!)")

    def wanted_by(self, path: str) -> tuple[Detector, ...]:
        """Return the detectors for which the file at `path` is a candidate, each once."""
        low = path.lower()
        name = posixpath.basename(low)
        found = list(self._by_name.get(name, ()))
        dot = name.rfind(".")
        if dot >= 0:
            end = name[dot:]
            found += self._by_suffix.get(end, ())
            found += [detector for suffix, detector in self._long.get(end, ()) if low.endswith(suffix)]
        if self._any_glob.match(low):
            found += [detector for glob, detector in self._globs if glob.match(low)]
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)
