"""The gateway's one TOML file, as typed values.

Every mistake is reported with its line and before anything is bound or opened.
What a name refers to (a route's upstreams, a key's tenant) is checked here too,
so that the rest of the gateway never meets a dangling name.
"""

from __future__ import annotations

from reliant.gateway.config._toml_lines import line_of, locate
from reliant.gateway.config.at_start import with_start_of
from reliant.gateway.config.parties import Key, Quota, Route, Rule, Scalar, Tenant, Upstream
from reliant.gateway.config.read import Config, parse_config, read_config
from reliant.gateway.config.service import (
    Audit,
    Breaker,
    Limits,
    Listen,
    Place,
    Policy,
    Prices,
    Shared,
    Signals,
    Store,
    Telemetry,
)

__all__ = [
    "Audit",
    "Breaker",
    "Config",
    "Key",
    "Limits",
    "Listen",
    "Place",
    "Policy",
    "Prices",
    "Quota",
    "Route",
    "Rule",
    "Scalar",
    "Shared",
    "Signals",
    "Store",
    "Telemetry",
    "Tenant",
    "Upstream",
    "line_of",
    "locate",
    "parse_config",
    "read_config",
    "with_start_of",
]
