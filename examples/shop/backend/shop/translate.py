"""Translate product texts. The service speaks the protocol of another vendor's SDK."""

import os

from openai import OpenAI

_URL = os.environ.get("TRANSLATE_URL", "https://dashscope.aliyuncs.com/compatible-mode/v1")
_MODEL = os.environ.get("TRANSLATE_MODEL", "qwen-plus")


def translate(text: str, language: str) -> str:
    client = OpenAI(base_url=_URL, api_key=os.environ["DASHSCOPE_API_KEY"])
    reply = client.chat.completions.create(
        model=_MODEL,
        messages=[{"role": "user", "content": f"Translate into {language}. Only the translation.\n\n{text}"}],
    )
    return reply.choices[0].message.content or ""
