"""Packages that speak to AI services, and what their classes and functions mean.

An SDK is not a provider: the same client is pointed at many servers. So a record
says whom a package speaks to when nobody tells it otherwise, and whether people
commonly do. A package that only a provider's `sdk_packages` names needs no record.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from reliant.atlas.records.common import Name, Record, RecordKind
from reliant.atlas.records.provider import Ecosystem

Language: TypeAlias = Literal[
    "python", "js", "java", "go", "rust", "ruby", "csharp", "php", "swift", "dart", "program"
]  # fmt: skip

SdkKind: TypeAlias = Literal["sdk", "gateway", "tokenizer", "open-weights", "embedding", "framework"]
"""open-weights: it loads and runs weights itself; framework: it wraps other SDKs."""


class SdkName(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A class or function of an SDK that makes or loads something that answers.

    Attributes:
        provider: Whom it speaks to by default; None: that of the SDK.
        kind: What sort of use it makes; None: that of the SDK.
        model: Keyword or position of the model id, where it is neither the first argument nor
            one of the usual keywords.
        prefixed: The model id begins with the provider, as in `groq/...` or `openai:...`.
        default_model: The id it uses when it is given none.
        replaceable: Its endpoint is commonly another vendor's; None: as the SDK.
        ignore: It carries a name like the others and uses nothing (an error class, a type).
    """

    provider: str | None = None
    kind: Literal["hosted-api", "sdk", "open-weights", "gateway", "embedding", "tokenizer"] | None = None
    model: str | int | None = None
    prefixed: bool = False
    default_model: str | None = None
    replaceable: bool | None = None
    ignore: bool = False


class Sdk(Record, frozen=True, kw_only=True):
    """One SDK, framework, tokenizer or runtime library.

    Attributes:
        provider: Whom it speaks to unless told otherwise; None for one that speaks to many.
        replaceable: Its client is commonly pointed at other vendors' endpoints.
        general: It does much besides AI: only the names and services listed here count.
        modules: Import names by language.
        names: Its classes and functions; a plain text is the provider.
        services: First arguments that turn a general client into an AI client, with the provider.
        base_url_env: Environment variables from which it takes another endpoint unasked.
        downloads_from: Provider record of the hub from which it fetches weights.
    """

    name: Name
    kind: SdkKind = "sdk"
    provider: str | None = None
    replaceable: bool = False
    general: bool = False
    packages: dict[Ecosystem, tuple[str, ...]] = msgspec.field(default_factory=dict)
    modules: dict[Language, tuple[str, ...]] = msgspec.field(default_factory=dict)
    names: dict[str, str | SdkName] = msgspec.field(default_factory=dict)
    services: dict[str, str] = msgspec.field(default_factory=dict)
    base_url_env: tuple[str, ...] = ()
    downloads_from: str | None = None


KIND = RecordKind(name="SDK", folder="sdks", record=Sdk)
