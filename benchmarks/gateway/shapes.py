"""Requests of 400 kB as users send them: each shape costs a gateway something else.

Words without end say little: a chat has quotes, an agent's history escapes and names of ids,
an image one string, a list of tools many names, tokens numbers, and programs in Go write each
`<`, `>` and `&` as an escape.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

SIZE = 400_000
_WORDS = (
    *("the", "provider", "answers", "when", "access", "is", "cut", "and", "a", "model"),
    *("serves", "users", "from", "here", "until", "a", "rule", "says", "no"),
)
_CHINESE = "模型的提供者在访问被切断时会怎样回答用户的问题"
_ASKED = {"model": "mock-model", "temperature": 0.7, "max_tokens": 256}


def _text(dice: random.Random, letters: int) -> str:
    return " ".join(dice.choices(_WORDS, k=letters // 5))


def _code(dice: random.Random, letters: int) -> str:
    lines = []
    for _ in range(letters // 90):
        one, two, three = dice.choices(_WORDS, k=3)
        lines.append(
            f'    if self.{one}_{two}["{three}"] > 0 and <{one}> & {two}:\n\t\treturn "{three}"  # {one}\n'
        )
    return "".join(lines)


def _many(one: Callable[[int], list[Any]]) -> list[Any]:
    """Return what `one` makes, as often as fits."""
    found: list[Any] = []
    size = 0
    while size < SIZE:
        more = one(len(found))
        found += more
        size += len(json.dumps(more, ensure_ascii=False).encode())
    return found


def _chat(dice: random.Random) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {
        **_ASKED,
        "messages": _many(
            lambda at: [{"role": roles[at % 2], "content": _text(dice, dice.randrange(200, 2_000))}]
        ),
    }


def _agent(dice: random.Random) -> dict[str, Any]:
    def turn(at: int) -> list[Any]:
        code = _code(dice, dice.randrange(500, 4_000))
        given = json.dumps({"path": "a.py", "text": code})
        asked = {"id": f"call_{at}", "type": "function", "function": {"name": "edit", "arguments": given}}
        return [
            {"role": "assistant", "content": None, "tool_calls": [asked]},
            {"role": "tool", "tool_call_id": f"call_{at}", "content": code[:800]},
        ]

    return {**_ASKED, "messages": _many(turn)}


def _tools(dice: random.Random) -> dict[str, Any]:
    def tool(at: int) -> list[Any]:
        takes = {
            name: {"type": "string", "description": _text(dice, 50)} for name in ("path", "query", "limit")
        }
        parameters = {"type": "object", "properties": takes, "required": ["path"]}
        function = {"name": f"tool_{at}", "description": _text(dice, 120), "parameters": parameters}
        return [{"type": "function", "function": function}]

    return {**_ASKED, "messages": [{"role": "user", "content": "Go on."}], "tools": _many(tool)}


def _image(dice: random.Random) -> dict[str, Any]:
    url = "data:image/png;base64," + base64.b64encode(dice.randbytes(SIZE * 3 // 4)).decode()
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    return {**_ASKED, "messages": [{"role": "user", "content": parts}]}


def _chinese(dice: random.Random) -> dict[str, Any]:
    def turn(_: int) -> list[Any]:
        return [{"role": "user", "content": "".join(dice.choices(_CHINESE, k=dice.randrange(100, 700)))}]

    return {**_ASKED, "messages": _many(turn)}


def shapes() -> dict[str, bytes]:
    """Return the body of each shape."""
    dice = random.Random(1)
    agent, chinese = _agent(dice), _chinese(dice)
    escaped = {**chinese, "messages": chinese["messages"][: len(chinese["messages"]) // 2]}
    texts = _many(lambda _: [_text(dice, dice.randrange(100, 600))])
    tokens = [[dice.randrange(100_000) for _ in range(500)] for _ in range(SIZE // 3_500)]
    in_go = json.dumps(agent, separators=(",", ":"))
    for sign in "<>&":
        in_go = in_go.replace(sign, f"\\u{ord(sign):04x}")
    words = [{"role": "user", "content": "word " * (SIZE // 5)}]
    made: dict[str, Any] = {
        "words": {**_ASKED, "messages": words},
        "chat": _chat(dice),
        "agent": agent,
        "image": _image(dice),
        "tools": _tools(dice),
        "texts to embed": {"model": "mock-model", "input": texts},
        "tokens to embed": {"model": "mock-model", "input": tokens},
        "chinese": chinese,
    }
    found = {name: json.dumps(body, ensure_ascii=False).encode() for name, body in made.items()}
    found["chinese, escaped"] = json.dumps(escaped).encode()
    found["agent in Go"] = in_go.encode()
    return found
