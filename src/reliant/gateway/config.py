"""The gateway's one TOML file, as typed values.

Every mistake is reported with its line and before anything is bound or opened.
What a name refers to (a route's upstreams, a key's tenant) is checked here too,
so that the rest of the gateway never meets a dangling name.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from reliant.errors import ConfigError
from reliant.gateway._toml_lines import Path as TomlPath
from reliant.gateway._toml_lines import line_of, locate

_MAX_BYTES = 4 << 20
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")

Scalar = str | int | float | bool


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; a key it does not have is a mistake."""


class Listen(_Part, frozen=True, kw_only=True):
    """Where to listen. Loopback unless told; `trusted_proxies` may set the forwarding header."""

    host: str = "127.0.0.1"
    port: int = 8089
    workers: int = 1
    trusted_proxies: tuple[str, ...] = ()
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    tls_cert: str | None = None
    tls_key: str | None = None


class Limits(_Part, frozen=True, kw_only=True):
    """Bounds on what one client may send and hold open; sizes in bytes, times in seconds."""

    header_bytes: int = 32_768
    body_bytes: int = 33_554_432
    header_s: float = 10.0
    body_s: float = 60.0
    keep_alive_s: float = 75.0
    connections: int = 10_000
    drain_s: float = 30.0


class Place(_Part, frozen=True, kw_only=True):
    """Where the gateway and its callers operate, unless a tenant or a key says otherwise."""

    country: str | None = None


class Tenant(_Part, frozen=True, kw_only=True):
    """On whose behalf keys are used. `facts` names further facts of the rules' vocabulary."""

    name: str
    country: str | None = None
    owner_country: str | None = None
    nationality: str | None = None
    sector: str | None = None
    facts: dict[str, Scalar | tuple[Scalar, ...]] = {}


class Quota(_Part, frozen=True, kw_only=True):
    """How much a key may use; None is no bound. Tokens and money count after the fact."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    usd_per_day: float | None = None
    usd_per_month: float | None = None
    concurrent: int | None = None


class Key(_Part, frozen=True, kw_only=True):
    """One caller. The secret is kept as its SHA-256; `previous_sha256` stay valid while rotating."""

    name: str
    secret: str | None = None
    secret_sha256: str | None = None
    previous_sha256: tuple[str, ...] = ()
    previous_until: dt.datetime | None = None
    not_before: dt.datetime | None = None
    expires: dt.datetime | None = None
    tenant: str | None = None
    country: str | None = None
    models: tuple[str, ...] = ("*",)
    endpoints: tuple[str, ...] = ("*",)
    admin: bool = False
    quota: Quota = Quota()


class Upstream(_Part, frozen=True, kw_only=True):
    """A provider's endpoint, and what the rules need to know about the way to it.

    Attributes:
        provider: An id of the atlas.
        api: The protocol it speaks. Gemini's, Anthropic's and Azure's own
            OpenAI-compatible endpoints are `openai`; `bedrock` is that format,
            signed with AWS credentials from the environment.
        timeout_s: To the first byte of the answer.
        idle_s: Between two pieces of a streamed answer.
        models: From the name a caller uses to the name the upstream knows.
        continuation: How to ask it to go on with another's half answer.
    """

    name: str
    provider: str
    base_url: str
    api: Literal["openai", "azure", "anthropic", "bedrock"] = "openai"
    api_key: str | None = None
    api_key_env: str | None = None
    api_version: str | None = None
    channel: str = "direct"
    partner: str | None = None
    region: str | None = None
    developer: str | None = None
    timeout_s: float = 60.0
    idle_s: float = 120.0
    connect_s: float = 5.0
    max_connections: int = 1_000
    models: dict[str, str] = {}
    headers: dict[str, str] = {}
    ca_file: str | None = None
    insecure_http: bool = False
    continuation: Literal["none", "prefill", "instruct"] = "instruct"
    ignores: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    price_usd_per_mtok: dict[str, float] = {}


class Route(_Part, frozen=True, kw_only=True):
    """Which upstreams serve a model name, in order.

    Attributes:
        model: A name or a glob that callers ask for.
        needs: Upstreams that must be there as well for the route to serve at all;
            an inner list is a choice: `["filter", ["a", "b"]]` is filter and (a or b).
        retries: On the same upstream, before the first byte.
        hedge_ms: After this long without a first byte the next upstream is asked too.
        independent_of: Models, developers or countries that a substitute must not descend from.
        substitutes: From upstream name to the model it serves in place of the asked one.
        sticky_s: How long a caller stays on the fallback after a failover.
        continue_streams: Go on with a cut stream on the next upstream.
    """

    model: str
    upstreams: tuple[str, ...]
    needs: tuple[str | tuple[str, ...], ...] = ()
    retries: int = 1
    hedge_ms: int | None = None
    independent_of: tuple[str, ...] = ()
    substitutes: dict[str, str] = {}
    sticky_s: float = 0.0
    continue_streams: bool = False


class Policy(_Part, frozen=True, kw_only=True):
    """How verdicts become refusals.

    Attributes:
        on_unknown: Per axis, what UNKNOWN means. An axis left out: access blocks, others warn.
        on_conditional: What a verdict with open obligations means.
        dry_run: Ids of rules that are recorded but not enforced.
        place_conflict: What it means when address and declared place differ:
            `both` decides for both places and takes the worse answer.
    """

    profile: Literal["default", "strict"] = "default"
    on_unknown: dict[Literal["access", "law", "licence", "register"], Literal["block", "warn"]] = {}
    on_conditional: Literal["block", "warn"] = "warn"
    dry_run: tuple[str, ...] = ()
    place_conflict: Literal["both", "warn", "block"] = "both"
    unknown_network: Literal["allow", "warn", "block"] = "allow"
    hidden_network: Literal["allow", "warn", "block"] = "warn"


class Rule(_Part, frozen=True, kw_only=True):
    """A rule of the operator: refuses what matches all of `when`.

    A value of `when` is a value, a list of values (any of them), or a glob for `model`.
    """

    id: str
    summary: str
    when: dict[str, Scalar | tuple[Scalar, ...]]
    effect: Literal["deny", "warn"] = "deny"
    source: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    dry_run: bool = False


class Signals(_Part, frozen=True, kw_only=True):
    """Tables that place an address. Each says what it is and of which day; none is shipped."""

    country_mmdb: str | None = None
    country_csv: tuple[str, ...] = ()
    hosting_cidr: tuple[str, ...] = ()
    vpn_cidr: tuple[str, ...] = ()
    relay_cidr: tuple[str, ...] = ()
    tables_dated: str | None = None
    places_csv: str | None = None
    gateway_latitude: float | None = None
    gateway_longitude: float | None = None


class Audit(_Part, frozen=True, kw_only=True):
    """The decision log.

    Attributes:
        path: A folder. Without it, the platform's state folder.
        durability: `process` hands every record to the operating system before its
            answer goes out, which a killed process cannot undo, and brings it to the
            disk within a twentieth of a second; `disk` makes the answer wait for the
            disk, which survives a loss of power.
        prompts: `hash` keeps a digest of the request body, `keep` the body as well.
        retention_days: Kept bodies older than this are erased.
        delete_days: Whole segments older than this are taken away; the chain says so first.
        signing_key: A file with the private key; made beside the log where none is named.
    """

    path: str | None = None
    durability: Literal["process", "disk"] = "process"
    prompts: Literal["none", "hash", "keep"] = "hash"
    checkpoint_records: int = 1_000
    checkpoint_s: float = 5.0
    segment_bytes: int = 268_435_456
    retention_days: int | None = None
    delete_days: int | None = None
    signing_key: str | None = None


class Store(_Part, frozen=True, kw_only=True):
    """Where keys made at run time, held objects and the log's copy live: SQLite unless a URL is given."""

    url: str | None = None
    url_env: str | None = None


class Shared(_Part, frozen=True, kw_only=True):
    """Limits and breaker state common to workers and nodes; `lease` permits are taken at a time."""

    url: str | None = None
    url_env: str | None = None
    lease: int = 20
    on_down: Literal["local", "refuse"] = "local"


class Breaker(_Part, frozen=True, kw_only=True):
    """When an upstream counts as down, and for how long.

    `alone` says what happens where a route has no other upstream: `pass` still asks
    it, so that the caller gets the provider's own answer; `refuse` answers 503.
    """

    failures: int = 5
    window_s: float = 30.0
    open_s: float = 15.0
    cut_s: float = 300.0
    retry_budget: float = 0.2
    alone: Literal["pass", "refuse"] = "pass"


class Telemetry(_Part, frozen=True, kw_only=True):
    """Where to send OpenTelemetry spans; a share of 1.0 sends one per request."""

    otlp_endpoint: str | None = None
    sample: float = 1.0
    service_name: str = "reliant-gateway"


class Config(_Part, frozen=True, kw_only=True):
    """The whole file."""

    listen: Listen = Listen()
    limits: Limits = Limits()
    place: Place = Place()
    policy: Policy = Policy()
    signals: Signals = Signals()
    audit: Audit = Audit()
    store: Store = Store()
    shared: Shared = Shared()
    breaker: Breaker = Breaker()
    telemetry: Telemetry = Telemetry()
    tenant: tuple[Tenant, ...] = ()
    upstream: tuple[Upstream, ...] = ()
    key: tuple[Key, ...] = ()
    route: tuple[Route, ...] = ()
    rule: tuple[Rule, ...] = ()

    def upstream_key(self, upstream: Upstream, env: Mapping[str, str]) -> str | None:
        """Return the secret for `upstream`: as written, or from the named environment variable."""
        if upstream.api_key is not None:
            return upstream.api_key
        return env.get(upstream.api_key_env) if upstream.api_key_env else None


_AT = re.compile(r" - at `\$?(.*)`\Z")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def _path_of(message: str) -> tuple[str, TomlPath]:
    at = _AT.search(message)
    if not at:
        return message, ()
    steps: list[str | int] = []
    for name, index in _STEP.findall(at[1]):
        steps.append(name if name else int(index) if index.isdigit() else 0)
    unknown = re.search(r"unknown field `([^`]+)`", message)
    if unknown:
        steps.append(unknown[1])
    return message[: at.start()], tuple(steps)


class _Checker:
    """Collects nothing: the first mistake ends the reading, with its line."""

    def __init__(self, path: Path, lines: dict[TomlPath, int], env: Mapping[str, str]) -> None:
        self.path = path
        self.lines = lines
        self.env = env

    def wrong(self, at: TomlPath, problem: str, hint: str = "") -> ConfigError:
        return ConfigError(self.path, line_of(self.lines, at), problem, hint=hint)

    def check(self, config: Config) -> None:
        self._listen(config.listen)
        upstreams = self._unique("upstream", [one.name for one in config.upstream])
        tenants = self._unique("tenant", [one.name for one in config.tenant])
        self._unique("key", [one.name for one in config.key])
        self._unique("rule", [one.id for one in config.rule])
        self._country(("place", "country"), config.place.country)
        for at, tenant in enumerate(config.tenant):
            for field in ("country", "owner_country", "nationality"):
                self._country(("tenant", at, field), getattr(tenant, field))
        for at, upstream in enumerate(config.upstream):
            self._upstream(("upstream", at), upstream)
        for at, key in enumerate(config.key):
            self._key(("key", at), key, tenants)
        for at, route in enumerate(config.route):
            self._route(("route", at), route, upstreams)
        if not config.route:
            raise self.wrong((), "there is no [[route]]", 'Add one with model = "*" and upstreams.')
        if not config.key:
            raise self.wrong((), "there is no [[key]]", "The gateway serves nobody without a key; add one.")

    def _unique(self, table: str, names: list[str]) -> set[str]:
        for at, name in enumerate(names):
            if name in names[:at]:
                raise self.wrong((table, at), f"two entries of [[{table}]] are called {name!r}")
        return set(names)

    def _country(self, at: TomlPath, code: str | None) -> None:
        if code is not None and not _COUNTRY.match(code):
            raise self.wrong(
                at, f"{code!r} is not a country code", "Write two capital letters, for example CN."
            )

    def _listen(self, listen: Listen) -> None:
        if not 0 <= listen.port <= 65_535:
            raise self.wrong(("listen", "port"), f"{listen.port} is not a port")
        if listen.workers < 1:
            raise self.wrong(("listen", "workers"), "at least one worker is needed")
        if (listen.tls_cert is None) != (listen.tls_key is None):
            raise self.wrong(("listen",), "tls_cert and tls_key belong together")
        for proxy in listen.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise self.wrong(("listen", "trusted_proxies"), str(error)) from None

    def _upstream(self, at: TomlPath, upstream: Upstream) -> None:
        url = urlsplit(upstream.base_url)
        if (
            url.scheme not in {"http", "https"}
            or not url.hostname
            or url.username
            or url.query
            or url.fragment
        ):
            raise self.wrong((*at, "base_url"), f"{upstream.base_url!r} is not an http(s) address")
        local = url.hostname == "localhost" or _is_loopback(url.hostname)
        if url.scheme == "http" and not (local or upstream.insecure_http):
            raise self.wrong(
                (*at, "base_url"),
                f"{upstream.base_url!r} would send the key in clear text",
                "Use https, or set insecure_http = true for a network you trust.",
            )
        if upstream.api_key_env and upstream.api_key_env not in self.env:
            raise self.wrong((*at, "api_key_env"), f"the environment has no {upstream.api_key_env}")
        if upstream.api == "azure" and upstream.api_version is None and "/openai/v1" not in url.path:
            raise self.wrong(
                at, "an azure upstream needs api_version", "Or a base_url that ends in /openai/v1."
            )
        if upstream.api == "bedrock" and upstream.region is None:
            raise self.wrong(at, "a bedrock upstream needs region", 'For example region = "us-east-1".')
        for number in ("timeout_s", "idle_s", "connect_s", "max_connections"):
            if getattr(upstream, number) <= 0:
                raise self.wrong((*at, number), f"{number} must be greater than 0")

    def _key(self, at: TomlPath, key: Key, tenants: set[str]) -> None:
        if (key.secret is None) == (key.secret_sha256 is None):
            raise self.wrong(at, f"key {key.name!r} needs either secret or secret_sha256")
        for digest in (key.secret_sha256, *key.previous_sha256):
            if digest is not None and not _SHA256.match(digest):
                raise self.wrong(at, f"key {key.name!r}: a digest is 64 small hexadecimal digits")
        if key.secret is not None and len(key.secret) < 6:
            raise self.wrong((*at, "secret"), f"the secret of key {key.name!r} is too short")
        if key.tenant is not None and key.tenant not in tenants:
            raise self.wrong((*at, "tenant"), f"there is no tenant {key.tenant!r}")
        self._country((*at, "country"), key.country)

    def _route(self, at: TomlPath, route: Route, upstreams: set[str]) -> None:
        if not route.upstreams:
            raise self.wrong((*at, "upstreams"), "a route needs at least one upstream")
        wanted = [*route.upstreams, *route.substitutes]
        for need in route.needs:
            wanted += [need] if isinstance(need, str) else need
        for name in wanted:
            if name not in upstreams:
                known = ", ".join(sorted(upstreams)) or "none"
                raise self.wrong((*at, "upstreams"), f"there is no upstream {name!r}", f"Known: {known}.")
        if route.retries < 0:
            raise self.wrong((*at, "retries"), "retries cannot be negative")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_config(path: Path, env: Mapping[str, str]) -> Config:
    """Return the configuration in `path`.

    Args:
        path: The TOML file.
        env: The environment, for `api_key_env` and `url_env`.

    Raises:
        ConfigError: The file cannot be read, or says something wrong on the named line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            path, 0, f"cannot be read: {error.strerror}", hint="Name a file that exists."
        ) from None
    if len(raw) > _MAX_BYTES:
        raise ConfigError(path, 0, f"is larger than {_MAX_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(path, raw[: error.start].count(b"\n") + 1, "is not UTF-8") from None
    return parse_config(text, path, env)


def parse_config(text: str, path: Path, env: Mapping[str, str]) -> Config:
    """Return the configuration that `text` holds; `path` is only named in messages.

    Raises:
        ConfigError: It says something wrong on the named line.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        problem = re.sub(r" \(at .*\)\Z", "", str(error))
        raise ConfigError(path, int(at[1]) if at else 0, problem) from None
    lines = locate(text)
    try:
        config = msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        problem, at_path = _path_of(str(error))
        raise ConfigError(path, line_of(lines, at_path), problem) from None
    _Checker(path, lines, env).check(config)
    return config
