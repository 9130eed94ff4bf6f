"""JavaScript and TypeScript source: clients, endpoints, model ids, and what they are set from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Scope
from reliant.inventory import loose
from reliant.inventory.across import FileFacts
from reliant.inventory.prefilter import telling
from reliant.inventory.shape import Shape, worth_a_look
from reliant.inventory.signals import Claim, Signal, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_LARGEST_PARSED = 600_000
_LONGEST_LINE = 5_000
_PACKED_LINE = 500


class JavaScript:
    """Parses the file with tree-sitter; bundles and very large files are read line by line."""

    id = "javascript"
    claim = Claim(
        reads=(
            "JavaScript and TypeScript source (.js, .mjs, .cjs, .jsx, .ts, .mts, .cts, .tsx), "
            "scripts of .vue, .svelte and .astro files"
        ),
        finds=("provider", "model", "sdk", "endpoint", "env", "role"),
        resolves=(
            "names, class fields, object literals of the file",
            "process.env and its like with `||` and `??` defaults",
            "template strings, concatenation, default parameters",
            "import, require and dynamic import",
            "constants of other files of the project",
        ),
        limits="Of minified bundles only hosts are read, and models in one call or object with a host.",
    )
    wants = Wants(
        suffixes=(".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".astro"),
        limit=12_000_000,
        patterns=(
            'model: "',
            "model: '",
            'model="',
            "model = '",
            'model = "',
            "modelname: '",
            'modelname: "',
            "model || '",
            'model || "',
            "model ?? '",
            "region = '",
            'region = "',
            "region: '",
            'region: "',
            'model ?? "',
        ),
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Yield what the source shows."""
        minified = len(file.data) > 50_000 and len(file.data) / (file.data.count(b"\n") + 1) > _LONGEST_LINE
        if not minified:
            hits = telling(file, own=file.own)
            if not hits:
                return
            file.hits = hits
        own = file.data
        if not minified and len(file.data) > _LARGEST_PARSED:
            from reliant.inventory.js.bundle import own_modules  # noqa: PLC0415 - few files need it

            own = own_modules(file.data, file.vendors)
        if file.scope in {Scope.TESTS, Scope.DOCS} or minified or _letters(own) > _LARGEST_PARSED:
            if minified:
                file.skip("is a minified bundle, read by host only")
                signals = list(loose.bundle(file))
            else:
                signals = list(loose.read(file, language="js"))
            if worth_a_look(signals):
                file.facts.append(FileFacts(file.path, shape=Shape(unread=True)))
            yield from signals
            return
        from reliant.inventory.js.facts import collect  # noqa: PLC0415 - as below
        from reliant.inventory.js.forks import Forks  # noqa: PLC0415 - as below
        from reliant.inventory.js.parse import parse  # noqa: PLC0415 - the grammars load when a file needs them
        from reliant.inventory.js.reader import Reader  # noqa: PLC0415 - as above

        reader = Reader(file, parse(file, own))
        signals = list(reader.read())
        facts = collect(reader)
        if worth_a_look(signals):
            if len(own) / (own.count(b"\n") + 1) > _PACKED_LINE:
                shape: Shape | None = Shape(unread=True)  # so much on a line that blocks are not told apart
            else:
                shape = Forks(reader).read().shape(file.path, signals)
            if shape is not None:
                facts = msgspec.structs.replace(facts or FileFacts(file.path), shape=shape)
        if facts is not None:
            file.facts.append(facts)
        reader.tree.forget()
        yield from signals


def _letters(data: bytes) -> int:
    """Return how long a text is without empty lines."""
    return len(data) - data.count(b"\n\n")


DETECTOR = JavaScript()
