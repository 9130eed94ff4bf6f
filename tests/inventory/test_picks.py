"""Which of several is taken: what a table, a setting, a condition or a registry picks."""

from __future__ import annotations

import pytest

_OPTION = (
    "import argparse\nfrom .providers import PROVIDERS\n"
    "def main():\n    parser = argparse.ArgumentParser()\n"
    "    parser.add_argument('--provider', choices=list(PROVIDERS), default='anthropic')\n"
)


def _adapters() -> dict[str, str]:
    return {
        "app/providers/anthropic.py": (
            "class AnthropicProvider:\n    model = 'claude-haiku-4-5'\n"
            "    def __init__(self):\n        import anthropic\n        self.client = anthropic.Anthropic()\n"
            "    def ask(self, t):\n        return self.client.messages.create(model=self.model, text=t)\n"
        ),
        "app/providers/groq.py": (
            "class GroqProvider:\n    model = 'llama-3.3-70b-versatile'\n"
            "    def __init__(self):\n        from groq import Groq\n        self.client = Groq()\n"
            "    def ask(self, t):\n"
            "        return self.client.chat.completions.create(model=self.model, messages=t)\n"
        ),
    }


def test_an_option_in_a_file_that_names_no_model_decides_between_adapters(scanned) -> None:
    found = scanned({**_adapters(), "app/cli.py": _OPTION})

    assert {use.model: use.role for use in found.used if use.model} == {
        "claude-haiku-4-5": "default",
        "llama-3.3-70b-versatile": "optional",
    }


def test_what_an_adapter_says_of_itself_picks_nobody(scanned) -> None:
    adapters = _adapters()
    adapters["app/providers/groq.py"] += (
        "    def told(self):\n        return dict(provider='groq', ok=True)\n"
    )

    found = scanned(adapters)

    assert {use.role for use in found.used if use.model} == {"optional"}


def test_a_table_that_names_one_of_its_own_entries_picks_it(scanned) -> None:
    found = scanned({
        "app.py": (
            "import litellm, requests\nCONFIG = {\n    'mode': 'local',\n"
            "    'local': {'url': 'http://localhost:11434/api/generate', 'model': 'qwen2.5-coder:7b'},\n"
            "    'cloud': {'model': 'gpt-4o', 'provider': 'openai'},\n}\n"
            "def cloud(s, text):\n    return litellm.completion(model=s['name'], messages=text)\n"
            "def local(settings, text):\n    return requests.post(settings['address'], json=text)\n"
        ),
    })  # fmt: skip

    assert {(use.provider, use.model, use.role) for use in found.used if use.model} == {
        ("ollama", "qwen2.5-coder:7b", "default"),
        ("openai", "gpt-4o", "optional"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "embeddings:\n  type: local\n  local:\n    provider: ollama\n    model: bge-m3\n"
        "  cloud:\n    provider: openai\n    model: text-embedding-3-small\n",
        "default_backend: local\nbackends:\n  local:\n    provider: ollama\n    model: bge-m3\n"
        "  cloud:\n    provider: openai\n    model: text-embedding-3-small\n",
    ],
)
def test_a_setting_that_holds_the_key_of_a_block_picks_that_block(scanned, text: str) -> None:
    found = scanned({"config.yaml": text})

    assert {use.model: use.role for use in found.used if use.model} == {
        "bge-m3": "default",
        "text-embedding-3-small": "optional",
    }


def test_the_class_that_a_registry_keeps_as_its_default_is_taken(scanned) -> None:
    found = scanned({
        "app.py": (
            "import openai\nclass ZhipuChat:\n    model = 'glm-4-flash'\n    def make(self):\n"
            "        return openai.OpenAI(base_url='https://open.bigmodel.cn/api/paas/v4')\n"
            "class DeepseekChat:\n    model = 'deepseek-chat'\n    def make(self):\n"
            "        return openai.OpenAI(base_url='https://api.deepseek.com')\n"
            "CHATS = dict(default=ZhipuChat, zhipu=ZhipuChat, deepseek=DeepseekChat)\n"
        ),
    })  # fmt: skip

    assert {use.model: use.role for use in found.used if use.model} == {
        "glm-4-flash": "default",
        "deepseek-chat": "optional",
    }


def test_a_model_that_a_condition_puts_in_place_of_another_is_optional(scanned) -> None:
    found = scanned({
        "app.py": (
            "from openai import OpenAI\ndef ask(text, model='gpt-4o-mini'):\n"
            "    if len(text) > 9000:\n        model = 'gpt-4.1'\n"
            "    return OpenAI().chat.completions.create(model=model, messages=text)\n"
        ),
    })  # fmt: skip

    assert {use.model: use.role for use in found.used if use.model} == {
        "gpt-4o-mini": "default",
        "gpt-4.1": "optional",
    }


def test_a_model_set_where_none_was_given_is_the_default(scanned) -> None:
    found = scanned({
        "app.py": (
            "from openai import OpenAI\ndef ask(text, model=None):\n"
            "    if not model:\n        model = 'gpt-4.1'\n"
            "    return OpenAI().chat.completions.create(model=model, messages=text)\n"
        ),
    })  # fmt: skip

    assert {use.model: use.role for use in found.used if use.model} == {"gpt-4.1": "default"}


@pytest.mark.parametrize(
    ("handler", "role"), [("raise RuntimeError('install it')", "default"), ("litellm = None", "optional")]
)
def test_an_import_is_optional_only_if_the_program_goes_on_without(scanned, handler: str, role: str) -> None:
    found = scanned({
        "app.py": (
            f"try:\n    import litellm\nexcept ImportError:\n    {handler}\n"
            "def ask(model, text):\n    return litellm.completion(model=model, messages=text)\n"
        ),
    })  # fmt: skip

    assert {use.role for use in found.uses if use.kind == "gateway" and use.sdk == "litellm"} >= {role}


def test_an_address_that_stands_in_for_none_adds_no_second_server(scanned) -> None:
    found = scanned({
        "a.py": (
            "from openai import OpenAI\ndef ask(text, base_url=None):\n"
            "    url = base_url if base_url else 'https://api.moonshot.cn/v1'\n"
            "    return OpenAI(base_url=url).chat.completions.create(model='kimi-latest', messages=text)\n"
        ),
    })  # fmt: skip

    assert found.providers == {"moonshot"}


def test_the_block_that_settings_pick_decides_between_adapters_of_the_code(scanned) -> None:
    found = scanned({
        **_adapters(),
        "config.yaml": (
            "default_vendor: groq\nvendors:\n  groq:\n    api_key: x\n    model: llama-3.1-8b-instant\n"
            "  anthropic:\n    api_key: y\n    model: claude-sonnet-4-5\n"
        ),
    })  # fmt: skip

    assert {use.model: use.role for use in found.used if use.scope == "code" and use.model} == {
        "claude-haiku-4-5": "optional",
        "llama-3.3-70b-versatile": "default",
    }


def test_a_block_of_a_table_that_is_switched_off_is_optional(scanned) -> None:
    found = scanned({
        "a.py": (
            "import ollama\nCONFIG = {\n    'chat': {'model': 'qwen3:1.7b'},\n"
            "    'search': {'enabled': False, 'model': 'nomic-embed-text:v1.5'},\n}\n"
        ),
    })  # fmt: skip

    assert found.use("nomic-embed-text:v1.5").role == "optional"
    assert found.use("qwen3:1.7b").role == "default"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "import os, openai\nMODELS = os.getenv('OPENAI_MODELS', 'gpt-4o-mini,*gpt-4o')\n"),
        (
            "a.ts",
            "import O from 'openai';\nconst models = process.env.OPENAI_MODELS || 'gpt-4o-mini,*gpt-4o';\n",
        ),
    ],
)
def test_of_ids_in_one_text_the_marked_one_is_the_default(scanned, path: str, text: str) -> None:
    found = scanned({path: text})

    assert {use.model: use.role for use in found.used if use.model} == {
        "gpt-4o": "default",
        "gpt-4o-mini": "optional",
    }


def test_the_default_of_a_described_setting_is_used(scanned) -> None:
    found = scanned({
        "a.ts": (
            "import OpenAI from 'openai';\nconst client = new OpenAI();\nexport const fields = [\n"
            "  { displayName: 'Model', name: 'model', type: 'string', default: 'gpt-4o-mini' },\n];\n"
        ),
        "package.json": (
            '{"contributes": {"configuration": {"properties": {\n'
            '  "x.model": {"default": "gpt-4.1",\n    "enum": ["gpt-4.1", "gpt-4.1-mini"]}}}}}\n'
        ),
    })  # fmt: skip

    assert found.use("gpt-4o-mini").role == "default"
    assert found.use("gpt-4.1").role == "default"
    assert found.use("gpt-4.1-mini").role == "optional"
