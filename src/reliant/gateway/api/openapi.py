"""What the gateway serves, as an OpenAPI description made from the same table that serves it.

Bodies are described only as far as the gateway looks at them: the rest belongs to
the provider.
"""

from __future__ import annotations

from typing import Any

from reliant import __version__
from reliant.gateway.api.surface import Endpoint, listed

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "code"],
            "properties": {"message": {"type": "string"}, "code": {"type": ["string", "null"]}},
        }
    },
}
_STATUSES = {
    "200": "The provider's answer.",
    "400": "The request is wrong.",
    "401": "No valid key.",
    "403": "Refused by a rule or the key's scope.",
    "404": "No such model or object.",
    "413": "The body is too large.",
    "429": "A bound is reached.",
    "502": "The provider gave no usable answer.",
    "503": "No upstream can be asked now.",
    "504": "The provider did not answer in time.",
}


def _answers(*statuses: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status in statuses:
        schema: dict[str, Any] = {} if status < "300" else _ERROR
        content = {"application/json": {"schema": schema}}
        found[status] = {"description": _STATUSES.get(status, "Done."), "content": content}
    return found


def _body(endpoint: Endpoint) -> dict[str, Any]:
    properties: dict[str, Any] = {"model": {"type": "string", "minLength": 1, "maxLength": 256}}
    if endpoint.streams:
        properties["stream"] = {"type": "boolean"}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if not endpoint.model_optional:
        schema["required"] = ["model"]
    kind = "multipart/form-data" if endpoint.body == "form" else "application/json"
    return {"required": True, "content": {kind: {"schema": schema}}}


def describe() -> dict[str, Any]:
    """Return the description of everything that is served."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, endpoint in listed():
        operation: dict[str, Any] = {
            "operationId": f"{method.lower()}{path.replace('/', '_').replace('{', '').replace('}', '')}",
            "responses": _answers(*_STATUSES),
            "security": [{"bearer": []}],
        }
        if endpoint.streams:
            operation["responses"]["200"]["content"]["text/event-stream"] = {}
        if endpoint.body != "none":
            operation["requestBody"] = _body(endpoint)
        if "{id}" in path:
            schema = {"type": "string", "pattern": "^[A-Za-z0-9_.:-]+$"}
            operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": schema}]
        paths.setdefault(path, {})[method.lower()] = operation
    for path in ("/health", "/metrics", "/audit/head", "/openapi.json"):
        kind = "text/plain" if path == "/metrics" else "application/json"
        paths[path] = {"get": {"responses": {"200": {"description": "Done.", "content": {kind: {}}}}}}
    paths["/health"]["get"]["responses"].update(_answers("503"))
    return {
        "openapi": "3.1.0",
        "info": {"title": "reliant gateway", "version": __version__},
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "paths": paths,
    }
