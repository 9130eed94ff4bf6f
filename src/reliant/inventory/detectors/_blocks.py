"""What configuration means: which settings of a block name a provider, an endpoint or a model.

One reading for every format. Settings that stand together are told apart by what
their names begin with (`CHAT_MODEL` and `CHAT_BASE_URL` belong together,
`EMBED_MODEL` does not), so that the linker joins a model to its own endpoint.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reliant.core.use import Kind, Role, Scope
from reliant.inventory.across import FileFacts, Known
from reliant.inventory.detectors._entries import Entry
from reliant.inventory.detectors._picked import inside as stands_in
from reliant.inventory.detectors._picked import left_aside
from reliant.inventory.detectors._shell import shell_signals
from reliant.inventory.detectors._urls import model_at, urls_in
from reliant.inventory.idforms import (
    holds_model,
    is_hub_id,
    is_reference,
    is_weight_file,
    looks_like_id,
    snake,
)
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import host_of, model_in_path, region_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reliant.inventory.view import FileView

_URL_KEY = re.compile(
    r"(?:^|_)(?:base_url|baseurl|api_base|api_url|api_endpoint|endpoint|endpoint_url|base|url|uri|host|server"
    r"|server_url|address|gateway|upstream|proxy)$"
)
_MODEL_URL_KEY = re.compile(
    r"(?:^|_)(?:base_url|baseurl|api_base|openai_base|api_url|api_endpoint|endpoint_url|llm_url|endpoint)$"
)
_PROVIDER_KEY = re.compile(
    r"(?:^|_)(?:provider|llm_provider|model_provider|vendor|backend|llm|llm_type|api_type|client|service|platform"
    r"|custom_llm_provider)$"
)
_IMAGE_KEY = re.compile(r"^(?:image|image_uri|container_image|docker_image|repository|base_image)$")
_COMMAND_KEY = re.compile(
    r"^(?:command|args|entrypoint|cmd|run|script|before_script|after_script|shell|exec|start|test)$"
)
_SUFFIX = re.compile(
    r"_?(?:api_?key|key|token|secret|base_?url|api_base|api_url|endpoint_url|endpoint|url|uri|base|host|organization"
    r"|org_id|(?:default_|chat_|completion_)?(?:model|deployment)(?:_(?:name|id|default|version))?|models|region"
    r"|location|provider|temperature|timeout|max_tokens|api_version|version)$"
)
_AI_KEY = re.compile(
    r"(?:^|_)(?:openai|llm|model|models|ai|gpt|chat|completion|completions|embedding|embeddings|inference)(?:_|$)"
)
_LOCAL = re.compile(r"(?:\w+://)?(?:localhost|127\.|0\.0\.0\.0|\[::1\]|host\.docker)")
_PRICE_KEY = re.compile(
    r"(?:^|_)(?:price|prices|pricing|cost|costs|usd|per_(?:m|1k|million|token|mtok)\w*|rate_per|input_per|output_per"
    r"|(?:input|output|prompt|completion|cached?_(?:read|write))_(?:cost|price|usd|rate|tokens_cost))(?:_|$)"
)
_OFF_KEY = re.compile(r"^(?:enabled|active|use|on)$")
_FALLBACK = re.compile(r"fallback|alternativ|backup|secondary")
_DEPLOYMENT = re.compile(r"deployment")
_TEMPLATE_DEFAULT = re.compile(r"\{\{.*?\bdefault\(?\s*(?:\(\s*)?[\"']([^\"']+)[\"']")
# Below `model:` or `models:`, these are the id; elsewhere they are just names.
_ID_KEYS = frozenset({
    "id", "name", "default", "primary", "main", "secondary", "fallback", "fast", "smart", "small", "large",
    "big", "cheap", "chat", "completion", "embedding", "embeddings", "image", "vision", "text", "code",
    "reasoning",
})  # fmt: skip
_TEMPLATE = re.compile(r"^\$\{?\{?\s*[\w.]+\s*(?::?-(?P<default>[^}]+))?\}\}?$")
_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]+\Z")
_ASSIGNED = re.compile(r"([A-Z][A-Z0-9_]{2,})=(.*)\Z", re.DOTALL)
_ROLE_LISTED_FROM = 4
_PRICES = 3
"""Blocks with prices, side by side, from which on the others there are of the same list."""
# `a.provider.chat.options.model`: as far out as the provider's name may stand.
_NEAREST = 4
_TAKEN_FROM = re.compile(
    r"(?:\$\{?\{?\s*(?:secrets\.|env\.|vars\.)?|os\.environ/|env[:(]\s*['\"]?)([A-Z][A-Z0-9_]{3,})"
)


def signals_of(
    entries: Iterable[Entry], file: FileView, *, optional: bool = False, code: bool = False
) -> Iterator[Signal]:
    """Yield what the settings of a file say.

    Args:
        entries: All of them, in order.
        file: Where they stand.
        optional: Nothing here is taken unless asked for: an example, a list of choices.
        code: The file is a program; otherwise it is configuration, whatever its name says.
    """
    blocks: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    told: dict[str, list[Known]] = defaultdict(list)
    every = list(entries)
    left = left_aside(every) if not code else {}
    for entry in _as_variables(every):
        blocks[_block(entry)].append(entry)
        if not entry.commented and _joins_code(entry):
            said = file.line(entry.line)
            told[entry.key].append(Known(_default(entry.value), entry.line, entry.column, said=said))
    if told and not optional:
        # Code that reads these keys is told what they hold.
        file.facts.append(FileFacts(file.name.partition(".")[0], keys=dict(told)))
    reading = _Reading(file, optional, _priced(every))
    scope = Scope.CONFIG if file.scope is Scope.CODE and not code else None
    for block, inside in blocks.items():
        aside = bool(left) and stands_in(block, left)
        picked = bool(left) and not optional and stands_in(block, set(left.values()))
        for signal in reading.block(block, inside):
            if picked and signal.what is What.ENDPOINT and signal.provider:
                # Code that names no default takes what the settings pick.
                yield msgspec.structs.replace(signal, what=What.CHOICE, model=signal.provider, env="setting")
            role = Role.OPTIONAL if aside and signal.role is None else signal.role
            yield msgspec.structs.replace(signal, scope=scope or signal.scope, role=role)


def _priced(entries: Sequence[Entry]) -> frozenset[tuple[str, ...]]:
    """Return the keys of blocks that give prices, and of blocks beside several of these."""
    blocks = {e.keys[:-1] for e in entries if e.keys and _PRICE_KEY.search(snake(e.keys[-1]))}
    lists = {at for at, count in Counter(block[:-1] for block in blocks if block).items() if count >= _PRICES}
    if lists:
        beside = (e.keys[:depth] for e in entries for depth in range(1, len(e.keys)))
        blocks |= {keys for keys in beside if keys[:-1] in lists}
    return frozenset(blocks)


def _joins_code(entry: Entry) -> bool:
    """Say whether code that reads this setting is likely to make a client or ask for a model with it."""
    key, value = snake(entry.key), _default(entry.value)
    if _MODEL_URL_KEY.search(key) or _URL_KEY.search(key):
        return value.startswith(("http://", "https://")) and len(value) < 300
    return holds_model(entry.key) and looks_like_id(value)


def _as_variables(entries: list[Entry]) -> list[Entry]:
    """Turn `{name: X, value: y}` and `X=y` in lists into settings called X."""
    pairs: dict[tuple[str, ...], dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        if entry.keys and entry.keys[-1].lower() in {"name", "value", "key", "default"}:
            pairs[entry.keys[:-1]][entry.keys[-1].lower()] = entry
    named: dict[tuple[str, ...], Entry] = {}
    for parent, pair in pairs.items():
        name = pair.get("name") or pair.get("key")
        if name is not None and _ENV_NAME.match(name.value) and parent and parent[-1].startswith("["):
            value = pair.get("value") or pair.get("default", name)
            said = value.value if value is not name else ""
            named[parent] = Entry((*parent[:-1], name.value), said, value.line, value.column, value.commented)
    found: list[Entry] = []
    for entry in entries:
        parent = entry.keys[:-1]
        if parent in named:
            if entry.keys[-1].lower() in {"name", "key"}:
                found.append(named[parent])
            continue
        assigned = _ASSIGNED.match(entry.value) if entry.keys and entry.keys[-1].startswith("[") else None
        if assigned is not None:
            found.append(entry._replace(keys=(*parent, assigned[1]), value=assigned[2]))
        else:
            found.append(entry)
    return found


def _block(entry: Entry) -> tuple[str, ...]:
    keys = entry.keys
    while keys and keys[-1].startswith("["):
        keys = keys[:-1]
    if not keys:
        return ()
    prefix = _SUFFIX.sub("", snake(keys[-1]))
    # `model` and `base_url` have nothing before them: they speak for the whole block.
    return (*keys[:-1], f"{prefix}*") if prefix and prefix != snake(keys[-1]) else keys[:-1]


class _Model(NamedTuple):
    entry: Entry
    id: str
    provider: str | None
    env: str | None


class _Reading:
    """Reads the blocks of one file."""

    def __init__(self, file: FileView, optional: bool, priced: frozenset[tuple[str, ...]]) -> None:
        self.file = file
        self.vendors = file.vendors
        self.optional = optional
        self.priced = priced

    def block(self, block: tuple[str, ...], inside: Sequence[Entry]) -> Iterator[Signal]:
        """Yield what one block says."""
        role = self._role(inside)
        models = [model for entry in inside for model in self._models(entry)]
        sure = any(not self.vendors.is_name(model.id) for model in models)
        endpoints = list(self._endpoints(block, inside, role, sure=sure))
        yield from endpoints
        own = next((s.provider for s in endpoints if s.provider), None)
        # An address in the same block settles it, whatever an id or a key begins with.
        reached = {s.provider: s for s in endpoints if s.what is What.ENDPOINT and s.endpoint}
        server = next(iter(reached.values())) if len(reached) == 1 else None
        settled = any(s.what is What.ENDPOINT for s in endpoints)
        rows = Counter(m.entry.keys[:-1] for m in models if m.entry.keys[-1].startswith("["))
        only_rows = len(models) >= _ROLE_LISTED_FROM and len({m.entry.keys[:-1] for m in models}) == 1
        local = self._is_local(own)
        for model in models:
            entry = model.entry
            if not local and self.vendors.is_name(model.id):
                continue  # `MODEL=acme`: a provider is named, and no model
            known = model.provider or self.vendors.developer(model.id) or self.vendors.knows_id(model.id)
            if not (known or own or (settled and holds_model(entry.key)) or is_hub_id(model.id)):
                continue
            listed = only_rows or rows[entry.keys[:-1]] >= _ROLE_LISTED_FROM
            said = Role.LISTED if entry.commented or listed else role
            if any(_FALLBACK.search(snake(key)) for key in entry.keys) and said is None:
                said = Role.OPTIONAL
            yield Signal(
                what=What.MODEL,
                line=entry.line,
                column=entry.column,
                block=block,
                model=model.id,
                provider=(server.provider if server else self._of_variable(entry, model.id))
                or model.provider,
                endpoint=server.endpoint if server else None,
                region=server.region if server else None,
                role=said,
                env=model.env,
                kind=Kind.OPEN_WEIGHTS if is_weight_file(model.id) else None,
                family=bool(_DEPLOYMENT.search(snake(entry.key))),
                confidence=0.4 if entry.commented else 0.9 if known else 0.7,
            )
        yield from self._commands(block, [e for e in inside if _COMMAND_KEY.match(snake(e.key))])

    def _role(self, inside: Sequence[Entry]) -> Role | None:
        keys = [snake(entry.key) for entry in inside]
        if {"input", "output"} <= set(keys) or (self.priced and any(self._is_priced(e.keys) for e in inside)):
            return Role.LISTED
        # A service with a profile starts only if the profile is asked for.
        if self.optional or "profiles" in keys:
            return Role.OPTIONAL
        off = any(
            _OFF_KEY.match(key) and entry.value.lower() in {"false", "no", "off", "0"}
            for key, entry in zip(keys, inside, strict=True)
        )
        return Role.OPTIONAL if off else None

    def _is_priced(self, keys: tuple[str, ...]) -> bool:
        return any(keys[:depth] in self.priced for depth in range(len(keys)))

    def _endpoints(
        self, block: tuple[str, ...], inside: Sequence[Entry], role: Role | None, *, sure: bool
    ) -> Iterator[Signal]:
        """Yield who serves the block: by its addresses; else by a name it gives; and its variables."""
        by_address = [
            s for entry in inside if not entry.commented for s in self._addresses(block, entry, role, sure)
        ]
        yield from by_address
        if any(s.what is What.ENDPOINT for s in by_address):
            # A vendor's variable beside another's address only says whose client is used.
            return
        yield from self._named(block, inside, role)
        for entry in inside:
            name = entry.key
            env = self.vendors.env(snake(name).upper()) if name and not entry.commented else None
            if env is None and not entry.commented and (taken := _TAKEN_FROM.search(entry.value[:300])):
                env = self.vendors.env(taken[1])
                name = taken[1]
            if env is None or env.weak or not (_ENV_NAME.match(name) or name.lower().endswith("key")):
                continue
            yield self._signal(What.ENV, entry, block, role, provider=env.provider, confidence=0.8)

    def _addresses(
        self, block: tuple[str, ...], entry: Entry, role: Role | None, sure: bool
    ) -> Iterator[Signal]:
        key = snake(entry.key)
        value = _default(entry.value)
        for url, host in urls_in(value, self.vendors) if len(value) < 5_000 else ():
            if is_reference(key) and not self._hub_of(host.provider):
                continue
            if host.weak and not (
                _URL_KEY.search(key) and (sure or self._of_ai(key) or not _LOCAL.match(url))
            ):
                # Many programs listen on port 8000 of this machine.
                continue
            model = model_at(url, host, self.vendors)
            if model is not None:
                yield self._signal(
                    What.MODEL,
                    entry,
                    block,
                    role,
                    provider=host.provider,
                    model=model,
                    kind=Kind.OPEN_WEIGHTS,
                )
                continue
            yield self._signal(
                What.ENDPOINT,
                entry,
                block,
                role,
                provider=host.provider,
                endpoint=url.split("//", 1)[-1][:120],
                region=next(iter(region_in(url)), None),
                confidence=0.7 if host.weak else 0.95,
            )
            named = model_in_path(url)
            if named is not None and looks_like_id(named[0]):
                yield self._signal(
                    What.MODEL, entry, block, role, provider=host.provider, model=named[0], family=named[1]
                )
            return
        local = self._by_name(value) if "//" in value else None
        if local is not None:
            yield self._signal(
                What.ENDPOINT,
                entry,
                block,
                role,
                provider=local,
                endpoint=value.split("//", 1)[1][:120],
                confidence=0.8,
            )
        elif _IMAGE_KEY.match(key) and (provider := self.vendors.image(value)):
            yield self._signal(What.ENDPOINT, entry, block, role, provider=provider, confidence=0.9)
        elif sure and _MODEL_URL_KEY.search(key) and "//" in value and not self._ours(key):
            yield self._signal(What.ENDPOINT, entry, block, role, endpoint=value.split("//", 1)[1][:120])
        elif _MODEL_URL_KEY.search(key) and "//" in value and self._ours(key):
            # A vendor's client is sent somewhere else: whom it reaches is not known.
            yield self._signal(What.ENDPOINT, entry, block, role, endpoint=value.split("//", 1)[1][:120])

    def _is_local(self, provider: str | None) -> bool:
        """Say whether a provider runs weights here, where plain names such as `mistral` are models."""
        record = self.vendors.providers.get(provider or "")
        return record is not None and "local-runtime" in record.roles

    def _hub_of(self, provider: str) -> bool:
        """Say whether a provider is a hub, whose addresses name what is fetched."""
        record = self.vendors.providers.get(provider)
        return record is not None and "hub" in record.roles

    def _of_ai(self, key: str) -> bool:
        return self._ours(key) or _AI_KEY.search(key) is not None

    def _by_name(self, value: str) -> str | None:
        """Return the runtime or gateway whose name is the host's, as in a cluster."""
        host = (host_of(value) or "").partition(".")[0]
        record = self.vendors.providers.get(self.vendors.prefix(host) or "") if host else None
        return record.id if record is not None and {"local-runtime", "gateway"} & set(record.roles) else None

    def _ours(self, key: str) -> bool:
        env = self.vendors.env(key.upper())
        return env is not None and not env.weak

    def _named(self, block: tuple[str, ...], inside: Sequence[Entry], role: Role | None) -> Iterator[Signal]:
        for entry in inside:
            if entry.commented or not _PROVIDER_KEY.search(snake(entry.key)):
                continue
            provider = self.vendors.prefix(entry.value) if looks_like_name(entry.value) else None
            if provider is not None:
                yield self._signal(What.ENDPOINT, entry, block, role, provider=provider, confidence=0.75)
                return
        # `openai: {api_key: ..., model: ...}`: the block itself is called like a provider.
        telling = [e for e in inside if not e.commented and _SUFFIX.search(snake(e.key))]
        provider = self._called(block) if telling else None
        if provider is not None:
            yield self._signal(What.ENDPOINT, telling[0], block, role, provider=provider, confidence=0.75)

    def _of_variable(self, entry: Entry, model: str) -> str | None:
        """Return the provider whose own variable holds a model, if the model can be meant by it."""
        env = self.vendors.env(entry.key) if _ENV_NAME.match(entry.key) else None
        if env is None or env.weak:
            return None
        developer = self.vendors.developer(model)
        record = self.vendors.providers.get(env.provider)
        own_only = (
            record is not None and "lab" in record.roles and not {"reseller", "gateway"} & set(record.roles)
        )
        return None if own_only and developer not in {None, env.provider} else env.provider

    def _called(self, block: tuple[str, ...]) -> str | None:
        """Return the provider that a block, or one around it, is called by; two keys may make up its name."""
        names = [
            re.sub(r"[^a-z0-9]", "", key.rstrip("*").lower()) for key in block if not key.startswith("[")
        ]
        for end in range(len(names), max(0, len(names) - _NEAREST), -1):
            pair = "".join(names[max(0, end - 2) : end])
            for name in (pair, names[end - 1]):
                if len(name) > 3 and name in self.vendors.slugs:
                    return self.vendors.slugs[name]
        return None

    def _models(self, entry: Entry) -> Iterator[_Model]:
        """Yield the model ids in one setting, if its name is one that holds them."""
        key = entry.key
        if len(entry.value) > 300:
            return
        named = holds_model(key)
        if not named:
            above = next((k for k in reversed(entry.keys[:-1]) if not k.startswith("[")), "")
            if snake(key) not in _ID_KEYS or not holds_model(above):
                return
        variable = _TEMPLATE.match(entry.value)
        env = None
        text = entry.value
        if variable is not None:
            env = re.sub(r"\W.*", "", entry.value.strip("${ "))
            text = variable["default"] or ""
        elif templated := _TEMPLATE_DEFAULT.search(entry.value):
            text = templated[1]
        elif _ENV_NAME.match(key):
            env = key
        for part in text.split(",") if "," in text else (text,):
            id_ = part.strip().strip("\"'")
            provider, bare = self._split(id_)
            if not named and not (provider or self.vendors.knows_id(bare) or self.vendors.developer(bare)):
                continue
            if looks_like_id(bare) or (is_weight_file(bare) and "/" not in bare):
                yield _Model(entry, id_ if provider is None or "/" in id_ else bare, provider, env)

    def _split(self, id_: str) -> tuple[str | None, str]:
        """Return the provider that an id begins with (`groq/...`, `acme:...`), and the rest."""
        for mark in ("/", ":"):
            head, found, rest = id_.partition(mark)
            if found and rest and "//" not in id_:
                provider = self.vendors.prefix(head)
                if provider is not None and not (mark == "/" and self._is_owner(head, rest)):
                    return provider, rest
        return None, id_

    def _is_owner(self, head: str, rest: str) -> bool:
        """Say whether `head/rest` is rather an id of a hub or of a broker, whose owner is a developer."""
        provider = self.vendors.providers.get(self.vendors.prefix(head) or "")
        serving = {"api", "gateway", "reseller", "partner-cloud", "local-runtime"}
        if provider is None or head != head.lower() or not serving & set(provider.roles):
            return True
        org = head.lower() in {name.lower() for name in provider.hub_orgs}
        return org and (not self.vendors.knows_id(rest) or rest != rest.lower())

    def _commands(self, block: tuple[str, ...], entries: list[Entry]) -> Iterator[Signal]:
        """Yield what commands say; one that is given as a list of words is put together first."""
        for words in _commands_of([entry for entry in entries if not entry.commented]):
            if len(words) == 1:
                for signal in shell_signals(words[0].value, self.vendors, first_line=words[0].line):
                    yield msgspec.structs.replace(signal, block=block)
                continue
            for signal in shell_signals(" ".join(_quoted(word.value) for word in words), self.vendors):
                said = signal.model or signal.endpoint or ""
                at = next((word for word in words if said and said in word.value), words[0])
                yield msgspec.structs.replace(signal, block=block, line=at.line, column=at.column)

    def _signal(  # type: ignore[no-untyped-def]
        self, what: What, entry: Entry, block: tuple[str, ...], role: Role | None, **more
    ) -> Signal:
        return Signal(what=what, line=entry.line, column=entry.column, block=block, role=role, **more)


def _commands_of(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Group the words of one list; a command that is one text stands alone."""
    lists: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        # A list of words has one line or one word per item; a list of commands has spaces in them.
        if entry.keys[-1].startswith("[") and not re.search(r"\s", entry.value.strip()):
            lists[entry.keys[:-1]].append(entry)
        else:
            yield [entry]
    yield from lists.values()


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w./:@=+-]+", word) else shlex.quote(word)


def _default(value: str) -> str:
    """Return the default in `${NAME:-default}`, or the value itself."""
    match = _TEMPLATE.match(value)
    return (match["default"] or "") if match else value


def looks_like_name(value: str) -> bool:
    """Say whether a value is one short name."""
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{1,30}", value))


def is_example(file: FileView) -> bool:
    """Say whether a configuration file only shows what could be set."""
    return bool(re.search(r"(?i)example|sample|\.template$|\.dist$", file.name)) or file.scope in {
        Scope.EXAMPLES,
        Scope.DOCS,
    }
