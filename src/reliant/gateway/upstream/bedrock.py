"""Signs requests to Bedrock, with the vendor's own library.

Its OpenAI-compatible endpoint (`https://bedrock-runtime.REGION.amazonaws.com/openai/v1`)
speaks chat, so that only the signature (AWS Signature Version 4) is its own; its
native one is spoken by `translate.chat_to_converse`. With a Bedrock API key neither
needs a signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reliant.errors import MissingExtra, UsageError

_KEY, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"


class Signer:
    """Signs for one region."""

    def __init__(self, region: str, env: Mapping[str, str], *, usual: bool = False) -> None:
        """Find the credentials.

        Args:
            region: The AWS region.
            env: Where credentials are looked for.
            usual: Look where the vendor's tools look instead: profiles, single sign-on,
                and the roles of containers and machines. Those are renewed by themselves.

        Raises:
            MissingExtra: botocore is not installed.
            UsageError: There are no credentials.
        """
        try:
            from botocore.auth import SigV4Auth  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
            from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # noqa: PLC0415
            from botocore.credentials import Credentials  # type: ignore[import-untyped]  # noqa: PLC0415
            from botocore.session import Session  # type: ignore[import-untyped]  # noqa: PLC0415
        except ImportError:
            raise MissingExtra("signing for Bedrock", "gateway-bedrock") from None
        if usual:
            self._credentials: Any = Session().get_credentials()
            if self._credentials is None:
                raise UsageError(
                    "a bedrock upstream finds no AWS credentials",
                    hint="`aws sts get-caller-identity` says whether your set-up has any.",
                )
        elif _KEY in env and _SECRET in env:
            self._credentials = Credentials(env[_KEY], env[_SECRET], env.get(_TOKEN))
        else:
            raise UsageError(
                f"a bedrock upstream needs {_KEY} and {_SECRET} in the environment",
                hint='For a profile or a role set aws_credentials = "usual"; for a Bedrock key, api_key_env.',
            )
        self._request: Any = AWSRequest
        self._sign: Any = lambda given: SigV4Auth(given, "bedrock", region)

    def headers(self, method: str, url: str, content_type: bytes, body: bytes) -> bytes:
        """Return the header lines that prove who asks."""
        given = {"content-type": content_type.decode("latin-1")} if body else {}
        request = self._request(method=method, url=url, data=body, headers=given)
        self._sign(self._credentials.get_frozen_credentials()).add_auth(request)
        signed = ("authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
        lines = [(name, request.headers[name]) for name in signed if name in request.headers]
        return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in lines)
