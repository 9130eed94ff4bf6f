"""The region in which a cloud is called, wherever the project says it."""

from __future__ import annotations

import pytest

_BEDROCK = (
    "import boto3\nfrom settings import REGION\nb = boto3.client('bedrock-runtime', region_name=REGION)\n"
    "b.converse(modelId='anthropic.claude-3-5-sonnet-20241022-v2:0', messages=[])\n"
)
_NOVA = (
    "import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';\n"
    "import { REGION } from './regions';\nconst client = new BedrockRuntimeClient({ region: REGION });\n"
    "client.send(new ConverseCommand({ modelId: 'amazon.nova-pro-v1:0' }));\n"
)
_VERTEX = (
    "from anthropic import AnthropicVertex\nfrom app.place import LOCATION\n"
    "client = AnthropicVertex(region=LOCATION, project_id='p')\n"
    "client.messages.create(model='claude-sonnet-4-5@20250929', messages=[])\n"
)


@pytest.mark.parametrize(
    ("tree", "region"),
    [
        ({"a.py": _BEDROCK, "settings.py": "REGION = 'eu-central-1'\n"}, "eu-central-1"),
        (
            {"a.py": _BEDROCK, "settings.py": "import os\nREGION = os.getenv('AWS_REGION', 'us-west-2')\n"},
            "us-west-2",
        ),
        ({"a.ts": _NOVA, "regions.ts": "export const REGION = 'eu-west-1';\n"}, "eu-west-1"),
        ({"app/a.py": _VERTEX, "app/place.py": 'LOCATION = "europe-west4"\n'}, "europe-west4"),
        ({"a.py": _BEDROCK, "settings.py": "REGION = input()\n"}, None),
    ],
)
def test_a_region_that_stands_in_another_file_is_found(
    scanned, tree: dict[str, str], region: str | None
) -> None:
    (use,) = (use for use in scanned(tree).used if use.model)

    assert use.region == region


def test_two_regions_in_one_file_are_not_mixed_up(scanned) -> None:
    found = scanned(
        {
            "a.py": (
                "import boto3\na = boto3.client('bedrock-runtime', region_name='us-east-1')\n"
                "b = boto3.client('bedrock-runtime', region_name='eu-west-1')\n"
                "a.converse(modelId='amazon.nova-pro-v1:0', messages=[])\n"
                "b.converse(modelId='amazon.nova-lite-v1:0', messages=[])\n"
            )
        }
    )

    assert {use.model: use.region for use in found.used if use.model} == {
        "amazon.nova-pro-v1:0": "us-east-1",
        "amazon.nova-lite-v1:0": "eu-west-1",
    }
