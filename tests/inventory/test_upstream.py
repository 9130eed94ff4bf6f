"""Who answers behind a gateway that hands calls on with the caller's own keys."""

from __future__ import annotations

import pytest

_PY = "client.chat.completions.create(model='claude-sonnet-4-5', messages=[])\n"
_TS = "client.chat.completions.create({ model: 'claude-sonnet-4-5', messages: [] });\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", f"from portkey_ai import Portkey\nclient = Portkey(provider='anthropic')\n{_PY}"),
        ("b.py", f"from portkey_ai import Portkey\nclient = Portkey(provider='@anthropic-prod')\n{_PY}"),
        ("c.py", f"from portkey_ai import Portkey\nclient = Portkey(virtual_key='anthropic-81f2a')\n{_PY}"),
        (
            "d.py",
            "from openai import OpenAI\nfrom portkey_ai import PORTKEY_GATEWAY_URL, createHeaders\n"
            "client = OpenAI(base_url=PORTKEY_GATEWAY_URL, "
            f"default_headers=createHeaders(provider='anthropic', api_key='x'))\n{_PY}",
        ),
        (
            "e.py",
            "from openai import OpenAI\nclient = OpenAI(base_url='https://api.portkey.ai/v1', "
            f"default_headers={{'x-portkey-provider': 'anthropic'}})\n{_PY}",
        ),
        (
            "f.ts",
            "import { Portkey } from 'portkey-ai';\n"
            f"const client = new Portkey({{ virtualKey: 'anthropic-81f2a' }});\n{_TS}",
        ),
        (
            "g.ts",
            "import OpenAI from 'openai';\nimport { createHeaders, PORTKEY_GATEWAY_URL } from 'portkey-ai';\n"
            "const client = new OpenAI({ baseURL: PORTKEY_GATEWAY_URL, "
            f"defaultHeaders: createHeaders({{ provider: 'anthropic' }}) }});\n{_TS}",
        ),
    ],
)
def test_a_client_of_a_gateway_says_who_answers_behind_it(scanned, path: str, text: str) -> None:
    found = scanned({path: text})

    assert found.models == {("anthropic", "claude-sonnet-4-5")}
    assert found.providers == {"anthropic", "portkey"}


def test_what_a_stored_key_stands_for_is_not_guessed(scanned) -> None:
    found = scanned(
        {"a.py": f"from portkey_ai import Portkey\nclient = Portkey(virtual_key='team-7-prod')\n{_PY}"}
    )

    assert found.providers == {"portkey"}
