"""What detectors must know about vendors, compiled from the atlas.

No detector names a vendor. Hosts, environment names, packages, the classes of SDKs, id forms
and container images are facts of the atlas; here they become tables that answer in constant
time, and the literal patterns of the one prefilter pass.
"""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.core.heads import first_match
from reliant.inventory._stems import stems_of
from reliant.inventory.urls import host_of, port_of
from reliant.inventory.vendor_facts import Env, Host, Name, ProviderFacts, SdkFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SLUG_ENV = (
    r"(?:_?(?:API|AI|ACCESS|SECRET|LLM|CLOUD|AUTH))*"
    r"_?(?:KEY|APIKEY|URL|BASE|BASE_?URL|URI|HOST|ENDPOINT|TOKEN|MODELS?|MODEL_NAME|MODEL_ID)$"
)
_HOST_TOKEN = re.compile(r"[A-Za-z0-9_.*{}$<>%-]+")


_INTERFACES = frozenset({"chat", "completions", "messages", "responses"})
"""How some libraries say, behind a provider's name, which of its interfaces they speak to."""


class Vendors:
    """Vendor knowledge, ready to be asked.

    Attributes:
        version: Changes whenever any fact in it does; part of every cache key.
        patterns: Literal byte strings, lower case, with their kind, for the prefilter pass.
    """

    def __init__(
        self,
        providers: Iterable[ProviderFacts],
        sdks: Iterable[SdkFacts],
        *,
        model_ids: Mapping[str, str] | None = None,
        closed: Iterable[str] = (),
        ambiguous: frozenset[str] = frozenset(),
        weak_env: frozenset[str] = frozenset(),
    ) -> None:
        self.providers = {record.id: record for record in providers}
        self.sdks = {record.id: record for record in sdks}
        self._known_ids = {written.lower(): developer for written, developer in (model_ids or {}).items()}
        digest = hashlib.sha256()
        digest.update(msgspec.json.encode([self.providers, self.sdks, sorted(self._known_ids.items())]))
        self._closed_patterns = tuple(closed)
        digest.update(
            msgspec.json.encode([sorted(ambiguous), sorted(weak_env), sorted(self._closed_patterns)])
        )
        self._ambiguous = frozenset(re.sub(r"[^A-Z0-9]+", "_", name.upper()) for name in ambiguous)
        self._weak_env = frozenset(name.upper() for name in weak_env)
        self.version = digest.hexdigest()[:16]
        self._complete_sdks()
        self._index()

    @classmethod
    def from_atlas(cls, atlas: Any) -> Vendors:
        """Compile the vendor knowledge of an atlas."""
        from reliant.inventory._from_atlas import facts_of  # noqa: PLC0415 - the one place that knows both

        facts = facts_of(atlas)
        return cls(
            facts.providers,
            facts.sdks,
            model_ids=facts.model_ids,
            closed=facts.closed,
            ambiguous=facts.ambiguous,
            weak_env=facts.weak_env,
        )

    # -- building ---------------------------------------------------------------------------

    def _complete_sdks(self) -> None:
        """Give every package that only a provider's record names an SDK of its own."""
        taken = {
            (registry, name.lower())
            for sdk in self.sdks.values()
            for registry, names in sdk.packages.items()
            for name in names
        }
        for record in list(self.providers.values()):
            for table in (record.packages, record.adapters):
                for registry, names in table.items():
                    for name in names:
                        if (registry, name.lower()) in taken:
                            continue
                        taken.add((registry, name.lower()))
                        language = {"pypi": "python", "npm": "js"}.get(registry, registry)
                        module = name.replace("-", "_") if registry == "pypi" else name
                        id_ = f"{registry}:{name}"
                        self.sdks[id_] = SdkFacts(
                            id=id_,
                            packages={registry: (name,)},
                            modules={language: (module,)},
                            provider=record.id,
                            downloads_from=record.downloads_from,
                            kind=_sdk_kind(record),
                        )

    def _index(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._wild_hosts: list[tuple[re.Pattern[str], Host]] = []
        self._env: dict[str, Env] = {}
        self._asked_env: dict[str, Env | None] = {}
        self._prefixes: dict[str, str] = {}
        self._orgs: dict[str, str] = {}
        self._images: list[tuple[str, str]] = []
        self._ports: dict[int, str] = {}
        self._torch_hub: dict[str, str] = {}
        slugs: dict[str, str] = {}
        for record in self.providers.values():
            estates = {host: name for name, hosts in record.estates.items() for host in hosts}
            for weak, hosts in ((False, record.hosts), (True, record.weak_hosts)):
                for host in hosts:
                    entry = Host(record.id, estates.get(host), weak)
                    if "*" in host:
                        self._wild_hosts.append((_wild(host), entry))
                    else:
                        self._hosts.setdefault(host.lower(), entry)
            for name in record.env:
                self._env.setdefault(name.upper(), Env(record.id, weak=name.upper() in self._weak_env))
            for name in record.weak_env:
                self._env.setdefault(name.upper(), Env(record.id, weak=True))
            serves = set(record.roles) & _SERVES
            for prefix in (record.id, *record.prefixes) if serves else record.prefixes:
                self._prefixes.setdefault(prefix.lower(), record.id)
            for org in record.hub_orgs:
                self._orgs.setdefault(org.lower(), record.id)
            self._images += [(image.lower(), record.id) for image in record.images]
            if record.port:
                self._ports.setdefault(record.port, record.id)
            for repo in record.torch_hub:
                self._torch_hub.setdefault(repo.lower(), record.id)
            for slug in (record.id, *record.aliases, *record.prefixes):
                plain = re.sub(r"[^A-Z0-9]+", "_", slug.upper()).strip("_")
                if len(plain) >= 4 and " " not in slug and plain not in self._ambiguous:
                    slugs.setdefault(plain, record.id)
        self.slugs = {slug.lower().replace("_", ""): provider for slug, provider in slugs.items()}
        self._slugs_of: dict[str, list[str]] = {}
        for slug, provider in self.slugs.items():
            self._slugs_of.setdefault(provider, []).append(slug)
        joined = "|".join(sorted(map(re.escape, slugs), key=len, reverse=True)) or "(?!)"
        self._slug_env = re.compile(rf"({joined}){_SLUG_ENV}")
        self._slug_of = slugs
        self._modules: dict[tuple[str, str], SdkFacts] = {}
        self._packages: dict[tuple[str, str], SdkFacts] = {}
        self._names: dict[str, list[tuple[SdkFacts, Name]]] = {}
        for sdk in self.sdks.values():
            for language, modules in sdk.modules.items():
                for module in modules:
                    self._modules.setdefault((language, module), sdk)
            for registry, names in sdk.packages.items():
                for package in names:
                    self._packages.setdefault((registry, _normal(registry, package)), sdk)
            for class_, info in sdk.names.items():
                self._names.setdefault(class_, []).append((sdk, info))

    # -- asking -----------------------------------------------------------------------------

    def host(self, host: str) -> Host | None:
        """Return whose host this is; template parts such as `{resource}` may stand in it.

        Examples:
            >>> v = Vendors([ProviderFacts(id="acme", hosts=("api.acme.test", "*.acme.cloud.test"))], [])
            >>> v.host("{name}.acme.cloud.test").provider, v.host("api.acme.test.evil.example")
            ('acme', None)
        """
        host = host.lower().rstrip(".")
        found = self._hosts.get(host)
        if found is not None:
            return found
        for pattern, entry in self._wild_hosts:
            if pattern.fullmatch(host):
                return entry
        return None

    def host_in(self, text: str) -> tuple[str, Host] | None:
        """Return the host of a URL or of a bare `host[:port][/path]`, and whose it is."""
        host = host_of(text)
        if not host:
            return None
        found = self.host(host)
        if found is None:
            port = port_of(text)
            if port is not None and _LOCAL.match(host) and port in self._ports:
                usual = port < _ODD_FROM or port % 100 == 0
                found = Host(self._ports[port], None, weak=usual, port=usual)
        return (host, found) if found else None

    def env(self, name: str) -> Env | None:
        """Return whose environment name this is: a listed one, or a provider's name with a usual ending."""
        upper = name.upper()
        found = self._env.get(upper)
        if found is None and upper in self._asked_env:
            return self._asked_env[upper]
        if found is None:
            match = self._slug_env.match(upper)
            if match:
                found = Env(self._slug_of[match[1]], weak=False)
            if len(self._asked_env) < _MOST_ASKED:
                self._asked_env[upper] = found
        return found

    def module(self, language: str, name: str) -> SdkFacts | None:
        """Return the SDK that an import of `name` brings in; the longest known parent counts."""
        separator = "." if language in {"python", "java", "csharp"} else "/"
        while name:
            found = self._modules.get((language, name))
            if found is not None:
                return found
            name = name.rpartition(separator)[0]
        return None

    def package(self, registry: str, name: str) -> SdkFacts | None:
        """Return the SDK that a registry's package is."""
        return self._packages.get((registry, _normal(registry, name)))

    def named(self, class_: str) -> list[tuple[SdkFacts, Name]]:
        """Return the SDKs that have a class or function of this name."""
        return self._names.get(class_, [])

    def prefix(self, prefix: str) -> str | None:
        """Return the provider that a serving prefix such as `groq` or `openai-responses` names."""
        low = prefix.lower()
        head, _, way = low.rpartition("-")
        return self._prefixes.get(low) or (self._prefixes.get(head) if way in _INTERFACES else None)

    def is_name(self, text: str) -> bool:
        """Return True if a text is a provider's name and so no model id.

        A name of several parts may be both: a plan, and the one model that it serves.
        """
        if "-" in text and self.developer(text) is not None:
            return False
        return re.sub(r"[^a-z0-9]", "", text.lower()) in self.slugs

    def providers_named(self, text: str) -> set[str]:
        """Return the providers whose names stand in a variable's name; the longest name counts."""
        plain = re.sub(r"[^a-z0-9]", "", text.lower())
        found = [slug for slug in self.slugs if slug in plain]
        return {
            self.slugs[slug] for slug in found if not any(slug != other and slug in other for other in found)
        }

    def is_organisation(self, name: str) -> bool:
        """Return True if a hub has an organisation of this name."""
        return name.lower() in self._orgs

    def named_in(self, text: str, provider: str) -> bool:
        """Return True if a name of `provider` stands in a file, class or variable name."""
        plain = re.sub(r"[^a-z0-9]", "", text.lower())
        return any(slug in plain for slug in self._slugs_of.get(provider, ()))

    def without_name(self, text: str, provider: str) -> str | None:
        """Return a name without the provider's name in it; None if it is not there."""
        plain = re.sub(r"[^a-z0-9]", "", text.lower())
        found = [slug for slug in self._slugs_of.get(provider, ()) if slug in plain]
        return plain.replace(max(found, key=len), "", 1) if found else None

    def torch_hub(self, repo: str) -> str | None:
        """Return the provider of a `torch.hub` repository."""
        return self._torch_hub.get(repo.lower())

    def image(self, image: str) -> str | None:
        """Return the provider of a container image, its registry prefix and tag aside."""
        name = image.lower().partition("@")[0]
        head, _, tail = name.rpartition("/")
        name = f"{head}/{tail.partition(':')[0]}" if head else tail.partition(":")[0]
        for known, provider in self._images:
            if name == known or name.endswith("/" + known):
                return provider
        return None

    def developer(self, model: str) -> str | None:
        """Return whose model an id names, if the id alone says so."""
        return _developer(self, model)

    def knows_id(self, model: str) -> bool:
        """Return True if the id is one that the atlas lists, not merely of a known form."""
        return _bare(model).lower() in self._known_ids or model.lower() in self._known_ids

    @property
    def known_ids(self) -> Iterable[str]:
        """The model ids that the atlas lists, lower case."""
        return self._known_ids.keys()

    def is_closed(self, model: str) -> bool:
        """Return True if an id names a model whose weights nobody else can run."""
        return _is_closed(self, _bare(model))

    def serves_id(self, model: str) -> str | None:
        """Return the provider whose serving form an id has, such as `accounts/.../models/...`."""
        return first_match(self._serving, model)

    @functools.cached_property
    def _serving(self) -> tuple[tuple[str, str], ...]:
        # A form that every hub id has tells nothing about who serves it.
        return tuple(
            (r.serving_ids, r.id)
            for r in self.providers.values()
            if r.serving_ids and first_match([(r.serving_ids, r.id)], "owner/name-7b") is None
        )

    @functools.cached_property
    def _developers(self) -> tuple[tuple[str, str], ...]:
        return tuple((r.model_ids, r.id) for r in self.providers.values() if r.model_ids)

    @functools.cached_property
    def id_stems(self) -> frozenset[str]:
        """Beginnings of model ids, lower case and at least three long."""
        found = {stem for r in self.providers.values() if r.model_ids for stem in stems_of(r.model_ids)}
        found |= {m[0] for known in self._known_ids if (m := re.match(r"[a-z]{3,}(?:[-.]|\d)", known))}
        return frozenset(stem for stem in found if len(stem) >= 3 and stem not in _COMMON_STEMS)

    @functools.cached_property
    def host_patterns(self) -> frozenset[str]:
        """For each host the longest literal part, lower case."""
        found = set()
        for record in self.providers.values():
            for host in (*record.hosts, *record.weak_hosts):
                found.add(max(host.lower().split("*"), key=len).strip("."))
        return frozenset(found)

    @functools.cached_property
    def weak_patterns(self) -> frozenset[str]:
        """Those of the host patterns that stand for web sites as well as for an API."""
        strong = {
            max(host.lower().split("*"), key=len).strip(".")
            for r in self.providers.values()
            for host in r.hosts
        }
        return self.host_patterns - strong

    @functools.cached_property
    def module_patterns(self) -> frozenset[str]:
        """How the SDKs are written where they are imported, lower case."""
        found: set[str] = set()
        for language, module in self._modules:
            name = module.lower()
            if language == "program":
                continue
            found |= {f'"{name}', f"'{name}"}
            if language == "python":
                found |= {f"import {name}", f"from {name}"}
                parent, dot, last = name.rpartition(".")
                if dot:
                    found.add(f"from {parent} import {last}")
            elif language != "js" and len(name) >= 5:
                found.add(name)
        return frozenset(found)

    def program(self, word: str) -> SdkFacts | None:
        """Return the SDK that a command of this name is: a vendor's own program, started by others."""
        name = word.rpartition("/")[2].removesuffix(".exe").removesuffix(".cmd")
        return self._modules.get(("program", name))

    @functools.cached_property
    def program_patterns(self) -> frozenset[str]:
        """Those commands as texts of a program."""
        names = [name for language, name in self._modules if language == "program"]
        return frozenset(f"{quote}{name}{quote}" for name in names for quote in ("'", '"'))

    @functools.cached_property
    def image_patterns(self) -> frozenset[str]:
        """Container images of two names or more, lower case."""
        return frozenset(image for image, _ in self._images if "/" in image and len(image) >= 8)

    @functools.cached_property
    def env_patterns(self) -> frozenset[str]:
        """Environment names that prove something, and how settings named after a provider begin."""
        found = {name.lower() for name, entry in self._env.items() if not entry.weak}
        found |= {f"{slug.lower()}_{part}" for slug in self._slug_of for part in _SETTINGS}
        return frozenset(found)


_COMMON_STEMS = frozenset({
    "the-", "for-", "all-", "code-", "text-", "image-", "o1", "o3", "o4", "yi-", "base-", "model-",
    "chat-", "small-", "large-", "embed-", "embedding-",
})  # fmt: skip
_MOST_ASKED = 100_000
_TAGS = frozenset({"latest", "stable", "rc", "deprecated"})
_ODD_FROM = 10_000
"""Ports from here that are no round number are picked by one program: 8000 and 30000 are anybody's."""
_SETTINGS = ("url", "api", "base", "host", "endpoint", "key", "token", "model")
_SERVES = frozenset({"api", "partner-cloud", "reseller", "gateway", "local-runtime", "hub"})
_LOCAL = re.compile(r"^(localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal|\[::1\]|::1)$")


def _wild(host: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in host.lower().split("*")]
    return re.compile(r"[^/\s:\"']+".join(parts))


def _normal(registry: str, name: str) -> str:
    if registry == "pypi":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.lower()


def _sdk_kind(record: ProviderFacts) -> str:
    if "local-runtime" in record.roles:
        return "open-weights"
    if "api" in record.roles or "partner-cloud" in record.roles:
        return "sdk"
    return "gateway" if "gateway" in record.roles else "sdk"


def _bare(model: str) -> str:
    return model.rpartition("/")[2]


@functools.lru_cache(maxsize=20_000)
def _is_closed(vendors: Vendors, bare: str) -> bool:
    return first_match(((pattern, pattern) for pattern in vendors._closed_patterns), bare) is not None


@functools.lru_cache(maxsize=20_000)
def _developer(vendors: Vendors, model: str) -> str | None:
    org, slash, last = model.rpartition("/")
    if slash and last in _TAGS:  # `acme-gpt/latest`
        org, slash, last = org.rpartition("/")
    if slash:
        owner = vendors._orgs.get(org.rpartition("/")[2].lower())
        if owner is not None:
            return owner
    known = vendors._known_ids.get(model.lower()) or vendors._known_ids.get(last.lower())
    if known is not None:
        return known
    last = (
        re.sub(r"^(?:(?:us|eu|apac|global|jp|au)\.)?[a-z0-9]+\.(?=[a-z])", "", last) if "." in last else last
    )
    return first_match(vendors._developers, last)
