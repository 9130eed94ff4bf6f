"""Clients of a Python file: where each sends its calls, and which models they ask for."""

from __future__ import annotations

import ast
import itertools
import posixpath
from typing import TYPE_CHECKING

from reliant.core.use import Kind, Role
from reliant.inventory.aliases import may_be_alias
from reliant.inventory.endpoints import Endpoint
from reliant.inventory.idforms import is_hub_id, is_weight_file, looks_like_id
from reliant.inventory.imports import imported as import_signal
from reliant.inventory.imports import kind_of
from reliant.inventory.loose import known_form, sdk_name
from reliant.inventory.python.addresses import URL_KEYWORDS, Addresses
from reliant.inventory.python.base import MODEL_KEYWORDS
from reliant.inventory.python.nodes import Value, constant, dotted, keyword
from reliant.inventory.python.tree import Block
from reliant.inventory.served import cannot_serve
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import split_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendor_facts import Name, SdkFacts


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


class Clients(Addresses):
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
        endpoints = self._in_region(call, block, endpoints)
        behind = self._behind(call, block, endpoints)
        self.clients[id(call)] = behind or endpoints
        for endpoint in (*endpoints, *behind):
            name = sdk_name(sdk, "python", full)
            yield endpoint.signal(name, call.lineno, call.col_offset + 1, block.path)
        endpoints = behind or endpoints
        yield from self._models_of_call(call, block, sdk, info, endpoints)

    def _service(self, call: ast.Call, block: Block, sdk: SdkFacts) -> Iterator[Signal]:
        given = [*call.args[:2], *(k.value for k in call.keywords if k.arg in {"service_name", "service"})]
        for argument in given:
            for value in self.evaluator.values(argument, block):
                provider = sdk.services.get(value.text or "")
                if provider is None:
                    continue
                (endpoint,) = self._in_region(
                    call, block, [Endpoint(provider, sdk, None, None, None, None, 0.95)]
                )
                self.clients[id(call)] = [endpoint]
                yield Signal(
                    what=What.ENDPOINT,
                    line=call.lineno,
                    column=call.col_offset + 1,
                    block=block.path,
                    provider=provider,
                    sdk=sdk_name(sdk, "python"),
                    region=endpoint.estate,
                    region_asks=endpoint.region_asks,
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
        if self._of_data(call, block):
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
                region_asks=endpoint.region_asks,
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
        if id(call) in self.clients or not (call.args or call.keywords):
            return
        if self._of_data(call, block):
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

    def _of_data(self, call: ast.Call, block: Block) -> bool:
        """Say whether a call fetches a data set or a page from a hub: `repo_type="dataset"`.

        What it fetches is told, for it may be bound to a name that reads like a model's.
        """
        if constant(keyword(call, "repo_type")) not in {"dataset", "space"}:
            return False
        fetched = keyword(call, "repo_id") or (call.args[0] if call.args else None)
        for value in self.evaluator.values(fetched, block) if fetched is not None else ():
            self._tell(value, value.text or "")
        return True
