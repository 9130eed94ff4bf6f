"""The cases that scanners get wrong, each with a twin that must not be found."""

from __future__ import annotations

from collections.abc import Callable

Scan = Callable[..., "object"]


# 1. A default inside an environment look-up


def test_a_default_inside_getenv_is_the_model_and_the_name_overrides_it(scanned) -> None:
    found = scanned({
        "app/config.py": 'import os\nDEFAULTS = {"DEFAULT_MODEL": os.getenv("DEFAULT_MODEL", "gpt-4o-mini")}\n',  # noqa: E501
        "app/chat.py": "from openai import OpenAI\nclient = OpenAI()\n",
    })  # fmt: skip

    use = found.use("gpt-4o-mini")
    assert (use.provider, use.overridable_by) == ("openai", "DEFAULT_MODEL")
    assert (use.evidence[0].path, use.evidence[0].line) == ("app/config.py", 2)


def test_a_default_of_an_option_of_a_field_and_of_a_parameter_is_found(scanned) -> None:
    found = scanned({
        "a.py": (
            "import argparse\nfrom groq import Groq\nclient = Groq()\np = argparse.ArgumentParser()\n"
            'p.add_argument("--model", default="llama-3.3-70b-versatile")\nargs = p.parse_args()\n'
            "client.chat.completions.create(model=args.model)\n"
        ),
        "b.py": (
            "from dataclasses import dataclass\nfrom pydantic import Field\nimport anthropic\n@dataclass\nclass S:\n"  # noqa: E501
            '    model: str = "claude-3-5-sonnet-20241022"\n'
            '    small_model: str = Field(default="claude-3-5-haiku-20241022")\n'
        ),
        "c.ts": (
            'import Groq from "groq-sdk";\nconst client = new Groq();\n'
            'client.chat.completions.create({ model: process.env.M ?? "llama-3.1-8b-instant" });\n'
        ),
    })  # fmt: skip

    assert found.use("llama-3.3-70b-versatile").overridable_by == "--model"
    assert found.use("llama-3.1-8b-instant").overridable_by == "M"
    assert {"claude-3-5-sonnet-20241022", "claude-3-5-haiku-20241022"} <= {m for _, m in found.models}


def test_a_default_that_is_no_model_is_not_taken_for_one(scanned) -> None:
    found = scanned({
        "app.py": 'import os\nfrom openai import OpenAI\nOpenAI()\nengine = os.getenv("SEARCH_ENGINE", "bm25-v2")\n'  # noqa: E501
        'view_model = "list-2"\n',
    })  # fmt: skip

    assert not found.models


# 2. The SDK is not the provider


def test_an_openai_client_with_another_base_url_is_not_openai(scanned) -> None:
    found = scanned({
        "constant.py": (
            'from openai import OpenAI\nBASE = "https://api.deepseek.com"\nc = OpenAI(base_url=BASE + "/v1")\n'  # noqa: E501
            'c.chat.completions.create(model="deepseek-chat")\n'
        ),
        "attribute.py": (
            "import openai\nclass T:\n    base_url = 'https://open.bigmodel.cn/api/paas/v4'\n"
            "    def __init__(self):\n        self.client = openai.OpenAI(base_url=self.base_url)\n"
            "    def ask(self):\n        return self.client.chat.completions.create(model='glm-4-flash')\n"
        ),
        "table.py": (
            "from openai import OpenAI\nURLS = {'kimi': 'https://api.moonshot.cn/v1'}\n"
            "OpenAI(base_url=URLS['kimi']).chat.completions.create(model='moonshot-v1-8k')\n"
        ),
        "env.py": (
            "import os\nfrom openai import OpenAI\nurl = os.environ.get('U', 'https://api.siliconflow.cn/v1')\n"
            "OpenAI(base_url=url)\n"
        ),
        "fstring.py": (
            "from openai import OpenAI\nHOST = 'dashscope.aliyuncs.com'\n"
            "OpenAI(base_url=f'https://{HOST}/compatible-mode/v1')\n"
        ),
        "replaced.py": (
            "from openai import OpenAI\nURL = 'wss://api.x.ai/v1'\nOpenAI(base_url=URL.replace('wss', 'https'))\n"  # noqa: E501
        ),
        "web.ts": (
            "import OpenAI from 'openai';\nconst ai = new OpenAI({ baseURL: 'https://api.stepfun.com/v1' });\n"  # noqa: E501
            "ai.chat.completions.create({ model: 'step-1-8k' });\n"
        ),
        "pyproject.toml": '[project]\ndependencies = ["openai>=1"]\n',
    })  # fmt: skip

    assert found.providers == {
        "deepseek", "zhipu", "moonshot", "siliconflow", "alibaba", "xai", "stepfun",
    }  # fmt: skip
    assert ("zhipu", "glm-4-flash") in found.models
    declared = [use for use in found.uses if use.scope == "manifest"]
    assert [(use.sdk, use.provider) for use in declared] == [("openai", None)]


def test_an_openai_client_without_a_base_url_is_openai(scanned) -> None:
    found = scanned({
        "app.py": "from openai import OpenAI\nOpenAI().chat.completions.create(model='gpt-4o')\n",
        "pyproject.toml": '[project]\ndependencies = ["openai>=1"]\n',
    })  # fmt: skip

    assert found.models == {("openai", "gpt-4o")}
    assert {use.provider for use in found.uses if use.scope == "manifest"} == {"openai"}


def test_an_endpoint_that_only_another_file_names_is_followed(scanned) -> None:
    found = scanned({
        "app/settings.py": (
            'class Settings:\n    llm_url: str = "https://api.deepseek.com/v1"\n    chat_name: str = "deepseek-reasoner"\n'  # noqa: E501
            "settings = Settings()\n"
        ),
        "app/chat.py": (
            "from openai import OpenAI\nfrom app.settings import settings\nclient = OpenAI(base_url=settings.llm_url)\n"  # noqa: E501
            "client.chat.completions.create(model=settings.chat_name)\n"
        ),
    })  # fmt: skip

    assert found.models == {("deepseek", "deepseek-reasoner")}
    assert found.use("deepseek-reasoner").evidence[0].path == "app/settings.py"


def test_an_endpoint_nobody_knows_has_no_provider(scanned) -> None:
    found = scanned({"app.py": "from openai import OpenAI\nOpenAI(base_url='https://llm.corp.example/v1')\n"})

    assert found.providers == set()
    assert [use.endpoint for use in found.uses if use.endpoint] == ["llm.corp.example"]


# 3. Azure


def test_an_azure_deployment_named_like_a_model_is_served_by_azure(scanned) -> None:
    found = scanned({
        "app.py": (
            "from openai import AzureOpenAI\n"
            "client = AzureOpenAI(azure_endpoint='https://contoso.openai.azure.com', azure_deployment='gpt-4o-mini')\n"  # noqa: E501
        ),
    })  # fmt: skip

    assert found.models == {("azure-openai", "gpt-4o-mini")}


def test_a_storage_account_on_azure_is_no_ai(scanned) -> None:
    found = scanned({"app.py": "URL = 'https://contoso.blob.core.windows.net/models/gpt'\n"})

    assert not found.uses


# 4. Prefixes


def test_a_prefix_says_who_serves_and_the_rest_whose_model_it_is(scanned) -> None:
    found = scanned({
        "app.py": (
            "import litellm\nlitellm.completion(model='groq/llama-3.3-70b-versatile')\n"
            "litellm.completion(model='gemini/gemini-2.5-flash')\n"
        ),
    })  # fmt: skip

    by_provider = {(use.provider, use.developer) for use in found.used if use.model}
    assert by_provider == {("groq", "meta"), ("google", "google")}


def test_the_openai_prefix_with_another_api_base_is_not_openai(scanned) -> None:
    found = scanned({
        "app.py": (
            "import litellm\n"
            "litellm.completion(model='openai/llama-3.1-70b', api_base='https://api.cerebras.ai/v1')\n"
        ),
    })  # fmt: skip

    assert found.providers - {"litellm"} == {"cerebras"}


def test_an_aggregator_keeps_the_ids_of_others(scanned) -> None:
    found = scanned({
        "app.py": (
            "from openai import OpenAI\nclient = OpenAI(base_url='https://openrouter.ai/api/v1')\n"
            "client.chat.completions.create(model='anthropic/claude-sonnet-4')\n"
        ),
    })  # fmt: skip

    assert found.models == {("openrouter", "anthropic/claude-sonnet-4")}
    assert found.use("anthropic/claude-sonnet-4").developer == "anthropic"


# 5. Endpoints that speak another vendor's protocol


def test_an_anthropic_client_at_another_vendor_is_not_anthropic(scanned) -> None:
    found = scanned({
        "app.py": (
            "import anthropic\nclient = anthropic.Anthropic(base_url='https://api.deepseek.com/anthropic')\n"
            "client.messages.create(model='deepseek-chat', max_tokens=10)\n"
        ),
    })  # fmt: skip

    assert found.providers == {"deepseek"}


def test_an_anthropic_client_of_its_own_is_anthropic(scanned) -> None:
    found = scanned(
        {
            "app.py": "import anthropic\nanthropic.Anthropic().messages.create(model='claude-3-opus-20240229')\n"  # noqa: E501
        }
    )

    assert found.providers == {"anthropic"}


# 6. Hub ids away from the call


def test_a_hub_id_is_followed_from_a_table_to_the_loader(scanned) -> None:
    found = scanned({
        "app.py": (
            "from transformers import Wav2Vec2ForCTC\n"
            "BY_LANGUAGE = {\n    'ja': 'jonatasgrosman/wav2vec2-large-xlsr-53-japanese',\n"
            "    'pl': 'jonatasgrosman/wav2vec2-large-xlsr-53-polish',\n}\n"
            "def load(language):\n    name = BY_LANGUAGE[language]\n    return Wav2Vec2ForCTC.from_pretrained(name)\n"  # noqa: E501
        ),
    })  # fmt: skip

    assert {provider for provider, _ in found.models} == {"huggingface"}
    assert found.use("jonatasgrosman/wav2vec2-large-xlsr-53-polish").evidence[0].line == 4


def test_a_torch_hub_repository_is_a_model_and_its_entry_point_is_not(scanned) -> None:
    found = scanned(
        {"app.py": "import torch\ntorch.hub.load(repo_or_dir='snakers4/silero-vad', model='silero_vad')\n"}
    )

    assert found.models == {("silero", "snakers4/silero-vad")}


def test_a_short_name_counts_only_where_a_library_knows_it(scanned) -> None:
    with_library = scanned({
        "app.py": (
            "import argparse\nfrom faster_whisper import WhisperModel\np = argparse.ArgumentParser()\n"
            "p.add_argument('--model', default='small')\nWhisperModel(p.parse_args().model)\n"
        ),
    })  # fmt: skip

    assert ("huggingface", "small") in with_library.models
    assert with_library.use("small").developer == "openai"


def test_a_short_name_without_such_a_library_is_a_word(scanned) -> None:
    found = scanned({
        "app.py": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--model', default='small')\n",  # noqa: E501
        "web.py": "import openai\nopenai.OpenAI()\n",
    })  # fmt: skip

    assert not found.models


def test_a_path_of_two_parts_is_no_hub_id(scanned) -> None:
    found = scanned(
        {
            "app.py": "from transformers import AutoModel\nMODEL_DIR = 'assets/weights'\nTYPE = 'application/json'\n"  # noqa: E501
        }
    )

    assert not found.models


# 8. Noise


def test_comparisons_documentation_and_token_counting_are_not_uses(scanned) -> None:
    found = scanned({
        "app.py": (
            '"""Ask a model.\n\n>>> ask(model="gpt-4")\n"""\nimport tiktoken\nimport openai\nopenai.OpenAI()\n'  # noqa: E501
            "enc = tiktoken.encoding_for_model('gpt-4-0613')\n"
            "def ask(model):\n    if model == 'gpt-4-turbo' or model.startswith('gpt-4-32k'):\n        return 1\n"  # noqa: E501
        ),
    })  # fmt: skip

    assert not found.models


def test_a_table_of_prices_is_named_and_not_counted(scanned) -> None:
    rows = "".join(
        f'    "gpt-4o-2024-{month:02d}-{day:02d}": 2.5,\n' for month in range(1, 6) for day in range(1, 7)
    )
    listed = "".join(f'    "claude-3-5-sonnet-2024{n:04d}",\n' for n in range(1001, 1031))
    found = scanned({"prices.py": f"import openai\nPRICE = {{\n{rows}}}\nMODELS = [\n{listed}]\n"})

    assert not [use for use in found.uses if use.model]
    assert any("table" in note.reason for note in found.inventory.not_looked_at)


def test_made_up_ids_in_tests_are_not_reported(scanned) -> None:
    found = scanned(
        {"tests/test_app.py": "import openai\nrun(model='gpt-4-test')\nrun(model='test_model')\n"}
    )

    assert not [use for use in found.uses if use.model]


# 9. No model in code


def test_a_service_whose_model_the_user_picks_is_still_a_provider(scanned) -> None:
    found = scanned({
        "app.py": (
            "import boto3\nclient = boto3.Session(profile_name='p').client('bedrock-runtime', 'eu-west-1')\n"
            "models = boto3.client('bedrock').list_foundation_models()\n"
        ),
        "requirements.txt": "boto3==1.37\n",
    })  # fmt: skip

    assert found.providers == {"aws-bedrock"}
    assert {(use.scope, use.sdk) for use in found.uses if use.kind == "sdk"} == {("manifest", "boto3")}


def test_a_cloud_sdk_used_for_storage_is_no_ai(scanned) -> None:
    found = scanned({"app.py": "import boto3\nboto3.client('s3')\n", "requirements.txt": "boto3==1.37\n"})

    assert not found.uses


# 10. Code as text, notebooks


def test_cells_of_a_notebook_are_read_as_one_program(scanned) -> None:
    found = scanned({
        "explore.ipynb": (
            '{"cells": [\n {"cell_type": "code", "source": ["from openai import OpenAI\\n",\n'
            '   "client = OpenAI(base_url=\\"https://api.deepseek.com\\")\\n"]},\n'
            ' {"cell_type": "code", "source": ["client.chat.completions.create(\\n",\n   "model=\\"deepseek-reasoner\\")"]}]}\n'  # noqa: E501
        ),
    })  # fmt: skip

    assert found.models == {("deepseek", "deepseek-reasoner")}
    assert found.use("deepseek-reasoner").evidence[0].line == 5


def test_a_notebook_that_is_not_json_is_listed_as_skipped(scanned) -> None:
    found = scanned({"broken.ipynb": '{"cells": [oops'})

    assert [note.path for note in found.inventory.not_looked_at] == ["broken.ipynb"]


def test_a_tool_body_in_a_long_text_names_its_endpoint(scanned) -> None:
    found = scanned(
        {"app.py": 'TOOL = """\nimport requests\nrequests.post("https://api.groq.com/openai/v1/chat")\n"""\n'}
    )

    assert found.providers == {"groq"}


def test_a_link_in_a_docstring_is_no_endpoint(scanned) -> None:
    found = scanned({"app.py": '"""See https://api.groq.com/openai/v1 for more."""\nX = 1\n'})

    assert not found.uses


def test_what_a_compiler_puts_around_require_changes_nothing(scanned) -> None:
    found = scanned({
        "dist/embed.js": (
            'const openai_1 = __importDefault(require("openai"));\nclass E { constructor(config) {\n'
            "this.client = new openai_1.default({ apiKey: config.apiKey, baseURL: config.baseURL }); } }\n"
        ),
        "package.json": '{\n  "dependencies": {\n    "openai": "5"\n  }\n}\n',
    })  # fmt: skip

    assert found.providers == {"openai"}
    assert {use.provider for use in found.uses} == {"openai"}


def test_an_unset_endpoint_beside_endpoints_of_others_has_no_provider(scanned) -> None:
    found = scanned({
        "client.py": "import openai\nclass C:\n    def __init__(self, url):\n        self.c = openai.OpenAI(base_url=url)\n",  # noqa: E501
        "urls.py": "URLS = ['https://api.deepseek.com/v1', 'https://api.moonshot.cn/v1']\n",
    })  # fmt: skip

    assert found.providers == {"deepseek", "moonshot"}


def test_a_setting_named_after_a_provider_says_where_a_client_goes(scanned) -> None:
    found = scanned({
        "app.py": (
            "import openai\nclass C:\n    def __init__(self, settings):\n"
            "        self.c = openai.OpenAI(base_url=settings.siliconflow_base_url)\n"
        ),
    })  # fmt: skip

    assert "siliconflow" in found.providers
    assert "openai" not in found.providers


def test_a_table_keyed_by_provider_says_who_serves_each_id(scanned) -> None:
    found = scanned({
        "models.py": "import openai\nDEFAULT_MODELS = {'groq': 'llama-3.3-70b-versatile', 'ollama': 'llama3.3', 'deepseek': 'deepseek-chat'}\n",  # noqa: E501
        "models.js": "import OpenAI from 'openai';\nconst MODELS = { [Engine.Ollama]: 'llama3.2', [Engine.Claude]: 'claude-sonnet-4-6' };\n",  # noqa: E501
    })  # fmt: skip

    assert {
        ("groq", "llama-3.3-70b-versatile"), ("ollama", "llama3.3"), ("deepseek", "deepseek-chat"),
        ("ollama", "llama3.2"), ("anthropic", "claude-sonnet-4-6"),
    } <= found.models  # fmt: skip


def test_closed_weights_are_never_served_by_a_local_runtime(scanned) -> None:
    found = scanned({
        "app.py": "import ollama\nclient = ollama.Client()\nDEFAULT_MODEL = 'gpt-4o'\nLOCAL_MODEL = 'llama3.2'\n",  # noqa: E501
    })  # fmt: skip

    assert ("ollama", "llama3.2") in found.models
    assert ("ollama", "gpt-4o") not in found.models


def test_an_api_of_a_web_site_is_called_and_its_pages_are_only_opened(scanned) -> None:
    found = scanned(
        {
            "a.py": "U = 'https://chatgpt.com/backend-api/conversation'\n",
            "b.py": "V = 'https://claude.ai/login'\n",
        }
    )

    assert found.providers == {"openai"}


def test_lists_that_are_joined_are_not_glued_into_new_ids(scanned) -> None:
    found = scanned({
        "app.py": (
            "def run(audio, model_size: str = 'base'):\n    from faster_whisper import WhisperModel\n"
            "    return WhisperModel(model_size)\n"
            "SMALL_MODELS = ['tiny', 'small']\nLARGE_MODELS = ['large-v2', 'large-v3']\nMODELS = SMALL_MODELS + LARGE_MODELS\n"  # noqa: E501
        ),
    })  # fmt: skip

    assert ("huggingface", "base") in found.models
    assert not [model for _, model in found.models if model and "tinylarge" in model]
