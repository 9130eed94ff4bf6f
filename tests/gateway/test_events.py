"""Where a stream ends, and what of it is written down by then."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from reliant.gateway.api.events import Relay
from reliant.gateway.api.surface import CHAT, COMPLETIONS, MESSAGES, RESPONSES, Endpoint
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, config, gateway


@pytest.mark.parametrize(
    ("endpoint", "piece"),
    [
        (CHAT, b"data: [DONE]\n\n"),
        (COMPLETIONS, b'data: {"choices":[]}\n\ndata: [DONE]\n\n'),
        (CHAT, b"data:[DONE]\r\n\r\n"),
        (MESSAGES, b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
        (MESSAGES, b'data: {"type": "message_stop"}\n\n'),
        (RESPONSES, b'event: response.completed\ndata: {"type":"response.completed"}\n\n'),
        (RESPONSES, b'data: {"type": "response.failed"}\n\n'),
    ],
)
def test_the_end_mark_of_each_kind_of_stream_is_seen(endpoint: Endpoint, piece: bytes) -> None:
    assert Relay(endpoint, keeps=False).ends_in(piece)


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (CHAT, "data: [DONE]"),
        (CHAT, "\\ndata: [DONE]\\n"),
        (MESSAGES, "event: message_stop"),
        (MESSAGES, '\\"type\\": \\"message_stop\\"'),
        (RESPONSES, "it sends response.completed at last"),
        (RESPONSES, '\\"type\\":\\"response.completed\\"'),
    ],
)
def test_what_a_model_says_is_never_the_end_of_a_stream(endpoint: Endpoint, said: str) -> None:
    relay = Relay(endpoint, keeps=False)
    piece = relay.feed(b'data: {"delta":{"content":"' + said.encode() + b'"}}\n\n')

    assert piece
    assert not relay.ends_in(piece)
    assert not relay.complete


@pytest.mark.parametrize("model", ["gpt-4o", "fault-midstream"])
def test_who_reads_the_end_mark_finds_the_outcome_in_the_log(tmp_path: Path, model: str) -> None:
    with providers("one", "other") as (one, other):
        text = config(one, other, route="retries = 0\ncontinue_streams = true")
        with gateway(tmp_path, text) as running:
            asked = {
                "url": f"{running.url}/v1/chat/completions",
                "json": {"model": model, "messages": [], "stream": True},
                "headers": {"authorization": "Bearer sk-test"},
            }
            with httpx.Client(timeout=PATIENCE_S) as client, client.stream("POST", **asked) as answer:
                for line in answer.iter_lines():
                    if line == "data: [DONE]":
                        ends = [outcome.get("end", "whole") for outcome in running.outcomes()]
                        break

    assert ends == ["whole" if model == "gpt-4o" else "continued"]
