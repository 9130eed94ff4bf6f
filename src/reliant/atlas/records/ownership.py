"""Who owns a company: the file an operator gives about its own holders.

There are no such records in the atlas: whom a company belongs to is for the company
to say. The file names companies, where each has its seat, and who holds how much;
a share or a seat that is not known is written `null` and stays unknown.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Stake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one holder has in a company.

    Attributes:
        holder: Name of a company or person of the file.
        share_pct: Of the capital or votes; None if not known.
        controls: True where the holder controls it by other means than its share.
        source: Where that was read.
    """

    holder: str
    share_pct: Percent | None
    controls: bool = False
    source: str | None = None


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A company or a person.

    Attributes:
        seat: ISO 3166-1 code of its headquarters or domicile; None if not known.
        held_by: Its holders. Without any it is an end of the graph.
        complete: True if `held_by` names everybody who holds anything that counts;
            otherwise what is missing to 100 % belongs to somebody who is not known.
    """

    seat: str | None = None
    held_by: tuple[Stake, ...] = ()
    complete: bool = False


class OwnershipFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file: `company` is the one that asks."""

    company: str
    companies: dict[str, Company]
