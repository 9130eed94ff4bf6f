"""Small assessments made by hand, for tests of what is shown.

The story is that of `examples/shop`: a tea shop run from China whose chat calls one
American API with a partner cloud behind it, whose product texts come from Yi-34B on
its own machines, and which asked the same question one day before and one day after
the API was closed.
"""

from __future__ import annotations

import msgspec

from reliant.core.need import AnyOf, Function, Supplier
from reliant.core.results import (
    Assessment,
    AtlasStamp,
    Concentration,
    Descent,
    FunctionImpact,
    Impact,
    Interval,
    Model,
    ModelClaim,
    Party,
    Share,
    SinglePoint,
    Source,
    TargetStamp,
    Tool,
    UseAnswer,
)
from reliant.core.use import Channel, Evidence, Kind, NotLookedAt, Role, Scope, Use
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


def _openai_access(day: str) -> AxisAnswer:
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


def _answer(use_id: str, access: AxisAnswer, **other: AxisAnswer) -> UseAnswer:
    axes = {
        Axis.ACCESS: access,
        Axis.LAW: other.get("law", AxisAnswer(Verdict.OPEN)),
        Axis.LICENCE: other.get("licence", AxisAnswer(Verdict.OPEN)),
        Axis.REGISTER: other.get("register", AxisAnswer(Verdict.OPEN)),
    }
    return UseAnswer(use_id, worst(axis.verdict for axis in axes.values()), axes)


def _verdicts(day: str) -> tuple[UseAnswer, ...]:
    openai = _openai_access(day)
    partner = AxisAnswer(
        verdict=Verdict.CONDITIONAL,
        rules=(_PARTNER,),
        gates=(Gate(Gatekeeper.PARTNER, Verdict.CONDITIONAL, None, "2023-12-15", _PARTNER.id),),
    )
    open_gate = Gate(Gatekeeper.PROVIDER, Verdict.OPEN, None, None, None)
    return (
        _answer("u-openai-chat", openai, law=_LAW_UNKNOWN),
        _answer("u-azure-chat", partner),
        _answer("u-openai-embed", openai, law=_LAW_UNKNOWN),
        _answer("u-qwen-translate", AxisAnswer(Verdict.OPEN, gates=(open_gate,))),
        _answer("u-yi", AxisAnswer(Verdict.OPEN), law=_LAW_UNKNOWN),
        _answer("u-docs", openai),
    )


def _function(id_: str, name: str, weight: float, *uses: str) -> Function:
    parts = tuple(Supplier(use_id) for use_id in uses)
    return Function(
        id_, name, weight, parts[0] if len(parts) == 1 else AnyOf(parts), f"reliant.toml:{len(id_)}"
    )


MODELS = (
    Model(
        id="01-ai/Yi-34B",
        developer="01ai",
        weights="open",
        licence="Apache-2.0",
        descent=(
            Descent("llama-2", "architecture", "confirmed", "declared", ("yi-34b/eleuther",)),
            Descent(
                "llama-2",
                "weights",
                "denied",
                "declared",
                ("yi-34b/eleuther",),
                note="Two tensors were renamed; the weights were trained from the start.",
            ),
        ),
        name="Yi-34B",
        country="CN",
        descent_known=True,
        claims=(
            ModelClaim(
                says="built on Llama",
                status="disputed",
                sources=("yi-34b/reuters", "yi-34b/summary"),
                against=("yi-34b/eleuther",),
            ),
        ),
    ),
    Model("gpt-4o", "openai", "closed", None, (), "GPT-4o", "US"),
    Model("qwen-plus", "qwen", None, None, (), "Qwen-Plus", "CN"),
)


def _impact() -> Impact:
    chat = _function("chat", "Answer customers", 5, "u-openai-chat", "u-azure-chat")
    search = _function("search", "Find teas by meaning", 3, "u-openai-embed")
    translate = _function("translate", "Translate product texts", 1, "u-qwen-translate")
    describe = _function("describe", "Write product texts", 1, "u-yi")
    return Impact(
        functions=(
            FunctionImpact(chat, "works", ("u-azure-chat",)),
            FunctionImpact(search, "stops", ("u-openai-embed",)),
            FunctionImpact(translate, "works", ("u-qwen-translate",)),
            FunctionImpact(describe, "unknown", ("u-yi",)),
        ),
        stop_share=Interval(0.3, 0.4),
        single_points=(
            SinglePoint("openai", "provider", 0.3, ("search",)),
            SinglePoint("US", "jurisdiction", 0.8, ("chat", "search")),
        ),
        hhi={"provider": Concentration(0.44, 2.27, 0.1), "jurisdiction": Concentration(0.79, 1.27, 0.1)},
        face_value=(Share("US", Interval(0.8, 0.9)), Share("CN", Interval(0.1, 0.2))),
        look_through=(Share("US", Interval(0.8, 0.9)), Share("CN", Interval(0.2, 0.3))),
        unknown=0.1,
        followed=("weights", "merge", "adapter", "quantised"),
    )


def shop(as_of: str = "2024-07-10", **more: object) -> Assessment:
    """Return the assessment of the shop from China on a day; `more` replaces any field."""
    base = Assessment(
        tool=Tool("reliant", "0.1.0"),
        atlas=AtlasStamp("2026.11.21", "2026-10-30"),
        target=TargetStamp("examples/shop", "directory", None, 41, 61_200),
        place="CN",
        as_of=as_of,
        known_on=None,
        uses=USES,
        models=MODELS,
        verdicts=_verdicts(as_of),
        impact=_impact(),
        not_looked_at=(
            NotLookedAt("backend/models/tea.gguf", "larger than 4 MB, only the header was read"),
            NotLookedAt("web/latest", "symbolic link"),
        ),
        sources=SOURCES,
        parties=PARTIES,
        place_names={"CN": "China", "US": "United States"},
    )
    return msgspec.structs.replace(base, **more)


def nothing_found() -> Assessment:
    """Return the assessment of a tree without any AI."""
    empty = Impact(
        functions=(),
        stop_share=Interval(0, 0),
        single_points=(),
        hhi={},
        face_value=(),
        look_through=(),
        unknown=0.0,
    )
    return shop(uses=(), models=(), verdicts=(), impact=empty, not_looked_at=(), sources=(), parties=())


def hostile() -> Assessment:
    """Return an assessment in which everything a target controls tries to break out of the page."""
    script = "</script><script>alert(1)</script>"
    nasty = use(
        "u-x",
        f"a/{script}\x1b[31m.py:3",
        provider="openai",
        model=f"gpt\"'><img src=x onerror=alert(1)>{script}",
        text=f'=HYPERLINK("x") \u202e {script} | `code` [link](javascript:alert(1))',
        functions=("chat",),
    )
    return shop(
        uses=(nasty,),
        verdicts=(_answer("u-x", _openai_access(BLOCK_DAY)),),
        not_looked_at=(NotLookedAt(f"{script}|x", "symbolic link"),),
    )


def crowd(providers: int = 40, models: int = 7) -> Assessment:
    """Return an assessment with many providers, long Chinese names and many skipped paths."""
    uses, answers, functions = [], [], []
    for number in range(providers):
        name = f"通义千问供应商-{number}-" + "很长的名字" * 3
        one = use(f"crowd{number}", "a.py:1", provider=name, model=f"模型-{number % models}" * 4)
        uses.append(one)
        answers.append(UseAnswer(one.id, Verdict.UNKNOWN, dict.fromkeys(Axis, AxisAnswer(Verdict.UNKNOWN))))
        function = _function(f"crowd{number}", f"功能 {number} with a name that is rather long", 1, one.id)
        functions.append(FunctionImpact(function, "unknown", (one.id,)))
    base = shop()
    impact = msgspec.structs.replace(base.impact, functions=(*base.impact.functions, *functions))
    return shop(
        uses=(*USES, *uses),
        verdicts=(*base.verdicts, *answers),
        impact=impact,
        not_looked_at=tuple(NotLookedAt(f"f{n}", f"reason {n} " + "目录太深" * 8) for n in range(40)),
    )


def large(count: int = 3000) -> Assessment:
    """Return an assessment with as many uses, each of a function of its own."""
    base = shop()
    uses, answers, functions = [], [], []
    for n in range(count):
        provider = ("openai", "azure-openai", "alibaba")[n % 3]
        uses.append(use(f"large{n}", f"src/f{n}.py:{n + 1}", provider=provider, model=f"m-{n % 200}"))
        answers.append(msgspec.structs.replace(base.verdicts[n % 4], use=f"large{n}"))
        function = _function(f"large{n}", f"Function {n}", 1, f"large{n}")
        functions.append(FunctionImpact(function, ("works", "stops", "unknown")[n % 3], (f"large{n}",)))
    impact = msgspec.structs.replace(base.impact, functions=tuple(functions))
    return shop(uses=tuple(uses), verdicts=tuple(answers), impact=impact)
