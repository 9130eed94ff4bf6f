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
    Share,
    SinglePoint,
    TargetStamp,
    Tool,
    UseAnswer,
)
from reliant.core.use import NotLookedAt
from reliant.core.verdict import (
    Axis,
    AxisAnswer,
    Verdict,
)
from support.shop_parts import BLOCK_DAY, PARTIES, SOURCES, USES, answer, openai_access, use, verdicts


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
        verdicts=verdicts(as_of),
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
        verdicts=(answer("u-x", openai_access(BLOCK_DAY)),),
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


__all__ = [
    "BLOCK_DAY",
    "MODELS",
    "PARTIES",
    "SOURCES",
    "USES",
    "crowd",
    "hostile",
    "large",
    "nothing_found",
    "shop",
    "use",
]
