"""Signs requests to Bedrock's OpenAI-compatible endpoint, with the vendor's own library.

The endpoint `https://bedrock-runtime.REGION.amazonaws.com/openai/v1` speaks chat,
streams included; only the signature (AWS Signature Version 4) is its own. With an
API key instead of AWS credentials it is an `openai` upstream like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reliant.errors import MissingExtra, UsageError

_KEY, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"


class Signer:
    """Signs for one region with credentials from the environment."""

    def __init__(self, region: str, env: Mapping[str, str]) -> None:
        """Read the credentials.

        Raises:
            MissingExtra: botocore is not installed.
            UsageError: The environment has no credentials.
        """
        try:
            from botocore.auth import SigV4Auth  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
            from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # noqa: PLC0415
            from botocore.credentials import Credentials  # type: ignore[import-untyped]  # noqa: PLC0415
        except ImportError:
            raise MissingExtra("signing for Bedrock", "gateway-bedrock") from None
        if _KEY not in env or _SECRET not in env:
            raise UsageError(
                f"a bedrock upstream needs {_KEY} and {_SECRET} in the environment",
                hint='With a Bedrock API key use api = "openai" and api_key_env.',
            )
        self._request: Any = AWSRequest
        credentials = Credentials(env[_KEY], env[_SECRET], env.get(_TOKEN))
        self._auth: Any = SigV4Auth(credentials, "bedrock", region)

    def headers(self, method: str, url: str, content_type: bytes, body: bytes) -> bytes:
        """Return the header lines that prove who asks."""
        given = {"content-type": content_type.decode("latin-1")} if body else {}
        request = self._request(method=method, url=url, data=body, headers=given)
        self._auth.add_auth(request)
        signed = ("authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
        lines = [(name, request.headers[name]) for name in signed if name in request.headers]
        return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in lines)
