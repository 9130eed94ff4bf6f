"""Ways of writing that real programs have, each with a twin that only looks like it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Result, Tree

    Scanned = Callable[[Tree], Result]


ASKS = 'export const DEFAULT_MODEL = "gpt-4o-mini";\nfetch("https://api.openai.com/v1/chat/completions");\n'


def test_a_module_built_for_several_readers_is_one_function(scanned: Scanned) -> None:
    """A package carries its source, and beside it the same for both module systems, with declarations."""
    found = scanned(
        {
            "src/index.ts": ASKS,
            "lib/index.mjs": ASKS,
            "lib/index.cjs": ASKS,
            "lib/index.d.ts": 'export declare const model = "gpt-4o-mini";\n',
            "lib/other.js": ASKS,
        }
    )

    assert [function.id for function in found.functions] == ["lib/other", "src/index"]


def test_files_of_one_stem_that_ask_for_different_things_are_functions_of_their_own(scanned: Scanned) -> None:
    found = scanned({"lib/index.mjs": ASKS, "lib/index.cjs": ASKS.replace("gpt-4o-mini", "gpt-4o")})

    assert [function.id for function in found.functions] == ["lib/index.cjs", "lib/index.mjs"]


PROVIDERS = "".join(
    f"{name}:\n  model: {model}\n  models:\n"
    + "".join(f"    - {model.rpartition('-')[0]}-{n}\n" for n in range(6))
    + f"  base_url: {url}\n"
    for name, model, url in (
        ("one", "qwen-turbo", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
        ("two", "kimi-k2-0905", "https://api.moonshot.cn/v1"),
        ("three", "deepseek-chat", "https://api.deepseek.com/v1"),
        ("four", "glm-4.7", "https://open.bigmodel.cn/api/paas/v4"),
        ("five", "step-1-8k", "https://api.stepfun.com/v1"),
    )
)


def test_a_list_of_providers_with_their_addresses_is_called_and_no_table_of_prices(scanned: Scanned) -> None:
    found = scanned({"app/providers.yaml": PROVIDERS})

    assert found.providers == {"alibaba", "moonshot", "deepseek", "zhipu", "stepfun"}
    assert ("moonshot", "kimi-k2-0905") in found.models
    prices = PROVIDERS.replace("base_url:", "source:").replace("models:", "input_price: 0.5\n  models:")
    assert scanned({"app/providers.yaml": prices}).providers == set()


@pytest.mark.parametrize(
    "text",
    [
        'MODELS = [Entry(id="mine-4o", name="gpt-4o", provider="OpenAI"), Entry(name="b", provider="x")]',
        'MODELS = [{"id": "gpt-4o", "provider": "openai", "label": "Fast"}]',
    ],
)
def test_a_model_that_stands_beside_its_provider_is_served_by_it(scanned: Scanned, text: str) -> None:
    found = scanned({"app/catalogue.py": f"{text}\n"})

    assert [(use.provider, use.role) for use in found.uses if use.model == "gpt-4o"] == [
        ("openai", "optional")
    ]


def test_a_model_with_its_price_is_only_listed(scanned: Scanned) -> None:
    found = scanned({"app/p.py": 'PRICES = [{"id": "gpt-4o", "provider": "openai", "input_price": 2.5}]\n'})

    assert found.models == set()


def test_an_aggregator_serves_whatever_its_ids_begin_with(scanned: Scanned) -> None:
    tree: Tree = {
        "app/client.py": 'class Client:\n    API_URL = "https://openrouter.ai/api/v1/images"\n',
        "app/constants.py": 'DEFAULT_MODEL = "google/gemini-3.1-flash-image"\n',
    }

    assert scanned(tree).use("google/gemini-3.1-flash-image").provider == "openrouter"
    tree["app/own.py"] = "from google import genai\n\nclient = genai.Client()\n"
    assert scanned(tree).use("google/gemini-3.1-flash-image").provider == "google"


INIT = textwrap.dedent('''\
    TEMPLATE = """
    # model: gpt-4o
    provider: claude
    model: claude-sonnet-4-5-20250929
    """
    KEY = "ANTHROPIC_API_KEY"
    ''')


def test_a_configuration_file_that_a_program_writes_sets_its_model(scanned: Scanned) -> None:
    script = INIT.replace('"""', "`").replace("TEMPLATE", "const TEMPLATE")
    for name, text in (("app/init.py", INIT), ("app/init.js", script)):
        found = scanned({name: text})
        assert [use.model for use in found.used if use.model] == ["claude-sonnet-4-5-20250929"]
        assert name in {place.path for use in found.used for place in use.evidence}


def test_an_address_for_people_is_no_endpoint(scanned: Scanned) -> None:
    called = 'SERVICE = {"base_url": "https://api.deepseek.com/v1"}\n'

    assert scanned({"app/a.py": called}).providers == {"deepseek"}
    assert scanned({"app/a.py": called.replace("base_url", "docs_url")}).providers == set()
    assert (
        scanned({"app/a.js": "export const s = {source: 'https://api.deepseek.com/v1'}\n"}).providers == set()
    )
    assert scanned({"app/a.json": '{"homepage": "https://api.deepseek.com/v1"}'}).providers == set()


def test_a_container_image_in_a_program_is_the_runtime_it_starts(scanned: Scanned) -> None:
    found = scanned({"app/deploy.py": 'TAG = "v0.9"\n\ndef image():\n    return f"vllm/vllm-openai:{TAG}"\n'})

    assert found.providers == {"vllm"}
    assert scanned({"app/deploy.py": 'PATH = "data/vllm/vllm-openai/readme"\n'}).providers == set()


HANDED = textwrap.dedent("""\
    import os
    from anthropic import Anthropic
    from openai import OpenAI


    def pick(name, default):
        return os.environ.get("APP_MODEL", default)


    def by_claude(text):
        model = pick("anthropic", "claude-sonnet-4-5")
        return Anthropic().messages.create(model=model, messages=[text])


    def by_gpt(text):
        model = pick("openai", "gpt-4o-mini")
        return OpenAI().chat.completions.create(model=model, messages=[text])
    """)


def test_a_default_that_is_handed_through_a_function_stays_with_its_caller(scanned: Scanned) -> None:
    found = scanned({"app/llm.py": HANDED})

    assert found.models == {("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-4o-mini")}
    assert found.use("gpt-4o-mini").overridable_by == "APP_MODEL"


def test_a_parameter_takes_the_texts_that_the_file_calls_it_with(scanned: Scanned) -> None:
    text = textwrap.dedent("""\
        from openai import OpenAI


        class Chat:
            def __init__(self, url, model):
                self.client = OpenAI(base_url=url)
                self.model = model

            def ask(self, text):
                return self.client.chat.completions.create(model=self.model, messages=[text])


        CHAT = Chat("https://api.moonshot.cn/v1", "kimi-k2.6")
        """)
    found = scanned({"app/chat.py": text})

    assert found.models == {("moonshot", "kimi-k2.6")}
    assert found.providers == {"moonshot"}


def test_a_class_that_sends_its_calls_to_a_stranger_is_served_by_nobody_known(scanned: Scanned) -> None:
    text = (
        'class Cheap(Base):\n    base_url = "https://api.cheap.test/v1"\n    default_model = "gpt-5-mini"\n'
    )
    tree: Tree = {"app/cheap.py": text, "app/own.py": "from openai import OpenAI\n\nclient = OpenAI()\n"}

    assert scanned(tree).use("gpt-5-mini").provider is None
    tree["app/cheap.py"] = text.replace("https://api.cheap.test/v1", "https://api.openai.com/v1")
    assert scanned(tree).use("gpt-5-mini").provider == "openai"


def test_a_folder_of_tools_that_is_a_package_is_code(scanned: Scanned) -> None:
    script = "from openai import OpenAI\n\nOpenAI().responses.create(model='gpt-4o-mini')\n"

    assert scanned({"tools/ask.py": script}).use("gpt-4o-mini").scope == "tooling"
    package = scanned({"tools/__init__.py": "", "tools/ask.py": script})
    assert package.use("gpt-4o-mini").scope == "code"


def test_a_vendors_program_that_is_started_is_that_vendor(scanned: Scanned) -> None:
    python = 'import subprocess\n\nCMD = ["claude", "-p", "hi"]\nsubprocess.run(CMD, check=True)\n'
    script = "import { spawn } from 'node:child_process';\nspawn('codex', ['exec', text]);\n"

    found = scanned({"app/run.py": python})
    assert [(use.provider, use.chosen_at_run_time) for use in found.uses] == [("anthropic", True)]
    assert scanned({"app/run.py": python.replace('"claude"', '"git"')}).providers == set()
    assert scanned({"app/run.py": 'import subprocess\nNAMES = ["claude", "codex"]\n'}).providers == set()
    assert scanned({"app/run.ts": script}).providers == {"openai"}


WHICH = """
    from anthropic import Anthropic, AnthropicBedrock, AnthropicVertex

    NAMES = {
        "direct": "claude-3-5-sonnet-20241022",
        "aws": "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "gcp": "claude-3-5-sonnet-v2@20241022",
    }

    def ask(way, text):
        if way == "direct":
            client = Anthropic()
        elif way == "gcp":
            client = AnthropicVertex()
        else:
            client = AnthropicBedrock()
        return client.messages.create(model=NAMES[way], messages=text)
"""


def test_of_several_clients_the_form_of_an_id_says_which_it_is_for(scanned: Scanned) -> None:
    found = scanned({"app/ask.py": textwrap.dedent(WHICH)})

    assert {(use.provider, use.model) for use in found.uses if use.model} == {
        ("anthropic", "claude-3-5-sonnet-20241022"),
        ("aws-bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("google-vertex", "claude-3-5-sonnet-v2@20241022"),
    }


def test_a_default_that_is_handed_on_unless_it_is_none_is_where_the_call_goes(scanned: Scanned) -> None:
    text = """
        from openai import AsyncOpenAI

        class Fast:
            model: str = "gpt-oss-120b"
            base_url: str | None = "https://api.cerebras.ai/v1"

            def client(self):
                return AsyncOpenAI(base_url=str(self.base_url) if self.base_url is not None else None)
    """
    found = scanned({"app/fast.py": textwrap.dedent(text)})

    assert {(use.provider, use.model) for use in found.uses if use.model} == {("cerebras", "gpt-oss-120b")}
    assert "openai" not in found.providers


CONFIG_MAP = textwrap.dedent("""\
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: app}
    data:
      LOG_LEVEL: info
      settings.yaml: |
        # nothing yet
        llm:
          model: deepseek-chat
          base_url: https://api.deepseek.com/v1
      readme.txt: |
        model: gpt-4o
    """)


def test_a_file_in_the_text_of_a_config_map_is_read_at_its_lines(scanned: Scanned) -> None:
    found = scanned({"deploy/config.yaml": CONFIG_MAP})

    assert found.models == {("deepseek", "deepseek-chat")}
    assert [place.line for place in found.use("deepseek-chat").evidence] == [9]


def test_whisper_from_its_own_package_is_weights_of_openai_and_no_service(scanned: Scanned) -> None:
    found = scanned({"app/listen.py": 'import whisper\n\nmodel = whisper.load_model("small")\n'})

    use = found.use("small")
    assert (use.provider, use.developer, use.kind) == ("whisper", "openai", "open-weights")
    assert found.providers == {"whisper"}
    service = "from openai import OpenAI\n\nOpenAI().audio.transcriptions.create(model='whisper-1', file=f)\n"
    assert "openai" in scanned({"app/listen.py": service}).providers


@pytest.mark.parametrize(
    ("constants", "brought", "model", "url"),
    [
        (
            "export const CHAT_MODEL = 'deepseek-chat';\nexport const BASE_URL = 'https://api.deepseek.com/v1';\n",
            "import { CHAT_MODEL, BASE_URL } from './config/constants.js';",
            "CHAT_MODEL",
            "BASE_URL",
        ),
        (
            "export default { chat: { model: 'deepseek-chat' }, baseUrl: 'https://api.deepseek.com/v1' };\n",
            "import settings from './config/constants';",
            "settings.chat.model",
            "settings.baseUrl",
        ),
        (
            "module.exports = { MODEL: 'deepseek-chat', baseUrl: 'https://api.deepseek.com/v1' };\n",
            "const { MODEL, baseUrl } = require('./config/constants');",
            "MODEL",
            "baseUrl",
        ),
        (
            "export const MODEL = 'deepseek-chat';\nexport const API_URL = 'https://api.deepseek.com/v1';\n",
            "import * as c from '@/config/constants';",
            "c.MODEL",
            "c.API_URL",
        ),
    ],
)
def test_constants_of_another_script_are_followed(
    scanned: Scanned, constants: str, brought: str, model: str, url: str
) -> None:
    chat = (
        f"import OpenAI from 'openai';\n{brought}\nconst client = new OpenAI({{ baseURL: {url} }});\n"
        f"client.chat.completions.create({{ model: {model}, messages: [] }});\n"
    )
    found = scanned({"src/config/constants.ts": constants, "src/chat.ts": chat})

    assert found.models == {("deepseek", "deepseek-chat")}
    assert found.providers == {"deepseek"}


def test_servers_that_settings_list_side_by_side_are_a_choice(scanned: Scanned) -> None:
    found = scanned({"app/providers.yaml": PROVIDERS})
    assert {use.role for use in found.used} == {"optional"}

    both = "chat:\n  base_url: https://api.deepseek.com/v1\n  model: deepseek-chat\n"
    both += "search:\n  base_url: https://api.moonshot.cn/v1\n  model: kimi-k2.6\n"
    assert {use.role for use in scanned({"app/providers.yaml": both}).used} == {"default"}


ADAPTER = textwrap.dedent("""\
    from app.base import BaseModel


    class {name}(BaseModel):
        def load(self):
            {body}
    """)


def test_classes_with_a_base_of_the_project_in_common_are_a_choice(scanned: Scanned) -> None:
    one = ADAPTER.format(
        name="Fast", body='from groq import Groq; return Groq().run(model="llama-3.1-8b-instant")'
    )
    two = ADAPTER.format(
        name="Big", body='from openai import OpenAI; return OpenAI().run(model="gpt-4o-mini")'
    )
    tree: Tree = {
        "app/__init__.py": "",
        "app/base.py": "class BaseModel: ...\n",
        "app/a.py": one,
        "app/b.py": two,
    }

    assert {use.role for use in scanned(tree).used} == {"optional"}
    tree |= {"app/a.py": one.replace("app.base", "pydantic"), "app/b.py": two.replace("app.base", "pydantic")}
    assert "default" in {use.role for use in scanned(tree).used}


def test_functions_called_after_one_provider_each_are_a_choice(scanned: Scanned) -> None:
    text = textwrap.dedent("""\
        from groq import Groq
        from openai import OpenAI


        def ask_groq(text):
            return Groq().chat.completions.create(model="llama-3.1-8b-instant", messages=[text])


        def ask_openai(text):
            return OpenAI().chat.completions.create(model="gpt-4o-mini", messages=[text])
        """)
    assert scanned({"app/ask.py": text}).use("gpt-4o-mini").role == "optional"

    both = text.replace("ask_groq", "check_with_groq")
    assert scanned({"app/ask.py": both}).use("gpt-4o-mini").role == "default"


def test_the_name_of_a_provider_is_no_model(scanned: Scanned) -> None:
    found = scanned(
        {"run.sh": "export APP_LLM_PROVIDER=anthropic\n", "app.env": "LLM=openai\nMODEL=deepseek\n"}
    )

    assert found.models == set()


OWN = textwrap.dedent("""\
    from openai import OpenAI


    class Base(OpenAI):
        def __init__(self, api_key, **kwargs):
            super().__init__(api_key=api_key, **kwargs)


    class Moon(Base):
        def __init__(self, api_key=None, base_url="https://api.moonshot.cn/v1", **kwargs):
            super().__init__(api_key=api_key, base_url=base_url, **kwargs)


    def client(key):
        return Moon(api_key=key)
    """)


def test_a_class_made_from_a_client_goes_where_it_is_sent_unless_told(scanned: Scanned) -> None:
    assert scanned({"app/models.py": OWN}).providers == {"moonshot"}

    plain = OWN.replace(', base_url="https://api.moonshot.cn/v1"', "").replace(", base_url=base_url", "")
    assert scanned({"app/models.py": plain}).providers == {"openai"}


def test_a_lab_does_not_serve_what_begins_with_another_labs_name(scanned: Scanned) -> None:
    text = "import Anthropic from '@anthropic-ai/sdk';\nconst client = new Anthropic();\n"
    text += "export const SOUND_MODEL = 'elevenlabs/sound-effects-2';\n"
    found = scanned({"src/a.ts": text})

    assert ("anthropic", "elevenlabs/sound-effects-2") not in found.models


@pytest.mark.parametrize(
    ("model", "provider"),
    [("openai-chat:gpt-4o", "openai"), ("openai-responses:gpt-4o", "openai"), ("openai-cache:gpt-4o", None)],
)
def test_a_prefix_may_say_which_interface_of_a_provider_is_meant(
    scanned: Scanned, model: str, provider: str | None
) -> None:
    found = scanned({"app/ask.py": f'from pydantic_ai import Agent\n\nagent = Agent("{model}")\n'})

    assert {use.provider for use in found.uses if use.model} <= {provider}
    assert ("openai" in found.providers) is (provider == "openai")


def test_functions_of_one_name_are_told_apart_by_their_folders(scanned: Scanned) -> None:
    found = scanned({"app/chat/main.js": ASKS, "app/sum/main.js": ASKS, "app/other.js": ASKS})

    assert [function.name for function in found.functions] == ["chat/main", "other", "sum/main"]
