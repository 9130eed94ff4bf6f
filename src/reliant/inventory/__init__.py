'''What AI a target uses: detectors, resolution, and one merge of what they found.

The way of a file: its path says which *detectors* are candidates (`Wants`); it is read once;
one prefilter pass looks for every host, environment name, package and id form that the atlas
knows (`Vendors`); only detectors with a hit are woken, and each says what it sees as *signals*.
The linker then finds out who serves each model (signals of one block belong together, the
innermost block that names a provider wins), and the merge step makes `Use`s of them.

A detector is one file in `reliant/inventory/detectors/` that ends with `DETECTOR`; nothing
else is edited:

    """Ollama model files: the base they start from."""

    class Modelfile:
        id = "modelfile"
        claim = Claim(reads="Ollama Modelfile", finds=("model",), limits="...")
        wants = Wants(names=("modelfile",), suffixes=(".modelfile",), always=True)

        def detect(self, file: FileView) -> Iterator[Signal]:
            for number, line in enumerate(file.lines, 1):
                if line.startswith("FROM "):
                    yield Signal(what=What.MODEL, line=number, model=line[5:].strip(), provider="ollama")

    DETECTOR = Modelfile()

Rules for detectors: no vendor's name in the code (ask `file.vendors`: `host_in(url)`,
`env(name)`, `package(registry, name)`, `module(language, name)`, `image(name)`,
`prefix("groq")`, `developer(model_id)`); no state between files; never raise for content
(`file.fail(reason)`, or `file.skip(reason)` for what is left out by design); a signal that
cannot say who serves a model leaves `provider` empty and sets `block`. Imports that cost time
stand inside `detect`. `idforms.looks_like_id` tells
whether a string may be a model id, `idforms.holds_model` whether a name usually holds one.
'''

from __future__ import annotations

from reliant.inventory.engine import Inventory, scan
from reliant.inventory.signals import Claim, Detector, Signal, Wants, What
from reliant.inventory.vendors import Vendors
from reliant.inventory.view import FileView, Hit

__all__ = ["Claim", "Detector", "FileView", "Hit", "Inventory", "Signal", "Vendors", "Wants", "What", "scan"]
