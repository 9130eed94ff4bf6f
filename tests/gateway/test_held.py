# ruff: noqa: SIM117 - what is served stands around what is asked
"""What providers keep: it stays where and with whom it is, and runs nothing that its caller may not use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from support.gateway_keeper import keepers
from support.gateway_provider import providers
from support.gateway_rig import config, gateway, get, post, until
from support.gateway_tenants import KEY, MINI, TENANT, client, line


def test_a_stored_chat_is_found_again(tmp_path: Path) -> None:
    with keepers("one", "two") as (one, _), gateway(tmp_path, config(one, _)) as running:
        with client(running.url) as sdk:
            asked: Any = {"model": "gpt-4o", "messages": []}
            kept = sdk.chat.completions.create(**asked, store=True)
            found = sdk.chat.completions.retrieve(kept.id)
            sdk.chat.completions.delete(kept.id)
            streamed = list(sdk.chat.completions.create(**asked, store=True, stream=True))
            again = sdk.chat.completions.retrieve(streamed[0].id)

    assert found.id == kept.id
    assert again.id == streamed[0].id


def test_what_is_not_stored_is_not_remembered(tmp_path: Path) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one)) as running, client(running.url) as sdk:
        answer = sdk.chat.completions.create(model="gpt-4o", messages=[])
        with pytest.raises(openai.NotFoundError):
            sdk.chat.completions.retrieve(answer.id)


def test_a_file_put_together_from_parts_belongs_to_who_did_it(tmp_path: Path) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one)) as running, client(running.url) as sdk:
        upload = sdk.uploads.create(bytes=3, filename="f", mime_type="text/plain", purpose="user_data")
        part = sdk.uploads.parts.create(upload.id, data=b"abc")
        done = sdk.uploads.complete(upload.id, part_ids=[part.id])
        assert done.file is not None
        found = sdk.files.retrieve(done.file.id)

    assert found.id == done.file.id


def test_what_a_request_names_decides_where_it_goes(tmp_path: Path) -> None:
    """A file at the second provider is no use to the first, which would be asked otherwise."""
    with keepers("one", "two") as (one, two):
        route = 'retries = 0\n[[route]]\nmodel = "llama*"\nupstreams = ["two"]\n'
        with gateway(tmp_path, config(one, two, route=route)) as running, client(running.url) as sdk:
            there = sdk.files.create(file=("b.jsonl", line("llama-3")), purpose="batch")
            here = sdk.files.create(file=b"x", purpose="user_data")
            store = sdk.vector_stores.create(file_ids=[there.id])

            def ask(model: str, *ids: str) -> Any:
                content: Any = [{"type": "input_file", "file_id": one} for one in ids]
                return sdk.responses.create(model=model, input=[{"role": "user", "content": content}])

            answer = ask("gpt-4o", there.id)
            with pytest.raises(openai.BadRequestError) as apart:
                ask("gpt-4o", there.id, here.id)
            with pytest.raises(openai.BadRequestError) as elsewhere:
                ask("llama-3", here.id)

    assert store.id.startswith("vs_two")
    assert answer.id.startswith("resp_two")
    assert apart.value.code == "objects_held_apart"
    assert elsewhere.value.code == "object_held_elsewhere"


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"gpt-4o","input":[{"type":"input_file","file_id":"FILE"}]}',
        b'{"model":"gpt-4o","input":[{"type":"input_file","file\\u005fid":"FILE"}]}',
        b'{"model":"gpt-4o","input":[{"type":"input_file","file_id":"HIDDEN"}]}',
        b'{"model":"gpt-4o","input":"x","tools":[{"type":"code_interpreter","container":"CONTAINER"}]}',
        b'{"model":"gpt-4o","a_b":"a_b_c_d_e_f_g_h_i_j","tools":[{"container":"CONTAINER"}]}',
    ],
)
def test_somebody_elses_object_is_out_of_reach_however_it_is_written(tmp_path: Path, body: bytes) -> None:
    other = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=other)) as running:
        with client(running.url) as sdk:
            file = sdk.files.create(file=b"secret", purpose="user_data").id
            container = sdk.containers.create(name="c").id
        for _ in range(2):  # the second on the same connection, where what was decided is remembered
            content = body.replace(b"FILE", file.encode()).replace(b"CONTAINER", container.encode())
            content = content.replace(b"HIDDEN", b"\\u0066" + file.encode()[1:])
            headers = {"authorization": "Bearer sk-other", "content-type": "application/json"}
            answer = post(f"{running.url}/v1/responses", content=content, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        reached = [seen.path for seen in one.seen]

    assert reached == ["/v1/files", "/v1/containers"]


def test_a_form_reaches_for_nobody_elses_object_and_a_file_may_mention_any(tmp_path: Path) -> None:
    other = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
    headers = {"authorization": "Bearer sk-other"}
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=other)) as running:
        with client(running.url) as sdk:
            theirs = sdk.files.create(file=b"secret", purpose="user_data").id
        with client(running.url, "sk-other") as stranger:
            mine = stranger.containers.create(name="c").id
            mentions = stranger.files.create(file=f'{{"file_id":"{theirs}"}}'.encode(), purpose="user_data")
        taken = post(
            f"{running.url}/v1/containers/{mine}/files", files={"file_id": (None, theirs)}, headers=headers
        )
        as_json = post(f"{running.url}/v1/containers/{mine}/files", json={"file_id": theirs}, headers=headers)
        asked = {"model": "gpt-4o", "input": [{"type": "input_file", "file_id": theirs}]}
        lie = {**headers, "content-type": "multipart/form-data; boundary=xx"}
        lied = post(f"{running.url}/v1/responses", content=json.dumps(asked), headers=lie)
        reached = [seen.path for seen in one.seen]

    assert mentions.id.startswith("file-one")
    assert (taken.status_code, as_json.status_code, lied.status_code) == (404, 404, 404)
    assert reached == ["/v1/files", "/v1/containers", "/v1/files"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "responses",
            {"model": "gpt-4o-mini", "input": "x", "tools": [{"type": "t", "model": "gpt-image-1"}]},
        ),
        ("chat/completions", {"model": "gpt-4o-mini", "messages": [], "models": ["gpt-4o"]}),
        ("chat/completions", {"model": "gpt-4o-mini", "messages": [], "fallbacks": ["gpt-4o"]}),
        (
            "messages",
            {"model": "gpt-4o-mini", "messages": [], "max_tokens": 1, "fallbacks": [{"model": "gpt-4o"}]},
        ),
        ("chat/completions", {"model": "gpt-4o-mini", "messages": [], "models": [{"model": ["gpt-4o"]}]}),
        ("images/generations", {"prompt": "the usual model"}),
        ("moderations", {"input": "the usual model"}),
        ("videos", {"prompt": "the usual model"}),
        ("responses", {"prompt": {"id": "pmpt_1"}}),
    ],
)
def test_a_key_for_some_models_runs_no_other_by_the_way(tmp_path: Path, path: str, body: Any) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=TENANT)) as running:
        mini = post(f"{running.url}/v1/{path}", json=body, headers=MINI)
        reached = list(mock.seen)

    assert mini.status_code in {400, 403}
    assert reached == []


def test_other_models_of_a_body_are_judged_by_the_rules_too(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house.no-o1"\nsummary = "No."\nwhen = { model = ["o1*"] }\n'
    body = {"model": "gpt-4o", "messages": [], "models": ["gpt-4o", "o1-pro"]}
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=rule)) as running:
        allowed = post(f"{running.url}/v1/chat/completions", json={**body, "models": ["gpt-4o"]}, headers=KEY)
        refused = post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)

    assert allowed.status_code == 200
    assert refused.json()["error"]["param"] == "house.no-o1"
    assert len(mock.seen) == 1


def test_an_assistant_runs_only_for_who_may_use_its_model(tmp_path: Path) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=TENANT)) as running:
        made = post(
            f"{running.url}/v1/assistants",
            json={"model": "gpt-4o"},
            headers={"authorization": "Bearer sk-all-models"},
        ).json()["id"]
        one.objects[made]["model"] = "gpt-4o"
        thread = post(f"{running.url}/v1/threads", json={}, headers=MINI).json()["id"]
        asked = {"assistant_id": made}
        refused = post(f"{running.url}/v1/threads/{thread}/runs", json=asked, headers=MINI)
        one.objects[made]["model"] = "gpt-4o-mini"
        allowed = post(f"{running.url}/v1/threads/{thread}/runs", json=asked, headers=MINI)
        at_once = post(f"{running.url}/v1/threads/runs", json=asked, headers=MINI)

    assert refused.json()["error"]["code"] == "model_not_permitted"
    assert (allowed.status_code, at_once.status_code) == (200, 200)


def test_what_cannot_be_read_cannot_be_judged_and_is_not_run(tmp_path: Path) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one)) as running, client(running.url) as sdk:
        file = sdk.files.create(file=("b.jsonl", line("gpt-4o")), purpose="batch")
        one.content[file.id] = b"{no json\n"
        asked: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
        with pytest.raises(openai.BadRequestError):
            sdk.batches.create(input_file_id=file.id, **asked)
        one.down = True
        with pytest.raises(openai.InternalServerError) as unread:
            sdk.batches.create(input_file_id=file.id, **asked)

    assert unread.value.code == "reliant_not_judged"


def test_a_page_of_a_list_is_filled_though_others_made_objects_since(tmp_path: Path) -> None:
    other = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=other)) as running:
        with client(running.url) as sdk, client(running.url, "sk-other") as others:
            mine = [sdk.batches.create(**_batch(sdk)).id for _ in range(3)]
            for _ in range(25):
                others.files.create(file=b"x", purpose="user_data")
            theirs = _batch(others)
            for _ in range(25):
                others.batches.create(**theirs)
            page = sdk.batches.list(limit=2)
            listed = [batch.id for batch in sdk.batches.list(limit=2)]
            strangers = [batch.id for batch in others.batches.list(limit=10)]

    assert [batch.id for batch in page.data] == mine[:0:-1]
    assert listed == mine[::-1]
    assert len(strangers) == 25
    assert not set(strangers) & set(mine)


def _batch(sdk: openai.OpenAI) -> Any:
    file = sdk.files.create(file=("b.jsonl", line("gpt-4o")), purpose="batch")
    return {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}


def test_a_tuned_model_is_its_tenants_alone(tmp_path: Path) -> None:
    other = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=other)) as running:
        tuned = "ft:gpt-4o:house::abc123"
        with client(running.url) as sdk:
            file = sdk.files.create(file=b"x", purpose="fine-tune")
            job = sdk.fine_tuning.jobs.create(model="gpt-4o", training_file=file.id)
            one.objects[job.id]["fine_tuned_model"] = tuned
            assert sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model == tuned
            mine = sdk.chat.completions.create(model=tuned, messages=[])
            one.listed = [{"id": tuned, "object": "model"}, {"id": "gpt-4o", "object": "model"}]
            listed = [model.id for model in sdk.models.list()]
        with client(running.url, "sk-other") as stranger:
            with pytest.raises(openai.NotFoundError) as theirs:
                stranger.chat.completions.create(model=tuned, messages=[])
            hidden = [model.id for model in stranger.models.list()]

    assert mine.model == tuned
    assert theirs.value.code == "model_not_found"
    assert listed == [tuned, "gpt-4o"]
    assert hidden == ["gpt-4o"]


def test_a_long_answer_is_remembered_too(tmp_path: Path) -> None:
    """The container that it ran in is named in it, deep inside."""
    output = [
        {"type": "code_interpreter_call", "container_id": "cntr_made01", "id": "ci_1", "code": "x" * 100_000}
    ]
    value = {"id": "resp_long0001", "object": "response", "output": output}
    with keepers("one") as (one,), gateway(tmp_path, config(one)) as running:
        one.responses = json.dumps(value).encode()
        made = post(f"{running.url}/v1/responses", json={"model": "gpt-4o", "input": "x"}, headers=KEY)
        again = get(f"{running.url}/v1/responses/resp_long0001", headers=KEY)
        files = get(f"{running.url}/v1/containers/cntr_made01/files", headers=KEY)
        until(lambda: len(running.outcomes()) == 3, "all have ended")

    assert made.json()["id"] == "resp_long0001"
    assert (again.status_code, files.status_code) == (200, 200)


def test_nobody_claims_an_object_by_writing_its_id_into_a_request(tmp_path: Path) -> None:
    """Providers repeat what their callers wrote, for example as metadata."""
    other = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
    claim = {"container_id": "cntr_theirs01", "id": "resp_theirs01"}
    value = {"metadata": claim, "object": "response", "output": [], "id": "resp_mine0001"}
    headers = {"authorization": "Bearer sk-other"}
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=other)) as running:
        one.responses = json.dumps(value).encode()
        asked = {"model": "gpt-4o", "input": "x", "metadata": claim}
        made = post(f"{running.url}/v1/responses", json=asked, headers=headers)
        event = b"event: response.created\ndata: " + json.dumps({"response": value}).encode() + b"\n\n"
        one.stream = event + event.replace(b"created", b"completed")
        streamed = post(f"{running.url}/v1/responses", json={**asked, "stream": True}, headers=headers)
        mine = get(f"{running.url}/v1/responses/resp_mine0001", headers=headers)
        container = get(f"{running.url}/v1/containers/cntr_theirs01/files", headers=headers)
        response = get(f"{running.url}/v1/responses/resp_theirs01", headers=headers)

    assert made.json()["id"] == "resp_mine0001"
    assert b"response.completed" in streamed.content
    assert mine.status_code == 200
    assert (container.status_code, response.status_code) == (404, 404)


def test_an_id_that_two_are_given_stays_with_the_first(tmp_path: Path) -> None:
    """Small servers number their answers, and begin again when they are started anew."""
    other = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=other)) as running:
        one.responses = b'{"id":"resp_00000001","object":"response","output":[]}'
        asked = {"model": "gpt-4o", "input": "x"}
        for headers in (KEY, {"authorization": "Bearer sk-other"}):
            post(f"{running.url}/v1/responses", json=asked, headers=headers)
            running.worker.gateway.holdings._recent.clear()  # as after a restart
        first = get(f"{running.url}/v1/responses/resp_00000001", headers=KEY)
        post(f"{running.url}/v1/responses", json=asked, headers={"authorization": "Bearer sk-other"})
        second = get(
            f"{running.url}/v1/responses/resp_00000001", headers={"authorization": "Bearer sk-other"}
        )

    assert (first.status_code, second.status_code) == (200, 404)
