"""Clients of a Python file: where each sends its calls, and which models they ask for."""

from __future__ import annotations

import ast
import itertools
import posixpath
from typing import TYPE_CHECKING

from reliant.core.use import Kind, Role
from reliant.inventory.aliases import may_be_alias
from reliant.inventory.endpoints import Endpoint, usual_endpoint
from reliant.inventory.idforms import is_hub_id, is_weight_file, looks_like_id
from reliant.inventory.imports import imported as import_signal
from reliant.inventory.imports import kind_of
from reliant.inventory.loose import known_form, sdk_name
from reliant.inventory.python.base import MODEL_KEYWORDS, Base
from reliant.inventory.python.nodes import Value, constant, dotted, keyword
from reliant.inventory.python.tree import Block, Param
from reliant.inventory.served import cannot_serve
from reliant.inventory.signals import Signal, What
from reliant.inventory.upstream import HEADERS, is_gateway, tells_upstream, upstream_of
from reliant.inventory.urls import host_of, split_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendor_facts import Name, SdkFacts

URL_KEYWORDS = (
    "base_url", "api_base", "openai_api_base", "azure_endpoint", "endpoint", "endpoint_url",
    "api_endpoint", "host", "api_host", "server_url", "anthropic_api_url", "url", "api_url",
    "baseURL", "inference_server_url", "openai_base_url", "service_url", "api_base_url",
    "dashscope_base_url", "base_uri", "http_options", "client_options",
)  # fmt: skip
"""Keywords that hold an endpoint."""

_LOADERS = frozenset({
    "from_pretrained", "hf_hub_download", "snapshot_download", "load_model", "from_hub", "pull",
    "cached_download", "pipeline", "load", "create_model", "get_model",
})  # fmt: skip  # fmt: skip
_STARTS = frozenset({
    "run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "spawn", "execvp",
})  # fmt: skip
_MODEL_KEYWORDS = frozenset(MODEL_KEYWORDS)
_NO_CLIENTS = (
    "Error", "Exception", "Warning", "Type", "Config", "Param", "Params", "Message", "Content", "Part",
    "Block", "Usage", "Tool", "Timeout", "Delta", "Event", "Choice", "Format", "Options", "Credentials",
    "Source",
)  # fmt: skip
"""How classes of an SDK end that hold what is said, and ask nobody."""


class Clients(Base):
    """Imports, constructors, and what is asked of what they make."""

    def _imports(self) -> Iterator[Signal]:
        for imported, block in self.tree.imports:
            sdk = self.vendors.module("python", imported.dotted)
            if sdk is None or imported.dotted.partition(".")[0].lower() in self.file.own:
                continue
            self.sdks.append(sdk)
            if sdk.general:
                continue
            name = sdk_name(sdk, "python", imported.dotted)
            role = Role.OPTIONAL if imported.guarded else None
            yield import_signal(sdk, name, imported.line, block.path, role=role)

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
        if info is not None and info.prefixed and keyword(call, "model_list") is not None:
            # The names that its calls give are those of the list.
            endpoint = Endpoint(sdk.provider, sdk, Kind.GATEWAY, None, None, None, 0.9)
            self.clients[id(call)] = [endpoint]
            yield endpoint.signal(sdk_name(sdk, "python", full), call.lineno, call.col_offset + 1, block.path)
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
        behind = self._behind(call, block, endpoints)
        self.clients[id(call)] = behind or endpoints
        for endpoint in (*endpoints, *behind):
            name = sdk_name(sdk, "python", full)
            yield endpoint.signal(name, call.lineno, call.col_offset + 1, block.path)
        endpoints = behind or endpoints
        yield from self._models_of_call(call, block, sdk, info, endpoints)

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
            if value.text and may_be_alias(value.text) and not hosts and not named:
                home = self.vendors.developer(value.text)
                yield self._signal(What.NAMED, value, block, model=value.text, provider=home)
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
                What.MODEL,
                value,
                block,
                model=model if provider else value.text,
                provider=provider,
                sdk=sdk_name(sdk, "python"),
                env=value.env,
                kind=kind_of(info.kind) if info.kind else None,
                where=f"{self.file.path}:{call.lineno}",
                role=self._turn(value),
                confidence=0.9 if provider else 0.6,
            )
            self._tell(value, value.text)
        if not any_model:
            yield Signal(
                what=What.ENDPOINT,
                line=call.lineno,
                column=call.col_offset + 1,
                block=block.path,
                provider=hosts[0][1].provider
                if hosts
                else (None if url is not None else info.provider or sdk.provider),
                sdk=sdk_name(sdk, "python"),
                run_time=True,
                confidence=0.4,
            )

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
        if _of_data(call):
            return
        named = any(keyword(call, name) is not None for name in MODEL_KEYWORDS)
        values = self._model_values(call, block, info)
        if info is not None and info.default_model and not values and not call.args:
            # What the class asks for when it is told nothing; settings handed on as a whole may tell it.
            own = [endpoint for endpoint in endpoints if endpoint.provider == (info.provider or sdk.provider)]
            if own and all(word.arg is not None and "model" not in word.arg for word in call.keywords):
                values = [Value(info.default_model, call.lineno, call.col_offset + 1)]
                named, endpoints = True, own
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
        if slot and may_be_alias(text):
            asked = endpoints[0].provider if endpoints else None
            yield self._signal(What.NAMED, value, block, model=text, provider=asked)
        if is_weight_file(text) and "{" not in posixpath.basename(text):
            text = posixpath.basename(text)
        elif not looks_like_id(text) or (not slot and not (known_form(self.file, text) or is_hub_id(text))):
            return
        elif value.line != call.lineno and all(
            cannot_serve(endpoint.provider, text, self.vendors) for endpoint in endpoints
        ):
            # Of a table for several providers: its own entry says whose it is.
            yield from self._picked_at_run_time(call, block, endpoints)
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
                What.MODEL,
                value,
                block,
                model=text,
                provider=provider,
                env=value.env,
                kind=kind,
                sdk=sdk_name(endpoint.sdk, "python") if endpoint.sdk else None,
                endpoint=endpoint.host,
                region=endpoint.estate,
                where=f"{self.file.path}:{call.lineno}",
                family=endpoint.family,
                role=self._turn(value),
                confidence=min(0.95, endpoint.confidence + 0.05),
            )
        self._tell(value, value.text or "")

    def _picked_at_run_time(
        self, call: ast.Call, block: Block, endpoints: list[Endpoint]
    ) -> Iterator[Signal]:
        for endpoint in endpoints[:2]:
            yield Signal(
                what=What.ENDPOINT,
                line=call.lineno,
                column=call.col_offset + 1,
                block=block.path,
                provider=endpoint.provider,
                sdk=sdk_name(endpoint.sdk, "python") if endpoint.sdk else None,
                kind=endpoint.kind,
                endpoint=endpoint.host,
                run_time=True,
                confidence=endpoint.confidence,
            )

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

    def _spawned(self, call: ast.Call, block: Block) -> Iterator[Signal]:
        """Yield the vendor whose own program a call starts, and the model that it is told to use."""
        last = dotted(call.func).rpartition(".")[2]
        if last not in _STARTS or not call.args:
            return
        words = self._words(call.args, block)
        sdk = self.vendors.program(words[0].text or "") if words else None
        if sdk is None:
            return
        model = next(
            (
                after
                for word, after in itertools.pairwise(words)
                if word.text in {"--model", "-m"} and after.text and looks_like_id(after.text)
            ),
            None,
        )
        yield self._signal(
            What.MODEL if model else What.ENDPOINT,
            model or words[0],
            block,
            provider=sdk.provider,
            model=model.text if model else None,
            sdk=sdk_name(sdk, "program"),
            run_time=model is None,
            confidence=0.7,
            where=f"{self.file.path}:{call.lineno}",
        )

    def _words(self, given: list[ast.expr], block: Block) -> list[Value]:
        """Return the words of a command, as far as they stand in the file; of a list its elements."""
        first = given[0]
        if isinstance(first, ast.Name):
            found = block.find(first.id)
            bound = [one for one in (found[0] if found else ()) if isinstance(one, ast.List | ast.Tuple)]
            first = bound[-1] if bound else first
        parts = first.elts if isinstance(first, ast.List | ast.Tuple) else given
        return [
            next(iter(self.evaluator.values(part, block)), Value(None, part.lineno, part.col_offset + 1))
            for part in parts[:30]
        ]

    def _asked(self, call: ast.Call, block: Block) -> Iterator[Signal]:
        """Yield the models that a call on a client, or a loader, asks for."""
        if id(call) in self.clients or not (call.args or call.keywords) or _of_data(call):
            return
        last = dotted(call.func).rpartition(".")[2] or (
            call.func.attr if isinstance(call.func, ast.Attribute) else ""
        )
        given = None
        if any(word.arg in _MODEL_KEYWORDS for word in call.keywords):
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


def _of_data(call: ast.Call) -> bool:
    """Say whether a call fetches a data set or a page from a hub: `repo_type="dataset"`."""
    return constant(keyword(call, "repo_type")) in {"dataset", "space"}


def _setting(value: Value) -> str:
    """Return the name of the setting that a value is read from: `llm_url` of `settings.llm_url`."""
    return value.env or (value.ref or "").rpartition(":")[2]


def _distinct(endpoints: list[Endpoint]) -> list[Endpoint]:
    seen: dict[tuple[str | None, str | None], Endpoint] = {}
    for endpoint in endpoints:
        seen.setdefault((endpoint.provider, endpoint.host), endpoint)
    return list(seen.values())
