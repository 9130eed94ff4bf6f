"""Clients that a JavaScript file makes, where they send their calls, and the models asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.use import Kind
from reliant.inventory.aliases import may_be_alias
from reliant.inventory.endpoints import Endpoint, usual_endpoint
from reliant.inventory.idforms import looks_like_id
from reliant.inventory.imports import imported as import_signal
from reliant.inventory.js.base import Base
from reliant.inventory.js.tree import Block, Imported, Node, pairs, place_of, required, text_of
from reliant.inventory.js.values import Value, objects, values
from reliant.inventory.loose import known_form, sdk_name
from reliant.inventory.signals import Signal, What
from reliant.inventory.upstream import HEADERS, is_gateway, tells_upstream, upstream_of
from reliant.inventory.urls import host_of, region_in, split_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendor_facts import Name, SdkFacts

_URL_KEYS = frozenset({
    "baseURL", "baseUrl", "base_url", "endpoint", "apiUrl", "apiURL", "host", "basePath",
    "azureOpenAIEndpoint", "openAIBasePath", "url", "serverURL", "endpointUrl", "apiHost",
})  # fmt: skip
_REGIONS = frozenset({"region", "location", "awsRegion", "regionName"})
_STARTS = frozenset({
    "spawn", "spawnSync", "execa", "execaSync", "execFile", "execFileSync", "exec", "execSync",
})  # fmt: skip
_MODEL_KEYS = (
    "model",
    "modelName",
    "modelId",
    "model_id",
    "modelID",
    "model_name",
    "deployment",
    "deploymentName",
    "azureOpenAIApiDeploymentName",
    "engine",
    "embeddingModel",
)


class Clients(Base):
    """Imports, constructors, and the calls on what was constructed."""

    def _imports(self) -> Iterator[Signal]:
        seen: set[tuple[str, int]] = set()
        bare = [
            (Imported(module[0], "*", node.start_point[0] + 1, dynamic=True), block)
            for node, block in self.tree.nodes
            if node.type == "call_expression" and (module := required(node)) is not None
        ]
        for imported, block in (*self.tree.imports, *bare):
            sdk = self.vendors.module("js", imported.module)
            if sdk is None or (imported.module, imported.line) in seen:
                continue
            seen.add((imported.module, imported.line))
            self.sdks.append(sdk)
            if sdk.general:
                continue
            name = sdk_name(sdk, "js", imported.module)
            yield import_signal(sdk, name, imported.line, block.path)

    def resolve(self, node: Node | None, block: Block) -> tuple[SdkFacts, Name | None, str] | None:
        """Return the SDK of a called expression, what it says of the name, and the name."""
        members: list[str] = []
        while node is not None and node.type in {
            "member_expression",
            "non_null_expression",
            "parenthesized_expression",
        }:
            if node.type == "member_expression":
                members.append(text_of(node.child_by_field_name("property")))
                node = node.child_by_field_name("object")
            else:
                node = node.named_children[0] if node.named_children else None
        if node is None or node.type != "identifier":
            return None
        found = block.find(text_of(node))
        for one in found[0] if found else ():
            if isinstance(one, Imported):
                sdk = self.vendors.module("js", one.module)
                if sdk is not None:
                    names = [*members, one.name, text_of(node)]
                    info = next((sdk.names[name] for name in names if name in sdk.names), None)
                    written = (
                        members[0]
                        if members
                        else one.name
                        if one.name not in {"default", "*"}
                        else text_of(node)
                    )
                    return sdk, info, written
        return None

    def _constructor(self, node: Node, block: Block) -> Iterator[Signal]:
        target = node.child_by_field_name("constructor" if node.type == "new_expression" else "function")
        resolved = self.resolve(target, block)
        if resolved is None:
            return
        sdk, info, written = resolved
        arguments = _arguments(node)
        if (
            (info is not None and info.ignore)
            or sdk.kind == "tokenizer"
            or (sdk.general and info is None and not sdk.services)
        ):
            return
        if (
            info is None
            and node.type == "call_expression"
            and not written.startswith(("create", "get", "use"))
            and sdk.provider is None
        ):
            return
        if written.endswith(("Error", "Exception")) or (
            node.type == "new_expression" and written.endswith("Command") and sdk.provider is None
        ):
            return
        if info is not None and info.prefixed:
            yield from self._prefixed(node, block, sdk, info, arguments)
            return
        if sdk.provider is None and (info is None or info.provider is None) and not sdk.replaceable:
            return
        endpoints = self._endpoints(arguments, block, sdk, info)
        endpoints = self._in_region(arguments, block, endpoints)
        behind = self._behind(arguments, block, endpoints)
        self.clients[node.id] = behind or endpoints
        line, column = place_of(node)
        for endpoint in (*endpoints, *behind):
            yield endpoint.signal(sdk_name(sdk, "js"), line, column, block.path)
        endpoints = behind or endpoints
        for literal in [o for argument in arguments for o in objects(argument, block)]:
            for key, value in pairs(literal):
                if key in _MODEL_KEYS:
                    yield from self._models(value, block, endpoints, node)
        if arguments and arguments[0].type not in {"object", "identifier"} and node.type == "call_expression":
            yield from self._models(arguments[0], block, endpoints, node)

    def _prefixed(
        self, node: Node, block: Block, sdk: SdkFacts, info: Name, arguments: list[Node]
    ) -> Iterator[Signal]:
        for value in values(arguments[0], block) if arguments else []:
            if value.text is None or not looks_like_id(value.text):
                continue
            provider, model = split_prefix(value.text, self.vendors)
            provider = provider or info.provider or self.vendors.developer(value.text)
            self.told.add((value.line, value.column))
            yield Signal(
                what=What.MODEL,
                line=value.line,
                column=value.column,
                block=block.path,
                model=model,
                provider=provider,
                sdk=sdk_name(sdk, "js"),
                env=value.env,
                where=f"{self.file.path}:{node.start_point[0] + 1}",
            )

    def _endpoints(
        self, arguments: list[Node], block: Block, sdk: SdkFacts, info: Name | None
    ) -> list[Endpoint]:
        default, replaceable = usual_endpoint(sdk, info)
        provider, kind = default.provider, default.kind
        found_values: list[Value] = []
        settings: list[str] = []
        for literal in [o for argument in arguments for o in objects(argument, block)]:
            for key, value in pairs(literal):
                if key in _URL_KEYS:
                    constant = self._gateway_constant(value, block)
                    if constant is not None:
                        return [Endpoint(constant, sdk, Kind.GATEWAY, None, None, None, 0.9)]
                    found_values += values(value, block)
                    settings.append(text_of(value))
                elif key in {"configuration", "clientOptions", "config"}:
                    for inner in objects(value, block):
                        found_values += [
                            v for k, node in pairs(inner) if k in _URL_KEYS for v in values(node, block)
                        ]
        if not found_values:
            return [default]
        found: list[Endpoint] = []
        for value in found_values:
            if value.text is None:
                continue
            hit = self.vendors.host_in(value.text)
            if hit is not None:
                found.append(Endpoint(hit[1].provider, sdk, kind, hit[0], hit[1].estate, value.env, 0.9))
            elif replaceable and host_of(value.text):
                found.append(Endpoint(None, sdk, kind, host_of(value.text), None, value.env, 0.6))
        if not replaceable:
            return [default]
        if found:
            return list({(e.provider, e.host): e for e in found}.values())
        named = {owner for setting in settings for owner in self.vendors.providers_named(setting)}
        if len(named) == 1 and named != {provider}:
            return [Endpoint(named.pop(), sdk, kind, None, None, None, 0.6)]
        told = named == {provider} or any(v.env or v.none for v in found_values)
        env = next((v.env for v in found_values if v.env), None)
        asks = next((v.ref for v in found_values if v.ref), None) or ""
        return [
            default._replace(env=env or default.env, confidence=0.7, asks=asks)
            if told
            else Endpoint(None, sdk, kind, None, None, env, 0.5, asks=asks)
        ]

    def _in_region(self, arguments: list[Node], block: Block, endpoints: list[Endpoint]) -> list[Endpoint]:
        """Return the endpoints of clouds with the region that the call gives, or a question for it."""
        told = [pair for argument in arguments for o in objects(argument, block) for pair in pairs(o)]
        found = [v for key, given in told if key in _REGIONS for v in values(given, block)]
        region = next((r for value in found for r in region_in(value.text or "")), None)
        asks = next((value.ref for value in found if value.ref), None) or ""
        clouds = (
            {p.id for p in self.vendors.providers.values() if "partner-cloud" in p.roles} if found else set()
        )
        return [
            e._replace(estate=region, region_asks="" if region else asks)
            if e.provider in clouds and e.estate is None
            else e
            for e in endpoints
        ]

    def _behind(self, arguments: list[Node], block: Block, endpoints: list[Endpoint]) -> list[Endpoint]:
        """Return who answers behind the gateway to which a client sends its calls, if the client says so."""
        gateway = next((e for e in endpoints if is_gateway(e.provider, self.vendors)), None)
        if gateway is None:
            return []
        told = [pair for argument in arguments for o in objects(argument, block) for pair in pairs(o)]
        for key, given in list(told):
            if key in HEADERS and given is not None:
                inner = _arguments(given) if given.type == "call_expression" else [given]
                told += [pair for one in inner for o in objects(one, block) for pair in pairs(o)]
        for key, given in told:
            name = key.strip("'\"")
            for value in values(given, block) if tells_upstream(name) else ():
                named = upstream_of(name, value.text or "", self.vendors)
                if named is not None:
                    return [gateway._replace(provider=named, kind=None, env=value.env, confidence=0.8)]
        return []

    def _gateway_constant(self, node: Node | None, block: Block) -> str | None:
        """Return the gateway whose address a constant of its own library is."""
        found = self.resolve(node, block) if node is not None and node.type == "identifier" else None
        return found[1].provider if found and found[0].kind == "gateway" and found[1] is not None else None

    def endpoints_of(self, node: Node | None, block: Block, depth: int = 0) -> list[Endpoint]:
        """Return where an object sends its calls, if it is a client made in this file."""
        if node is None or depth > 6:
            return []
        if node.id in self.clients:
            return self.clients[node.id]
        if node.type in {
            "await_expression",
            "parenthesized_expression",
            "non_null_expression",
            "as_expression",
        }:
            return self.endpoints_of(
                node.named_children[0] if node.named_children else None, block, depth + 1
            )
        if node.type == "call_expression":
            return self.endpoints_of(node.child_by_field_name("function"), block, depth + 1)
        if node.type == "member_expression":
            target = node.child_by_field_name("object")
            if target is not None and target.type == "this":
                owner = block.owner()
                made = owner.fields.get(text_of(node.child_by_field_name("property")), []) if owner else []
                return [e for one in made for e in self.endpoints_of(one, block, depth + 1)]
            return self.endpoints_of(target, block, depth + 1)
        if node.type == "identifier":
            found = block.find(text_of(node))
            return [
                e
                for one in (found[0] if found else [])
                if not isinstance(one, Imported)
                for e in self.endpoints_of(one, found[1] if found else block, depth + 1)
            ]
        return []

    def _asked(self, node: Node, block: Block) -> Iterator[Signal]:
        if node.id in self.clients:
            return
        target = node.child_by_field_name("constructor" if node.type == "new_expression" else "function")
        endpoints = self.endpoints_of(target, block)
        arguments = _arguments(node)
        if not endpoints:
            endpoints = [
                e
                for argument in arguments[:2]
                if argument.type == "new_expression"
                for e in self.endpoints_of(argument, block)
            ]
        if not endpoints:
            return
        for literal in [o for argument in arguments for o in objects(argument, block)]:
            for key, value in pairs(literal):
                if key in _MODEL_KEYS:
                    yield from self._models(value, block, endpoints, node)
        if arguments and arguments[0].type in {
            "string",
            "template_string",
            "binary_expression",
            "identifier",
            "member_expression",
        }:
            yield from self._models(
                arguments[0], block, endpoints, node, sure=target is not None and target.type == "identifier"
            )

    def _spawned(self, node: Node, block: Block) -> Iterator[Signal]:
        """Yield the vendor whose own program a call starts: `spawn("acme", ["-p", text])`."""
        target = node.child_by_field_name("function")
        last = text_of(
            target.child_by_field_name("property")
            if target is not None and target.type == "member_expression"
            else target
        )
        arguments = _arguments(node)
        if last not in _STARTS or not arguments:
            return
        for value in values(arguments[0], block)[:4]:
            sdk = self.vendors.program((value.text or "").partition(" ")[0])
            if sdk is not None:
                yield Signal(
                    what=What.ENDPOINT,
                    line=value.line,
                    column=value.column,
                    block=block.path,
                    provider=sdk.provider,
                    sdk=sdk_name(sdk, "program"),
                    run_time=True,
                    confidence=0.7,
                    where=f"{self.file.path}:{node.start_point[0] + 1}",
                )
                return

    def _models(
        self,
        value_node: Node | None,
        block: Block,
        endpoints: list[Endpoint],
        call: Node,
        *,
        sure: bool = True,
    ) -> Iterator[Signal]:
        found = values(value_node, block)
        if sure and not any(value.text for value in found):
            yield from self._asking(next((v.ref for v in found if v.ref), None), block, endpoints, call)
        for value in found:
            text = value.text
            if sure and text and may_be_alias(text):
                yield Signal(
                    what=What.NAMED,
                    line=value.line,
                    column=value.column,
                    block=block.path,
                    model=text,
                    provider=endpoints[0].provider if endpoints else None,
                )
            if text is None or not looks_like_id(text) or (not sure and not known_form(self.file, text)):
                continue
            self.told.add((value.line, value.column))
            for endpoint in endpoints:
                kind = endpoint.kind if endpoint.kind is not Kind.SDK else None
                yield Signal(
                    what=What.MODEL,
                    line=value.line,
                    column=value.column,
                    block=block.path,
                    model=text,
                    provider=endpoint.provider,
                    env=value.env,
                    kind=kind,
                    sdk=sdk_name(endpoint.sdk, "js") if endpoint.sdk else None,
                    endpoint=endpoint.host,
                    region=endpoint.estate,
                    region_asks=endpoint.region_asks,
                    where=f"{self.file.path}:{call.start_point[0] + 1}",
                    confidence=min(0.95, endpoint.confidence + 0.05),
                )

    def _asking(
        self, ref: str | None, block: Block, endpoints: list[Endpoint], call: Node
    ) -> Iterator[Signal]:
        """Yield a question for the model of a call that only another file can answer."""
        for endpoint in endpoints[:2] if ref else ():
            yield Signal(
                what=What.MODEL,
                line=call.start_point[0] + 1,
                block=block.path,
                asks=ref or "",
                provider=endpoint.provider if not endpoint.asks else None,
                kind=endpoint.kind if endpoint.kind is not Kind.SDK else None,
                sdk=sdk_name(endpoint.sdk, "js") if endpoint.sdk else None,
                where=f"{self.file.path}:{call.start_point[0] + 1}",
                confidence=endpoint.confidence,
            )


def _arguments(node: Node) -> list[Node]:
    arguments = node.child_by_field_name("arguments")
    return list(arguments.named_children) if arguments is not None else []
