"""Clients and endpoints in languages that are read without a grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Look

JAVA = """
package shop;
import com.openai.client.okhttp.OpenAIOkHttpClient;
// call "https://api.anthropic.com" with model("claude-3-opus") some day
class Chat {
  String ask(String q) {
    var client = OpenAIOkHttpClient.builder().apiKey(System.getenv("KEY")).build();
    return client.chat().create(Params.builder().model("gpt-4o-mini").build());
  }
}
"""
KOTLIN = """
import dev.langchain4j.model.openai.OpenAiChatModel
val model = OpenAiChatModel.builder()
    .baseUrl("https://api.deepseek.com/v1")
    .modelName(System.getenv("LLM_MODEL") ?: "deepseek-chat")
    .build()
"""
GO = """
package main

import (
\t"os"
\topenai "github.com/sashabaranov/go-openai"
)

func ask() {
\tcfg := openai.DefaultConfig(os.Getenv("KEY"))
\tcfg.BaseURL = "https://api.moonshot.cn/v1"
\treq := openai.ChatCompletionRequest{Model: "moonshot-v1-8k"}
}
"""
GO_DEFAULT = """
package main

import "github.com/sashabaranov/go-openai"

func ask(c *openai.Client) { c.Create(openai.ChatCompletionRequest{Model: openai.GPT4oMini}) }
"""
RUST = """
use async_openai::{Client, config::OpenAIConfig};
fn ask() {
    let config = OpenAIConfig::new().with_api_base("https://api.groq.com/openai/v1");
    let request = Request::default().model("llama-3.3-70b-versatile");
}
"""
RUBY = """
require "openai"
client = OpenAI::Client.new(access_token: ENV.fetch("X"), uri_base: "https://open.bigmodel.cn/api/paas/v4")
client.chat(parameters: { model: "glm-4-flash", messages: [] }) # or "gpt-4o"
"""
CSHARP = """
using Azure.AI.OpenAI;
class Chat {
  void Ask() {
    var client = new AzureOpenAIClient(new Uri("https://acme.openai.azure.com/"), credential);
    var chat = client.GetChatClient(deploymentName: "gpt-4o");
  }
}
"""
PHP = """<?php
$body = ['model' => 'mistral-large-latest', 'messages' => []];
$answer = $http->post('https://api.mistral.ai/v1/chat/completions', ['json' => $body]);
"""
SWIFT = """
let url = URL(string: "https://api.anthropic.com/v1/messages")!
let body = ["model": "claude-sonnet-4-5", "max_tokens": 10]
"""


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("Chat.java", JAVA, ("openai", "gpt-4o-mini")),
        ("Chat.kt", KOTLIN, ("deepseek", "deepseek-chat")),
        ("chat.go", GO, ("moonshot", "moonshot-v1-8k")),
        ("chat.go", GO_DEFAULT, ("openai", "gpt-4o-mini")),
        ("chat.rs", RUST, ("groq", "llama-3.3-70b-versatile")),
        ("chat.rb", RUBY, ("zhipu", "glm-4-flash")),
        ("Chat.cs", CSHARP, ("azure-openai", "gpt-4o")),
        ("chat.php", PHP, ("mistral", "mistral-large-latest")),
        ("Chat.swift", SWIFT, ("anthropic", "claude-sonnet-4-5")),
    ],
)
def test_the_server_is_named_and_not_merely_whose_sdk_is_used(
    look: Look, path: str, text: str, wanted: tuple[str, str]
) -> None:
    found = look(path, text)

    assert found.models == {wanted}
    assert found.providers == {wanted[0]}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Car.java", 'class Car { String model = "corolla-2024"; String s = "openai"; }'),
        ("Docs.java", '// https://api.openai.com/v1 with "gpt-4o"\n/* model("gpt-4o") */ class Docs {}'),
        ("car.go", 'package car\n\nvar Model = "x-200"\nvar Link = "https://openai.com/blog"\n'),
        ("car.rb", "# model: 'gpt-4o'\nmodel = User.find('1')\n"),
        ("Car.cs", 'using System.Net; class Car { string Model = "M-3"; }'),
        ("car.php", "<?php // https://api.openai.com\n$model = 'App\\Models\\User';\n"),
        ("car.rs", 'use std::fs; fn model() { let model = "mesh-01"; }'),
        ("car.lua", '-- https://api.openai.com\nlocal model = "mesh-01"\n'),
    ],
)
def test_other_models_and_comments_are_not_reported(look: Look, path: str, text: str) -> None:
    assert look(path, text).uses == ()


def test_each_function_keeps_its_own_endpoint(look: Look) -> None:
    found = look(
        "two.go",
        'package a\n\nfunc A() { post("https://api.x.ai/v1", Body{Model: "grok-2-1212"}) }\n\n'
        'func B() { post("https://api.deepseek.com", Body{Model: "deepseek-chat"}) }\n',
    )

    assert found.models == {("xai", "grok-2-1212"), ("deepseek", "deepseek-chat")}


def test_a_long_list_of_known_ids_is_a_list_and_not_a_use(look: Look) -> None:
    ids = ["gpt-4o", "gpt-4o-mini", "gpt-4-turbo", "gpt-3.5-turbo", "o1-mini", "claude-3-opus-20240229"]
    ids += ["claude-3-haiku-20240307", "gemini-1.5-pro", "gemini-1.5-flash"]
    text = (
        "package a\n\nvar prices = map[string]float64{\n" + "".join(f'\t"{i}": 1.5,\n' for i in ids) + "}\n"
    )

    assert look("prices.go", text).models == set()


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        (
            "a.go",
            'package a\n\nvar u = "https://generativelanguage.googleapis.com/v1beta/'
            'models/gemini-1.5-flash:generateContent"\n',
            ("google", "gemini-1.5-flash"),
        ),
        (
            "A.java",
            'class A { String u = "https://api.mistral.ai/v1/chat/completions";'
            ' String b = "{\\"model\\": \\"mistral-small-latest\\"}"; }',
            ("mistral", "mistral-small-latest"),
        ),
        (
            "a.rs",
            'fn a() { post("https://api.anthropic.com/v1/messages", '
            'r#"{"model": "claude-3-opus-20240229"}"#); }',
            ("anthropic", "claude-3-opus-20240229"),
        ),
        (
            "ask.sh",
            'curl https://api.deepseek.com/chat/completions -d \'{"model": "deepseek-chat"}\'\n',
            ("deepseek", "deepseek-chat"),
        ),
        (
            "a.cs",
            "class A { string U = "
            '"https://acme.openai.azure.com/openai/deployments/gpt-4o/chat/completions"; }',
            ("azure-openai", "gpt-4o"),
        ),
    ],
)
def test_a_model_in_an_address_or_in_a_body_of_text_is_found(
    look: Look, path: str, text: str, wanted: tuple[str, str]
) -> None:
    found = look(path, text)

    assert found.models == {wanted}
    assert found.providers == {wanted[0]}


def test_a_list_of_models_at_an_address_names_no_model(look: Look) -> None:
    found = look("a.go", 'package a\n\nvar u = "https://api.groq.com/openai/v1/models"\n')

    assert found.models == set()
    assert found.providers == {"groq"}


def test_two_clients_of_one_framework_keep_their_own_models(look: Look) -> None:
    found = look(
        "Program.cs",
        "using Microsoft.SemanticKernel;\nvar b = Kernel.CreateBuilder();\n"
        'b.AddAzureOpenAIChatCompletion("gpt-4o-mini", "https://acme.openai.azure.com/", key);\n'
        'b.AddOpenAIChatCompletion(modelId: "gpt-4", apiKey: key);\n',
    )

    assert found.models == {("azure-openai", "gpt-4o-mini"), ("openai", "gpt-4")}


def test_an_id_that_is_wrapped_in_a_call_is_found(look: Look) -> None:
    found = look(
        "a.go",
        'package a\n\nimport (\n\t"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"\n)\n\n'
        "func f() { c.InvokeModel(&bedrockruntime.InvokeModelInput{"
        'ModelId: aws.String("anthropic.claude-3-sonnet-20240229-v1:0")}) }\n',
    )

    assert found.models == {("aws-bedrock", "anthropic.claude-3-sonnet-20240229-v1:0")}
