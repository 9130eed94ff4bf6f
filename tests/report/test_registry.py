import subprocess
import sys
from pathlib import Path

import pytest

from reliant import report
from reliant.errors import UnknownFormat, UsageError
from reliant.report import renders
from support import assessments


def test_every_style_shows_an_assessment_without_an_error():
    for style in report.styles("reliant.assessment/1"):
        assert report.render(assessments.shop(), style).strip()


def test_every_style_shows_an_empty_assessment_and_a_hostile_one():
    for style in report.styles("reliant.assessment/1"):
        assert report.render(assessments.nothing_found(), style).strip()
        assert report.render(assessments.hostile(), style).strip()


def test_an_unknown_style_is_refused_with_the_known_ones():
    with pytest.raises(UnknownFormat) as caught:
        report.render(assessments.shop(), "pdf")

    assert "terminal" in caught.value.hint


def test_what_is_no_result_is_refused():
    with pytest.raises(UsageError, match="dict is not a result"):
        report.render({}, "json")  # type: ignore[arg-type]


def test_json_shows_any_result_and_other_styles_only_their_own():
    assert report.styles("some.other/1") == ("json",)


def test_a_new_format_is_one_decorated_function():
    @renders("shout", "test.result/1")
    def shout(result, /, *, colour=False):
        return f"{result.word.upper()}!"

    class Result:
        schema = "test.result/1"
        word = "open"

    assert report.render(Result(), "shout") == "OPEN!"


def test_showing_a_result_needs_no_heavy_library():
    program = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['numpy', 'polars', 'torch', 'httpx']))\n"
        "from reliant import report\n"
        "from support import assessments\n"
        "for style in report.styles('reliant.assessment/1'):\n"
        "    report.render(assessments.shop(), style)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
