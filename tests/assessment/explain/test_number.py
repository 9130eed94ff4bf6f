"""Every impact figure can be taken apart: its parts add up to it, and each link says where it is from."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from reliant.assessment.explain.number import Explanation, explain_number
from reliant.cli._run import Looked, look
from reliant.cli.explain import explain
from reliant.core.results import Interval
from reliant.errors import UnknownId, UsageError

if TYPE_CHECKING:
    from reliant.core.results import Assessment

DAY = dt.date(2024, 7, 10)


@pytest.fixture(scope="module")
def shop(root: Path) -> tuple[Looked, Assessment]:
    looked = look(str(root / "examples" / "shop"), {"place": "CN"}, as_of=DAY, cached=False, offline=True)
    return looked, looked.assessment()


def _told(shop: tuple[Looked, Assessment], number: str) -> Explanation:
    looked, result = shop
    return explain_number(number, result, looked.atlas, looked.plans)


def _sum(told: Explanation) -> Interval:
    low = math.fsum(part.known for part in told.parts)
    return Interval(round(low, 9), round(low + math.fsum(part.perhaps for part in told.parts), 9))


def _rounded(share: Interval) -> Interval:
    return Interval(round(share.low, 9), round(share.high, 9))


def test_the_parts_of_every_figure_add_up_to_the_figure(shop: tuple[Looked, Assessment]) -> None:
    impact = shop[1].impact
    figures = {"stop_share": impact.stop_share}
    figures |= {f"face_value:{one.id}": one.share for one in impact.face_value}
    figures |= {f"look_through:{one.id}": one.share for one in impact.look_through}
    for point in impact.single_points:
        figures[f"single_point:{point.supplier}"] = Interval(point.stop_share, point.stop_share)
    figures |= {f"hidden:{country}": Interval(part, part) for country, part in impact.hidden.items()}
    held = impact.origin[0].shares.items()
    figures |= {f"origin:{code}": Interval(part, part) for code, part in held if code != "unknown"}
    assert len(figures) > 15

    for number, figure in figures.items():
        told = _told(shop, number)
        assert told.value == figure
        assert _sum(told) == _rounded(figure), number
    assert _sum(_told(shop, "unknown")).low == pytest.approx(impact.unknown)


@pytest.mark.parametrize("level", ["provider", "jurisdiction", "owner", "model"])
def test_the_squares_of_the_shares_add_up_to_the_concentration(
    shop: tuple[Looked, Assessment], level: str
) -> None:
    told = _told(shop, f"hhi:{level}")

    assert told.index == pytest.approx(math.fsum(one.squared for one in told.shares))
    assert math.fsum(one.share for one in told.shares) == pytest.approx(1)


def test_a_use_shows_its_place_and_each_link_its_sources(shop: tuple[Looked, Assessment]) -> None:
    told = _told(shop, "single_point:openai")
    search = next(part for part in told.parts if part.function == "search")
    (use,) = search.uses

    assert use.places == ("backend/shop/search.py:7",)
    assert [step.says.partition(" ")[0] for step in use.steps] == ["served", "owned", "based"]
    known = {source.id for source in told.sources}
    assert all(step.sources and set(step.sources) <= known for step in use.steps)


def test_what_stops_names_the_rules_with_their_dates(shop: tuple[Looked, Assessment]) -> None:
    told = _told(shop, "stop_share")
    said = [step.says for part in told.parts for use in part.uses for step in use.steps]

    assert any(one.startswith("openai.api-block-2024-07 since 2024-07-09") for one in said)


def _app(folder: Path, model: str) -> Path:
    (folder / "app.py").write_text(
        f"from transformers import AutoModel\nm = AutoModel.from_pretrained('{model}')\n",
        encoding="utf-8",
    )
    return folder


def _json(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(
        explain,
        [*map(str, arguments), "--as-of", "2025-06-01", "--offline", "--format", "json"],
        catch_exceptions=False,
    )
    return json.loads(result.stdout)


def test_look_through_shows_each_edge_of_descent_with_its_kind_and_sources(tmp_path: Path) -> None:
    app = _app(tmp_path, "deepseek-ai/DeepSeek-R1-Distill-Llama-70B")

    told = _json(app, "--number", "look_through:US")
    steps = [step for part in told["parts"] for use in part["uses"] for step in use["steps"]]
    edges = [step for step in steps if "comes from" in step["says"]]

    assert told["value"]["low"] == 1
    assert edges
    assert all(edge["sources"] for edge in edges)
    assert any("(weights" in edge["says"] for edge in edges)


def test_a_shared_design_is_no_descent(tmp_path: Path) -> None:
    """Yi-34B has the architecture of Llama and weights of its own."""
    told = _json(_app(tmp_path, "01-ai/Yi-34B"), "--number", "look_through:US")
    steps = [step["says"] for part in told["parts"] for use in part["uses"] for step in use["steps"]]

    assert told["value"]["low"] == 0
    assert not any("comes from" in step for step in steps)


def test_the_explanation_on_a_terminal_says_the_figure_first(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from openai import OpenAI\nOpenAI().chat.completions.create(model='gpt-4o', messages=[])\n",
        encoding="utf-8",
    )
    arguments = [str(tmp_path), "--number", "face_value:us", "--as-of", "2024-07-10", "--offline"]

    text = CliRunner().invoke(explain, arguments, catch_exceptions=False).output

    assert text.startswith("face_value:US: 100.0 % of the weight of 1 functions, as of 2024-07-10\n")
    assert "app.py:2" in text
    assert "served by openai (direct) [1]" in text
    assert "  [1] " in text


@pytest.mark.parametrize("number", ["face_value", "stop_share:US", "score", "hhi:hub", "look_through:XX"])
def test_a_figure_that_is_not_there_is_refused(shop: tuple[Looked, Assessment], number: str) -> None:
    with pytest.raises(UsageError):
        _told(shop, number)


def test_a_supplier_that_is_nowhere_is_not_found(shop: tuple[Looked, Assessment]) -> None:
    with pytest.raises(UnknownId, match="opnai"):
        _told(shop, "single_point:opnai")


def test_a_figure_needs_a_path() -> None:
    with pytest.raises(UsageError, match="of what"):
        CliRunner().invoke(explain, ["--number", "stop_share"], catch_exceptions=False)
