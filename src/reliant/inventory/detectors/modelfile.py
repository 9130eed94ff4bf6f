"""Modelfiles of a local runtime: the model they start from and the adapters they add."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.use import Kind
from reliant.inventory.idforms import looks_like_id
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_LINE = re.compile(r"(?i)\s*(FROM|ADAPTER)\s+(\S+)")
_OTHERS = re.compile(r"(?im)^\s*(RUN|COPY|WORKDIR|CMD|ENTRYPOINT|EXPOSE)\s")


class Modelfile:
    """Reads `FROM` and `ADAPTER`."""

    id = "modelfile"
    claim = Claim(
        reads="Modelfile, *.modelfile, Modelfile.*",
        finds=("provider", "model"),
        limits="A model built from a local file is named by that file.",
    )
    wants = Wants(
        names=("modelfile",), suffixes=(".modelfile",), globs=("*modelfile.*", "*modelfile-*"), always=True
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the model is made from."""
        runtime = file.vendors.package("file", "modelfile")
        if runtime is None or _OTHERS.search(file.text):
            return
        for number, line in enumerate(file.lines, 1):
            match = _LINE.match(line)
            if match is None:
                continue
            name = match[2].strip("\"'")
            host, _, rest = name.partition("/")
            hub = file.vendors.host(host) if "." in host and rest.count("/") else None
            if hub is not None:
                name = rest
            local = name.startswith((".", "/", "~"))
            model = name.rpartition("/")[2] if local else name
            if not local and not looks_like_id(model):
                continue
            yield Signal(
                what=What.MODEL,
                line=number,
                column=match.start(2) + 1,
                model=model,
                provider=hub.provider if hub else runtime.provider,
                kind=Kind.OPEN_WEIGHTS,
            )


DETECTOR = Modelfile()
