"""Compiles the atlas while reliant is built, so that the wheel carries the snapshot and no YAML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileAtlas(BuildHookInterface[Any]):
    """Runs before the files of a wheel, or of an editable install, are collected."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the snapshot beside the code; a record that is wrong stops the build."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "src"))
        try:
            from reliant.atlas.compile import compile_if_changed  # noqa: PLC0415 - needs the path above

            compile_if_changed(root / "atlas", root / "src/reliant/atlas/_snapshot.bin")
        finally:
            sys.path.remove(str(root / "src"))
