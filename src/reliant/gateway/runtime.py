"""One configuration, ready to serve: everything that a reload replaces at once.

A request keeps the runtime it began with. A reload builds a new one beside it,
takes over connections, health and counts, and swaps a single reference; a file
that is wrong changes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from reliant.errors import ConfigError, MissingExtra
from reliant.gateway.admit.keys import KeyRing, StoredKey
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.admit.limits import Meter
from reliant.gateway.admit.placement import Placer, Proxies
from reliant.gateway.clock import Clock
from reliant.gateway.config import Config, Quota
from reliant.gateway.route.prices import Prices
from reliant.gateway.route.routes import Routes
from reliant.gateway.signals import load_signals
from reliant.gateway.upstream.target import Target


class Runtime:
    """What serves requests under one configuration."""

    def __init__(
        self,
        config: Config,
        knowledge: Knowledge,
        clock: Clock,
        env: Mapping[str, str],
        *,
        before: Runtime | None = None,
        stored: Iterable[StoredKey] = (),
    ) -> None:
        """Build it, and take over from `before` what should survive a reload.

        Raises:
            ConfigError: A table cannot be read.
        """
        self.config = config
        self.knowledge = knowledge
        self.clock = clock
        self.digest = config_digest(config)
        self.stored = tuple(stored)
        self.targets: dict[str, Target] = {}
        for upstream in config.upstream:
            named = msgspec.structs.replace(upstream, provider=knowledge.provider_id(upstream.provider))
            try:
                target = Target(named, config.upstream_key(upstream, env), config.breaker, env)
            except (OSError, ValueError) as error:
                problem = f"upstream {upstream.name!r} cannot be used: {error}"
                raise ConfigError(
                    "configuration", 0, problem, hint="Look at its ca_file and headers."
                ) from None
            if before is not None and upstream.name in before.targets:
                target.adopt(before.targets[upstream.name])
            self.targets[upstream.name] = target
        plain = msgspec.structs.replace(config, upstream=tuple(one.config for one in self.targets.values()))
        self.admission = knowledge.admission(plain, clock.today())
        self.routes = Routes(config, self.targets, self.admission, knowledge)
        self.proxies = Proxies(config)
        self.placer = Placer(config, load_signals(config))
        self.prices = Prices(config, (key.quota for key in self.stored))
        self.meters: dict[str, Meter] = {}
        self.keys = KeyRing(config, self.stored)
        self._take_meters(before.meters if before is not None else {})
        self.admission.prepare(self.keys.callers, self._named_models())

    def _take_meters(self, before: Mapping[str, Meter]) -> None:
        """Keep the counts of keys that stay; a request in flight leaves the meter it entered."""
        for caller in self.keys.callers:
            meter = before.get(caller.name)
            quota = self._part(caller.quota)
            if meter is None:
                meter = Meter(quota)
            elif meter.quota != quota:
                meter.configure(quota)
            self.meters[caller.name] = meter

    def _part(self, quota: Quota) -> Quota:
        """Return this worker's part of a quota: all of it where counts are shared or it is alone.

        Workers that do not share counts each get an even part, so that together
        they never exceed the whole.
        """
        workers = self.config.listen.workers
        if workers == 1 or self.config.shared.url or self.config.shared.url_env:
            return quota
        parts: dict[str, int | float] = {}
        for name in Quota.__struct_fields__:
            bound = getattr(quota, name)
            if bound is not None:
                parts[name] = max(1, bound // workers) if isinstance(bound, int) else bound / workers
        return Quota(**parts)  # type: ignore[arg-type]

    def with_keys(self, stored: Iterable[StoredKey]) -> None:
        """Replace the keys that were made at run time."""
        self.stored = tuple(stored)
        self.keys = KeyRing(self.config, self.stored)
        with contextlib.suppress(MissingExtra):  # who makes such a key is told; another node may lack prices
            self.prices = Prices(self.config, [key.quota for key in self.stored])
        self._take_meters(self.meters)

    def _named_models(self) -> list[tuple[str, str]]:
        """Return the pairs of upstream and model that the configuration names."""
        pairs: dict[tuple[str, str], None] = {}
        for route in self.config.route:
            for name in route.upstreams:
                target = self.targets[name]
                if name in route.substitutes:
                    pairs[name, route.substitutes[name]] = None
                elif not set(route.model) & set("*?["):
                    pairs[name, target.config.models.get(route.model, route.model)] = None
                for served in target.config.models.values():
                    pairs[name, served] = None
        return list(pairs)

    def model_names(self) -> list[str]:
        """Return the names that callers can ask for, as far as the configuration spells them out."""
        names = dict.fromkeys(self.routes.table.names())
        for route in self.config.route:
            for name in route.upstreams:
                for alias in self.targets[name].config.models:
                    if self.routes.table.find(alias) is not None:
                        names.setdefault(alias)
        return list(names)

    def close(self) -> None:
        """Close what no later runtime took over."""
        for target in self.targets.values():
            target.close()


def config_digest(config: Config) -> str:
    """Return a digest of the configuration without its secrets: it goes into the log."""
    clean = msgspec.structs.replace(
        config,
        upstream=tuple(msgspec.structs.replace(one, api_key=None, headers={}) for one in config.upstream),
        key=tuple(msgspec.structs.replace(one, secret=None) for one in config.key),
        store=type(config.store)(),
        shared=type(config.shared)(),
    )
    return hashlib.sha256(msgspec.json.encode(clean)).hexdigest()
