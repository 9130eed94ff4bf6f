"""The evidence desk: which documents are one text, what copies of it say differently, whether a quote stands.

Four pages that retell one agency story are one source. Counting them as four makes
a claim look corroborated that one person made once, and a copy that was reworded
by machine may say what its original never said. So documents are grouped by the
text they come from, and where copies differ both wordings are shown.
"""

from __future__ import annotations

from reliant.atlas.evidence.copies import Group, Likeness, group, likeness
from reliant.atlas.evidence.desk import Desk, Kept
from reliant.atlas.evidence.differences import Contradiction, contradictions
from reliant.atlas.evidence.quotes import Citation, QuoteCheck, check_quotes, citations
from reliant.atlas.evidence.text import Text

__all__ = [
    "Citation",
    "Contradiction",
    "Desk",
    "Group",
    "Kept",
    "Likeness",
    "QuoteCheck",
    "Text",
    "check_quotes",
    "citations",
    "contradictions",
    "group",
    "likeness",
]
