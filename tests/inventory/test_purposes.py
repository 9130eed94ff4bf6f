"""A model that does something else is no alternative: not for images, sound or ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.need import OneOf, met, suppliers

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory.conftest import Result, Tree

SETTINGS = """
from openai import OpenAI
from google import genai

DEFAULTS = {
    "FAST_LLM": "openai:gpt-4o-mini",
    "SMART_LLM": "openai:gpt-4.1",
    "IMAGE_GENERATION_MODEL": "models/gemini-2.5-flash-image",
}
"""


SWITCH = """
def made(provider):
    if provider == "openai":
        from langchain_openai import ChatOpenAI
        return ChatOpenAI()
    elif provider == "google":
        from langchain_google_genai import ChatGoogleGenerativeAI
        return ChatGoogleGenerativeAI(model="gemini-2.5-flash")
    elif provider == "anthropic":
        from langchain_anthropic import ChatAnthropic
        return ChatAnthropic(model="claude-3-5-sonnet-20240620")
"""


def _works_without(result: Result, function: str, provider: str) -> bool:
    need = next(one.need for one in result.functions if one.id == function)
    gone = {use.id for use in result.uses if use.provider == provider}
    return met(need, lambda use: use not in gone)


def test_a_writer_does_not_go_on_with_a_model_for_images(scanned: Callable[[Tree], Result]) -> None:
    result = scanned({"app/defaults.py": SETTINGS, "app/llm.py": SWITCH})

    assert _works_without(result, "app/llm", "openai")
    assert not _works_without(result, "app/defaults", "openai")


def test_without_a_model_for_images_the_providers_of_a_switch_stay_alternatives(
    scanned: Callable[[Tree], Result],
) -> None:
    text = SETTINGS.replace("IMAGE_GENERATION_MODEL", "OTHER_LLM").replace("2.5-flash-image", "2.5-flash")
    result = scanned({"app/defaults.py": text, "app/llm.py": SWITCH})

    (need,) = (one.need for one in result.functions if one.id == "app/defaults")
    assert isinstance(need, OneOf)
    providers = {use.provider for use in result.uses if use.id in suppliers(need)}
    assert providers == {"openai", "google"}
