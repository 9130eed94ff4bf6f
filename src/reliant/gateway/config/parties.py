"""The tables that say who calls, whom they reach, and by which rules."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from reliant.gateway.config._part import Part

Scalar = str | int | float | bool


class Tenant(Part, frozen=True, kw_only=True):
    """On whose behalf keys are used.

    Attributes:
        country: Where it has its seat and operates.
        owner_country: Where who owns it has the seat.
        nationality: Of its users, for rules that ask for it. Leave it out unless you
            may lawfully ask your users: nothing else reads it, and what needs it then
            says that it is not known.
        sector: As in the vocabulary of the rules, for example `private` or `defence`.
        facts: Further facts of that vocabulary; an empty list says there are none.
    """

    name: str
    country: str | None = None
    owner_country: str | None = None
    nationality: str | None = None
    sector: str | None = None
    facts: dict[str, Scalar | tuple[Scalar, ...]] = msgspec.field(default_factory=dict)


class Quota(Part, frozen=True, kw_only=True):
    """How much a key may use; None is no bound. Tokens and money count after the fact.

    Attributes:
        concurrent: Requests at once.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    usd_per_day: float | None = None
    usd_per_month: float | None = None
    concurrent: int | None = None


class Key(Part, frozen=True, kw_only=True):
    """One caller. The secret is kept as its SHA-256.

    Attributes:
        secret: Better in the next form: a file is read by more people than it should.
        secret_sha256: 64 hexadecimal digits.
        previous_sha256: Secrets that stay valid while rotating.
        previous_until: When they end; without it, when they are taken out.
        not_before: From when on it may be used, as `2026-12-01T00:00:00Z`; without a zone it is UTC.
        expires: From when on it may not.
        tenant: On whose behalf it calls.
        country: Where it calls from, if not where its tenant is.
        models: Names or globs it may ask for.
        endpoints: Kinds of request it may make, for example `chat` or `files`;
            `metrics`, by name, is reading what `listen.guarded` closes.
        admin: Whether it may use `/admin`.
    """

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


class Upstream(Part, frozen=True, kw_only=True):
    """A provider's endpoint, and what the rules need to know about the way to it.

    Attributes:
        provider: An id of the atlas.
        base_url: Without the path of a request: `https://api.openai.com/v1`.
        api: The protocol it speaks. Gemini's, Anthropic's and Azure's own
            OpenAI-compatible endpoints are `openai`. `bedrock` is that format too,
            signed; `bedrock-converse` is the service's own, for models and regions
            without it.
        api_key_env: The environment variable that holds the key. Where a Bedrock
            upstream has none, requests are signed with AWS credentials.
        api_version: For Azure's deployments.
        aws_credentials: Where a Bedrock upstream without a key finds them: `environment` is
            AWS_ACCESS_KEY_ID and its like; `usual` is where the vendor's tools look (profiles,
            single sign-on, roles of containers and machines), renewed by themselves.
        channel: The way to it: direct, partner, reseller, self-hosted.
        partner: The partner cloud, an id of the atlas.
        region: Where it answers; for Bedrock the AWS region.
        developer: Who made its models, where the atlas cannot know.
        timeout_s: To the first byte of the answer.
        idle_s: Between two pieces of a streamed answer.
        connect_s: To an open connection.
        max_connections: At once, for each worker.
        models: From the name a caller uses to the name the upstream knows.
        headers: Further headers of every request to it.
        ca_file: Who may sign its certificate, instead of the platform's authorities.
        insecure_http: Whether the key may go over a network in clear text.
        continuation: How to ask it to go on with another's half answer.
        ignores: Parameters it takes no notice of; who sends one is warned.
        requests_per_minute: Of each worker; then the next upstream is asked.
        price_usd_per_mtok: `input` and `output` in US dollars per million tokens.
    """

    name: str
    provider: str
    base_url: str
    api: Literal["openai", "azure", "anthropic", "bedrock", "bedrock-converse"] = "openai"
    api_key: str | None = None
    api_key_env: str | None = None
    api_version: str | None = None
    aws_credentials: Literal["environment", "usual"] = "environment"
    channel: str = "direct"
    partner: str | None = None
    region: str | None = None
    developer: str | None = None
    timeout_s: float = 60.0
    idle_s: float = 120.0
    connect_s: float = 5.0
    max_connections: int = 1_000
    models: dict[str, str] = msgspec.field(default_factory=dict)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    ca_file: str | None = None
    insecure_http: bool = False
    continuation: Literal["none", "prefill", "instruct"] = "instruct"
    ignores: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    price_usd_per_mtok: dict[Literal["input", "output"], float] = msgspec.field(default_factory=dict)


class Route(Part, frozen=True, kw_only=True):
    """Which upstreams serve a model name, in order.

    Attributes:
        model: A name or a glob that callers ask for.
        upstreams: Their names; the first that can answers.
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
    substitutes: dict[str, str] = msgspec.field(default_factory=dict)
    sticky_s: float = 0.0
    continue_streams: bool = False


class Rule(Part, frozen=True, kw_only=True):
    """A rule of the operator: refuses what matches all of `when`.

    A value of `when` is a value, a list of values (any of them), or a glob for `model`.

    Attributes:
        summary: What a refused caller reads.
        effect: `warn` lets the request through with a header that names the rule.
        source: Where it is written down.
        since: The first day it holds, in UTC.
        until: The first day it holds no more.
        dry_run: Recorded, not enforced.
    """

    id: str
    summary: str
    when: dict[str, Scalar | tuple[Scalar, ...]]
    effect: Literal["deny", "warn"] = "deny"
    source: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    dry_run: bool = False
