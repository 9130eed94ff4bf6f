"""A bundle that names its modules: those of the project are kept, those of packages become imports.

Bundlers that do not minify write `// src/engine.ts` and `// node_modules/acme/index.mjs` before each
module they join. What a package does inside is not the project's; what it gives to the project's
modules is written as the import that the bundler took out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reliant.inventory.vendors import Vendors

_MODULE = re.compile(rb"^[ \t]*// ([\w@./+-]+\.(?:[cm]?[jt]sx?|json|vue|svelte))[ \t]*$", re.MULTILINE)
_PACKAGE = re.compile(rb"(?:^|/)node_modules/(?!\.)((?:@[\w.-]+/)?[\w.-]+)/")
_DECLARED = re.compile(rb"^(?:var|let|const|class|function|async function) ([A-Za-z_$][\w$]*)", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_$][\w$]*")


def own_modules(data: bytes, vendors: Vendors) -> bytes:
    """Return a bundle with the modules of packages taken out, at the lines it has; else as it is."""
    marks = list(_MODULE.finditer(data))
    packages = [found[-1].decode() if (found := _PACKAGE.findall(mark[1])) else "" for mark in marks]
    if not any(packages) or all(packages):
        return data
    ends = [*(mark.start() for mark in marks[1:]), len(data)]
    stretches = [data[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    used = {
        word
        for stretch, package in zip(stretches, packages, strict=True)
        if not package
        for word in _WORD.findall(stretch)
    }
    kept = [data[: marks[0].start()]]
    for mark, stretch, package in zip(marks, stretches, packages, strict=True):
        if not package:
            kept.append(mark[0] + stretch)
            continue
        names = used.intersection(_DECLARED.findall(stretch)) if vendors.package("npm", package) else ()
        brought = b", ".join(_WORD.sub(_as_exported, name) for name in sorted(names))
        line = b'import { %b } from "%b";' % (brought, package.encode()) if brought else b""
        kept.append(line + b"\n" * (mark[0] + stretch).count(b"\n"))
    return b"".join(kept)


def _as_exported(name: re.Match[bytes]) -> bytes:
    """Return a name as an import writes it; bundlers number a name that is there twice."""
    plain = name[0].rstrip(b"0123456789") or name[0]
    return name[0] if plain == name[0] else b"%b as %b" % (plain, name[0])
