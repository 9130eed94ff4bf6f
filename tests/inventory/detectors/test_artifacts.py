"""Weights by header, bills of materials, and traffic as it was."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.core.use import Scope
from reliant.inventory.detectors.model_file import DETECTOR
from reliant.inventory.view import FileView

if TYPE_CHECKING:
    from conftest import Look


def gguf(**texts: str) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    pairs = b"".join(
        text(key.replace("__", ".")) + struct.pack("<I", 8) + text(value) for key, value in texts.items()
    )
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(texts)) + pairs


def safetensors(**metadata: str) -> bytes:
    head = json.dumps(
        {"__metadata__": metadata, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    ).encode()
    return struct.pack("<Q", len(head)) + head + bytes(4)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.gguf", gguf(general__name="A")),
        ("a.safetensors", safetensors()),
        ("speech.bin", b"PK\x03\x04" + bytes(26) + b"archive/data.pkl" + bytes(40)),
        ("old.pt", bytes.fromhex("80028a0a6cfc9c46f9206aa85019") + bytes(40)),
        ("a.tflite", bytes(4) + b"TFL3" + bytes(40)),
        ("a.onnx", b"\x08\x07\x12\x07pytorch" + bytes(40)),
    ],
)
def test_a_weight_file_is_told_by_its_header(look: Look, name: str, content: bytes) -> None:
    found = look(f"assets/{name}", content)

    assert {model for _, model in found.models} == {name}
    assert {use.kind for use in found.uses} == {"open-weights"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("firmware.bin", b"\x7fELF" + bytes(100)),
        ("data.bin", bytes(range(256)) * 4),
        ("archive.bin", b"PK\x03\x04" + bytes(26) + b"readme.txt" + bytes(40)),
        ("table.h5", b"\x89HDF\r\n\x1a\n" + bytes(100)),
        ("empty.safetensors", b""),
        ("notes.pt", b"hello, this is text"),
    ],
)
def test_another_binary_of_the_same_name_is_not(look: Look, name: str, content: bytes) -> None:
    assert look(f"assets/{name}", content).models == set()


def test_what_weights_say_they_are_based_on_is_found(look: Look) -> None:
    quantised = look(
        "m/q4.gguf", gguf(general__base_model__0__repo_url="https://huggingface.co/Qwen/Qwen2.5-7B")
    )
    adapter = look(
        "m/adapter_config.json", '{\n "peft_type": "LORA",\n "base_model_name_or_path": "Qwen/Qwen2.5-7B"\n}'
    )

    assert {model for _, model in quantised.models} == {"q4.gguf", "Qwen/Qwen2.5-7B"}
    assert adapter.lines == {"Qwen/Qwen2.5-7B": 3}


def test_a_path_on_somebodys_disk_is_no_base_model(look: Look) -> None:
    text = '{"model_type": "bert", "_name_or_path": "/home/me/out/checkpoint-1000"}'

    assert look("m/config.json", text).uses == ()


def test_a_programs_own_config_json_is_read_as_configuration(look: Look) -> None:
    assert look("config.json", '{"llm": {"baseURL": "https://api.x.ai/v1", "model": "grok-2"}}').models == {
        ("xai", "grok-2")
    }


@given(st.binary(max_size=200))
def test_no_header_makes_the_reader_fail(data: bytes) -> None:
    for start in (b"", b"GGUF" + struct.pack("<IQQ", 3, 0, 5), struct.pack("<Q", 50) + b"{"):
        list(DETECTOR.detect(FileView("a.gguf", start + data, Scope.CODE, vendors=None)))  # type: ignore[arg-type]


CYCLONEDX = """{
 "bomFormat": "CycloneDX", "specVersion": "1.6",
 "components": [
  {"type": "machine-learning-model", "group": "Qwen", "name": "Qwen2.5-7B-Instruct"},
  {"type": "library", "name": "openai", "purl": "pkg:pypi/groq@1.0.0"},
  {"type": "library", "name": "left-pad", "purl": "pkg:npm/left-pad@1.3.0"}
 ],
 "services": [{"name": "chat", "endpoints": ["https://api.deepseek.com/v1"]}]
}"""


def test_a_bill_of_materials_gives_models_packages_and_services(look: Look) -> None:
    found = look("bom.json", CYCLONEDX)

    assert {model for _, model in found.models} == {"Qwen/Qwen2.5-7B-Instruct"}
    assert {"groq", "deepseek"} <= found.providers
    assert {use.scope for use in found.uses} == {"manifest"}
    assert found.lines == {"Qwen/Qwen2.5-7B-Instruct": 4}


def test_an_spdx_document_gives_the_same(look: Look) -> None:
    tags = "SPDXVersion: SPDX-2.3\nPackageName: x\nExternalRef: PACKAGE-MANAGER purl pkg:npm/groq-sdk@1.2\n"
    graph = (
        '{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", '
        '"@graph": [{"type": "ai_AIPackage", "name": "gemma-2-9b"}]}'
    )

    assert look("a.spdx", tags).providers == {"groq"}
    assert {model for _, model in look("a.spdx.json", graph).models} == {"gemma-2-9b"}


def test_a_bill_of_materials_without_ai_gives_nothing(look: Look) -> None:
    plain = (
        '{"bomFormat": "CycloneDX", '
        '"components": [{"type": "library", "name": "gpt-parser", "purl": "pkg:npm/lodash@4"}]}'
    )

    assert look("bom.json", plain).uses == ()


def span(system: str, model: str, address: str) -> dict[str, object]:
    told = {"gen_ai.provider.name": system, "gen_ai.request.model": model, "server.address": address}
    return {"attributes": [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]}


def test_spans_name_who_answered_and_not_whose_protocol_was_spoken(look: Look) -> None:
    document = {
        "resourceSpans": [{"scopeSpans": [{"spans": [span("openai", "deepseek-chat", "api.deepseek.com")]}]}]
    }

    for path, text in (
        ("trace.json", json.dumps(document, indent=1)),
        ("trace.jsonl", json.dumps(document) + "\n"),
    ):
        assert look(path, text).models == {("deepseek", "deepseek-chat")}, path
        assert look(path, text).providers == {"deepseek"}


def test_a_gateways_log_names_each_pair_once_at_its_first_line(look: Look) -> None:
    record = {
        "model": "gpt-4o",
        "api_base": "https://acme.openai.azure.com/",
        "custom_llm_provider": "azure",
        "spend": 1,
    }
    other = {"model": "claude-3-haiku-20240307", "custom_llm_provider": "bedrock", "spend": 1}
    found = look("gateway.jsonl", "\n".join(json.dumps(r) for r in (record, record, other, record)) + "\n")

    assert found.models == {("azure-openai", "gpt-4o"), ("aws-bedrock", "claude-3-haiku-20240307")}
    assert found.lines == {"gpt-4o": 1, "claude-3-haiku-20240307": 3}


def test_an_access_log_names_the_hosts_it_called(look: Look) -> None:
    lines = [
        '10.0.0.1 - "CONNECT https://api.openai.com:443" 200',
        "ts=1 level=info url=https://api.mistral.ai/v1/chat model=mistral-large-latest status=200",
        '10.0.0.1 - "GET https://shop.example/gpt-4o" 200',
    ]
    found = look("proxy.log", "\n".join(lines))

    assert found.providers == {"openai", "mistral"}
    assert found.models == {("mistral", "mistral-large-latest")}


def test_a_line_of_a_data_set_is_no_call(look: Look) -> None:
    rows = [{"model": "gpt-4", "prompt": "hi", "answer": "ho"}, {"question": "is claude-3-opus good?"}]

    assert look("eval.jsonl", "\n".join(json.dumps(row) for row in rows)).uses == ()


def test_an_installed_sdk_is_found_and_what_a_wheel_requires(look: Look) -> None:
    head = (
        "Metadata-Version: 2.1\nName: {name}\nRequires-Dist: httpx\nRequires-Dist: {needs}\n\nName: openai\n"
    )
    installed = look(
        "usr/lib/site-packages/groq-1.dist-info/METADATA", head.format(name="groq", needs="anthropic")
    )
    wheel = look("shop-1.0.dist-info/METADATA", head.format(name="shop", needs="mistralai; extra == 'ai'"))
    plain = look("shop-1.0.dist-info/METADATA", head.format(name="shop", needs="requests"))

    assert [(use.sdk, use.role) for use in installed.uses] == [("groq", "optional")]
    assert [(use.sdk, use.role) for use in wheel.uses] == [("mistralai", "optional")]
    assert plain.uses == ()
