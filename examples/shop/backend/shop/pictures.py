"""Draw a label for a tea."""

from openai import OpenAI


def label(name: str) -> str:
    """Return the address of the picture."""
    reply = OpenAI().images.generate(
        model="dall-e-3",
        prompt=f"A quiet label for a tea called {name}, ink on paper, no letters",
        size="1024x1024",
    )
    return reply.data[0].url or ""
