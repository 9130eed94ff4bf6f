"""What types alone cannot say: names that must exist, numbers with a bound, values that bar each other."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from reliant.errors import ConfigError
from reliant.gateway.api.surface import NAMES, WATCH
from reliant.gateway.config._part import Part
from reliant.gateway.config._toml_lines import Path as TomlPath
from reliant.gateway.config._toml_lines import line_of
from reliant.gateway.config.parties import Key, Route, Rule, Upstream
from reliant.gateway.config.read import Config
from reliant.gateway.config.service import Listen, Signals

_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}\Z")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_LONGEST_NAME = 200
_KINDS = frozenset({*NAMES, WATCH})
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type", "te"})
_SHORTEST_SECRET = 6
_BOTH_WAYS = ("input", "output")

_MAY_BE_ZERO = frozenset(
    {"port", "retries", "sticky_s", "retry_budget", "sample", "drain_s", "retention_days"}
)
_ANY_NUMBER = frozenset({"gateway_latitude", "gateway_longitude"})
_AT_MOST = {
    "port": 65_535,
    "workers": 1_024,
    "retry_budget": 1.0,
    "sample": 1.0,
    "retries": 100,
    "gateway_latitude": 90.0,
    "gateway_longitude": 180.0,
}
_FILES = ("tls_cert", "tls_key", "ca_file", "country_mmdb", "places_csv")
_FILE_LISTS = ("country_csv", "hosting_cidr", "vpn_cidr", "relay_cidr")


class Checker:
    """Collects nothing: the first mistake ends the reading, with its line."""

    def __init__(self, path: Path, lines: dict[TomlPath, int], env: Mapping[str, str]) -> None:
        self.path = path
        self.lines = lines
        self.env = env

    def wrong(self, at: TomlPath, problem: str, hint: str = "") -> ConfigError:
        """Return the error for what stands at a place."""
        return ConfigError(self.path, line_of(self.lines, at), problem, hint=hint)

    def check(self, config: Config) -> None:
        """Look through the whole file.

        Raises:
            ConfigError: Something is wrong.
        """
        self._plain((), config)
        self._listen(config.listen)
        self._signals(config.signals)
        upstreams = self._unique("upstream", [one.name for one in config.upstream])
        tenants = self._unique("tenant", [one.name for one in config.tenant])
        self._unique("key", [one.name for one in config.key])
        self._unique("rule", [one.id for one in config.rule])
        self._unique("route", [one.model for one in config.route])
        self._country(("place", "country"), config.place.country)
        for at, tenant in enumerate(config.tenant):
            for field in ("country", "owner_country", "nationality"):
                self._country(("tenant", at, field), getattr(tenant, field))
        for at, upstream in enumerate(config.upstream):
            self._upstream(("upstream", at), upstream)
        for at, key in enumerate(config.key):
            self._key(("key", at), key, tenants)
        self._secrets(config)
        for at, route in enumerate(config.route):
            self._route(("route", at), route, upstreams)
        for at, rule in enumerate(config.rule):
            self._rule(("rule", at), rule)
        self._services(config)
        if not config.route:
            raise self.wrong((), "there is no [[route]]", 'Add one with model = "*" and upstreams.')
        if not config.key:
            raise self.wrong((), "there is no [[key]]", "The gateway serves nobody without a key; add one.")

    def _plain(self, at: TomlPath, table: Part) -> None:
        """Check what every number, name and file of a table has in common."""
        for name in table.__struct_fields__:
            value, here = getattr(table, name), (*at, name)
            if isinstance(value, Part):
                self._plain(here, value)
            elif isinstance(value, tuple) and value and isinstance(value[0], Part):
                for number, one in enumerate(value):
                    self._plain((*here, number), one)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                self._number(here, name, value)
            elif name in {"name", "id", "model"} and isinstance(value, str):
                if not value or len(value) > _LONGEST_NAME or not value.isprintable():
                    hint = f"Write 1 to {_LONGEST_NAME} characters without line breaks."
                    raise self.wrong(here, f"{name} is empty, too long or not printable", hint)
            elif name in _FILES and isinstance(value, str):
                self._file(here, value)
            elif name in _FILE_LISTS:
                for one in value:
                    self._file(here, one)

    def _number(self, at: TomlPath, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise self.wrong(at, f"{name} is not a number one can count to", "Write a finite number.")
        if name not in _ANY_NUMBER:
            if value < 0:
                raise self.wrong(at, f"{name} cannot be negative", "Leave it out for the default.")
            if value == 0 and name not in _MAY_BE_ZERO and not self._in_quota(at):
                raise self.wrong(at, f"{name} must be greater than 0", "Leave it out for the default.")
        most = _AT_MOST.get(name)
        if most is not None and abs(value) > most:
            raise self.wrong(at, f"{name} is {value:g}, which is more than {most:g}", f"At most {most:g}.")

    @staticmethod
    def _in_quota(at: TomlPath) -> bool:
        return len(at) > 1 and at[-2] == "quota"

    def _file(self, at: TomlPath, name: str) -> None:
        path = Path(name)
        try:
            readable = path.is_file()
        except (OSError, ValueError):
            readable = False
        if not readable:
            raise self.wrong(
                at, f"there is no file {name!r}", "Paths are read from where the gateway starts."
            )

    def _unique(self, table: str, names: list[str]) -> set[str]:
        seen: set[str] = set()
        for at, name in enumerate(names):
            if name in seen:
                problem = f"two entries of [[{table}]] are called {name!r}"
                raise self.wrong((table, at), problem, "Give each a name of its own, or take one out.")
            seen.add(name)
        return seen

    def _country(self, at: TomlPath, code: str | None) -> None:
        if code is not None and not _COUNTRY.match(code):
            raise self.wrong(
                at, f"{code!r} is not a country code", "Write two capital letters, for example CN."
            )

    def _listen(self, listen: Listen) -> None:
        if (listen.tls_cert is None) != (listen.tls_key is None):
            raise self.wrong(("listen",), "tls_cert and tls_key belong together", "Give both, or none.")
        for proxy in listen.trusted_proxies:
            try:
                network = ipaddress.ip_network(proxy)
            except ValueError as error:
                hint = "Write an address or a network, for example 10.0.0.0/8."
                raise self.wrong(("listen", "trusted_proxies"), str(error), hint) from None
            if not network.prefixlen:
                problem = f"trusted_proxies names everybody ({proxy}): any caller could say where it is"
                hint = "Name the addresses of the proxies alone."
                raise self.wrong(("listen", "trusted_proxies"), problem, hint)

    def _signals(self, signals: Signals) -> None:
        if (signals.gateway_latitude is None) != (signals.gateway_longitude is None):
            raise self.wrong(
                ("signals",), "gateway_latitude and gateway_longitude belong together", "Give both, or none."
            )
        if signals.tables_dated is not None:
            try:
                dt.date.fromisoformat(signals.tables_dated)
            except ValueError:
                hint = 'Write the day, for example tables_dated = "2026-11-01".'
                problem = f"{signals.tables_dated!r} is not a day"
                raise self.wrong(("signals", "tables_dated"), problem, hint) from None

    def _url(self, at: TomlPath, text: str, schemes: tuple[str, ...], *, credentials: bool) -> SplitResult:
        """Return an address; its text is not repeated in messages where it may hold a password."""
        try:
            url = urlsplit(text)
            good = url.scheme in schemes and (url.hostname or url.scheme == "unix") and (url.port or 1)
        except ValueError:
            good = None
        name = at[-1]
        if not good:
            kinds = " or ".join(f"{one}://" for one in schemes)
            shown = repr(text) if not credentials and "@" not in text else f"what {name} says"
            problem = f"{shown} is not an http(s) address" if "https" in schemes else f"{shown} is no address"
            raise self.wrong(at, problem, f"It begins with {kinds} and names a host.")
        if not credentials and (url.username or url.query or url.fragment):
            raise self.wrong(
                at,
                f"{name} is not an http(s) address alone: it holds a user, a query or a fragment",
                "Give the key as api_key_env, and other parts as headers.",
            )
        return url

    def _upstream(self, at: TomlPath, upstream: Upstream) -> None:
        url = self._url((*at, "base_url"), upstream.base_url, ("http", "https"), credentials=False)
        host = url.hostname or ""
        if url.scheme == "http" and not (_is_local(host) or upstream.insecure_http):
            raise self.wrong(
                (*at, "base_url"),
                f"{upstream.base_url!r} would send the key in clear text",
                "Use https, or set insecure_http = true for a network you trust.",
            )
        if upstream.api_key is not None and upstream.api_key_env is not None:
            raise self.wrong(
                (*at, "api_key"), "api_key and api_key_env exclude each other", "Keep the second."
            )
        if upstream.api_key_env:
            secret = self._from_env((*at, "api_key_env"), upstream.api_key_env)
        else:
            secret = upstream.api_key or ""
        if not _fits_a_header(secret):
            name = "api_key_env" if upstream.api_key_env else "api_key"
            raise self.wrong((*at, name), "the key holds a character that no header can", "Copy it again.")
        for name, value in upstream.headers.items():
            if not _TOKEN.match(name) or name.lower() in _OWN_HEADERS or not _fits_a_header(value):
                hint = "Names are letters, digits and dashes; framing belongs to the gateway."
                raise self.wrong((*at, "headers", name), f"the header {name!r} cannot be sent", hint)
        if upstream.api == "azure" and upstream.api_version is None and "/openai/v1" not in url.path:
            raise self.wrong(
                at, "an azure upstream needs api_version", "Or a base_url that ends in /openai/v1."
            )
        if upstream.api_version is not None and not re.fullmatch(r"[\w.\-]+", upstream.api_version):
            raise self.wrong((*at, "api_version"), "is no version", 'For example api_version = "2024-10-21".')
        self._price((*at, "price_usd_per_mtok"), upstream.price_usd_per_mtok)
        if upstream.api.startswith("bedrock") and upstream.region is None:
            raise self.wrong(at, "a bedrock upstream needs region", 'For example region = "us-east-1".')

    def _price(self, at: TomlPath, price: Mapping[Literal["input", "output"], float]) -> None:
        """Check that a price says both ways: the one left out would be free."""
        if price and len(price) < len(_BOTH_WAYS):
            missing = next(one for one in _BOTH_WAYS if one not in price)
            raise self.wrong(at, f"a price needs {missing} too", f"Add {missing} = 0.0 if it is free.")
        for way, usd in price.items():
            if not math.isfinite(usd) or usd < 0:
                raise self.wrong((*at, way), f"{usd} is no price", "Write US dollars per million tokens.")

    def _from_env(self, at: TomlPath, name: str) -> str:
        if not self.env.get(name):
            if not _ENV_NAME.match(name):
                # Often it is the secret itself, and what is wrong is said and kept in many places.
                problem = f"{at[-1]} is not how a variable of the environment is called, or there is none"
                hint = "Write its name, for example OPENAI_API_KEY; what it holds stays in the environment."
                raise self.wrong(at, problem, hint)
            state = "an empty" if name in self.env else "no"
            raise self.wrong(at, f"the environment has {state} {name}", f"Set it: export {name}=...")
        return self.env[name]

    def _key(self, at: TomlPath, key: Key, tenants: set[str]) -> None:
        if (key.secret is None) == (key.secret_sha256 is None):
            hint = "One of them: the digest is what `printf %s SECRET | sha256sum` prints."
            raise self.wrong(at, f"key {key.name!r} needs either secret or secret_sha256", hint)
        for field, digests in (
            ("secret_sha256", (key.secret_sha256,)),
            ("previous_sha256", key.previous_sha256),
        ):
            if any(digest is not None and not _SHA256.match(digest) for digest in digests):
                problem = f"key {key.name!r}: a digest is 64 small hexadecimal digits"
                raise self.wrong((*at, field), problem, "What `printf %s SECRET | sha256sum` prints.")
        if key.secret is not None and len(key.secret) < _SHORTEST_SECRET:
            problem = f"the secret of key {key.name!r} is too short"
            raise self.wrong((*at, "secret"), problem, "Take 32 random bytes: openssl rand -hex 32.")
        if key.secret is not None and (not _fits_a_header(key.secret) or key.secret != key.secret.strip()):
            problem = f"the secret of key {key.name!r} holds a character that no header can"
            raise self.wrong((*at, "secret"), problem, "Take 32 random bytes: openssl rand -hex 32.")
        if key.tenant is not None and key.tenant not in tenants:
            known = ", ".join(sorted(tenants)) or "none"
            raise self.wrong((*at, "tenant"), f"there is no tenant {key.tenant!r}", f"Known: {known}.")
        self._country((*at, "country"), key.country)
        for endpoint in key.endpoints:
            if endpoint not in _KINDS and not set(endpoint) & set("*?["):
                known = ", ".join(sorted(_KINDS))
                raise self.wrong((*at, "endpoints"), f"there is no endpoint {endpoint!r}", f"Known: {known}.")
        if key.previous_until is not None and not key.previous_sha256:
            problem = "previous_until says when to end what previous_sha256 does not name"
            raise self.wrong((*at, "previous_until"), problem, "Add previous_sha256, or take it out.")

    def _secrets(self, config: Config) -> None:
        """Refuse one secret for two keys: it could only ever mean one of them."""
        seen: dict[str, str] = {}
        for at, key in enumerate(config.key):
            now = key.secret_sha256 or hashlib.sha256((key.secret or "").encode()).hexdigest()
            for digest in (now, *key.previous_sha256):
                if seen.setdefault(digest, key.name) != key.name:
                    problem = f"the keys {seen[digest]!r} and {key.name!r} have the same secret"
                    raise self.wrong(("key", at), problem, "Give each its own.")

    def _route(self, at: TomlPath, route: Route, upstreams: set[str]) -> None:
        if not route.upstreams:
            raise self.wrong((*at, "upstreams"), "a route needs at least one upstream", "Name one.")
        needed = [one for need in route.needs for one in ([need] if isinstance(need, str) else need)]
        named: Iterable[tuple[str, Iterable[str]]] = (
            ("upstreams", route.upstreams),
            ("substitutes", route.substitutes),
            ("needs", needed),
        )
        for field, names in named:
            for name in names:
                if name not in upstreams:
                    known = ", ".join(sorted(upstreams)) or "none"
                    raise self.wrong((*at, field), f"there is no upstream {name!r}", f"Known: {known}.")
        if len(set(route.upstreams)) < len(route.upstreams):
            raise self.wrong((*at, "upstreams"), "an upstream stands twice in one route", "Use retries.")
        for name in route.substitutes:
            if name not in route.upstreams:
                problem = f"substitutes names {name!r}, which is no upstream of this route"
                raise self.wrong((*at, "substitutes"), problem, "Add it to upstreams.")

    def _rule(self, at: TomlPath, rule: Rule) -> None:
        if not rule.when:
            raise self.wrong(at, "when is empty, so the rule would meet everything", "Name a fact.")
        if rule.since and rule.until and rule.until <= rule.since:
            raise self.wrong(
                (*at, "until"), "until is not after since", "It is the first day without the rule."
            )

    def _services(self, config: Config) -> None:
        self._price(("prices", "usd_per_mtok"), config.prices.usd_per_mtok)
        stores = (
            ("store", config.store, ("postgresql", "postgres")),
            ("shared", config.shared, ("redis", "rediss", "unix")),
        )
        for table, one, schemes in stores:
            if one.url is not None and one.url_env is not None:
                raise self.wrong((table, "url"), "url and url_env exclude each other", "Keep the second.")
            field = "url_env" if one.url_env is not None else "url"
            text = self._from_env((table, field), one.url_env) if one.url_env is not None else one.url
            if text is not None:
                self._url((table, field), text, schemes, credentials=True)
        endpoint = config.telemetry.otlp_endpoint
        if endpoint is not None:
            self._url(("telemetry", "otlp_endpoint"), endpoint, ("http", "https"), credentials=False)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _fits_a_header(text: str) -> bool:
    return text.isascii() and all(" " <= one != "\x7f" for one in text)
