"""Reads the blocks of one JavaScript or TypeScript file and says what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reliant.core.use import Kind, Role
from reliant.inventory.idforms import holds_model, is_hub_id, is_weight_file, looks_like_id, snake
from reliant.inventory.js.tree import Block, Imported, Node, Tree, pairs, place_of, required, text_of
from reliant.inventory.js.values import Value, env_name, objects, values
from reliant.inventory.loose import how_sure, known_form, sdk_name
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import hub_repo, is_call, split_prefix
from reliant.inventory.vendors import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendors import Name, SdkFacts
    from reliant.inventory.view import FileView

_URL_KEYS = frozenset({
    "baseURL", "baseUrl", "base_url", "endpoint", "apiUrl", "apiURL", "host", "basePath",
    "azureOpenAIEndpoint", "openAIBasePath", "url", "serverURL", "endpointUrl", "apiHost",
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
_LABELS = frozenset({"name", "id", "provider", "providerId", "slug", "key"})
_CHOICES = ("provider", "backend", "service", "vendor", "llm_type", "llm_provider", "default_provider")
_ORDERS = (
    "order",
    "priority",
    "priorities",
    "preference",
    "preferences",
    "fallback",
    "fallbacks",
    "fallback_chain",
    "chain",
)
_ASKS = frozenset({"startsWith", "endsWith", "includes", "indexOf", "match", "test", "split"})
_TALK = frozenset({"log", "warn", "error", "info", "debug", "fail", "message", "describe"})


class Endpoint(NamedTuple):
    """Where a client of the file sends its calls."""

    provider: str | None
    sdk: SdkFacts | None
    kind: Kind | None
    host: str | None
    estate: str | None
    env: str | None
    confidence: float


class Reader:
    """One file while it is read."""

    def __init__(self, file: FileView, root: Node) -> None:
        self.file = file
        self.vendors = file.vendors
        self.tree = Tree(root)
        self.clients: dict[int, list[Endpoint]] = {}
        self.sdks: list[SdkFacts] = []
        self.told: set[tuple[int, int]] = set()

    def read(self) -> Iterator[Signal]:
        """Yield all signals, clients before the models that are asked of them."""
        if self.tree.cut:
            self.file.skip("nested too deeply, the inner part was not read")
        yield from self._imports()
        calls = [(n, b) for n, b in self.tree.nodes if n.type in {"new_expression", "call_expression"}]
        for node, block in calls:
            yield from self._constructor(node, block)
        for node, block in calls:
            yield from self._asked(node, block)
        for node, block in self.tree.nodes:
            yield from self._slots(node, block)
        for node, block in self.tree.nodes:
            yield from self._strings(node, block)
        yield from self._labels()

    # -- imports and clients --------------------------------------------------------------------

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
            yield Signal(
                what=What.SDK,
                line=imported.line,
                block=block.path,
                sdk=sdk_name(sdk, "js", imported.module),
                provider=None if sdk.replaceable else sdk.provider,
                fixed=not sdk.replaceable,
                kind=_kind(sdk.kind) if sdk.kind in {"tokenizer", "gateway"} else Kind.SDK,
            )

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
        self.clients[node.id] = endpoints
        line, column = place_of(node)
        for endpoint in endpoints:
            yield Signal(
                what=What.ENDPOINT,
                line=line,
                column=column,
                block=block.path,
                provider=endpoint.provider,
                sdk=sdk_name(sdk, "js"),
                kind=endpoint.kind,
                endpoint=endpoint.host,
                region=endpoint.estate,
                env=endpoint.env,
                confidence=endpoint.confidence,
                fixed=not sdk.replaceable,
            )
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
        provider = info.provider if info and info.provider else sdk.provider
        kind = _kind(info.kind if info and info.kind else sdk.kind)
        replaceable = info.replaceable if info and info.replaceable is not None else sdk.replaceable
        base_env = sdk.base_url_env[0] if sdk.base_url_env else None
        default = Endpoint(provider, sdk, kind, None, None, base_env, 0.9)
        found_values: list[Value] = []
        settings: list[str] = []
        for literal in [o for argument in arguments for o in objects(argument, block)]:
            for key, value in pairs(literal):
                if key in _URL_KEYS:
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
        return [
            default._replace(env=env or base_env, confidence=0.7)
            if told
            else Endpoint(None, sdk, kind, None, None, env, 0.5)
        ]

    # -- what is asked of clients ---------------------------------------------------------------

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

    def _models(
        self,
        value_node: Node | None,
        block: Block,
        endpoints: list[Endpoint],
        call: Node,
        *,
        sure: bool = True,
    ) -> Iterator[Signal]:
        for value in values(value_node, block):
            text = value.text
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
                    where=f"{self.file.path}:{call.start_point[0] + 1}",
                    confidence=min(0.95, endpoint.confidence + 0.05),
                )

    # -- names that hold models -----------------------------------------------------------------

    def _slots(self, node: Node, block: Block) -> Iterator[Signal]:
        kind = node.type
        if kind == "variable_declarator":
            yield from self._slot(
                text_of(node.child_by_field_name("name")), node.child_by_field_name("value"), block
            )
        elif kind in {"public_field_definition", "field_definition"}:
            name = text_of(node.child_by_field_name("name") or node.child_by_field_name("property"))
            yield from self._slot(name, node.child_by_field_name("value"), block)
        elif kind == "pair":
            key = text_of(node.child_by_field_name("key")).strip("'\"`")
            value = node.child_by_field_name("value")
            if (
                key in _LABELS
                and block.kind in {"entry", "value"}
                and value is not None
                and value.type == "string"
            ):
                line, column = place_of(value)
                yield Signal(
                    what=What.LABEL, line=line, column=column, block=block.path, model=text_of(value)[1:-1]
                )
            yield from self._slot(key, value, block)
        elif kind == "assignment_expression":
            left = node.child_by_field_name("left")
            name = (
                text_of(left.child_by_field_name("property"))
                if left is not None and left.type == "member_expression"
                else text_of(left)
            )
            yield from self._slot(name, node.child_by_field_name("right"), block)
        elif kind in {"required_parameter", "optional_parameter"}:
            yield from self._slot(
                text_of(node.child_by_field_name("pattern")), node.child_by_field_name("value"), block
            )
        elif kind in {"assignment_pattern", "object_assignment_pattern"}:
            yield from self._slot(
                text_of(node.child_by_field_name("left")), node.child_by_field_name("right"), block
            )
        elif (
            kind == "return_statement"
            and block.kind == "def"
            and holds_model(block.name)
            and node.named_children
        ):
            yield from self._slot(block.name, node.named_children[0], block)

    def _slot(self, name: str, expression: Node | None, block: Block) -> Iterator[Signal]:
        if not name or expression is None or len(name) > 60:
            return
        if not holds_model(name):
            yield from self._choice(name, expression, block)
            return
        if expression.type in {
            "identifier",
            "member_expression",
            "subscript_expression",
            "object",
            "shorthand_property_identifier",
        }:
            if expression.type == "object":
                for key, value in pairs(expression):
                    if value is not None and value.type in {"string", "binary_expression"}:
                        said = key.strip("[]").rpartition(".")[2]
                        inner = Block("entry", said[:40], value.start_point[0] + 1, block)
                        yield from self._slot(name, value, inner)
            return
        listed = expression.type == "array" and len(expression.named_children) >= 4
        for value in values(expression, block):
            text = value.text
            if text is None or (value.line, value.column) in self.told:
                continue
            if expression.type == "call_expression" and value.line < expression.start_point[0] + 1:
                continue
            if not is_weight_file(text) and not looks_like_id(text):
                continue
            confidence = how_sure(self.file, name, text, bool(self.sdks))
            if confidence <= 0:
                continue
            self.told.add((value.line, value.column))
            yield Signal(
                what=What.MODEL,
                line=value.line,
                column=value.column,
                block=block.path,
                model=text,
                env=value.env,
                confidence=confidence,
                role=Role.OPTIONAL if listed else None,
            )

    def _choice(self, name: str, expression: Node, block: Block) -> Iterator[Signal]:
        if snake(name).endswith(_ORDERS) and expression.type == "array":
            texts = [v.text for v in values(expression, block) if v.text]
            if texts:
                line, column = place_of(expression)
                yield Signal(
                    what=What.CHOICE,
                    line=line,
                    column=column,
                    block=block.path,
                    model=texts[0],
                    options=tuple(texts[1:]),
                )
            return
        if not snake(name).endswith(_CHOICES) or expression.type in {
            "identifier",
            "object",
            "array",
            "call_expression",
            "member_expression",
        }:
            return
        for value in values(expression, block):
            if value.text and len(value.text) < 40 and " " not in value.text:
                yield Signal(
                    what=What.CHOICE,
                    line=value.line,
                    column=value.column,
                    block=block.path,
                    model=value.text,
                    provider=self.vendors.slugs.get(value.text.lower().replace("-", "").replace("_", ""))
                    or self.vendors.prefix(value.text),
                )

    # -- strings anywhere -----------------------------------------------------------------------

    def _strings(self, node: Node, block: Block) -> Iterator[Signal]:
        kind = node.type
        if kind == "member_expression":
            name = env_name(node)
            entry = self.vendors.env(name) if name else None
            if entry is not None and not entry.weak:
                line, column = place_of(node)
                yield Signal(
                    what=What.ENV,
                    line=line,
                    column=column,
                    block=block.path,
                    provider=entry.provider,
                    env=name,
                    confidence=0.5,
                )
            return
        if kind == "template_string":
            text = text_of(node)[1:-1].replace("${", "{")
        elif kind == "string":
            text = text_of(node)[1:-1]
        else:
            return
        if not 3 <= len(text) <= 400 or "\n" in text:
            return
        line, column = place_of(node)
        aside = _aside(node)
        if "." in text and " " not in text.strip():
            hit = self.vendors.host_in(text.strip())
            if hit is not None:
                repo = hub_repo(text) if hit[1].weak else None
                if repo is not None:
                    yield Signal(
                        what=What.MODEL,
                        line=line,
                        column=column,
                        block=block.path,
                        model=repo,
                        provider=hit[1].provider,
                        endpoint=hit[0],
                        kind=Kind.OPEN_WEIGHTS,
                        confidence=0.8,
                    )
                elif (
                    not hit[1].weak
                    or is_call(text)
                    or (
                        hit[1].port
                        and self.vendors.named_in(
                            f"{self.file.name} {self.file.line(line)} {' '.join(block.path)}", hit[1].provider
                        )
                    )
                ):
                    yield Signal(
                        what=What.ENDPOINT,
                        line=line,
                        column=column,
                        block=block.path,
                        provider=hit[1].provider,
                        endpoint=hit[0],
                        region=hit[1].estate,
                        confidence=0.6 if aside else 0.85,
                        role=Role.LISTED if aside else None,
                    )
                return
        if (line, column) in self.told or not looks_like_id(text) or not any(c.isdigit() for c in text):
            return
        known = self.vendors.knows_id(text) or (is_hub_id(text) and self.vendors.developer(text) is not None)
        if known and not aside and any(c in text for c in "-/:"):
            yield Signal(
                what=What.MODEL,
                line=line,
                column=column,
                block=block.path,
                model=text,
                confidence=0.55,
                role=Role.OPTIONAL,
            )

    def _labels(self) -> Iterator[Signal]:
        for block in self.tree.blocks:
            if block.kind == "class":
                for name in _LABELS:
                    for node in block.fields.get(name, [])[:2]:
                        if node is not None and node.type == "string":
                            line, column = place_of(node)
                            yield Signal(
                                what=What.LABEL,
                                line=line,
                                column=column,
                                block=block.path,
                                model=text_of(node)[1:-1],
                            )
            elif block.kind in {"entry", "branch"} and block.name:
                yield Signal(what=What.LABEL, line=block.line, block=block.path, model=block.name)


def _arguments(node: Node) -> list[Node]:
    arguments = node.child_by_field_name("arguments")
    return list(arguments.named_children) if arguments is not None else []


def _aside(node: Node) -> bool:
    """Say whether a string is compared, logged, a type or a key: named, not used."""
    parent = node.parent
    for _ in range(3):
        if parent is None:
            return False
        kind = parent.type
        if kind in {"literal_type", "union_type", "switch_case", "throw_statement"}:
            return True
        if kind == "binary_expression":
            return text_of(parent.child_by_field_name("operator")) in {"===", "==", "!==", "!=", "in"}
        if kind == "pair":
            return bool(parent.child_by_field_name("key") == node)
        if kind == "arguments":
            function = parent.parent.child_by_field_name("function") if parent.parent is not None else None
            last = (
                text_of(function.child_by_field_name("property"))
                if function is not None and function.type == "member_expression"
                else text_of(function)
            )
            return last in _ASKS or last in _TALK
        if kind in {"statement_block", "program", "class_body", "variable_declarator"}:
            return False
        parent = parent.parent
    return False


def _kind(said: str | None) -> Kind | None:
    return {
        "open-weights": Kind.OPEN_WEIGHTS,
        "embedding": Kind.EMBEDDING,
        "tokenizer": Kind.TOKENIZER,
        "gateway": Kind.GATEWAY,
        "hosted-api": Kind.HOSTED_API,
    }.get(said or "")
