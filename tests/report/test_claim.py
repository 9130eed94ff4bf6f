"""A tested claim on the screen."""

from reliant import report
from reliant.core.country import ClaimResult, Reading
from reliant.core.results import Source


def shown(*readings: Reading, verdict: str = "borne out") -> str:
    source = Source("1", "A report", "A paper", None, "2024-01-29", None, "press")
    result = ClaimResult(
        id="c",
        claim="More than 40 are on it, and none is foreign.",
        said_by="A paper",
        said_on="2024-01-29",
        readings=readings,
        verdict=verdict,
        sources=(source,),
    )
    return report.render(result, "terminal")


def test_a_result_stands_for_no_more_readings_than_could_be_told() -> None:
    told = shown(
        Reading("on the register", 40, 40, 1.0, True, is_count=True),
        Reading("none is foreign", 0, 0, None, None),
    )

    assert "Result: borne out, by the 1 of 2 readings that can be told" in told


def test_a_plain_count_is_no_share_of_itself() -> None:
    told = shown(
        Reading("on the register", 40, 40, 1.0, True, is_count=True),
        Reading("built with it", 18, 30, 0.6, True),
    )

    assert "100 %" not in told
    assert "60 %      18 of 30  bears it out" in told
    assert "Result: borne out\n" in told


def test_who_said_it_is_a_source_on_the_screen() -> None:
    assert "  [1] A report, A paper, 2024-01-29 (press)" in shown(Reading("r", 1, 2, 0.5, True))
