"""Show a result: values in, text out, nothing looked up.

One file per format. A file says what it can show with `@renders`, and is found
because it lies here: adding a format is adding a file.

    >>> "json" in styles("reliant.assessment/1")
    True
"""

from __future__ import annotations

from reliant.report._registry import Renderer, render, renders, styles
from reliant.report.json_v1 import SCHEMAS, schema

__all__ = ["SCHEMAS", "Renderer", "render", "renders", "schema", "styles"]
