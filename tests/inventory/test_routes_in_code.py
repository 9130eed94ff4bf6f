"""Names that a program gives to deployments behind a gateway's library."""

from __future__ import annotations

from reliant.core.need import Supplier

_LIST = (
    "[\n    {'model_name': 'chat', 'litellm_params': {'model': 'azure/gpt-4o-eu',"
    " 'api_base': os.getenv('AZURE_API_BASE')}},\n"
    "    {'model_name': 'chat', 'litellm_params': {'model': 'gpt-4o'}},\n"
    "    {'model_name': 'cheap', 'litellm_params': {'model': 'groq/llama-3.3-70b-versatile'}},\n]"
)


def _models(found) -> set[tuple[str | None, str | None]]:
    return {(use.provider, use.model) for use in found.used if use.model}


def test_deployments_of_a_router_in_code_are_reported_and_its_names_are_not(scanned) -> None:
    found = scanned(
        {"app.py": f"import os\nfrom litellm import Router\nrouter = Router(model_list={_LIST})\n"}
    )

    assert _models(found) == {
        ("azure-openai", "gpt-4o-eu"),
        ("openai", "gpt-4o"),
        ("groq", "llama-3.3-70b-versatile"),
    }


def test_a_call_of_a_routers_name_needs_what_the_name_leads_to(scanned) -> None:
    found = scanned({
        "models.py": f"import os\nMODELS = {_LIST}\n",
        "app.py": (
            "from litellm import Router\nfrom models import MODELS\n"
            "router = Router(model_list=MODELS, fallbacks=[{'chat': ['cheap']}])\n"
            "def sort(text):\n    return router.completion(model='cheap', messages=text)\n"
        ),
    })  # fmt: skip

    assert "cheap" not in {use.model for use in found.uses}
    groq = found.use("llama-3.3-70b-versatile")
    assert Supplier(groq.id) in {f.need for f in found.functions if f.name == "app"}


def test_deployments_of_one_name_and_its_fallbacks_stand_in_for_each_other(scanned) -> None:
    found = scanned({
        "app.py": (
            f"import os\nfrom litellm import Router\nLIST = {_LIST}\nLATER = [{{'chat': ['cheap']}}]\n"
            "router = Router(model_list=LIST, fallbacks=LATER)\n"
        ),
    })  # fmt: skip

    (chat,) = (function for function in found.functions if function.name == "chat")
    assert {use.model for use in found.uses if use.id in {one.id for one in chat.need.of}} == {  # type: ignore[union-attr]
        "gpt-4o-eu",
        "gpt-4o",
        "llama-3.3-70b-versatile",
    }


def test_a_prefix_before_an_address_of_ones_own_names_a_language_and_no_server(scanned) -> None:
    found = scanned({
        "app.py": (
            "from litellm import Router\nrouter = Router(model_list=[{'model_name': 'own', 'litellm_params': "
            "{'model': 'openai/qwen2.5-7b', 'api_base': 'http://10.1.1.1:8000/v1'}}])\n"
        ),
    })  # fmt: skip

    assert _models(found) == {(None, "qwen2.5-7b")}
