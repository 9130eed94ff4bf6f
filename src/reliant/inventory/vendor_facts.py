"""The records in which vendor knowledge is kept: providers, SDKs and their names, hosts, variables."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class ProviderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of a provider's record."""

    id: str
    aliases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    weak_hosts: tuple[str, ...] = ()
    estates: dict[str, tuple[str, ...]] = {}
    env: tuple[str, ...] = ()
    weak_env: tuple[str, ...] = ()
    packages: dict[str, tuple[str, ...]] = {}
    adapters: dict[str, tuple[str, ...]] = {}
    model_ids: str | None = None
    serving_ids: str | None = None
    prefixes: tuple[str, ...] = ()
    hub_orgs: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    port: int | None = None
    torch_hub: tuple[str, ...] = ()
    downloads_from: str | None = None
    developer: str | None = None
    serves: tuple[str, ...] = ()
    """Developers whose models are at home here: its own, its parent's."""


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """A class or function of an SDK.

    Attributes:
        provider: Whom it speaks to by default.
        kind: hosted-api, embedding, tokenizer, open-weights; None: as the SDK.
        model: Keyword or position of the model id, where it is not the first or `model`.
        prefixed: The model id begins with the provider, as in `groq/...` or `openai:...`.
        replaceable: Its endpoint is commonly another vendor's; None: as the SDK.
        default_model: The id it uses when it is given none.
        ignore: It names AI but uses none (an error class, a type).
    """

    provider: str | None = None
    kind: str | None = None
    model: str | int | None = None
    prefixed: bool = False
    default_model: str | None = None
    replaceable: bool | None = None
    ignore: bool = False


class SdkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of an SDK's record.

    Attributes:
        packages: Names by registry: pypi, npm, go, maven, nuget, cargo, gem, composer.
        modules: Import names by language: python, js, go, java, csharp, rust, ruby, php.
        provider: Whom it speaks to, or None for one that speaks to many.
        replaceable: Its client is commonly pointed at other vendors' endpoints.
        general: It does much besides AI: only the names and services listed count.
        kind: sdk, gateway, tokenizer, open-weights, framework.
        names: Its classes and functions.
        services: First arguments that make a general client an AI client, with their provider.
        base_url_env: Environment names from which it takes another endpoint.
    """

    id: str
    packages: dict[str, tuple[str, ...]] = {}
    modules: dict[str, tuple[str, ...]] = {}
    provider: str | None = None
    replaceable: bool = False
    general: bool = False
    kind: str = "sdk"
    names: dict[str, Name] = {}
    services: dict[str, str] = {}
    base_url_env: tuple[str, ...] = ()
    downloads_from: str | None = None


class Host(NamedTuple):
    """A host of a provider; `weak` if naming it proves little, `port` if only the port says so."""

    provider: str
    estate: str | None
    weak: bool
    port: bool = False


class Env(NamedTuple):
    """An environment name of a provider; `weak` if it proves nothing alone."""

    provider: str
    weak: bool
