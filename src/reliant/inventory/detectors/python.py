"""Python source: clients, endpoints, model ids, and what they are set from."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from reliant.core.use import Scope
from reliant.inventory import loose
from reliant.inventory.prefilter import only_imports_loaders, telling
from reliant.inventory.signals import Claim, Signal, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_LARGEST_PARSED = 1_500_000
_MOST_REPAIRS = 40
_F_STRING = re.compile(r"""\b[rR]?[fF][rR]?["']""")
_BRACES = re.compile(r"\{[^{}]*\}")


class Python:
    """Parses the file and follows names to values; reads line by line what does not parse."""

    id = "python"
    claim = Claim(
        reads="Python source (.py, .pyi, .pyw)",
        finds=("provider", "model", "sdk", "endpoint", "env", "region", "role"),
        resolves=(
            "names, class attributes, dictionary values and base classes of the file",
            "os.getenv and environ defaults, `or` and conditional defaults",
            "f-strings, concatenation, .replace, .format",
            "argparse, click and typer options, dataclass and pydantic fields",
            "constants, settings and keys of other files of the project",
        ),
        limits="Values computed at run time; a file that does not parse is read line by line.",
    )
    wants = Wants(
        suffixes=(".py", ".pyw"),
        patterns=(
            "from_pretrained(",
            "hf_hub_download(",
            "snapshot_download(",
            "torch.hub.load(",
            "load_model(",
            'model="',
            "model='",
            'model = "',
            "model = '",
            'model: str = "',
            "model: str = '",
            '"model": "',
            "'model': '",
            '"--model',
            "'--model",
            'model_name="',
            'model_name = "',
            'model_id="',
            'model_id = "',
            'model_name: str = "',
            'model_id: str = "',
            'provider="',
            'provider = "',
            "provider = '",
            'provider: str = "',
            '"provider": "',
            "'provider': '",
            'provider", "',
            "provider', '",
            '"--provider',
            "'--provider",
            '"--backend',
            '"--llm-provider',
            '"--vendor',
            '"--engine',
            'region = "',
            "region = '",
            'region: str = "',
            'region", "',
            "region', '",
            'location = "',
            "pytorch_model.bin",
            ".safetensors",
            ".gguf",
        ),
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Yield what the source shows."""
        hits = telling(file, own=file.own)
        if not hits:
            return
        file.hits = hits
        if only_imports_loaders(file, hits):
            yield from loose.read(file, language="python", confidence=0.9)
            return
        if file.scope in {Scope.TESTS, Scope.DOCS} or len(file.data) > _LARGEST_PARSED:
            yield from loose.read(file, language="python")
            return
        import ast  # noqa: PLC0415 - most files are never parsed

        from reliant.inventory.python.reader import read  # noqa: PLC0415 - as above

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                source = _parse(ast, file.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            file.skip(f"does not parse as Python ({type(error).__name__}), read line by line")
            yield from loose.read(file, language="python")
            return
        yield from read(file, source)


def _parse(ast: Any, text: str) -> Any:
    """Parse `text`; newer syntax inside of f-strings is put aside where this Python does not know it."""
    lines: list[str] | None = None
    for _ in range(_MOST_REPAIRS):
        try:
            return ast.parse(text)
        except SyntaxError as error:
            lines = lines if lines is not None else text.split("\n")
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or "{" not in lines[at] or not _F_STRING.search(lines[at]):
                raise
            plain = _BRACES.sub("0", lines[at])
            if plain == lines[at]:
                raise
            lines[at] = plain
            text = "\n".join(lines)
    return ast.parse(text)


DETECTOR = Python()
