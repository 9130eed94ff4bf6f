"""Three-valued truth: yes, no, or not known.

A rule about AI access is often asked before every fact is at hand. Whatever the
project concludes from missing facts must read "unknown", so conditions are
evaluated in Kleene's strong logic and never as a Python bool.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable


class Truth(enum.Enum):
    """The answer to a condition."""

    NO = 0
    UNKNOWN = 1
    YES = 2

    def __bool__(self) -> NoReturn:
        """Refuse: `if truth:` would have to read UNKNOWN as one of the two."""
        msg = "compare a Truth with `is Truth.YES`; it has no bool value"
        raise TypeError(msg)

    @classmethod
    def of(cls, known: bool | None) -> Truth:
        """Return YES or NO for a bool and UNKNOWN for None.

        Examples:
            >>> Truth.of(None).name
            'UNKNOWN'
        """
        if known is None:
            return cls.UNKNOWN
        return cls.YES if known else cls.NO


def negate(answer: Truth) -> Truth:
    """Return NO for YES, YES for NO, and UNKNOWN for itself.

    Examples:
        >>> negate(Truth.UNKNOWN).name
        'UNKNOWN'
    """
    return Truth(2 - answer.value)


def every(answers: Iterable[Truth]) -> Truth:
    """Return the conjunction of `answers`; YES if there are none.

    Examples:
        >>> every([Truth.UNKNOWN, Truth.NO]).name
        'NO'
    """
    return min(answers, key=lambda answer: answer.value, default=Truth.YES)


def some(answers: Iterable[Truth]) -> Truth:
    """Return the disjunction of `answers`; NO if there are none.

    Examples:
        >>> some([Truth.UNKNOWN, Truth.NO]).name
        'UNKNOWN'
    """
    return max(answers, key=lambda answer: answer.value, default=Truth.NO)
