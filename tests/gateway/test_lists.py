"""Lists of what a caller has, also where several providers hold some of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anthropic
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.gateway_keeper import Keeper, keepers
from support.gateway_rig import Running, config, gateway, get, post
from support.gateway_tenants import KEY, client, line

OTHER = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
ROUTES = (
    "retries = 0\n"
    '[[route]]\nmodel = "llama*"\nupstreams = ["two"]\n'
    '[[route]]\nmodel = "qwen*"\nupstreams = ["three"]\n'
)
MODELS = {"one": "gpt-4o", "two": "llama-3", "three": "qwen-2"}


class Rig(NamedTuple):
    running: Running
    providers: dict[str, Keeper]

    def file(self, where: str, *, secret: str = "sk-test") -> str:
        """Hand in a batch file, which goes to where its model is served."""
        with client(self.running.url, secret) as sdk:
            return sdk.files.create(file=("b.jsonl", line(MODELS[where])), purpose="batch").id


@contextmanager
def serving(folder: Path, more: str = "") -> Iterator[Rig]:
    with (
        keepers("one", "two", "three") as made,
        gateway(folder, config(*made, route=ROUTES, more=OTHER + more)) as running,
    ):
        yield Rig(running, {one.name: one for one in made})


def test_a_list_shows_what_all_providers_hold_one_after_the_other(tmp_path: Path) -> None:
    """In the order of the configuration, and of each in its own order: the newest first."""
    with serving(tmp_path) as rig:
        made = [rig.file(where) for where in ("two", "one", "three", "one", "two")]
        rig.file("two", secret="sk-other")
        with client(rig.running.url) as sdk:
            whole = sdk.files.list()
            paged = [file.id for file in sdk.files.list(limit=2)]
        reached = {name: len(one.seen) for name, one in rig.providers.items()}

    wanted = [made[3], made[1], made[4], made[0], made[2]]
    assert [file.id for file in whole.data] == wanted
    assert whole.has_more is False
    assert paged == wanted
    assert all(reached.values())


def handed_in(rig: Rig, where: str, secret: str) -> str:
    """Hand in a batch file without an SDK, which takes longer to make than all else here."""
    answer = post(
        f"{rig.running.url}/v1/files",
        files={"purpose": (None, "batch"), "file": ("b.jsonl", line(MODELS[where]))},
        headers={"authorization": f"Bearer {secret}"},
    )
    return str(answer.json()["id"])


def read(rig: Rig, query: str, secret: str) -> list[str]:
    """Read a list page by page, as the SDKs do."""
    listed: list[str] = []
    while True:
        after = f"&after={listed[-1]}" if listed else ""
        url = f"{rig.running.url}/v1/files?{query}{after}"
        page = get(url, headers={"authorization": f"Bearer {secret}"}).json()
        listed += [one["id"] for one in page["data"]]
        if not page["has_more"] or not page["data"]:
            return listed


_PROVIDERS = st.sampled_from(["one", "two", "three"])
_EXAMPLES = 40


def test_paging_gives_each_own_object_once_in_the_stated_order(tmp_path: Path) -> None:
    keys = [f"sk-of-{number}" for number in range(2 * _EXAMPLES)]
    blocks = "".join(f'[[key]]\nname = "{key}"\nsecret = "{key}"\n' for key in keys)
    with serving(tmp_path, blocks) as rig:

        @given(st.lists(_PROVIDERS, max_size=10), st.lists(_PROVIDERS, max_size=5), st.integers(1, 5))
        @settings(max_examples=_EXAMPLES, deadline=None)
        def paged(where: list[str], theirs: list[str], limit: int) -> None:
            mine, other = keys.pop(), keys.pop()
            made: dict[str, list[str]] = {"one": [], "two": [], "three": []}
            for position, name in enumerate(where):
                made[name].insert(0, handed_in(rig, name, mine))
                if position < len(theirs):
                    handed_in(rig, theirs[position], other)

            listed = read(rig, f"limit={limit}", mine)

            assert listed == [one for name in ("one", "two", "three") for one in made[name]]

        paged()


def test_only_who_holds_something_is_asked(tmp_path: Path) -> None:
    with serving(tmp_path) as rig:
        rig.file("two")
        for one in rig.providers.values():
            one.seen.clear()
        rig.providers["one"].down = rig.providers["three"].down = True
        with client(rig.running.url) as sdk:
            listed = [file.id for file in sdk.files.list()]

    assert len(listed) == 1
    assert [len(one.seen) for one in rig.providers.values()] == [0, 1, 0]


def test_a_list_that_would_not_be_whole_is_an_error(tmp_path: Path) -> None:
    with serving(tmp_path) as rig:
        rig.file("one")
        rig.file("two")
        rig.providers["two"].down = True
        with client(rig.running.url) as sdk, pytest.raises(openai.InternalServerError) as broken:
            sdk.files.list()
        with client(rig.running.url) as sdk:
            begin = sdk.files.list(limit=1)

    assert broken.value.code == "upstream_unreachable"
    assert begin.has_more is True


def test_a_provider_that_keeps_no_such_things_takes_nothing_from_the_list(tmp_path: Path) -> None:
    """Whether it comes first or later."""
    with serving(tmp_path) as rig:
        ids = [rig.file(where) for where in ("one", "two", "three")]
        codes = []
        for without in ("one", "two"):
            rig.providers[without].says = (404, b'{"error":{"message":"no such path"}}', {})
            with client(rig.running.url) as sdk:
                codes.append([file.id for file in sdk.files.list()])
            rig.providers[without].says = None

    assert codes == [[ids[1], ids[2]], [ids[0], ids[2]]]


def test_a_provider_that_the_rules_refuse_is_not_asked_and_that_is_said(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house.not-two"\nsummary = "No."\nwhen = { provider = "mistral" }\n'
    with serving(tmp_path) as rig:
        rig.file("one")
        rig.file("two")
        text = rig.running.config.read_text(encoding="utf-8")
        text = text.replace('name = "two"\nprovider = "openai"', 'name = "two"\nprovider = "mistral"')
        rig.running.config.write_text(text + rule, encoding="utf-8")
        assert rig.running.do(rig.running.worker.reload, "test") == ""
        for one in rig.providers.values():
            one.seen.clear()
        answer = get(f"{rig.running.url}/v1/files", headers=KEY)

    assert len(answer.json()["data"]) == 1
    assert "two" in answer.headers["x-reliant-warning"]
    assert rig.providers["two"].seen == []


def test_a_list_over_several_providers_is_not_read_backwards(tmp_path: Path) -> None:
    with serving(tmp_path) as rig:
        rig.file("one")
        alone = get(f"{rig.running.url}/v1/files?before=file-x", headers=KEY)
        rig.file("two")
        apart = get(f"{rig.running.url}/v1/files?before=file-x", headers=KEY)

    assert alone.status_code == 200
    assert (apart.status_code, apart.json()["error"]["code"]) == (400, "list_read_backwards")


def test_a_list_does_not_begin_after_somebody_elses_object(tmp_path: Path) -> None:
    with serving(tmp_path) as rig:
        rig.file("one")
        theirs = rig.file("one", secret="sk-other")
        answer = get(f"{rig.running.url}/v1/files?after={theirs}", headers=KEY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_each_format_lists_what_providers_of_it_hold(tmp_path: Path) -> None:
    """The two interfaces' files have the same path and different shapes."""
    with keepers("chat", "claude") as (chat, claude):
        text = config(chat, more='[policy]\non_unknown = { access = "warn" }\n') + (
            f'[[upstream]]\nname = "claude"\nprovider = "anthropic"\napi = "anthropic"\n'
            f'base_url = "{claude.url}"\napi_key = "k"\n'
            '[[route]]\nmodel = "claude*"\nupstreams = ["claude"]\n'
        )
        with gateway(tmp_path, text) as running:
            with client(running.url) as sdk:
                here = sdk.files.create(file=b"x", purpose="user_data").id
                batch = {"custom_id": "1", "params": {"model": "claude-x", "max_tokens": 1, "messages": []}}
            with anthropic.Anthropic(base_url=running.url, api_key="sk-test", max_retries=0) as messages:
                there = messages.messages.batches.create(requests=[batch]).id  # type: ignore[list-item]
                batches = [one.id for one in messages.messages.batches.list()]
            with client(running.url) as sdk:
                files = [one.id for one in sdk.files.list()]

    assert batches == [there]
    assert files == [here]
