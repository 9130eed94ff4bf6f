"""Models that a class of an SDK asks for when its call names none."""

from __future__ import annotations

import pytest

_OPEN_AI = "from langchain_openai import ChatOpenAI\n"


@pytest.mark.parametrize(
    ("text", "provider", "model"),
    [
        (f"{_OPEN_AI}llm = ChatOpenAI(temperature=0)\n", "openai", "gpt-3.5-turbo"),
        (
            "from langchain_community.chat_models import ChatTongyi\nllm = ChatTongyi()\n",
            "alibaba",
            "qwen-turbo",
        ),
        (
            "from langchain_huggingface import HuggingFaceEmbeddings\ne = HuggingFaceEmbeddings()\n",
            "huggingface",
            "sentence-transformers/all-mpnet-base-v2",
        ),
        ("from llama_index.llms.openai import OpenAI\nllm = OpenAI()\n", "openai", "gpt-3.5-turbo"),
    ],
)
def test_a_class_that_is_told_no_model_asks_for_its_own_default(
    scanned, text: str, provider: str, model: str
) -> None:
    assert scanned({"app.py": text}).models == {(provider, model)}


@pytest.mark.parametrize(
    "text",
    [
        f"{_OPEN_AI}def make(**settings):\n    return ChatOpenAI(temperature=0, **settings)\n",
        f"{_OPEN_AI}def make(name):\n    return ChatOpenAI(model=name)\n",
        f"{_OPEN_AI}def make(name):\n    return ChatOpenAI(name)\n",
        f"{_OPEN_AI}llm = ChatOpenAI(base_url='https://api.deepseek.com/v1')\n",
    ],
)
def test_a_class_that_may_be_told_a_model_or_is_sent_elsewhere_has_no_default(scanned, text: str) -> None:
    assert scanned({"app.py": text}).models == set()
