"""CI pipelines: variables, commands and the actions they use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Kind, Scope
from reliant.inventory.detectors._blocks import signals_of
from reliant.inventory.detectors._formats import YAML_ENDINGS, Use, entries_of, use_of
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_ACTION = re.compile(r"([A-Za-z0-9-]+)/([\w.-]+)(?:/[\w./-]+)?@\S+\Z")


class Workflow:
    """Reads GitHub, GitLab, CircleCI, Azure and other pipelines."""

    id = "workflow"
    claim = Claim(
        reads=".github/workflows, action.yml, .gitlab-ci.yml, .circleci, azure-pipelines.yml and others",
        finds=("provider", "model", "endpoint", "env"),
        resolves=("variables", "commands of a step", "a vendor's own action"),
        limits="An action of somebody else that calls a vendor is not opened.",
    )
    wants = Wants(suffixes=YAML_ENDINGS, always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the pipeline calls; it is tooling, not the product."""
        if use_of(file) is not Use.WORKFLOW:
            return
        entries = list(entries_of(file))
        for signal in signals_of(entries, file):
            yield _tooling(signal)
        for entry in entries:
            match = _ACTION.match(entry.value) if entry.key == "uses" and not entry.commented else None
            if match is None:
                continue
            action = file.vendors.package("actions", f"{match[1]}/{match[2]}")
            if action is not None and action.provider is not None:
                yield Signal(
                    what=What.ENDPOINT,
                    line=entry.line,
                    column=entry.column,
                    block=entry.keys[:-1],
                    provider=action.provider,
                    kind=Kind.HOSTED_API,
                    scope=Scope.TOOLING,
                    confidence=0.9,
                )


def _tooling(signal: Signal) -> Signal:
    return msgspec.structs.replace(signal, scope=Scope.TOOLING)


DETECTOR = Workflow()
