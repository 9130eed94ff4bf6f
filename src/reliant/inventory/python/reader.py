"""Reads the blocks of one Python file and says what they show."""

from __future__ import annotations

import ast
import posixpath
from typing import TYPE_CHECKING, NamedTuple

from reliant.core.use import Kind, Role
from reliant.inventory.idforms import holds_model, is_hub_id, is_weight_file, looks_like_id, snake
from reliant.inventory.loose import how_sure, known_form, sdk_name
from reliant.inventory.python.facts import collect
from reliant.inventory.python.tree import Block, Bound, Imported, Param, build
from reliant.inventory.python.values import Evaluator, Value, dotted, keyword
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import hub_repo, split_prefix
from reliant.inventory.vendors import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendors import Name, SdkFacts
    from reliant.inventory.view import FileView

URL_KEYWORDS = (
    "base_url", "api_base", "openai_api_base", "azure_endpoint", "endpoint", "endpoint_url", "api_endpoint",
    "host", "api_host", "server_url", "anthropic_api_url", "url", "api_url", "baseURL", "inference_server_url",
    "openai_base_url", "service_url", "api_base_url", "dashscope_base_url", "base_uri", "http_options", "client_options",
)  # fmt: skip
MODEL_KEYWORDS = (
    "repo_or_dir", "model", "model_name", "model_id", "azure_deployment", "deployment_name", "deployment_id", "deployment", "engine",
    "repo_id", "pretrained_model_name_or_path", "model_name_or_path", "modelId", "model_size_or_path", "model_path", "checkpoint", "model_repo_id", "repo", "embedding_model_name", "embed_model", "llm_model",
)  # fmt: skip
_PLURAL_LISTED = 4
_LABELS = frozenset(
    {
        "name",
        "id",
        "provider",
        "provider_name",
        "provider_id",
        "slug",
        "key",
        "label",
        "service",
        "backend",
        "NAME",
        "ID",
    }
)
_CHOICES = (
    "provider",
    "backend",
    "service",
    "llm_type",
    "vendor",
    "api_type",
    "llm_provider",
    "engine",
    "translator",
    "method",
    "client_type",
    "mode_provider",
)
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
_TALK = frozenset(
    {
        "debug",
        "info",
        "warning",
        "warn",
        "error",
        "exception",
        "critical",
        "log",
        "print",
        "echo",
        "secho",
        "write",
        "fail",
        "skip",
        "deprecated",
    }
)
_ASKS = frozenset(
    {
        "startswith",
        "endswith",
        "match",
        "search",
        "fullmatch",
        "index",
        "find",
        "count",
        "encoding_for_model",
        "get_encoding",
        "split",
        "partition",
    }
)
_LOADERS = frozenset(
    {
        "from_pretrained",
        "hf_hub_download",
        "snapshot_download",
        "load_model",
        "from_hub",
        "pull",
        "cached_download",
        "pipeline",
        "load",
        "create_model",
        "get_model",
    }
)


class Endpoint(NamedTuple):
    """Where a client of the file sends its calls."""

    provider: str | None
    sdk: SdkFacts | None
    kind: Kind | None
    host: str | None
    estate: str | None
    env: str | None
    confidence: float
    family: bool = False
    asks: str = ""


def read(file: FileView, source: ast.Module) -> Iterator[Signal]:
    """Yield the signals of a parsed file, and leave its facts for other files in `file.facts`."""
    reader = Reader(file, source)
    signals = list(reader.read())
    facts = collect(reader, _module_name(file.path))
    if facts is not None:
        file.facts.append(facts)
    yield from signals


def _module_name(path: str) -> str:
    name = path[:-3] if path.endswith(".py") else path
    name = name.removesuffix("/__init__")
    return name.replace("/", ".")


class Reader:
    """One file while it is read."""

    def __init__(self, file: FileView, source: ast.Module) -> None:
        self.file = file
        self.vendors = file.vendors
        module = _module_name(file.path)
        package = module if file.path.endswith("__init__.py") else module.rpartition(".")[0]
        self.tree = build(source, package)
        self.options = self._options()
        self.evaluator = Evaluator(self.tree, self.options)
        self.aside = self._aside()
        self.clients: dict[int, list[Endpoint]] = {}
        self.sdks: list[SdkFacts] = []
        self.resolved: dict[tuple[str, int, str], tuple[str, SdkFacts, Name | None] | None] = {}
        self.told: set[tuple[int, int, str, str | None]] = set()

    def read(self) -> Iterator[Signal]:
        """Yield all signals, clients before the models that are asked of them."""
        yield from self._imports()
        calls = [(node, block) for node, block in self.tree.nodes if isinstance(node, ast.Call)]
        for call, block in calls:
            yield from self._constructor(call, block)
        for call, block in calls:
            yield from self._asked(call, block)
        yield from self._slots()
        yield from self._strings()
        yield from self._labels()

    # -- preparation --------------------------------------------------------------------------

    def _options(self) -> dict[str, list[tuple[ast.expr, Block]]]:
        """Defaults of argparse options of the file, by the attribute they end up in."""
        found: dict[str, list[tuple[ast.expr, Block]]] = {}
        for node, block in self.tree.nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "add_argument"
            ):
                default = keyword(node, "default")
                if default is None:
                    continue
                flags = [
                    a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
                ]
                dest = keyword(node, "dest")
                if isinstance(dest, ast.Constant):
                    flags.append(str(dest.value))
                for flag in flags:
                    found.setdefault(flag.lstrip("-").replace("-", "_"), []).append((default, block))
        return found

    def _aside(self) -> set[int]:
        """Constants that are compared, logged, explained or used as keys: naming, not using."""
        found = set(self.tree.docstrings)
        for node, _ in self.tree.nodes:
            match node:
                case ast.Compare():
                    found.update(
                        id(leaf) for part in (node.left, *node.comparators) for leaf in _leaves(part)
                    )
                case ast.Dict():
                    found.update(id(key) for key in node.keys if key is not None)
                case ast.Subscript():
                    found.add(id(node.slice))
                case ast.Call():
                    last = dotted(node.func).rpartition(".")[2]
                    if last in _TALK or last in _ASKS or last.endswith(("Error", "Exception", "Warning")):
                        found.update(id(leaf) for part in node.args for leaf in _leaves(part))
                    for word in node.keywords:
                        if word.arg in {
                            "help",
                            "description",
                            "title",
                            "placeholder",
                            "examples",
                            "epilog",
                            "choices",
                            "label",
                            "info",
                            "tooltip",
                        }:
                            found.update(id(leaf) for leaf in _leaves(word.value))
                case ast.Raise():
                    found.update(id(leaf) for leaf in ast.walk(node))
        return found

    def _signal(self, what: What, value: Value | None, block: Block, **more: object) -> Signal:
        line, column = (value.line, value.column) if value else (block.line, 0)
        return Signal(what=what, line=line, column=column, block=block.path, **more)  # type: ignore[arg-type]

    # -- imports ------------------------------------------------------------------------------

    def _imports(self) -> Iterator[Signal]:
        for imported, block in self.tree.imports:
            sdk = self.vendors.module("python", imported.dotted)
            if sdk is None or imported.dotted.partition(".")[0].lower() in self.file.own:
                continue
            self.sdks.append(sdk)
            if sdk.general:
                continue
            yield Signal(
                what=What.SDK,
                line=imported.line,
                block=block.path,
                sdk=sdk_name(sdk, "python", imported.dotted),
                provider=None if sdk.replaceable else sdk.provider,
                fixed=not sdk.replaceable,
                kind=_kind(sdk.kind) if sdk.kind in {"tokenizer", "gateway"} else Kind.SDK,
                role=Role.OPTIONAL if imported.guarded else None,
            )

    def resolve(
        self, node: ast.expr, block: Block, depth: int = 0
    ) -> tuple[str, SdkFacts, Name | None] | None:
        """Return the dotted name, the SDK and what the SDK says of the name, for a called expression."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute | ast.Call):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            else:
                node = node.func
        if not isinstance(node, ast.Name):
            return None
        found = block.find(node.id)
        if found is None or depth > 3:
            return None
        tail = ".".join(reversed(parts))
        key = (node.id, id(found[0]), tail)
        if key not in self.resolved:
            self.resolved[key] = None  # a name that is bound to a call on itself ends here
            self.resolved[key] = self._resolve(tail, found, depth)
        return self.resolved[key]

    def _resolve(
        self, tail: str, found: tuple[list[Bound], Block], depth: int
    ) -> tuple[str, SdkFacts, Name | None] | None:
        for one in found[0][-12:]:
            if isinstance(one, Imported):
                full = f"{one.dotted}.{tail}" if tail else one.dotted
                sdk = self.vendors.module("python", full)
                if sdk is not None and full.partition(".")[0].lower() not in self.file.own:
                    names = full.split(".")
                    info = next((sdk.names[part] for part in reversed(names) if part in sdk.names), None)
                    return full, sdk, info
            elif isinstance(one, Block) and one.kind == "class" and not tail:
                for base in one.bases:
                    inherited = self.resolve(base, one.parent or one, depth + 1)
                    if inherited is not None:
                        return inherited
            elif isinstance(one, ast.Call) and tail:
                made = self.resolve(one.func, found[1], depth + 1)
                if made is not None and made[1].general:
                    return f"{made[0]}.{tail}", made[1], made[2]
        return None

    # -- clients ------------------------------------------------------------------------------

    def _constructor(self, call: ast.Call, block: Block) -> Iterator[Signal]:
        resolved = self.resolve(call.func, block)
        if resolved is None:
            return
        full, sdk, info = resolved
        last = full.rpartition(".")[2]
        if info is not None and info.ignore:
            return
        if sdk.services:
            yield from self._service(call, block, sdk)
        if (sdk.general and info is None) or sdk.kind == "tokenizer":
            return
        if info is not None and info.prefixed:
            yield from self._prefixed(call, block, sdk, info)
            return
        if info is None and (
            last.endswith(
                ("Error", "Exception", "Warning", "Type", "Config", "Params", "Message", "Content", "Part")
            )
            or sdk.provider is None
        ):
            return
        endpoints = self._endpoints(call, block, sdk, info)
        self.clients[id(call)] = endpoints
        for endpoint in endpoints:
            yield Signal(
                what=What.ENDPOINT,
                line=call.lineno,
                column=call.col_offset + 1,
                block=block.path,
                provider=endpoint.provider,
                sdk=sdk_name(sdk, "python", full),
                kind=endpoint.kind,
                endpoint=endpoint.host,
                region=endpoint.estate,
                env=endpoint.env,
                confidence=endpoint.confidence,
                family=endpoint.family,
                fixed=not sdk.replaceable,
                asks=endpoint.asks,
            )
        yield from self._models_of_call(call, block, sdk, info, endpoints)

    def _endpoints(self, call: ast.Call, block: Block, sdk: SdkFacts, info: Name | None) -> list[Endpoint]:
        provider = info.provider if info and info.provider else sdk.provider
        kind = _kind(info.kind if info and info.kind else sdk.kind)
        replaceable = info.replaceable if info and info.replaceable is not None else sdk.replaceable
        base_env = sdk.base_url_env[0] if sdk.base_url_env else None
        default = Endpoint(provider, sdk, kind, None, None, base_env, 0.9)
        values: list[Value] = []
        for name in URL_KEYWORDS:
            given = keyword(call, name)
            if given is not None:
                values = self.evaluator.values(given, block)
                break
        if not values and replaceable:
            spread = [k.value for k in call.keywords if k.arg is None]
            for expression in spread:
                for literal, where in self.evaluator.dictionary(expression, block):
                    for key, value in zip(literal.keys, literal.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value in URL_KEYWORDS:
                            values += self.evaluator.values(value, where)
        if not values:
            return [default]
        found: list[Endpoint] = []
        open_end = False
        for value in values:
            if value.text is None or "." not in value.text and "localhost" not in value.text:
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
            if told:
                return [default._replace(env=env or base_env, confidence=0.7, asks=ref or "")]
            return [Endpoint(None, sdk, kind, None, None, env, 0.5, asks=ref or "")]
        return [default]

    def _service(self, call: ast.Call, block: Block, sdk: SdkFacts) -> Iterator[Signal]:
        given = [*call.args[:2], *(k.value for k in call.keywords if k.arg in {"service_name", "service"})]
        for argument in given:
            for value in self.evaluator.values(argument, block):
                provider = sdk.services.get(value.text or "")
                if provider is None:
                    continue
                region = keyword(call, "region_name") or keyword(call, "region")
                regions = self.evaluator.values(region, block) if region else []
                endpoint = Endpoint(provider, sdk, None, None, None, None, 0.95)
                self.clients[id(call)] = [endpoint]
                yield Signal(
                    what=What.ENDPOINT,
                    line=call.lineno,
                    column=call.col_offset + 1,
                    block=block.path,
                    provider=provider,
                    sdk=sdk_name(sdk, "python"),
                    region=next((r.text for r in regions if r.text), None),
                    confidence=0.95,
                    fixed=True,
                )

    def _prefixed(self, call: ast.Call, block: Block, sdk: SdkFacts, info: Name) -> Iterator[Signal]:
        """Yield the models of a call that names the provider in front of the id."""
        url = next((g for name in URL_KEYWORDS if (g := keyword(call, name)) is not None), None)
        hosts = [
            hit
            for v in (self.evaluator.values(url, block) if url else [])
            if v.text and (hit := self.vendors.host_in(v.text))
        ]
        given_provider = (
            keyword(call, "model_provider")
            or keyword(call, "custom_llm_provider")
            or keyword(call, "provider")
        )
        named = (
            [v.text for v in self.evaluator.values(given_provider, block) if v.text] if given_provider else []
        )
        default = info.provider
        any_model = False
        for value in self._model_values(call, block, info):
            if value.text is None or not looks_like_id(value.text):
                continue
            any_model = True
            provider, model = split_prefix(value.text, self.vendors)
            if not looks_like_id(model):
                continue
            if hosts:
                provider = hosts[0][1].provider
            elif named:
                provider = self.vendors.prefix(named[0]) or provider
            elif url is not None:
                provider = None
            if provider is None and url is None:
                home = self.vendors.developer(model)
                provider = default or home
            yield self._signal(
                What.MODEL, value, block, model=model if provider else value.text, provider=provider,
                sdk=sdk_name(sdk, "python"), env=value.env, kind=_kind(info.kind) if info.kind else None,
                where=f"{self.file.path}:{call.lineno}", role=None, confidence=0.9 if provider else 0.6,
            )  # fmt: skip
            self._tell(value, value.text)
        if not any_model:
            yield Signal(
                what=What.ENDPOINT, line=call.lineno, column=call.col_offset + 1, block=block.path,
                provider=hosts[0][1].provider if hosts else (None if url is not None else info.provider or sdk.provider), sdk=sdk_name(sdk, "python"), run_time=True, confidence=0.4,
            )  # fmt: skip

    def _model_values(self, call: ast.Call, block: Block, info: Name | None) -> list[Value]:
        expressions: list[ast.expr] = []
        if info is not None and isinstance(info.model, str):
            given = keyword(call, info.model)
            expressions += [given] if given is not None else []
        position = info.model if info is not None and isinstance(info.model, int) else 0
        for name in MODEL_KEYWORDS:
            given = keyword(call, name)
            if given is not None:
                expressions.append(given)
        if not expressions and len(call.args) > position and not isinstance(call.args[position], ast.Starred):
            expressions.append(call.args[position])
        return [value for expression in expressions for value in self.evaluator.values(expression, block)]

    def _models_of_call(
        self, call: ast.Call, block: Block, sdk: SdkFacts, info: Name | None, endpoints: list[Endpoint]
    ) -> Iterator[Signal]:
        named = any(keyword(call, name) is not None for name in MODEL_KEYWORDS)
        values = self._model_values(call, block, info)
        if not values and info is not None and info.default_model:
            values = [Value(info.default_model, call.lineno, call.col_offset + 1)]
            named = True
        yield from self._asking(values, call, block, endpoints)
        for value in values:
            if value.text is None:
                continue
            yield from self._model(
                value, call, block, sdk, endpoints, slot=named or (info is not None and info.kind is not None)
            )

    def _model(
        self,
        value: Value,
        call: ast.Call,
        block: Block,
        sdk: SdkFacts | None,
        endpoints: list[Endpoint],
        *,
        slot: bool,
    ) -> Iterator[Signal]:
        """Yield one model id that a call is known to ask for."""
        text = value.text or ""
        if is_weight_file(text) and "{" not in posixpath.basename(text):
            text = posixpath.basename(text)
        elif not looks_like_id(text) or (not slot and not (known_form(self.file, text) or is_hub_id(text))):
            return
        for endpoint in endpoints or [Endpoint(None, sdk, None, None, None, None, 0.5)]:
            provider = endpoint.provider
            torch_hub = self.vendors.torch_hub(text)
            if torch_hub is not None:
                provider = torch_hub
            kind = endpoint.kind
            if kind is Kind.SDK:
                kind = None
            yield self._signal(
                What.MODEL, value, block, model=text, provider=provider, env=value.env, kind=kind,
                sdk=sdk_name(endpoint.sdk, "python") if endpoint.sdk else None, endpoint=endpoint.host, region=endpoint.estate,
                where=f"{self.file.path}:{call.lineno}", family=endpoint.family, confidence=min(0.95, endpoint.confidence + 0.05),
            )  # fmt: skip
        self._tell(value, value.text or "")

    def _asking(
        self, values: list[Value], call: ast.Call, block: Block, endpoints: list[Endpoint]
    ) -> Iterator[Signal]:
        """Yield a question for the model of a call that only another file can answer."""
        if not endpoints or any(value.text is not None for value in values):
            return
        ref = next((value.ref for value in values if value.ref), None)
        if ref is None or ref.startswith("param:"):
            return
        for endpoint in endpoints[:2]:
            yield Signal(
                what=What.MODEL,
                line=call.lineno,
                block=block.path,
                asks=ref,
                provider=endpoint.provider if not endpoint.asks else None,
                kind=endpoint.kind if endpoint.kind is not Kind.SDK else None,
                sdk=sdk_name(endpoint.sdk, "python") if endpoint.sdk else None,
                where=f"{self.file.path}:{call.lineno}",
                confidence=endpoint.confidence,
            )

    def _tell(self, value: Value, text: str) -> None:
        self.told.add((value.line, value.column, text, None))

    def _is_told(self, value: Value) -> bool:
        return (value.line, value.column, value.text or "", None) in self.told

    # -- calls on clients ---------------------------------------------------------------------

    def endpoints_of(self, node: ast.expr, block: Block, depth: int = 0) -> list[Endpoint]:
        """Return where an object sends its calls, if it is a client made in this file."""
        if depth > 5:
            return []
        match node:
            case ast.Call():
                if id(node) in self.clients:
                    return self.clients[id(node)]
                return (
                    self.endpoints_of(node.func, block, depth + 1)
                    if isinstance(node.func, ast.Attribute)
                    else []
                )
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attr):
                owner = block.enclosing_class()
                made = owner.attrs.get(attr, []) if owner else []
                return [
                    e for expression, where in made for e in self.endpoints_of(expression, where, depth + 1)
                ]
            case ast.Attribute():
                return self.endpoints_of(node.value, block, depth + 1)
            case ast.Name():
                found = block.find(node.id)
                return [
                    e
                    for one in (found[0] if found else ())
                    if isinstance(one, ast.expr)
                    for e in self.endpoints_of(one, found[1] if found else block, depth + 1)
                ]
            case ast.Await():
                return self.endpoints_of(node.value, block, depth + 1)
        return []

    def _asked(self, call: ast.Call, block: Block) -> Iterator[Signal]:
        """Yield the models that a call on a client, or a loader, asks for."""
        if id(call) in self.clients:
            return
        last = dotted(call.func).rpartition(".")[2] or (
            call.func.attr if isinstance(call.func, ast.Attribute) else ""
        )
        given = next((g for name in MODEL_KEYWORDS if (g := keyword(call, name)) is not None), None)
        if keyword(call, "repo_or_dir") is not None or dotted(call.func).endswith("hub.load"):
            entry = keyword(call, "model") or (call.args[1] if len(call.args) > 1 else None)
            for value in self.evaluator.values(entry, block) if entry is not None else ():
                self._tell(value, value.text or "")
        positional = call.args[0] if call.args and not isinstance(call.args[0], ast.Starred) else None
        endpoints = self.endpoints_of(call.func, block) if isinstance(call.func, ast.Attribute) else []
        if given is not None and (endpoints or last in _LOADERS):
            yield from self._asking(self.evaluator.values(given, block), call, block, endpoints)
            for value in self.evaluator.values(given, block):
                if value.text is not None:
                    yield from self._model(value, call, block, None, endpoints, slot=bool(endpoints))
        elif positional is not None and (last in _LOADERS or endpoints):
            resolved = self.resolve(call.func, block)
            sdk = resolved[1] if resolved else None
            if resolved and not endpoints and sdk is not None and sdk.provider:
                endpoints = self._endpoints(call, block, sdk, resolved[2])
            for value in self.evaluator.values(positional, block):
                if (
                    value.text is not None
                    and (is_hub_id(value.text) or known_form(self.file, value.text))
                    and looks_like_id(value.text)
                ):
                    if not endpoints and not self.sdks:
                        continue
                    yield from self._model(value, call, block, sdk, endpoints, slot=True)

    # -- names that hold models ---------------------------------------------------------------

    def _slots(self) -> Iterator[Signal]:
        for node, block in self.tree.nodes:
            match node:
                case ast.Assign():
                    for target in node.targets:
                        yield from self._slot(_target_name(target), node.value, block)
                case ast.AnnAssign(value=ast.expr()):
                    yield from self._slot(_target_name(node.target), node.value, block)
                case ast.Call():
                    yield from self._call_slots(node, block)
                case ast.Dict():
                    for key, value in zip(node.keys, node.values, strict=True):
                        if isinstance(key, ast.Constant) and isinstance(key.value, str):
                            if (
                                key.value in _LABELS
                                and isinstance(value, ast.Constant)
                                and isinstance(value.value, str)
                            ):
                                yield from self._label(value, block)
                            yield from self._slot(key.value, value, self._entry_block(value, block))
                case ast.Return(value=ast.expr()) if block.kind == "def" and holds_model(block.name):
                    yield from self._slot(block.name, node.value, block)
        for block in self.tree.blocks:
            if block.kind != "def":
                continue
            for name, bound in block.names.items():
                for one in bound:
                    if isinstance(one, Param) and one.default is not None:
                        yield from self._slot(name, one.default, block)

    def _entry_block(self, value: ast.expr, block: Block) -> Block:
        return (
            next((b for b in self.tree.blocks if b.node is value), block)
            if isinstance(value, ast.Dict)
            else block
        )

    def _call_slots(self, call: ast.Call, block: Block) -> Iterator[Signal]:
        last = dotted(call.func).rpartition(".")[2] or (
            call.func.attr if isinstance(call.func, ast.Attribute) else ""
        )
        strings = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if last in {"add_argument", "option", "Option", "add_option", "argument"} and strings:
            default = keyword(call, "default")
            flag = max(strings, key=len)
            if default is not None:
                yield from self._slot(flag.lstrip("-"), default, block, env=flag)
                yield from self._choice(flag.lstrip("-"), default, block, keyword(call, "choices"), env=flag)
            return
        if (
            last in {"getenv", "get", "getattr", "env", "get_env", "setdefault", "getstr", "str", "config"}
            and len(call.args) >= 2
            and strings
        ):
            key = strings[0]
            position = 2 if last == "getattr" else 1
            if len(call.args) > position:
                env = key if key.isupper() else None
                yield from self._slot(key, call.args[position], block, env=env)
                yield from self._choice(key, call.args[position], block, None, env=env)
        if id(call) in self.clients:
            return
        for word in call.keywords:
            if word.arg:
                if (
                    word.arg in _LABELS
                    and isinstance(word.value, ast.Constant)
                    and isinstance(word.value.value, str)
                ):
                    yield from self._label(word.value, block)
                yield from self._slot(word.arg, word.value, block)

    def _slot(
        self, name: str, expression: ast.expr, block: Block, env: str | None = None
    ) -> Iterator[Signal]:
        if not name:
            return
        if not holds_model(name):
            yield from self._choice(name, expression, block, None)
            return
        listed = (
            isinstance(expression, ast.List | ast.Tuple | ast.Set) and len(expression.elts) >= _PLURAL_LISTED
        )
        for value in self._slot_values(expression, block):
            text = value.text
            if text is None or self._is_told(value):
                continue
            weights = is_weight_file(text) and "{" not in posixpath.basename(text)
            if weights:
                text = posixpath.basename(text)
            elif not looks_like_id(text):
                continue
            confidence = how_sure(self.file, name, text, bool(self.sdks)) if not weights else 0.6
            if confidence <= 0:
                continue
            role = Role.LISTED if listed and len(expression.elts) > 12 else Role.OPTIONAL if listed else None  # type: ignore[attr-defined]
            self._tell(value, value.text or "")
            provider, model = split_prefix(text, self.vendors) if ":" in text or "/" in text else (None, text)
            if provider is not None and not self._prefix_counts(text):
                provider, model = None, text
            yield self._signal(
                What.MODEL, value, block, model=model if provider else text, provider=provider,
                env=value.env or env, confidence=confidence, role=role,
            )  # fmt: skip

    def _prefix_counts(self, text: str) -> bool:
        """A prefix names the server only where a library that reads prefixes is used."""
        head = text.replace(":", "/", 1).partition("/")[0].lower()
        if any(sdk.kind in {"gateway", "framework"} for sdk in self.sdks):
            return True
        return self.vendors.prefix(head) is not None and not is_hub_id(text) and ":" not in text

    def _slot_values(self, expression: ast.expr, block: Block) -> Iterator[Value]:
        """Yield the values that stand in the expression itself; names are told where they are bound."""
        match expression:
            case ast.Dict():
                for value in expression.values:
                    if not isinstance(value, ast.Dict):
                        yield from self._slot_values(value, block)
            case ast.List() | ast.Tuple() | ast.Set():
                for element in expression.elts:
                    yield from self._slot_values(element, block)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return
            case ast.Constant() | ast.BoolOp() | ast.IfExp() | ast.Call() | ast.JoinedStr() | ast.BinOp():
                if isinstance(expression, ast.Call) and id(expression) in self.clients:
                    return
                for value in self.evaluator.values(expression, block):
                    if isinstance(expression, ast.Call) and value.line < expression.lineno:
                        continue
                    yield value

    # -- strings anywhere ---------------------------------------------------------------------

    def _strings(self) -> Iterator[Signal]:
        for node, block in self.tree.nodes:
            if isinstance(node, ast.JoinedStr):
                for value in self.evaluator.values(node, block)[:2]:
                    yield from self._url(value, block, aside=id(node) in self.aside)
                continue
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            text = node.value
            if len(text) < 3 or id(node) in self.tree.docstrings:
                continue
            value = Value(text, node.lineno, node.col_offset + 1)
            if "\n" in text:
                yield from self._embedded(node, block)
                continue
            aside = id(node) in self.aside
            if "." in text and len(text) < 300:
                yield from self._url(value, block, aside=aside)
            if not aside or _env_like(text):
                yield from self._env(value, block)
            if not self._is_told(value) and " " not in text and len(text) < 100:
                yield from self._stray(value, block, aside=aside)

    def _url(self, value: Value, block: Block, *, aside: bool) -> Iterator[Signal]:
        text = value.text or ""
        if " " in text.strip():
            return
        hit = self.vendors.host_in(text.strip())
        if hit is None:
            return
        host, entry = hit
        repo = hub_repo(text) if entry.weak else None
        if repo is not None:
            yield self._signal(
                What.MODEL,
                value,
                block,
                model=repo,
                provider=entry.provider,
                endpoint=host,
                kind=Kind.OPEN_WEIGHTS,
                confidence=0.8,
            )
            return
        if entry.port:
            around = (
                f"{posixpath.basename(self.file.path)} {self.file.line(value.line)} {' '.join(block.path)}"
            )
            if not self.vendors.named_in(around, entry.provider):
                return
        elif entry.weak:
            return
        yield self._signal(
            What.ENDPOINT, value, block, provider=entry.provider, endpoint=host, region=entry.estate,
            confidence=0.6 if aside else 0.85, role=Role.LISTED if aside else None,
        )  # fmt: skip

    def _embedded(self, node: ast.Constant, block: Block) -> Iterator[Signal]:
        """Yield the endpoints in a text of several lines: code that is written out or sent elsewhere."""
        for offset, line in enumerate(str(node.value).split("\n")[:400]):
            at = line.find("://")
            if at < 0 or len(line) > 1000:
                continue
            start = max(line.rfind(c, 0, at) for c in "\"' (=<[`") + 1
            url = line[start:].split('"')[0].split("'")[0].split(" ")[0].split(")")[0]
            hit = self.vendors.host_in(url)
            quoted = start > 0 and line[start - 1] in "\"'`"
            if hit is None or hit[1].weak or not quoted:
                continue
            yield Signal(
                what=What.ENDPOINT, line=node.lineno + offset, column=start + 1, block=block.path, provider=hit[1].provider,
                endpoint=hit[0], region=hit[1].estate, confidence=0.6,
            )  # fmt: skip

    def _env(self, value: Value, block: Block) -> Iterator[Signal]:
        text = value.text or ""
        if not _env_like(text):
            return
        entry = self.vendors.env(text)
        if entry is not None and not entry.weak:
            yield self._signal(What.ENV, value, block, provider=entry.provider, env=text, confidence=0.5)

    def _stray(self, value: Value, block: Block, *, aside: bool) -> Iterator[Signal]:
        """Yield an id that stands outside of any name that holds models."""
        text = value.text or ""
        if not looks_like_id(text) or not any(c.isdigit() for c in text):
            return
        known = self.vendors.knows_id(text)
        hub = is_hub_id(text) and self.vendors.developer(text) is not None
        if not known and not hub:
            return
        if "-" not in text and "/" not in text and ":" not in text:
            return
        yield self._signal(
            What.MODEL, value, block, model=text, confidence=0.5 if aside else 0.55,
            role=Role.LISTED if aside else Role.OPTIONAL,
        )  # fmt: skip

    # -- labels and choices -------------------------------------------------------------------

    def _labels(self) -> Iterator[Signal]:
        for block in self.tree.blocks:
            if block.kind == "class":
                for name in _LABELS:
                    for expression, where in block.attrs.get(name, ())[:2]:
                        if (
                            isinstance(expression, ast.Constant)
                            and isinstance(expression.value, str)
                            and where is block
                        ):
                            value = Value(expression.value, expression.lineno, expression.col_offset + 1)
                            yield self._signal(What.LABEL, value, block, model=expression.value)
            elif block.kind in {"entry", "branch"} and block.name:
                yield Signal(what=What.LABEL, line=block.line, block=block.path, model=block.name)

    def _label(self, node: ast.Constant, block: Block) -> Iterator[Signal]:
        if block.kind in {"entry", "value"} and len(node.value) < 40:  # type: ignore[arg-type]
            value = Value(str(node.value), node.lineno, node.col_offset + 1)
            yield self._signal(What.LABEL, value, block, model=value.text)

    def _choice(
        self,
        name: str,
        expression: ast.expr,
        block: Block,
        choices: ast.expr | None,
        env: str | None = None,
    ) -> Iterator[Signal]:
        plain = snake(name)
        if plain.endswith(_ORDERS) and isinstance(expression, ast.List | ast.Tuple):
            texts = [v.text for v in self._slot_values(expression, block) if v.text]
            if texts:
                value = Value(texts[0], expression.lineno, expression.col_offset + 1)
                yield self._signal(What.CHOICE, value, block, model=texts[0], options=tuple(texts[1:]))
            return
        if not plain.endswith(_CHOICES):
            return
        options = (
            tuple(v.text for v in self.evaluator.values(choices, block) if v.text)
            if choices is not None
            else ()
        )
        for value in self._slot_values(expression, block):
            if value.text and len(value.text) < 40 and " " not in value.text:
                yield self._signal(
                    What.CHOICE, value, block, model=value.text, options=options, env=value.env or env,
                    provider=self.vendors.slugs.get(value.text.lower().replace("-", "").replace("_", "")) or self.vendors.prefix(value.text),
                )  # fmt: skip


def _distinct(endpoints: list[Endpoint]) -> list[Endpoint]:
    seen: dict[tuple[str | None, str | None], Endpoint] = {}
    for endpoint in endpoints:
        seen.setdefault((endpoint.provider, endpoint.host), endpoint)
    return list(seen.values())


def _kind(said: str | None) -> Kind | None:
    return {
        "open-weights": Kind.OPEN_WEIGHTS,
        "embedding": Kind.EMBEDDING,
        "tokenizer": Kind.TOKENIZER,
        "gateway": Kind.GATEWAY,
        "hosted-api": Kind.HOSTED_API,
    }.get(said or "")


def _target_name(target: ast.expr) -> str:
    match target:
        case ast.Name():
            return target.id
        case ast.Attribute():
            return target.attr
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
    return ""


def _leaves(node: ast.expr) -> Iterator[ast.expr]:
    yield node
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        for element in node.elts:
            yield from _leaves(element)
    elif isinstance(node, ast.BinOp):
        yield from _leaves(node.left)
        yield from _leaves(node.right)
    elif isinstance(node, ast.JoinedStr):
        yield from node.values


def _env_like(text: str) -> bool:
    return (
        5 < len(text) < 60
        and "_" in text
        and text.replace("_", "").isalnum()
        and (text.isupper() or text[0].isupper())
    )
