"""The uses of the tea shop of `assessments`, the verdicts on them, and the texts they rest on."""

from __future__ import annotations

import msgspec

from reliant.core.results import (
    Party,
    Source,
    UseAnswer,
)
from reliant.core.use import Channel, Evidence, Kind, Role, Scope, Use
from reliant.core.verdict import (
    Axis,
    AxisAnswer,
    Enforcement,
    Gate,
    Gatekeeper,
    Leaf,
    Missing,
    Pending,
    RuleAnswer,
    Verdict,
    worst,
)

BLOCK_DAY = "2024-07-09"

SOURCES = (
    Source(
        id="openai.supported-list/help",
        title="OpenAI API - Supported Countries and Territories",
        publisher="OpenAI Help Center",
        url="https://help.openai.com/en/articles/5347006",
        published=None,
        retrieved="2026-11-20",
        kind="primary",
        quote="If a location is not included in the list below, our API is not supported there.",
    ),
    Source(
        id="openai.block-2024-07/register",
        title="OpenAI to pull plug on 'unsupported' nations from July 9",
        publisher="The Register",
        url="https://www.theregister.com/2024/06/25/openai_unsupported_countries/",
        published="2024-06-25",
        retrieved="2026-11-20",
        kind="press",
        quote="additional measures to block API traffic from regions that are not on our supported list",
    ),
    Source(
        id="cn.network.openai/restofworld",
        title="A new tool tracks when the Chinese government blocks websites like ChatGPT",
        publisher="Rest of World",
        url="https://restofworld.org/2024/when-china-blocked-ai-sites/",
        published="2024-09",
        retrieved="2026-11-20",
        kind="press",
    ),
    Source(
        id="azure-openai.cn-partner/pymnts",
        title="Report: Microsoft Won't Follow OpenAI in Blocking China's Access to AI Models",
        publisher="PYMNTS",
        url="https://www.pymnts.com/artificial-intelligence-2/2024/report-microsoft-wont-follow-openai/",
        published="2024-07-08",
        retrieved="2026-11-20",
        kind="press",
        quote="via models deployed in regions outside China",
    ),
    Source(
        id="yi-34b/eleuther",
        title="Yi-34B, Llama 2, and common practices in LLM training",
        publisher="EleutherAI",
        url="https://blog.eleuther.ai/nyt-yi-34b-response/",
        published="2024-03",
        retrieved="2026-11-20",
        kind="press",
    ),
    Source(
        id="yi-34b/reuters",
        title="How reliant is China on US AI technology? (explainer)",
        publisher="Reuters, as carried by Business Day",
        url=None,
        published="2024-05-09",
        retrieved="2026-11-20",
        kind="press",
        origin="reuters-explainer-2024-05",
    ),
    Source(
        id="yi-34b/summary",
        title="How reliant is China on US AI technology? (summary)",
        publisher="a copy",
        url=None,
        published="2024-05-10",
        retrieved="2026-11-20",
        kind="press",
        origin="reuters-explainer-2024-05",
    ),
    Source(
        id="us.guardrails/reuters",
        title="US eyes curbs on China's access to AI software behind apps like ChatGPT",
        publisher="Reuters",
        url=None,
        published="2024-05-08",
        retrieved="2026-11-20",
        kind="press",
    ),
)

PARTIES = (
    Party("openai", "OpenAI", "US"),
    Party("azure-openai", "Azure OpenAI", "US", "Microsoft", "US"),
    Party("alibaba", "Alibaba Cloud Model Studio", "CN", "Alibaba", "CN"),
    Party("ollama", "Ollama (on own machines)"),
    Party("01ai", "01.AI", "CN"),
    Party("meta", "Meta", "US"),
    Party("qwen", "Qwen team, Alibaba", "CN"),
)


def use(id_: str, line: str, **more: object) -> Use:
    """Return one use shown at `path:line`; `more` replaces any field."""
    path, _, at = line.rpartition(":")
    text = str(more.pop("text", f'model = "{more.get("model")}"'))
    base = Use(
        id=id_,
        provider=None,
        sdk=None,
        developer=None,
        model=None,
        kind=Kind.HOSTED_API,
        channel=Channel.DIRECT,
        role=Role.DEFAULT,
        scope=Scope.CODE,
        confidence=0.95,
        functions=(),
        evidence=(Evidence(path, int(at), 1, text, "python.calls"),),
    )
    return msgspec.structs.replace(base, **more)


USES = (
    use(
        "u-openai-chat",
        "backend/app/chat.py:14",
        provider="openai",
        sdk="openai",
        developer="openai",
        model="gpt-4o",
        functions=("chat",),
        text='MODEL = os.getenv("CHAT_MODEL", "gpt-4o")',
        overridable_by="CHAT_MODEL",
    ),
    use(
        "u-azure-chat",
        "backend/app/chat.py:31",
        provider="azure-openai",
        sdk="openai",
        developer="openai",
        model="gpt-4",
        channel=Channel.PARTNER,
        role=Role.OPTIONAL,
        functions=("chat",),
        region="eastus2",
    ),
    use(
        "u-openai-embed",
        "backend/app/search.py:9",
        provider="openai",
        sdk="openai",
        developer="openai",
        model="text-embedding-3-small",
        kind=Kind.EMBEDDING,
        functions=("search",),
    ),
    use(
        "u-qwen-translate",
        "backend/app/translate.py:12",
        provider="alibaba",
        sdk="openai",
        developer="qwen",
        model="qwen-plus",
        functions=("translate",),
        endpoint="dashscope.aliyuncs.com/compatible-mode/v1",
    ),
    use(
        "u-yi",
        "backend/app/describe.py:8",
        provider=None,
        sdk="transformers",
        developer="01ai",
        model="01-ai/Yi-34B",
        kind=Kind.OPEN_WEIGHTS,
        channel=Channel.SELF_HOSTED,
        functions=("describe",),
    ),
    use(
        "u-docs",
        "docs/models.md:3",
        provider="openai",
        model="gpt-3.5-turbo",
        role=Role.LISTED,
        scope=Scope.DOCS,
        text="The first version used `gpt-3.5-turbo`.",
        confidence=0.6,
    ),
)


def _leaf(fact: str, test: str, truth: str, value: str | None, origin: str | None) -> Leaf:
    return Leaf(fact, test, truth, value, origin)


def openai_access(day: str) -> AxisAnswer:
    enforced = day >= BLOCK_DAY
    terms = RuleAnswer(
        id="openai.api.supported-list",
        truth="yes",
        because=(
            _leaf("provider", "is openai", "yes", "openai", "found: backend/app/chat.py:14"),
            _leaf(
                "user.region", "not in openai.supported-countries (161 listed)", "yes", "CN", "given: --place"
            ),
        ),
        sources=("openai.supported-list/help",),
        effect="deny",
        summary="The API is offered only in the countries on OpenAI's list.",
        since="2022-11-30",
    )
    block = RuleAnswer(
        id="openai.api.block-2024-07",
        truth="yes",
        because=terms.because,
        sources=("openai.block-2024-07/register",),
        effect="deny",
        summary="API traffic from places that are not on the list is refused.",
        since=BLOCK_DAY,
    )
    state = RuleAnswer(
        id="cn.network.openai",
        truth="yes",
        because=(_leaf("server.host", "is api.openai.com", "yes", "api.openai.com", "atlas: openai"),),
        sources=("cn.network.openai/restofworld",),
        effect="deny",
        summary="The network of China filters the host of the API.",
        since="2023-03-02",
    )
    provider_gate = Gate(
        by=Gatekeeper.PROVIDER,
        verdict=Verdict.BLOCKED,
        enforcement=Enforcement.ENFORCED if enforced else Enforcement.TERMS,
        since=BLOCK_DAY if enforced else "2022-11-30",
        rule=block.id if enforced else terms.id,
    )
    state_gate = Gate(
        by=Gatekeeper.STATE,
        verdict=Verdict.BLOCKED,
        enforcement=Enforcement.ENFORCED,
        since="2023-03-02",
        rule=state.id,
    )
    pending = Pending(
        rule=block.id,
        status="announced",
        on="2024-06-24",
        from_=BLOCK_DAY,
        summary=block.summary,
        sources=block.sources,
    )
    return AxisAnswer(
        verdict=Verdict.BLOCKED,
        rules=(block, terms, state) if enforced else (terms, state),
        pending=() if enforced else (pending,),
        gates=(provider_gate, state_gate),
    )


_LAW_UNKNOWN = AxisAnswer(
    verdict=Verdict.UNKNOWN,
    missing=(
        Missing("service.public", "Is the service offered to the public in China?", ("cn.genai.interim",)),
    ),
    pending=(
        Pending(
            rule="us.guardrails.closed-weights",
            status="proposed",
            on="2024-05-08",
            summary="The export of closed-weight models would need a licence.",
            sources=("us.guardrails/reuters",),
        ),
    ),
)
_PARTNER = RuleAnswer(
    id="azure-openai.cn-partner",
    truth="yes",
    because=(_leaf("channel", "is partner", "yes", "partner", "found: backend/app/chat.py:31"),),
    sources=("azure-openai.cn-partner/pymnts",),
    effect="require",
    summary="Eligible enterprises keep access to models deployed outside mainland China.",
    since="2023-12-15",
    obligations=("The customer is an eligible enterprise.",),
)


def answer(use_id: str, access: AxisAnswer, **other: AxisAnswer) -> UseAnswer:
    axes = {
        Axis.ACCESS: access,
        Axis.LAW: other.get("law", AxisAnswer(Verdict.OPEN)),
        Axis.LICENCE: other.get("licence", AxisAnswer(Verdict.OPEN)),
        Axis.REGISTER: other.get("register", AxisAnswer(Verdict.OPEN)),
    }
    return UseAnswer(use_id, worst(axis.verdict for axis in axes.values()), axes)


def verdicts(day: str) -> tuple[UseAnswer, ...]:
    openai = openai_access(day)
    partner = AxisAnswer(
        verdict=Verdict.CONDITIONAL,
        rules=(_PARTNER,),
        gates=(Gate(Gatekeeper.PARTNER, Verdict.CONDITIONAL, None, "2023-12-15", _PARTNER.id),),
    )
    open_gate = Gate(Gatekeeper.PROVIDER, Verdict.OPEN, None, None, None)
    return (
        answer("u-openai-chat", openai, law=_LAW_UNKNOWN),
        answer("u-azure-chat", partner),
        answer("u-openai-embed", openai, law=_LAW_UNKNOWN),
        answer("u-qwen-translate", AxisAnswer(Verdict.OPEN, gates=(open_gate,))),
        answer("u-yi", AxisAnswer(Verdict.OPEN), law=_LAW_UNKNOWN),
        answer("u-docs", openai),
    )
