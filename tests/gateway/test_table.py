"""What `reliant gateway check` tells of each key: what it may reach today, and why not the rest."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from reliant.cli.gateway import gateway as command
from reliant.policy.ask import unknown_names
from support.gateway_rig import knowledge

FILE = """
[place]
country = "US"
[[upstream]]
name = "first"
provider = "openai"
base_url = "http://127.0.0.1:9/v1"
[[tenant]]
name = "there"
country = "CN"
[[key]]
name = "here"
secret = "sk-here-1"
[[key]]
name = "also-here"
secret = "sk-here-2"
[[key]]
name = "narrow"
secret = "sk-here-3"
models = ["gpt-4o"]
[[key]]
name = "there"
secret = "sk-there-1"
tenant = "there"
[[route]]
model = "gpt-4o"
upstreams = ["first"]
[[route]]
model = "o3"
upstreams = ["first"]
"""


def told(folder: Path, text: str = FILE) -> dict[str, str]:
    """Return what is told of each group of keys, by its first line."""
    file = folder / "gateway.toml"
    file.write_text(text)
    result = CliRunner().invoke(command, ["check", "--config", str(file)])
    assert result.exit_code == 0, result.output
    groups = ("\n" + result.output).split("\nkey ")[1:]
    return {group.partition(",")[0] if "here, also" not in group else "here": group for group in groups}


def test_keys_that_the_rules_cannot_tell_apart_are_told_together(tmp_path: Path) -> None:
    found = told(tmp_path)

    assert list(found) == ["here", "narrow", "there"]
    assert found["here"].startswith("here, also-here, in US, on ")
    assert "    first: with warnings (" in found["here"]


def test_a_key_for_some_models_is_told_of_no_other_route(tmp_path: Path) -> None:
    found = told(tmp_path)

    assert "  may ask for gpt-4o\n" in found["narrow"]
    assert "  o3\n" in found["here"]
    assert "  o3\n" not in found["narrow"]


def test_why_not_is_told_with_rule_date_source_and_facts(tmp_path: Path) -> None:
    refused = told(tmp_path)["there"]

    assert "    first: refused by openai.api-block-2024-07\n" in refused
    assert "[openai.api-block-2024-07, since 2024-07-09]\n" in refused
    assert "        source: " in refused
    assert (
        "rests on: provider is openai; channel is direct; user.region is CN (not in openai.supported"
        in refused
    )


def test_how_to_say_what_would_decide_it_is_a_line_that_the_file_takes(tmp_path: Path) -> None:
    strict = FILE + '[policy]\nprofile = "strict"\n'
    before = told(tmp_path, strict.replace('"openai"', '"deepseek"'))["there"]
    keys = {line.split(": ", 1)[1] for line in before.splitlines() if "say it in [[tenant]]: facts" in line}

    names = {one.partition('"')[2].partition('"')[0]: "x" for one in keys}
    assert any(name.startswith("reading:") for name in names)
    assert unknown_names(names, knowledge().vocabulary) == []


def test_the_models_behind_a_glob_are_not_asked_for_by_the_glob(tmp_path: Path) -> None:
    found = told(tmp_path, FILE.replace('model = "o3"', 'model = "*"') + '[policy]\nprofile = "strict"\n')

    assert "  * (of a model in particular more may be known)\n" in found["here"]
    assert " of * " not in found["here"]
    assert "Does * " not in found["here"]
