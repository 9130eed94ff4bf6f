"""Every answer the gateway makes itself, in the shape the caller's SDK expects.

OpenAI's and Anthropic's SDKs choose the exception by the status and read `code`
or `type` from the body. A refusal is 403 in both, never 401 and never retried; it
names the rule, its source and the facts that would change it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Dialect = Literal["openai", "anthropic"]

Headers = list[tuple[bytes, bytes]]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error of the gateway's own.

    Attributes:
        code: Stable, for programs.
        param: The rule's id, or the parameter that is wrong.
        retry: What the SDK is told; None leaves it to the status.
        detail: Further fields of the error object, under `reliant`.
    """

    status: int
    code: str
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    retry: bool | None = None
    retry_after_s: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    detail: dict[str, object] = {}


_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


def anthropic_type(status: int) -> str:
    """Return what Anthropic calls an error of this status."""
    return _ANTHROPIC_TYPES.get(status, "api_error")


def error_object(problem: Problem, dialect: Dialect) -> dict[str, object]:
    """Return the body of an error answer."""
    extra: dict[str, object] = {"reliant": problem.detail} if problem.detail else {}
    if dialect == "anthropic":
        kind = anthropic_type(problem.status)
        inner = {"type": kind, "message": problem.message, "code": problem.code, **extra}
        return {"type": "error", "error": inner}
    return {
        "error": {
            "message": problem.message,
            "type": problem.type,
            "param": problem.param,
            "code": problem.code,
            **extra,
        }
    }


def error_answer(problem: Problem, dialect: Dialect, request_id: bytes) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of an error answer."""
    body = msgspec.json.encode(error_object(problem, dialect))
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"request-id" if dialect == "anthropic" else b"x-request-id", request_id),
        (b"x-reliant-request-id", request_id),
        (b"x-reliant-code", problem.code.encode()),
    ]
    if problem.retry is not None:
        headers.append((b"x-should-retry", b"true" if problem.retry else b"false"))
    if problem.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % problem.retry_after_s))
    headers += problem.headers
    return problem.status, headers, body


def error_event(problem: Problem, dialect: Dialect, endpoint: str) -> bytes:
    """Return a server-sent event that ends a stream with a typed error, never silently."""
    if endpoint == "responses":
        inner = {"type": "error", "code": problem.code, "message": problem.message, "param": problem.param}
        return b"event: error\ndata: " + msgspec.json.encode(inner) + b"\n\n"
    body = msgspec.json.encode(error_object(problem, dialect))
    if dialect == "anthropic":
        return b"event: error\ndata: " + body + b"\n\n"
    return b"data: " + body + b"\n\n"


def bad_request(message: str, *, param: str | None = None, code: str = "invalid_request") -> Problem:
    """Return a 400: the request itself is wrong."""
    return Problem(status=400, code=code, message=message, param=param, retry=False)


NO_KEY = Problem(
    status=401,
    code="invalid_api_key",
    message="No valid key for this gateway was given.",
    retry=False,
    headers=((b"www-authenticate", b'Bearer realm="reliant"'),),
)

LOG_BROKEN = Problem(
    status=503,
    code="reliant_log_unavailable",
    message="The decision log cannot be written, so nothing is answered.",
    type="server_error",
    retry=False,
)

STORE_AWAY = Problem(
    status=503,
    code="reliant_store_unavailable",
    message="The store that knows who holds which object does not answer.",
    type="server_error",
    retry_after_s=5,
)
