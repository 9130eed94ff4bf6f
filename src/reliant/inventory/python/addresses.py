"""Where the clients of a Python file send their calls: address, region, and who is behind a gateway."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reliant.core.use import Kind
from reliant.inventory.endpoints import Endpoint, usual_endpoint
from reliant.inventory.python.base import Base
from reliant.inventory.python.nodes import Value, constant, keyword
from reliant.inventory.python.tree import Block, Param
from reliant.inventory.upstream import HEADERS, is_gateway, tells_upstream, upstream_of
from reliant.inventory.urls import host_of, region_in

if TYPE_CHECKING:
    from reliant.inventory.vendor_facts import Name, SdkFacts

URL_KEYWORDS = (
    "base_url", "api_base", "openai_api_base", "azure_endpoint", "endpoint", "endpoint_url",
    "api_endpoint", "host", "api_host", "server_url", "anthropic_api_url", "url", "api_url",
    "baseURL", "inference_server_url", "openai_base_url", "service_url", "api_base_url",
    "dashscope_base_url", "base_uri", "http_options", "client_options",
)  # fmt: skip
"""Keywords that hold an endpoint."""
_REGIONS = ("region_name", "region", "aws_region", "location", "vertex_location")


class Addresses(Base):
    """Addresses given to constructors."""

    def _endpoints(self, call: ast.Call, block: Block, sdk: SdkFacts, info: Name | None) -> list[Endpoint]:
        default, replaceable = usual_endpoint(sdk, info)
        provider, kind = default.provider, default.kind
        values: list[Value] = []
        for name in URL_KEYWORDS:
            given = keyword(call, name)
            if given is not None:
                address = self.resolve(given, block) if isinstance(given, ast.Name | ast.Attribute) else None
                if address is not None and address[1].kind == "gateway" and address[2] is not None:
                    # The address of a gateway, as a constant of the gateway's own library.
                    return [Endpoint(address[2].provider, sdk, Kind.GATEWAY, None, None, None, 0.9)]
                values = self.evaluator.values(given, block)
                break
        if not values and replaceable:
            spread = [k.value for k in call.keywords if k.arg is None]
            for expression in spread:
                for literal, where in self.evaluator.dictionary(expression, block):
                    for key, expr in zip(literal.keys, literal.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value in URL_KEYWORDS:
                            values += self.evaluator.values(expr, where)
        if not values and replaceable and isinstance(call.func, ast.Name):
            values = self._of_own_class(call.func.id, block)
        if not values:
            return [default]
        found: list[Endpoint] = []
        open_end = False
        for value in values:
            plain = value.text and "://" in value.text and not value.env  # a machine by its name alone
            if value.text is None or ("." not in value.text and "localhost" not in value.text and not plain):
                open_end = True
                continue
            hit = self.vendors.host_in(value.text)
            if hit is not None:
                found.append(Endpoint(hit[1].provider, sdk, kind, hit[0], hit[1].estate, value.env, 0.9))
            elif replaceable:
                found.append(Endpoint(None, sdk, kind, host_of(value.text), None, value.env, 0.6))
        if not replaceable:
            host = next((e for e in found if e.provider == provider), None)
            return [default._replace(host=host.host, estate=host.estate) if host else default]
        if found:
            if any(value.none or value.text == "" for value in values) and all(
                e.provider != provider for e in found
            ):
                found.append(default._replace(confidence=0.6))
            return _distinct(found)
        if open_end:
            env = next((value.env for value in values if value.env), None)
            ref = next((value.ref for value in values if value.ref), None)
            told = any(value.none or value.env or value.text for value in values)
            named = {p for v in values for p in self.vendors.providers_named(_setting(v))}
            if len(named) == 1 and named != {provider}:
                return [Endpoint(named.pop(), sdk, kind, None, None, env, 0.6, asks=ref or "")]
            told = told or named == {provider}
            if told:
                return [default._replace(env=env or default.env, confidence=0.7, asks=ref or "")]
            return [Endpoint(None, sdk, kind, None, None, env, 0.5, asks=ref or "")]
        return [default]

    def _behind(self, call: ast.Call, block: Block, endpoints: list[Endpoint]) -> list[Endpoint]:
        """Return who answers behind the gateway to which a client sends its calls, if the client says so."""
        gateway = next((e for e in endpoints if is_gateway(e.provider, self.vendors)), None)
        if gateway is None:
            return []
        told = {word.arg: word.value for word in call.keywords if word.arg}
        for name in HEADERS & told.keys():
            given = told[name]
            if isinstance(given, ast.Call):
                told |= {word.arg: word.value for word in given.keywords if word.arg}
            for literal, _ in self.evaluator.dictionary(given, block):
                said = zip(literal.keys, literal.values, strict=True)
                told |= {key: value for node, value in said if (key := constant(node))}
        for name, expression in told.items():
            if not tells_upstream(name):
                continue
            for value in self.evaluator.values(expression, block):
                named = upstream_of(name, value.text or "", self.vendors)
                if named is not None:
                    return [gateway._replace(provider=named, kind=None, env=value.env, confidence=0.8)]
        return []

    def _of_own_class(self, name: str, block: Block) -> list[Value]:
        """Return the address that a class of this file, made from a client, gives by default."""
        found = block.find(name)
        queue = [one for one in (found[0] if found else ()) if isinstance(one, Block)]
        seen: set[int] = set()
        while queue:
            owner = queue.pop(0)
            if id(owner) in seen or owner.kind != "class":
                continue
            seen.add(id(owner))
            made = next((one for one in owner.names.get("__init__", ()) if isinstance(one, Block)), None)
            for word in URL_KEYWORDS:
                for one in made.names.get(word, ()) if made is not None else ():
                    if isinstance(one, Param) and one.default is not None:
                        return self.evaluator.values(one.default, owner)
                if word in owner.attrs:
                    return self.evaluator.class_attr(owner, word, 0)
            for base in owner.bases:
                above = owner.parent.find(base.id) if isinstance(base, ast.Name) and owner.parent else None
                queue += [one for one in (above[0] if above else ()) if isinstance(one, Block)]
        return []

    def _in_region(self, call: ast.Call, block: Block, endpoints: list[Endpoint]) -> list[Endpoint]:
        """Return the endpoints of clouds with the region that the call gives, or a question for it."""
        given = next((g for name in _REGIONS if (g := keyword(call, name)) is not None), None)
        if given is None or not any(self._is_cloud(endpoint.provider) for endpoint in endpoints):
            return endpoints
        found = self.evaluator.values(given, block)
        region = next((r for value in found for r in region_in(value.text or "")), None)
        asks = next((value.ref for value in found if value.ref), None) or ""
        return [
            e._replace(estate=region, region_asks="" if region else asks)
            if self._is_cloud(e.provider) and e.estate is None
            else e
            for e in endpoints
        ]

    def _is_cloud(self, provider: str | None) -> bool:
        record = self.vendors.providers.get(provider or "")
        return record is not None and "partner-cloud" in record.roles


def _setting(value: Value) -> str:
    """Return the name of the setting that a value is read from: `llm_url` of `settings.llm_url`."""
    return value.env or (value.ref or "").rpartition(":")[2]


def _distinct(endpoints: list[Endpoint]) -> list[Endpoint]:
    seen: dict[tuple[str | None, str | None], Endpoint] = {}
    for endpoint in endpoints:
        seen.setdefault((endpoint.provider, endpoint.host), endpoint)
    return list(seen.values())
