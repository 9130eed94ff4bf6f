import csv
import io

from reliant import report
from support import assessments


def rows(result):
    return list(csv.DictReader(io.StringIO(report.render(result, "csv"))))


def test_there_is_one_row_per_use_in_their_order():
    assert [row["use"] for row in rows(assessments.shop())] == [use.id for use in assessments.USES]


def test_a_row_holds_the_verdicts_the_gates_and_the_first_line():
    row = rows(assessments.shop())[0]

    assert (row["combined"], row["access"], row["law"]) == ("BLOCKED", "BLOCKED", "UNKNOWN")
    assert row["gates"].startswith("provider: blocked (enforced) since 2024-07-09; state:")
    assert row["missing"] == "service.public"
    assert (row["path"], row["line"]) == ("backend/app/chat.py", "14")


def test_the_columns_stand_where_they_stood():
    head = report.render(assessments.nothing_found(), "csv")

    assert head == (
        "use,provider,channel,kind,role,scope,sdk,developer,model,confidence,combined,access,law,licence,register,"
        "gates,missing,pending,functions,path,line,places,place,as_of,ignored\r\n"
    )


def test_no_cell_can_run_as_a_formula():
    evil = assessments.use("u", "=cmd()|a.py:1", model="@SUM(A1)", provider="+1")
    (row,) = rows(assessments.shop(uses=(evil,)))

    assert row["model"] == "'@SUM(A1)"
    assert row["provider"] == "'+1"
    assert row["path"] == "'=cmd()|a.py"


def test_a_use_without_an_answer_reads_unknown():
    assert {row["combined"] for row in rows(assessments.shop(verdicts=()))} == {"UNKNOWN"}
