"""Sum up what customers wrote about a tea."""

from langchain_mistralai import ChatMistralAI

_model = ChatMistralAI(model="mistral-large-latest", temperature=0)


def summary(reviews: list[str]) -> str:
    said = "\n---\n".join(reviews)
    return str(_model.invoke(f"Sum up these reviews in three sentences:\n{said}").content)
