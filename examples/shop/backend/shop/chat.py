"""Answer customers: OpenAI first, the deployment on the partner cloud if it cannot be reached."""

from openai import APIConnectionError, AzureOpenAI, InternalServerError, OpenAI

from shop.settings import settings

_MANNER = "You are the helper of a tea shop. Answer in at most five sentences, in the language of the question."


def answer(question: str) -> str:
    try:
        return _ask(OpenAI(timeout=20), settings.chat_model, question)
    except (APIConnectionError, InternalServerError):
        return _ask(_azure(), settings.azure_openai_deployment, question)


def _azure() -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint=settings.azure_openai_endpoint,
        api_key=settings.azure_openai_api_key,
        api_version="2024-06-01",
    )


def _ask(client: OpenAI, model: str, question: str) -> str:
    reply = client.chat.completions.create(
        model=model,
        messages=[{"role": "system", "content": _MANNER}, {"role": "user", "content": question}],
    )
    return reply.choices[0].message.content or ""
