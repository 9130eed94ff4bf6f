"""The tables that say how the gateway itself runs: where it listens, what it keeps, when it gives up."""

from __future__ import annotations

from typing import Literal

import msgspec

from reliant.gateway.config._part import Part


class Listen(Part, frozen=True, kw_only=True):
    """Where to listen. Loopback unless told.

    Attributes:
        port: 0 takes any that is free.
        workers: Processes on that port.
        trusted_proxies: Addresses or networks of proxies whose forwarding header is believed.
        forwarded_header: The one they set; the other is never read.
        tls_cert: A file with the certificate and those above it; read again by a reload.
        tls_key: The file with its key.
        guarded: Whether `/metrics`, `/audit/head` and `/openapi.json` ask for an admin key;
            they tell the names of keys and upstreams. `/health` never asks, and tells others no
            more than whether it serves.
    """

    host: str = "127.0.0.1"
    port: int = 8089
    workers: int = 1
    trusted_proxies: tuple[str, ...] = ()
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    tls_cert: str | None = None
    tls_key: str | None = None
    guarded: bool = False


class Limits(Part, frozen=True, kw_only=True):
    """Bounds on what one client may send and hold open; sizes in bytes, times in seconds.

    Attributes:
        header_bytes: Of one request.
        body_bytes: Of one request.
        header_s: From the first byte of a request to the end of its headers.
        body_s: From there to the end of its body.
        keep_alive_s: How long a connection may lie idle.
        connections: At once, for each worker; one more is closed.
        drain_s: How long requests in flight may take after SIGTERM.
    """

    header_bytes: int = 32_768
    body_bytes: int = 33_554_432
    header_s: float = 10.0
    body_s: float = 60.0
    keep_alive_s: float = 75.0
    connections: int = 10_000
    drain_s: float = 30.0


class Place(Part, frozen=True, kw_only=True):
    """Where the gateway and its callers operate, unless a tenant or a key says otherwise.

    Attributes:
        country: Two capital letters of ISO 3166-1. Without one, rules about places are UNKNOWN.
    """

    country: str | None = None


class Policy(Part, frozen=True, kw_only=True):
    """How verdicts become refusals.

    Attributes:
        profile: `strict` blocks what is not known on every axis.
        on_unknown: Per axis, what UNKNOWN means. An axis left out: access blocks, others warn.
        on_conditional: What a verdict with open obligations means.
        dry_run: Ids of rules that are recorded but not enforced.
        place_conflict: What it means when address and declared place differ:
            `both` decides for both places and takes the worse answer.
        unknown_network: What an address means that is in no table.
        hidden_network: What an address of a VPN means.
    """

    profile: Literal["default", "strict"] = "default"
    on_unknown: dict[Literal["access", "law", "licence", "register"], Literal["block", "warn"]] = (
        msgspec.field(default_factory=dict)
    )
    on_conditional: Literal["block", "warn"] = "warn"
    dry_run: tuple[str, ...] = ()
    place_conflict: Literal["both", "warn", "block"] = "both"
    unknown_network: Literal["allow", "warn", "block"] = "allow"
    hidden_network: Literal["allow", "warn", "block"] = "warn"


class Signals(Part, frozen=True, kw_only=True):
    """Tables that place an address. Each says what it is and of which day; none is shipped.

    Attributes:
        country_mmdb: Country of an address, and its coordinates where the table has them. Its
            entries have `country.iso_code`, `country_code` or `country`.
        country_csv: Rows `first,last,country`, where there is no MMDB; addresses in words or numbers.
        hosting_cidr: Networks of hosting companies, one a line.
        vpn_cidr: Networks of VPN services.
        relay_cidr: Networks that hide addresses for everybody who uses some device or office.
        tables_dated: The day of the tables without a date of their own, as `YYYY-MM-DD`.
        places_csv: Rows `code,latitude,longitude` of countries.
        gateway_latitude: In degrees; where this machine stands.
        gateway_longitude: In degrees.
    """

    country_mmdb: str | None = None
    country_csv: tuple[str, ...] = ()
    hosting_cidr: tuple[str, ...] = ()
    vpn_cidr: tuple[str, ...] = ()
    relay_cidr: tuple[str, ...] = ()
    tables_dated: str | None = None
    places_csv: str | None = None
    gateway_latitude: float | None = None
    gateway_longitude: float | None = None


class Audit(Part, frozen=True, kw_only=True):
    """The decision log.

    Attributes:
        path: A folder. Without it, the platform's state folder.
        durability: `process` hands every record to the operating system before its
            answer goes out, which a killed process cannot undo, and brings it to the
            disk within a twentieth of a second; `disk` makes the answer wait for the
            disk, which survives a loss of power.
        prompts: `hash` keeps a digest of the request body, `keep` the body as well.
        checkpoint_records: A signature comes after this many records at the latest.
        checkpoint_s: And after this long.
        segment_bytes: A new file begins after this many, and every day.
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


class Store(Part, frozen=True, kw_only=True):
    """Where keys made at run time, held objects and the log's copy live: SQLite unless a URL is given.

    Attributes:
        url: `postgresql://...`; it holds a password, so prefer the next.
        url_env: The environment variable that holds it.
    """

    url: str | None = None
    url_env: str | None = None


class Shared(Part, frozen=True, kw_only=True):
    """Limits and breaker state common to workers and nodes.

    Attributes:
        url: `redis://...`, `rediss://...` or `unix://...`; Valkey speaks the same.
        url_env: The environment variable that holds it.
        lease: Permits that a worker takes at a time.
        timeout_s: A server that has not answered by then counts as away.
        on_down: What happens to bounds while it is away.
    """

    url: str | None = None
    url_env: str | None = None
    lease: int = 20
    timeout_s: float = 0.5
    on_down: Literal["local", "refuse"] = "local"


class Prices(Part, frozen=True, kw_only=True):
    """What a model costs where neither its upstream nor the price list says it.

    Such a call counts as unknown, not as free: the log and `/metrics` name it.

    Attributes:
        unknown: What a key with a budget in money gets then: `refuse` answers 403 before
            anything is sent; `warn` lets it through with a header, outside the budget.
        usd_per_mtok: `input` and `output` in US dollars per million tokens, taken for every
            model without a price; then nothing is unknown.
    """

    unknown: Literal["refuse", "warn"] = "refuse"
    usd_per_mtok: dict[Literal["input", "output"], float] = msgspec.field(default_factory=dict)


class Breaker(Part, frozen=True, kw_only=True):
    """When an upstream counts as down, and for how long.

    Attributes:
        failures: So many within `window_s` open it.
        window_s: How long a failure counts.
        open_s: So long nobody is sent there; then one request tries.
        cut_s: The same after a refusal of the place.
        retry_budget: The share of requests that may be retries.
        alone: What happens where a route has no other upstream: `pass` still asks
            it, so that the caller gets the provider's own answer; `refuse` answers 503.
    """

    failures: int = 5
    window_s: float = 30.0
    open_s: float = 15.0
    cut_s: float = 300.0
    retry_budget: float = 0.2
    alone: Literal["pass", "refuse"] = "pass"


class Telemetry(Part, frozen=True, kw_only=True):
    """Where to send OpenTelemetry spans.

    Attributes:
        otlp_endpoint: The collector's address for OTLP over HTTP.
        sample: The share of requests that get a span.
        service_name: How the gateway is called there.
    """

    otlp_endpoint: str | None = None
    sample: float = 1.0
    service_name: str = "reliant-gateway"
