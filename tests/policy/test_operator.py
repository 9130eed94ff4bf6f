"""The operator's file: what it may say, and where it is wrong."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from reliant.atlas import Atlas
from reliant.core.verdict import Axis, Verdict
from reliant.documents.toml import MAX_BYTES
from reliant.errors import ConfigError
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question
from reliant.policy.operator import read_facts, read_operator_file
from reliant.policy.vocabulary import vocabulary

WHOLE = """
owners = "owners.yaml"

[facts]
sector = "private"
user.nationality = ["de", "FR"]

[readings]
"anthropic.ownership" = "chain"

[[rules]]
id = "house.no-apps"
summary = "Nothing of ours goes through an app."
effect = "deny"
when = { channel = "app" }
force = { from = 2024-01-01 }

[[ignore]]
rule = "eu.ai-act.art-4"
reason = "Training is in place since May."
until = 2027-05-01

[functions.chat]
name = "for another part of reliant"
"""

OWNERS = """
company: us
companies:
  us: {seat: DE, complete: true, held_by: [{holder: we, share_pct: 100}]}
  we: {seat: DE}
"""


def _write(folder: Path, text: str, name: str = "reliant.toml") -> Path:
    (folder / "owners.yaml").write_text(OWNERS, encoding="utf-8")
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_whole_file_is_read(tmp_path: Path, atlas: Atlas) -> None:
    said = read_operator_file(_write(tmp_path, WHOLE), vocabulary(atlas))
    assert said.facts["sector"].value == "private"
    assert str(said.facts["sector"].origin).endswith("reliant.toml:5")
    assert said.facts["user.nationality"].value == ("DE", "FR")
    assert said.facts["reading:anthropic.ownership"].value == "chain"
    assert [rule.id for rule in said.rules] == ["house.no-apps"]
    assert said.ownership is not None


def test_the_same_stands_under_tool_reliant_of_a_pyproject(tmp_path: Path, atlas: Atlas) -> None:
    text = "[project]\nname = 'x'\n[tool.reliant.facts]\nsector = 'private'\n"
    said = read_operator_file(_write(tmp_path, text, "pyproject.toml"), vocabulary(atlas))
    assert said.facts["sector"].value == "private"


def test_a_rule_of_the_operator_decides_and_keeps_its_origin(tmp_path: Path, atlas: Atlas) -> None:
    said = read_operator_file(_write(tmp_path, WHOLE), vocabulary(atlas))
    book = RuleBook.from_atlas(atlas).with_rules(said.rules, said.origin)
    asked = Asker(atlas, book).facts(Question(provider="openai", channel="app", place="US"), said.facts)
    for day, verdict in (("2023-12-31", Verdict.UNKNOWN), ("2024-01-01", Verdict.BLOCKED)):
        answer = book.decide(asked, dt.date.fromisoformat(day)).axes[Axis.LAW]
        assert (answer.verdict is Verdict.BLOCKED) == (verdict is Verdict.BLOCKED)
    (found,) = [rule for rule in answer.rules if rule.id == "house.no-apps"]
    assert found.origin == f"operator:{tmp_path / 'reliant.toml'}"


def test_an_ignore_holds_until_its_day_and_only_for_its_rule(tmp_path: Path) -> None:
    said = read_operator_file(_write(tmp_path, WHOLE))
    assert said.ignored("eu.ai-act.art-4", ["any"], dt.date(2027, 4, 30)) is not None
    assert said.ignored("eu.ai-act.art-4", ["any"], dt.date(2027, 5, 1)) is None
    assert said.ignored("eu.ai-act.art-50", ["any"], dt.date(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[facts]\nsektor = 'private'\n", 2, "there is no fact 'sektor'"),
        ("[fact]\nsector = 'private'\n", 1, "there is no table 'fact'"),
        ("[[rules]]\neffect = 'deny'\n", 1, "a rule has no id"),
        ("[[rules]]\nid = 'a.b'\neffect = 'forbid'\n", 2, "Invalid enum value 'forbid'"),
        ("[[rules]]\nid = 'a.b'\neffect = 'deny'\nwhen = {nothing = 1}\n", 4, "there is no fact 'nothing'"),
        ("[[ignore]]\nrule = 'a.b'\nreason = 'x'\n", 1, "missing required field `until`"),
        ("[facts]\nsector = \n", 2, "is not TOML"),
        ("facts = 3\n", 1, "`facts` is no table"),
        ("[rules]\nid = 'a.b'\n", 1, "`rules` is no list of tables"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    text: str, line: int, said: str, tmp_path: Path, atlas: Atlas
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_operator_file(_write(tmp_path, text), vocabulary(atlas))
    assert said in str(caught.value)
    assert caught.value.line == line


def test_a_missing_or_huge_file_is_a_mistake_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_operator_file(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="larger than"):
        read_operator_file(_write(tmp_path, "#" * (MAX_BYTES + 1)))


@pytest.mark.parametrize(
    "text", ["sector: private\nuser.region: cn\n", '{"sector": "private", "user": {"region": "CN"}}']
)
def test_facts_are_read_from_yaml_and_json(text: str, tmp_path: Path, atlas: Atlas) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text(text, encoding="utf-8")
    found = read_facts(file, vocabulary(atlas))
    assert (found["sector"].value, found["user.region"].value) == ("private", "CN")


def test_a_fact_that_no_rule_asks_for_is_refused_with_the_nearest_name(tmp_path: Path, atlas: Atlas) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text("user.regoin: CN\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_facts(file, vocabulary(atlas))
    assert caught.value.hint == "Did you mean 'user.region'?"
