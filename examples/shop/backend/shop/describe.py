"""Write product texts: Yi-34B where there is a GPU for it, a small local model elsewhere."""

import functools

import httpx
from transformers import AutoModelForCausalLM, AutoTokenizer

from shop.settings import settings

_PROMPT = "Product text for a tea shop. Name: {name}. Notes: {notes}. Text:"


def describe(name: str, notes: str) -> str:
    prompt = _PROMPT.format(name=name, notes=notes)
    return _large(prompt) if settings.describe_on_gpu else _small(prompt)


@functools.cache
def _loaded():
    tokenizer = AutoTokenizer.from_pretrained("01-ai/Yi-34B")
    model = AutoModelForCausalLM.from_pretrained(settings.describe_model, torch_dtype="auto", device_map="auto")
    return tokenizer, model


def _large(prompt: str) -> str:
    tokenizer, model = _loaded()
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    output = model.generate(**inputs, max_new_tokens=120)
    return tokenizer.decode(output[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def _small(prompt: str) -> str:
    reply = httpx.post(
        f"{settings.ollama_host}/api/generate",
        json={"model": "qwen2:7b", "prompt": prompt, "stream": False},
        timeout=120,
    )
    reply.raise_for_status()
    return reply.json()["response"].strip()
