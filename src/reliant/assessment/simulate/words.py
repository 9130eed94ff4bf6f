"""What a what-if calls uses and cuts: by the names that people know, with the id where one is cut.

Names come from the facts, by id. What has no name there goes by its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.core.country import the
from reliant.core.simulation import short

if TYPE_CHECKING:
    from reliant.assessment.graph import Chain, Cut

_NAMED = 3


def id_of(chain: Chain) -> str:
    """Return a short name of a use by the ids of who serves it and of the model."""
    return " ".join(_parts(chain)) or chain.called or chain.use


def _parts(chain: Chain) -> list[str]:
    model = chain.model
    who = chain.developer if chain.self_hosted and model else chain.provider
    if model is not None and chain.developer is not None:
        model = model.removeprefix(f"{chain.developer}.")
    return [part for part in (who, model) if part]


@dataclass(frozen=True, slots=True)
class Words:
    """Names of providers, developers, models, licences and countries, by their ids."""

    names: Mapping[str, str]

    def use(self, chain: Chain) -> str:
        """Return a short name of a use for people: who serves it, and the model.

        Examples:
            >>> from reliant.assessment.graph import Chain
            >>> chat = Chain("chat-1", provider="openai", developer="openai", model="openai.gpt-4o")
            >>> Words({"openai": "OpenAI", "openai.gpt-4o": "GPT-4o"}).use(chat)
            'OpenAI GPT-4o'
            >>> Words({}).use(chat)
            'openai gpt-4o'
        """
        parts = _parts(chain)
        if chain.model is not None and chain.model in self.names:
            parts[-1] = self.get(chain.model)
        if len(parts) > 1 or chain.model is None:
            parts[:1] = [self.get(one) for one in parts[:1]]
        return " ".join(parts) or chain.called or chain.use

    def is_cut(self, cut: Cut) -> str:
        """Return that a name is cut, with its level and id where it has another name.

        Examples:
            >>> from reliant.assessment.graph import Cut
            >>> Words({"openai": "OpenAI"}).is_cut(Cut("provider", "openai"))
            'OpenAI is cut (provider:openai)'
        """
        name = self.named(cut)
        return f"{cut} is cut" if name is None else f"{name} is cut ({cut})"

    def named(self, cut: Cut) -> str | None:
        """Return the name of what is cut; None if it has none."""
        name = short(self.names[cut.id]) if cut.id in self.names else None
        return the(name) if name is not None and cut.level == "jurisdiction" else name

    def country(self, code: str) -> str:
        """Return the name of a country as it stands in a sentence."""
        return the(self.names[code]) if code in self.names else code

    def get(self, one: str) -> str:
        """Return the name of an id, without what stands in brackets after it."""
        return short(self.names[one]) if one in self.names else one


def several(names: Iterable[str], last: str = "and") -> str:
    """Return a few names joined, each once, and how many more there are.

    Examples:
        >>> several(["a", "b", "a"])
        'a and b'
        >>> several(["a", "b", "c"], "or")
        'a, b or c'
    """
    every = list(dict.fromkeys(names))
    if len(every) == 2:  # as most are
        return f"{every[0]} {last} {every[1]}"
    if len(every) < 2:
        return "".join(every)
    if len(every) <= _NAMED:
        return f"{', '.join(every[:-1])} {last} {every[-1]}"
    return f"{', '.join(every[:_NAMED])} {last} {len(every) - _NAMED} more"
