"""Files that look like nothing at first sight, and texts that look like models and are none."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("docstring", ['"""OpenAI provider."""', "'''Anthropic and others.'''"])
def test_a_file_whose_first_words_are_a_vendors_name_is_read(scanned, docstring: str) -> None:
    found = scanned({
        "app.py": f"{docstring}\nfrom openai import OpenAI\n"
        "def ask(t):\n    return OpenAI().chat.completions.create(model='gpt-4o-mini', messages=t)\n",
    })  # fmt: skip

    assert found.models == {("openai", "gpt-4o-mini")}


def test_a_file_that_holds_nothing_but_a_table_of_defaults_is_read(scanned) -> None:
    found = scanned({
        "app/defaults.py": (
            "DEFAULTS = {\n    'deepseek': {'model': 'deepseek-chat'},\n    'xai': {'model': 'grok-beta'}}\n"
        ),
    })  # fmt: skip

    assert {(use.provider, use.model) for use in found.used} == {
        ("deepseek", "deepseek-chat"),
        ("xai", "grok-beta"),
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "import requests\ndef ask(key):\n    return requests.post("
         "f'https://generativelanguage.googleapis.com/v1beta/models/gemini-1.5-pro:generateContent?key={key}')\n"),
        ("a.ts", "const BASE = 'https://generativelanguage.googleapis.com/v1beta';\n"
         "export const ask = (k) => fetch(`${BASE}/models/gemini-1.5-pro:generateContent?k=${k}`);\n"),
    ],
)  # fmt: skip
def test_a_model_in_the_path_of_an_address_is_asked(scanned, path: str, text: str) -> None:
    found = scanned({path: text})

    assert {(use.provider, use.model) for use in found.used if use.model} == {("google", "gemini-1.5-pro")}


def test_a_port_that_only_one_runtime_has_names_it(scanned) -> None:
    found = scanned({
        "a.py": "import requests\nMODEL = 'qwen2.5-coder:7b'\n"
        "def ask(t):\n    return requests.post('http://localhost:11434/api/generate', json=MODEL)\n",
    })  # fmt: skip

    assert {use.provider for use in found.used} == {"ollama"}


def test_a_plain_word_is_a_model_beside_a_local_runtime_and_nowhere_else(scanned) -> None:
    text = "class Config:\n    provider: str = '{}'\n    model: str = 'mistral'\n    url: str = 'http://{}'\n"
    local = scanned({"a.py": text.format("ollama", "localhost:11434")})
    hosted = scanned({"a.py": text.format("mistral", "api.mistral.ai")})

    assert local.models == {("ollama", "mistral")}
    assert hosted.models == set()


def test_a_plain_word_is_a_model_in_settings_of_a_local_runtime(scanned) -> None:
    assert scanned({"app.yaml": "llm:\n  provider: ollama\n  model: mistral\n"}).models == {
        ("ollama", "mistral")
    }
    assert scanned({"app.yaml": "llm:\n  provider: openai\n  model: mistral\n"}).models == set()


def test_an_id_without_a_telling_name_counts_where_its_maker_is_called(scanned) -> None:
    found = scanned({
        "a.py": "URL = 'wss://spark-api.xf-yun.com/v3.1/chat'\nclass Spark:\n    domain = 'generalv3'\n",
        "b.py": "class Other:\n    domain = 'generalv3'\n    url = 'https://api.deepseek.com'\n",
    })  # fmt: skip

    assert {(use.provider, use.model) for use in found.used if use.model} == {("iflytek", "generalv3")}
    assert {e.path for use in found.used if use.model for e in use.evidence} == {"a.py"}


def test_a_tag_behind_a_model_is_not_its_name(vendors) -> None:
    assert vendors.developer("yandexgpt/latest") == "yandex"


@pytest.mark.parametrize(
    "text",
    [
        "from huggingface_hub import snapshot_download\n"
        "snapshot_download('gorilla-llm/Berkeley-Function-Calling-Leaderboard', repo_type='dataset')\n",
        "from huggingface_hub import snapshot_download\nrepo_id = 'acme-ai/pages'\n"
        "snapshot_download(repo_id=repo_id, repo_type='dataset')\n",
        "from datasets import load_dataset\nimport transformers\nrows = load_dataset('openai/gsm8k-v2')\n",
    ],
)
def test_a_data_set_is_no_model(scanned, text: str) -> None:
    assert scanned({"a.py": text}).models == set()


def test_a_placeholder_is_no_model(scanned) -> None:
    found = scanned(
        {"a.py": "import openai\nclass Base:\n    default_model = 'NO-MODEL'\n    client = openai.OpenAI()\n"}
    )

    assert found.models == set()


def test_the_key_of_an_sdk_that_is_sent_elsewhere_names_no_provider(scanned) -> None:
    found = scanned({
        "a.py": "import os\nfrom openai import AzureOpenAI\n"
        "KEY = os.getenv('AZURE_OPENAI_API_KEY') or os.getenv('OPENAI_API_KEY')\n"
        "client = AzureOpenAI(api_key=KEY, azure_endpoint='https://acme.openai.azure.com')\n",
        "b.py": "MODEL = 'gpt-4o'\n",
    })  # fmt: skip

    assert found.providers == {"azure-openai"}
    assert found.models == {("azure-openai", "gpt-4o")}


def test_a_list_of_prices_is_no_function_of_the_product(scanned) -> None:
    row = '"%s": {"litellm_provider": "openai", "max_tokens": 9, "mode": "chat"%s}'
    prices = ', "input_cost_per_token": 1e-6'
    rows = [row % (f"gpt-4o-{n}", prices) for n in range(4)] + [row % ("gpt-4o-free", "")]
    found = scanned({"prices.json": "{" + ",\n".join(rows) + "}"})

    assert found.used == ()
    assert found.functions == ()


def test_a_catalogue_in_many_files_of_one_folder_is_set_aside(scanned) -> None:
    files = {
        f"models/m{n}.json": f'{{"model_id": "acme-labs/Base-{n}-7B", "provider": "huggingface"}}'
        for n in range(25)
    }
    found = scanned({**files, "config.json": '{"llm": {"provider": "openai", "model": "gpt-4o"}}'})

    assert found.models == {("openai", "gpt-4o")}
    assert "25" in next(note.reason for note in found.inventory.not_looked_at if note.path == "models/")


def test_a_tag_put_behind_a_model_makes_no_second_model(scanned) -> None:
    found = scanned({
        "a.py": "import ollama\ndef ask(text, model='llama3.2'):\n"
        "    if ':' not in model:\n        model = model + ':latest'\n"
        "    return ollama.chat(model=model, messages=text)\n",
    })  # fmt: skip

    assert found.models == {("ollama", "llama3.2")}


def test_a_library_that_runs_its_own_weights_is_no_hosted_service(scanned) -> None:
    found = scanned({"a.py": "import easyocr\nreader = easyocr.Reader(['en'])\n"})

    assert {(use.kind, use.channel) for use in found.used if use.kind != "sdk"} == {
        ("open-weights", "self-hosted")
    }


def test_a_file_of_weights_is_not_served_by_its_maker(scanned) -> None:
    found = scanned({
        "menu.py": "FILES = {'Gemma': 'gemma-3-4b-it-Q4_K_M.gguf'}\nmodel_file = FILES['Gemma']\n",
        "cloud.py": "from google import genai\nclient = genai.Client()\n"
        "client.models.generate_content(model='gemini-2.5-flash', contents='x')\n",
    })  # fmt: skip

    assert ("google", "gemma-3-4b-it-Q4_K_M.gguf") not in found.models


_FILL = "var a=function(b){return b.c(1,2,[3])};" * 2_000


def _bundled(text: str) -> dict[str, str]:
    return {"dist/app.min.js": f"{_FILL}{text}{_FILL}"}


def test_a_model_in_one_call_or_object_with_a_host_counts_in_a_bundle(scanned) -> None:
    call = 'x.post("https://api.groq.com/openai/v1/chat/completions",{model:"llama-3.3-70b-versatile",n:1})'
    table = ',y={baseURL:"https://api.deepseek.com/v1",model:"deepseek-chat"};'
    found = scanned(_bundled(call + table))

    assert found.models == {("groq", "llama-3.3-70b-versatile"), ("deepseek", "deepseek-chat")}


def test_a_model_elsewhere_in_a_bundle_or_of_another_lab_does_not_count(scanned) -> None:
    far = 'u="https://api.deepseek.com/v1";z({model:"gpt-4o"});w={base:"https://api.anthropic.com",model:"gpt-4o"};'

    assert scanned(_bundled(far)).models == set()


def test_ids_that_are_keys_of_a_table_are_named_and_not_used(scanned) -> None:
    found = scanned({
        "a.py": "URL = 'https://api.x.ai/v1'\nMODEL = 'grok-4.3'\n"
        "PRICES = {('grok-4.5', 'grok-4.6'): (2.0, 6.0), 'grok-4.7': (1.0, 2.0)}\n",
    })  # fmt: skip

    assert found.models == {("xai", "grok-4.3")}


def test_the_default_of_a_declared_variable_is_its_value(scanned) -> None:
    found = scanned({
        "server.json": (
            '{"packages": [{"environmentVariables": [\n  {"name": "ACME_MODEL", "default": "gpt-4o-mini"},\n'
            '  {"name": "OPENAI_API_KEY", "isSecret": true}]}]}'
        ),
    })  # fmt: skip

    assert ("openai", "gpt-4o-mini") in found.models
