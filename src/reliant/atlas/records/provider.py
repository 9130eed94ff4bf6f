"""Who serves models, makes them, routes to them or runs them: labs, clouds, gateways, runtimes, hubs, apps.

A detector recognises a provider by what stands here: hosts, environment
variables, packages, classes, id forms, images. Where one company runs a mainland
and an international installation, the host decides the jurisdiction, never the
id of the model: these are its `estates`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from reliant.atlas.records.common import CountryCode, DateText, Name, Record, RecordKind

ProviderRole: TypeAlias = Literal[
    "lab",
    "api",
    "partner-cloud",
    "reseller",
    "gateway",
    "local-runtime",
    "hub",
    "framework",
    "app",
    "protocol",
]
"""lab trains models; api serves them on its own machines; partner-cloud serves another lab's closed models
under contract; reseller re-hosts others' models; gateway routes to others; protocol names no server."""

Ecosystem: TypeAlias = Literal[
    "pypi", "npm", "go", "maven", "nuget", "cargo", "rubygems", "packagist", "pub",
    "terraform", "cloudformation", "actions", "file",
]  # fmt: skip


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The last owner that is known."""

    name: Name
    country: CountryCode | None
    since: DateText | None = None


class Estate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One installation of a provider, under the law of one country.

    Attributes:
        country: None where it is not known.
        operator: Who runs it, where that is not the provider.
        from_memory: True if its hosts were not read in any source.
    """

    id: Name
    hosts: tuple[str, ...]
    country: CountryCode | None = None
    operator: str | None = None
    base_url: str | None = None
    models_dev_ids: tuple[str, ...] = ()
    note: str | None = None
    from_memory: bool = False


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is known of the provider's place on a government list."""

    list: Name
    status: Literal["listed", "not listed", "none found", "disputed", "named"]
    announced: DateText | None = None
    published: DateText | None = None
    effective: DateText | None = None
    as_of: DateText | None = None
    citation: str | None = None
    listed_under: str | None = None
    scope: str | None = None
    note: str | None = None
    from_memory: bool = False


class Provider(Record, frozen=True, kw_only=True):
    """One provider, developer, gateway, runtime, hub, framework or app.

    Attributes:
        parent: Id of the record it belongs to.
        hq_country: None where it is not known, or where there is no company (a protocol).
        api_hosts: Names of API endpoints; `*` stands for one or more labels.
        media_hosts: Image, speech and translation endpoints.
        default_base_url: Of a local runtime, or the address its client uses unasked.
        default_port: A hint, never evidence on its own.
        env_vars_weak: Occur everywhere and prove nothing alone.
        sdk_packages: The vendor's own packages, by ecosystem.
        sdk_adapters: Other people's packages that name this vendor.
        sdk_not_this_vendor: Packages that carry the name and belong to somebody else.
        model_id_regex: Ids of models developed here; over the last segment of an id, case-insensitive.
        serving_id_regex: Id forms that name this server; they say nothing about the developer.
        hf_orgs: Organisations on the Hugging Face hub: stronger evidence than `model_id_regex`.
        hub_regions: Region that the ATOM list gives such an organisation.
        served_by: Ids of the providers that serve what is developed here.
        serves: Developers whose models its catalogue lists, all that could be told apart.
        serves_on: The day of that catalogue.
        weights_developer: Who trained the weights that this runtime or library loads.
    """

    name: Name
    roles: tuple[ProviderRole, ...]
    hq_country: CountryCode | None
    aliases: tuple[str, ...] = ()
    former_ids: tuple[str, ...] = ()
    parent: str | None = None
    ultimate_parent: Company | None = None
    operating_countries: tuple[CountryCode, ...] = ()
    api_hosts: tuple[str, ...] = ()
    app_hosts: tuple[str, ...] = ()
    media_hosts: tuple[str, ...] = ()
    mirror_hosts: tuple[str, ...] = ()
    api_paths: tuple[str, ...] = ()
    media_paths: tuple[str, ...] = ()
    hosts_note: str | None = None
    api_base_urls: tuple[str, ...] = ()
    default_base_url: str | None = None
    openai_base_url: str | None = None
    default_port: int | None = None
    env_vars: tuple[str, ...] = ()
    env_vars_weak: tuple[str, ...] = ()
    sdk_packages: dict[Ecosystem, tuple[str, ...]] = msgspec.field(default_factory=dict)
    sdk_adapters: dict[Ecosystem, tuple[str, ...]] = msgspec.field(default_factory=dict)
    sdk_not_this_vendor: dict[Ecosystem, tuple[str, ...]] = msgspec.field(default_factory=dict)
    sdk_classes: tuple[str, ...] = ()
    model_id_regex: str | None = None
    serving_id_regex: str | None = None
    hf_orgs: tuple[str, ...] = ()
    hub_regions: dict[str, str] = msgspec.field(default_factory=dict)
    torch_hub: tuple[str, ...] = ()
    container_images: tuple[str, ...] = ()
    estates: tuple[Estate, ...] = ()
    litellm_providers: tuple[str, ...] = ()
    models_dev_ids: tuple[str, ...] = ()
    served_by: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    serves_on: DateText | None = None
    downloads_from: tuple[str, ...] = ()
    weights_developer: str | None = None
    listings: tuple[Listing, ...] = ()
    epoch_country: str | None = None


KIND = RecordKind(name="provider", folder="providers", record=Provider)
