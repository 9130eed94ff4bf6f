"""Commands in Dockerfiles, scripts and Modelfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Look


def test_a_model_that_a_program_in_a_dockerfile_downloads_is_found_on_its_line(look: Look) -> None:
    found = look(
        "deploy/Dockerfile",
        "FROM python:3.12\nRUN pip install x && \\\n"
        '    python -c "from huggingface_hub import hf_hub_download; '
        "hf_hub_download('acme/layout-onnx', 'm.onnx')\"\n",
    )

    assert {model for _, model in found.models} == {"acme/layout-onnx"}
    assert found.lines == {"acme/layout-onnx": 3}
    assert {use.scope for use in found.uses if use.model} == {"config"}


def test_weights_fetched_by_address_are_named_by_owner_and_name(look: Look) -> None:
    found = look(
        "Dockerfile",
        "RUN wget -q https://huggingface.co/acme/Qwen2-7B-GGUF/resolve/main/q4.gguf\n# see huggingface.co\n",
    )

    assert found.models == {("huggingface", "acme/Qwen2-7B-GGUF")}


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("ollama pull qwen2.5:7b", ("ollama", "qwen2.5:7b")),
        ("RUN_AS=me exec ollama run gemma2 hello", ("ollama", "gemma2")),
        ("vllm serve Qwen/Qwen2.5-7B-Instruct --port 80", ("vllm", "Qwen/Qwen2.5-7B-Instruct")),
        ("huggingface-cli download BAAI/bge-m3 --local-dir x", ("huggingface", "BAAI/bge-m3")),
        ("python -m serve --model mistralai/Mistral-7B-v0.1", (None, "mistralai/Mistral-7B-v0.1")),
    ],
)
def test_commands_of_runtimes_and_hubs_name_their_model(
    look: Look, command: str, wanted: tuple[str | None, str]
) -> None:
    assert look("run.sh", f"#!/bin/sh\n{command}\n").models == {wanted}


@pytest.mark.parametrize(
    "command",
    [
        "git pull origin main",
        "docker run nginx",
        "echo use ollama please",
        "# ollama pull llama3",
        "make MODEL=release",
        "phone --model iphone-12",
        "curl https://example.org/openai/gpt-4o",
    ],
)
def test_other_commands_name_none(look: Look, command: str) -> None:
    found = look("run.sh", f"#!/bin/sh\n{command}\n")

    assert found.providers == set()
    assert found.models == set()


def test_a_script_that_posts_to_a_vendor_uses_the_vendor(look: Look) -> None:
    found = look("ask.sh", 'curl -s https://api.anthropic.com/v1/messages \\\n -d "{}"\n')

    assert found.providers == {"anthropic"}


def test_a_base_image_of_a_runtime_is_found_and_another_is_not(look: Look) -> None:
    assert look("Dockerfile", "FROM ollama/ollama:0.5 AS base\n").providers == {"ollama"}
    assert look("Dockerfile", "FROM python:3.12\nENV MODEL=release\n").providers == set()


def test_variables_baked_into_an_image_are_read(look: Look) -> None:
    found = look(
        "Dockerfile",
        "FROM scratch\nENV OPENAI_BASE_URL=https://api.stepfun.com/v1 \\\n    OPENAI_MODEL=step-1-8k\n",
    )

    assert found.models == {("stepfun", "step-1-8k")}
    assert found.lines == {"step-1-8k": 3}


def test_a_modelfile_names_what_it_starts_from(look: Look) -> None:
    found = look("Modelfile", "FROM llama3.2:3b\nPARAMETER temperature 1\nADAPTER ./lora.gguf\n")

    assert found.models == {("ollama", "llama3.2:3b"), ("ollama", "lora.gguf")}


def test_a_dockerfile_called_modelfile_is_not_a_modelfile(look: Look) -> None:
    assert look("Modelfile", "FROM python:3.12\nRUN pip install x\n").models == set()
