"""Default or optional, and what a function needs."""

from __future__ import annotations

from reliant.core.need import OneOf, met, suppliers

_PLUGINS = """
import openai

class Base:
    pass

class ZhipuTranslator(Base):
    name = "zhipu"
    envs = {"ZHIPU_API_KEY": None, "ZHIPU_MODEL": "glm-4-flash"}
    def __init__(self):
        base_url = "https://open.bigmodel.cn/api/paas/v4"
        super().__init__(base_url=base_url)

class DeepseekTranslator(Base):
    name = "deepseek"
    envs = {"DEEPSEEK_MODEL": "deepseek-chat"}
    def __init__(self):
        base_url = "https://api.deepseek.com/v1"
        super().__init__(base_url=base_url)
"""


def test_classes_of_a_plugin_table_are_optional_and_exclude_each_other(scanned) -> None:
    found = scanned({"translator.py": _PLUGINS})

    assert found.models == {("zhipu", "glm-4-flash"), ("deepseek", "deepseek-chat")}
    assert {use.role for use in found.uses if use.model} == {"optional"}
    (function,) = found.functions
    assert isinstance(function.need, OneOf)
    assert all(met(function.need, lambda use, left=left: use == left) for left in suppliers(function.need))


def test_the_one_that_an_option_names_is_the_default(scanned) -> None:
    found = scanned({
        "translator.py": _PLUGINS,
        "cli.py": (
            "import argparse, openai\np = argparse.ArgumentParser()\n"
            "p.add_argument('--service', default='deepseek', choices=['zhipu', 'deepseek'])\n"
        ),
    })  # fmt: skip

    assert found.use("deepseek-chat").role == "default"
    assert found.use("glm-4-flash").role == "optional"


def test_branches_on_a_provider_are_alternatives(scanned) -> None:
    found = scanned({
        "app.py": (
            "def client(provider):\n    if provider == 'openai':\n        from openai import OpenAI\n"
            "        return OpenAI(), 'gpt-4o'\n    elif provider == 'groq':\n        from groq import Groq\n"
            "        return Groq(), 'llama-3.3-70b-versatile'\n"
        ),
    })  # fmt: skip

    assert found.providers == {"openai", "groq"}
    assert {use.role for use in found.used if use.kind == "hosted-api"} == {"optional"}


def test_two_services_that_one_run_goes_through_are_both_needed(scanned) -> None:
    found = scanned({
        "app.py": (
            "from deepgram import DeepgramClient\nfrom anthropic import Anthropic\n"
            "def minutes(audio):\n    text = DeepgramClient().listen(audio)\n"
            "    return Anthropic().messages.create(model='claude-3-5-sonnet-20241022', messages=[text])\n"
        ),
    })  # fmt: skip

    (function,) = found.functions
    needed = suppliers(function.need)
    assert {use.provider for use in found.uses if use.id in needed} == {"deepgram", "anthropic"}
    assert not any(met(function.need, lambda use, lost=lost: use != lost) for lost in needed)
    assert all(use.functions == (function.id,) for use in found.uses if use.id in needed)


def test_development_and_extra_dependencies_are_optional(scanned) -> None:
    found = scanned({
        "pyproject.toml": (
            '[project]\ndependencies = ["groq"]\n[project.optional-dependencies]\nextra = ["cohere"]\n'
            '[tool.other]\nkeywords = ["mistralai"]\n'
        ),
        "web/package.json": '{\n  "dependencies": {\n    "groq-sdk": "1"\n  },\n  "devDependencies": {\n    "cohere-ai": "1"\n  }\n}\n',  # noqa: E501
    })  # fmt: skip

    assert {(use.sdk, use.role.value) for use in found.uses} == {
        ("groq", "default"),
        ("groq-sdk", "default"),
        ("cohere", "optional"),
        ("cohere-ai", "optional"),
    }


def test_a_lock_file_names_no_provider(scanned) -> None:
    found = scanned({"uv.lock": '[[package]]\nname = "groq"\nversion = "1"\n'})

    assert [(use.sdk, use.provider, use.role.value) for use in found.uses] == [("groq", None, "listed")]


def test_documents_and_tests_are_never_the_default(scanned) -> None:
    found = scanned({
        "tests/test_chat.py": "from groq import Groq\nGroq().chat.completions.create(model='llama-3.3-70b-versatile')\n",  # noqa: E501
        "examples/chat.py": "from groq import Groq\nGroq().chat.completions.create(model='llama-3.1-8b-instant')\n",  # noqa: E501
    })  # fmt: skip

    assert {(use.scope.value, use.role.value) for use in found.uses} == {
        ("tests", "optional"),
        ("examples", "optional"),
    }


def test_the_default_of_a_parameter_says_more_than_what_results_report(scanned) -> None:
    found = scanned({
        "engine.py": (
            "PROVIDERS = {\n    'openai': {'url': 'https://api.openai.com/v1/images', 'model': 'dall-e-3'},\n"
            "    'stability': {'url': 'https://api.stability.ai/v2beta', 'model': 'sd3-large'},\n}\n"
            "class Engine:\n    def run(self, provider='openai'):\n        return self.call(provider)\n"
            "    def a(self):\n        return {'provider': 'openai'}\n"
            "    def b(self):\n        return {'provider': 'stability'}\n"
        ),
    })  # fmt: skip

    assert found.use("dall-e-3").role == "default"
    assert found.use("sd3-large").role == "optional"
