"""A tenant with two keys, one for all models and one for a small one; what they hand in, and with what."""

from __future__ import annotations

import json
from typing import Any

import openai

KEY = {"authorization": "Bearer sk-test"}
MINI = {"authorization": "Bearer sk-mini"}
TENANT = (
    '[[tenant]]\nname = "t"\ncountry = "US"\n'
    '[[key]]\nname = "all"\nsecret = "sk-all-models"\ntenant = "t"\n'
    '[[key]]\nname = "mini"\nsecret = "sk-mini"\ntenant = "t"\nmodels = ["gpt-4o-mini"]\n'
    'endpoints = ["files", "batches", "chat", "message_batches", "messages", "assistants", "threads", '
    '"evals", "videos", "responses", "images", "moderations"]\n'
)


def line(model: str, **more: Any) -> bytes:
    asked = {
        "custom_id": "1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": model, **more},
    }
    return json.dumps(asked).encode() + b"\n"


def client(url: str, secret: str = "sk-test") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0)
