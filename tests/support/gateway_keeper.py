"""A provider that keeps what it is given, as the large ones do: a real server on loopback.

Its ids begin with what they are and hold its name, its lists come in pages, and it
says which models it has. It knows only that all callers use one and the same key.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from support.gateway_provider import Provider, Seen, _send, listening

KINDS = {
    "files": "file",
    "batches": "batch",
    "uploads": "upload",
    "parts": "part",
    "vector_stores": "vs",
    "file_batches": "vsfb",
    "conversations": "conv",
    "items": "msg",
    "containers": "cntr",
    "evals": "eval",
    "runs": "run",
    "jobs": "ftjob",
    "videos": "video",
    "characters": "char",
    "skills": "skill",
    "versions": "skillver",
    "assistants": "asst",
    "threads": "thread",
    "messages": "msg",
}
RAW = {"content", "results"}
_FORM_FILE = re.compile(rb'name="file".*?\r\n\r\n(.*?)\r\n--', re.DOTALL)


@dataclass
class Keeper(Provider):
    """One provider; `listed` are its models, None if it has no such list."""

    listed: list[dict[str, Any]] | None = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)
    hangs_on_models: bool = False
    responses: bytes | None = None
    stream: bytes = b""
    says: tuple[int, bytes, dict[str, str]] | None = None

    async def _answer(self, request: Seen, writer: asyncio.StreamWriter) -> bool:
        if self.says is not None:
            await _send(writer, *self.says)
            return True
        path, _, query = request.path.partition("?")
        parts = path.split("/")[2:]
        if path == "/v1/models" and not self.down:
            if self.hangs_on_models:
                await asyncio.sleep(60)
            listed = {"object": "list", "data": self.listed}
            await _send(writer, 404 if self.listed is None else 200, json.dumps(listed).encode(), {})
            return True
        if path == "/v1/responses" and self.responses is not None:
            streams = self.stream and b'"stream": true' in request.body.replace(b'":true', b'": true')
            kind = {"content-type": "text/event-stream"} if streams else {}
            await _send(writer, 200, self.stream if streams else self.responses, kind)
            return True
        first = parts[0] if parts[0] != "fine_tuning" else parts[1]
        held = first in KINDS and path != "/v1/messages" and not path.endswith("count_tokens")
        if self.down or not (held or path.startswith(("/v1/responses/", "/v1/chat/completions/"))):
            return await super()._answer(request, writer)
        status, body, kind = self._keep(request, parts, query)
        await _send(writer, status, body, {"content-type": kind})
        return True

    def _keep(self, request: Seen, parts: list[str], query: str) -> tuple[int, bytes, str]:
        last = parts[-1]
        if parts[0] == "vector_stores" and last in {"content", "search"}:
            return 200, b'{"object":"page","data":[],"has_more":false}', "application/json"
        if request.method == "GET" and last in RAW:
            return 200, self.content.get(parts[-2], b"stored"), "application/octet-stream"
        if last in KINDS or (request.method == "GET" and last in {"input_items", "events"}):
            if request.method == "GET":
                return 200, json.dumps(self._page(last, query)).encode(), "application/json"
            made = self._make(KINDS[last], request)
            return 200, json.dumps(made).encode(), "application/json"
        known = [self.objects[one] for one in parts if one in self.objects]
        thing = dict(known[-1]) if known else {"id": last, "object": "thing"}
        if last == "complete":
            thing["file"] = self._make("file", request)
        if thing["object"] == "batch" and request.method == "GET" and "output_file_id" not in thing:
            made = self._make("file", request)
            self.content[made["id"]] = b'{"custom_id":"1"}\n'
            thing = self.objects[thing["id"]] = {**thing, "output_file_id": made["id"]}
        return 200, json.dumps(thing).encode(), "application/json"

    def _make(self, prefix: str, request: Seen) -> dict[str, Any]:
        made: dict[str, Any] = {"object": prefix}
        if request.path.startswith("/v1/messages/batches"):
            prefix = "msgbatch"
            made = {"type": "message_batch", "processing_status": "ended"}
        sep = "-" if prefix == "file" else "_"
        made["id"] = f"{prefix}{sep}{self.name}{len(self.objects):05d}"
        made["object"] = prefix
        if prefix == "msgbatch":
            # As the real one: an address of its own host.
            made["results_url"] = f"https://api.anthropic.com/v1/messages/batches/{made['id']}/results"
        file = _FORM_FILE.search(request.body)
        if prefix == "file" and file is not None:
            self.content[made["id"]] = file[1]
        self.objects[made["id"]] = made
        return made

    def _page(self, last: str, query: str) -> dict[str, Any]:
        """Return the newest first, as real providers do, cut to the page that is asked for."""
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        found = [
            one for one in reversed(self.objects.values()) if one["object"] in {KINDS.get(last), "msgbatch"}
        ]
        found = [
            one for one in found if (one["object"] == "msgbatch") == (last == "batches" and self._anthropic)
        ]
        names = [one["id"] for one in found]
        after = asked.get("after") or asked.get("after_id")
        if after in names:
            found = found[names.index(after) + 1 :]
        most = int(asked.get("limit", "20"))
        page = found[:most]
        edges = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        return {"object": "list", "data": page, "has_more": len(found) > most, **edges}

    @property
    def _anthropic(self) -> bool:
        return any(one["object"] == "msgbatch" for one in self.objects.values())


@contextmanager
def keepers(*names: str) -> Iterator[list[Keeper]]:
    """Run providers that keep things."""
    with listening([Keeper(name) for name in names]) as made:
        yield made
