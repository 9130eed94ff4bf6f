"""Configuration as truth: what is set is found, what only looks like it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reliant.core.use import Role
from reliant.inventory import scan
from reliant.targets import open_target

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Look
    from reliant.inventory.engine import Scanner


def test_an_env_file_joins_each_model_to_the_endpoint_of_its_own_prefix(look: Look) -> None:
    found = look(
        ".env",
        "CHAT_BASE_URL=https://api.deepseek.com/v1\nCHAT_MODEL=deepseek-chat  # cheap\n"
        "EMBED_BASE_URL=https://api.siliconflow.cn/v1\nEMBED_MODEL='BAAI/bge-m3'\n",
    )

    assert found.models == {("deepseek", "deepseek-chat"), ("siliconflow", "BAAI/bge-m3")}
    assert found.lines == {"deepseek-chat": 2, "BAAI/bge-m3": 4}
    assert {use.overridable_by for use in found.uses if use.model} == {"CHAT_MODEL", "EMBED_MODEL"}


def test_a_vendors_variable_beside_another_vendors_address_does_not_name_the_vendor(look: Look) -> None:
    found = look(
        ".env", "OPENAI_API_KEY=x\nOPENAI_BASE_URL=https://api.moonshot.cn/v1\nOPENAI_MODEL=moonshot-v1-8k\n"
    )

    assert found.providers == {"moonshot"}
    assert found.models == {("moonshot", "moonshot-v1-8k")}


def test_what_is_commented_out_is_listed_and_not_used(look: Look) -> None:
    found = look(
        "config.yaml", "llm:\n  provider: groq\n  model: llama-3.3-70b-versatile\n  # model: gpt-4o\n"
    )

    assert found.models == {("groq", "llama-3.3-70b-versatile")}
    assert found.listed == {"gpt-4o"}


def test_an_example_that_offers_several_providers_takes_none_of_them(look: Look) -> None:
    several = look(".env.example", "OPENAI_API_KEY=\nANTHROPIC_API_KEY=\n")
    one = look(".env.example", "OPENAI_API_KEY=\n")

    assert {use.role for use in several.uses} == {Role.OPTIONAL}
    assert {use.role for use in one.uses} == {Role.DEFAULT}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("settings.yaml", "llm:\n  base_url: https://api.x.ai/v1\n  model: grok-2-1212\n"),
        ("settings.yaml", 'llm: {base_url: "https://api.x.ai/v1", model: grok-2-1212}\n'),
        ("settings.toml", '[llm]\nbase_url = "https://api.x.ai/v1"\nmodel = "grok-2-1212"\n'),
        ("settings.ini", "[llm]\nbase_url: https://api.x.ai/v1\nmodel: grok-2-1212\n"),
        ("app.properties", "app.llm.base-url=https://api.x.ai/v1\napp.llm.model=grok-2-1212\n"),
        ("settings.json", '{"llm": {"baseURL": "https://api.x.ai/v1", "model": "grok-2-1212"}}'),
        (
            "settings.jsonc",
            '{"llm": { // chat\n "baseUrl": "https://api.x.ai/v1", "modelName": "grok-2-1212"}}',
        ),
    ],
)
def test_a_block_reads_the_same_in_every_format(look: Look, path: str, text: str) -> None:
    assert look(path, text).models == {("xai", "grok-2-1212")}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("cars.yaml", "car:\n  model: corolla\n  provider: toyota\n"),
        ("db.toml", '[user]\nmodel = "accounts.User"\nbackend = "django"\n'),
        ("train.yaml", "model: resnet50\nimage: busybox\n"),
        ("phone.json", '{"device": {"model": "SM-G991B", "vendor": "samsung"}}'),
        ("links.yaml", "docs: https://platform.openai.example/docs\nnote: ask gpt about it\n"),
        (
            "prices.json",
            '{"gpt-4o": {"input_cost_per_token": 0.1}, "claude-3-opus": {"input_cost_per_token": 1}}',
        ),
        (".env", "CAR_MODEL=tesla\nBASE_URL=https://shop.example\nTOKEN=x\n"),
        ("locale.yaml", "title: Choose a model\nmodel: The model you use\n"),
    ],
)
def test_what_only_looks_like_a_model_setting_is_not_reported(look: Look, path: str, text: str) -> None:
    assert look(path, text).uses == ()


def test_a_default_behind_a_variable_is_found_with_the_variables_name(look: Look) -> None:
    (use,) = look("c.yaml", "openai:\n  api_key: x\n  model: ${CHAT_MODEL:-gpt-4o-mini}\n").uses

    assert (use.provider, use.model, use.overridable_by) == ("openai", "gpt-4o-mini", "CHAT_MODEL")


def test_a_template_that_is_no_yaml_is_read_all_the_same(look: Look) -> None:
    found = look(
        "chart/templates/app.yaml",
        "{{- if .Values.ai }}\nenv:\n  - name: MISTRAL_API_KEY\n"
        "    value: {{ .Values.key | quote }}\n{{- end }}\n",
    )

    assert found.providers == {"mistral"}


def test_a_chart_that_is_switched_off_is_optional(look: Look) -> None:
    found = look(
        "values.yaml",
        "ollama:\n  enabled: false\n  image:\n    repository: ollama/ollama\n"
        "api:\n  image: nginx\n  env:\n    ANTHROPIC_API_KEY: x\n",
    )

    assert found.providers == {"ollama", "anthropic"}


def test_variables_of_a_container_are_read_as_pairs(look: Look) -> None:
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  containers:\n  - name: app\n"
        "    image: {image}\n    env:\n"
        "    - name: {name}\n      value: https://ark.cn-beijing.volces.com/api/v3\n"
        "    - name: LLM_MODEL\n      value: doubao-pro-32k\n"
    )

    found = look("k8s/app.yaml", text.format(image="acme/app", name="LLM_BASE_URL"))

    assert found.models == {("volcengine", "doubao-pro-32k")}
    assert {use.region for use in found.uses if use.model} == {"cn-beijing"}


def test_a_model_server_in_a_cluster_serves_the_model_of_its_arguments(look: Look) -> None:
    head = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  containers:\n  - name: a\n"
    found = look(
        "d.yaml",
        head + '    image: vllm/vllm-openai:v0.6\n    args: ["--model", "Qwen/Qwen2.5-7B-Instruct"]\n',
    )
    other = look("d.yaml", head + '    image: acme/render\n    args: ["--model", "house/scene-1"]\n')

    assert found.models == {("vllm", "Qwen/Qwen2.5-7B-Instruct")}
    assert other.providers == set()


def test_an_endpoint_that_is_another_service_is_that_services_image(look: Look) -> None:
    text = (
        "services:\n  {name}:\n    image: {image}\n  app:\n    environment:\n"
        "      - ANTHROPIC_BASE_URL=http://llm:4000\n      - ANTHROPIC_MODEL=claude-sonnet-4-5\n"
    )

    found = look("docker-compose.yml", text.format(name="llm", image="ghcr.io/berriai/litellm:main"))
    elsewhere = look("docker-compose.yml", text.format(name="llm", image="acme/own-proxy"))

    # The gateway only passes the call on; the model's own provider answers.
    assert found.models == {("anthropic", "claude-sonnet-4-5")}
    assert "litellm" in found.providers
    assert elsewhere.providers == set()
    assert elsewhere.models == {(None, "claude-sonnet-4-5")}


def test_a_gateways_route_is_no_model_but_what_it_leads_to_is(look: Look) -> None:
    found = look(
        "litellm.yaml",
        "model_list:\n  - model_name: gpt-4o\n    litellm_params:\n      model: azure/chat-eu\n"
        "      api_base: https://acme.openai.azure.com/\n"
        "  - model_name: fast\n    litellm_params:\n      model: groq/llama-3.1-8b-instant\n",
    )

    assert ("groq", "groq/llama-3.1-8b-instant") in found.models
    assert {"azure-openai", "groq", "litellm"} == found.providers
    assert "gpt-4o" not in {use.model for use in found.uses}


def test_a_workflow_is_tooling_and_a_vendors_action_names_the_vendor(look: Look) -> None:
    found = look(
        ".github/workflows/review.yml",
        "jobs:\n  a:\n    steps:\n    - uses: anthropics/claude-code-action@v1\n"
        "    - uses: actions/checkout@v4\n"
        "    - run: |\n        curl https://api.mistral.ai/v1/chat/completions -d @x\n",
    )

    assert found.providers == {"anthropic", "mistral"}
    assert {use.scope for use in found.uses} == {"tooling"}


def test_a_stack_names_the_service_of_its_resources_and_the_models_of_its_policies(look: Look) -> None:
    found = look(
        "stack.template",
        "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  Agent:\n"
        "    Type: AWS::Bedrock::Agent\n    Properties:\n"
        "      FoundationModel: anthropic.claude-3-haiku-20240307-v1:0\n  Table:\n"
        "    Type: AWS::DynamoDB::Table\n",
    )

    assert found.models == {("aws-bedrock", "anthropic.claude-3-haiku-20240307-v1:0")}
    assert look("s.template", "AWSTemplateFormatVersion: x\nR:\n  T:\n    Type: AWS::S3::Bucket\n").uses == ()


def test_terraform_gives_provider_model_and_region(look: Look) -> None:
    found = look(
        "main.tf",
        'resource "azurerm_cognitive_account" "ai" {\n  kind     = "OpenAI"\n'
        '  location = "swedencentral"\n}\n'
        'resource "azurerm_cognitive_deployment" "chat" {\n  model {\n'
        '    format = "OpenAI"\n    name   = "gpt-4o"\n'
        '  }\n}\nresource "aws_bedrockagent_agent" "a" {\n'
        '  foundation_model = "anthropic.claude-3-5-sonnet-20240620-v1:0"\n}\n',
    )

    assert {"azure-openai", "aws-bedrock"} == found.providers
    assert ("azure-openai", "gpt-4o") in found.models
    assert ("aws-bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0") in found.models
    # The deployment lies where its account does.
    assert [use.region for use in found.uses if use.model == "gpt-4o"] == ["swedencentral"]


def test_a_cloud_account_of_another_kind_is_no_ai_supplier(look: Look) -> None:
    text = (
        'resource "azurerm_cognitive_account" "s" {\n  kind = "SpeechServices"\n}\n'
        'resource "aws_s3_bucket" "b" {}\n'
    )

    assert look("main.tf", text).uses == ()


def test_an_mcp_client_names_the_vendor_of_a_server_it_starts(look: Look) -> None:
    text = (
        '{{"mcpServers": {{"a": {{"command": "npx", "args": ["-y", "{name}"], "env": {{"{key}": "x"}}}}}}}}'
    )

    assert look(".mcp.json", text.format(name="@acme/files", key="GROQ_API_KEY")).providers == {"groq"}
    assert look(".mcp.json", text.format(name="@acme/files", key="ROOT")).uses == ()


@pytest.mark.parametrize(
    "path", ["package.json", "package-lock.json", "tsconfig.json", "pnpm-lock.yaml", "composer.json"]
)
def test_a_manifest_is_not_read_as_configuration(look: Look, path: str) -> None:
    found = look(path, '{"config": {"model": "gpt-4o", "baseURL": "https://api.x.ai/v1"}}')

    assert {s for s in found.signals if s.model} == set()


def test_settings_nested_without_end_are_read_to_a_limit(look: Look) -> None:
    assert look("deep.json", '{"model": ' * 5_000 + '"gpt-4o"' + "}" * 5_000).skipped == ()
    assert (
        look("deep.yaml", "a: &a [*a, *a]\n" + "\n".join(" " * n + "model:" for n in range(900))).skipped
        == ()
    )


def test_a_template_of_a_file_is_read_like_the_file(look: Look) -> None:
    compose = (
        "services:\n  e:\n    environment:\n      - MODEL_ID={{ m | default('BAAI/bge-small-en-v1.5') }}\n"
    )

    assert "BAAI/bge-small-en-v1.5" in {model for _, model in look("t/docker-compose.yml.j2", compose).models}
    assert look("t/docker-compose.yml.j2", compose.replace("BAAI/bge-small-en-v1.5", "red")).uses == ()


def test_a_service_in_a_cluster_is_found_by_the_runtimes_own_name(look: Look) -> None:
    found = look(
        "app.json.j2",
        '{"models": {"providers": {"main": '
        '{"baseUrl": "http://ollama:11434", "models": [{"id": "llama3.2"}]}}}}',
    )

    assert found.models == {("ollama", "llama3.2")}
    assert {use.scope for use in found.uses} == {"config"}


def test_an_id_below_a_key_called_model_is_one_only_if_it_is_known(look: Look) -> None:
    assert {m for _, m in look("a.yaml", "agent:\n  model:\n    primary: gpt-4o-mini\n").models} == {
        "gpt-4o-mini"
    }
    assert look("a.yaml", "car:\n  model:\n    name: corolla\n    id: toyota/corolla\n").uses == ()


def test_a_variable_of_terraform_with_a_list_of_models_is_read(look: Look) -> None:
    text = (
        'variable "models_to_pull" {\n  type = list(string)\n  default = ["llama3.2:3b", "qwen2.5:7b"]\n}\n'
    )

    assert look("v.tf", text).models == {("ollama", "llama3.2:3b"), ("ollama", "qwen2.5:7b")}
    assert look("v.tf", text.replace("models_to_pull", "disks")).models == set()


def test_a_provider_whose_name_takes_two_keys_is_told_from_the_one_in_it(look: Look) -> None:
    azure = "spring:\n  ai:\n    azure:\n      openai:\n        chat:\n          deployment-name: gpt-4o\n"
    plain = "spring:\n  ai:\n    openai:\n      chat:\n        options:\n          model: gpt-4o\n"

    assert look("application.yml", azure).models == {("azure-openai", "gpt-4o")}
    assert look("application.yml", plain).models == {("openai", "gpt-4o")}


@pytest.mark.parametrize(
    "value", ["${GROQ_API_KEY}", "${{ secrets.GROQ_API_KEY }}", "os.environ/GROQ_API_KEY"]
)
def test_a_setting_that_is_taken_from_a_vendors_variable_names_the_vendor(look: Look, value: str) -> None:
    assert look("a.yaml", f"llm:\n  key: {value}\n").providers == {"groq"}
    assert look("a.yaml", f"llm:\n  key: {value.replace('GROQ_API_KEY', 'MY_TOKEN')}\n").uses == ()


def test_a_price_list_is_listed_and_serves_nothing(look: Look) -> None:
    text = "gemini-2.5-flash:\n  provider: gemini\n  input_per_m: 0.3\n  output_per_m: 2.5\n"

    assert {use.role for use in look("pricing.yaml", text).uses} == {Role.LISTED}
    assert {use.role for use in look("llm.yaml", "chat:\n  provider: gemini\n  top_k: 3\n").uses} == {
        Role.DEFAULT
    }


def test_a_servers_own_variable_names_the_server_of_somebody_elses_model(look: Look) -> None:
    assert look(".env", "GROQ_MODEL=openai/gpt-oss-120b\n").models == {("groq", "openai/gpt-oss-120b")}


def test_a_service_with_a_profile_is_optional(look: Look) -> None:
    text = "services:\n  llm:\n    image: ollama/ollama:0.5\n    {}\n"

    assert {use.role for use in look("compose.yaml", text.format("profiles: [local]")).uses} == {
        Role.OPTIONAL
    }
    assert {use.role for use in look("compose.yaml", text.format("restart: always")).uses} == {Role.DEFAULT}


def test_code_that_takes_its_address_from_configuration_calls_the_server_there(
    tmp_path: Path, scanner: Scanner
) -> None:
    (tmp_path / "config.yaml").write_text(
        "llm:\n  base_url: https://api.deepseek.com/v1\n  model: deepseek-chat\n"
    )
    (tmp_path / "main.py").write_text(
        "import yaml\nfrom openai import OpenAI\ncfg = yaml.safe_load(open('config.yaml'))\n"
        "client = OpenAI(base_url=cfg['llm']['base_url'])\n"
        "client.chat.completions.create(model=cfg['llm']['model'], messages=[])\n"
    )
    with open_target(str(tmp_path)) as target:
        found = scan(target, scanner.vendors, workers=1)

    assert {use.provider for use in found.uses if use.provider} == {"deepseek"}
    assert {(use.provider, use.model) for use in found.uses if use.model} == {("deepseek", "deepseek-chat")}


RULES = """{"version": "1.0", "rules": [{"conditions": [], "type": "endpoint",
  "endpoint": {"url": "https://runtime.sagemaker.us-east-1.amazonaws.com"}}]}"""


def test_the_rules_by_which_a_cloud_picks_a_host_name_nobody_who_is_called(look: Look) -> None:
    assert look("sdk/data/endpoint-rule-set-1.json", RULES).providers == set()


def test_a_host_in_settings_is_called_even_beside_rules(look: Look) -> None:
    text = '{"rules": ["be kind"], "endpoint": "https://runtime.sagemaker.us-east-1.amazonaws.com"}'

    assert look("app/settings.json", text).providers == {"aws-sagemaker"}
