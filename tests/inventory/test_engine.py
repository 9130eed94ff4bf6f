"""The walk: bounded, complete about what it skipped, the same in one process and in many."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from reliant.core.results import TargetStamp
from reliant.inventory import Inventory, Vendors, scan
from reliant.inventory.cache import Cache, Packed
from reliant.inventory.engine import own_packages
from reliant.inventory.registry import all_detectors
from reliant.targets import File, open_target


def _tree(root: Path, count: int) -> None:
    for number in range(count):
        (root / f"m{number}.py").write_text(
            f"from groq import Groq\nclient = Groq()\nclient.chat.completions.create(model='llama-3.{number % 4}-70b')\n"  # noqa: E501
            + "# filler\n" * 2_000
        )


def test_many_processes_find_what_one_finds(tmp_path: Path, vendors: Vendors) -> None:
    _tree(tmp_path, 400)
    with open_target(str(tmp_path)) as target:
        alone = scan(target, vendors, workers=1)
    with open_target(str(tmp_path)) as target:
        together = scan(target, vendors, workers=2)

    assert msgspec.json.encode(alone) == msgspec.json.encode(together)
    assert alone.bytes > 6_000_000


def test_a_second_run_reads_only_what_changed(tmp_path: Path, vendors: Vendors) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.py").write_text("from groq import Groq\nGroq()\n")
    (source / "b.py").write_text("from mistralai import Mistral\nMistral()\n")
    cache = Cache(tmp_path / "cache", "here")
    with open_target(str(source)) as target:
        first = scan(target, vendors, workers=1, cache=cache)

    again = Cache(tmp_path / "cache", "here")
    with open_target(str(source)) as target:
        files = list(target.files())
        assert all(again.has(file, vendors.version) for file in files)
        kept = again.whole(files, vendors.version)
        assert kept is not None
        assert kept.uses == first.uses
        assert scan(target, vendors, workers=1, cache=again) == first

    (source / "a.py").write_text("from cohere import Client\nClient()  # changed\n")
    with open_target(str(source)) as target:
        third = scan(target, vendors, workers=1, cache=Cache(tmp_path / "cache", "here"))
    assert {use.provider for use in third.uses} == {"cohere", "mistral"}


def test_other_vendor_knowledge_makes_the_cache_worthless(tmp_path: Path, vendors: Vendors) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.py").write_text("from groq import Groq\nGroq()\n")
    with open_target(str(source)) as target:
        scan(target, vendors, workers=1, cache=Cache(tmp_path / "cache", "here"))
        (file,) = target.files()

    assert not Cache(tmp_path / "cache", "here").has(file, "another version")


def test_a_file_that_is_gone_takes_its_uses_with_it(tmp_path: Path, vendors: Vendors) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.py").write_text("from groq import Groq\nGroq()\n")
    (source / "b.py").write_text("from mistralai import Mistral\nMistral()\n")
    for expected in ({"groq", "mistral"}, {"groq"}):
        with open_target(str(source)) as target:
            found = scan(target, vendors, workers=1, cache=Cache(tmp_path / "cache", "here"))
        assert {use.provider for use in found.uses} == expected
        (source / "b.py").unlink(missing_ok=True)


def test_looking_at_some_files_only_is_not_remembered_as_all(tmp_path: Path, vendors: Vendors) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.py").write_text("from groq import Groq\nGroq()\n")
    (source / "b.py").write_text("from mistralai import Mistral\nMistral()\n")
    providers = []
    for only in (frozenset({"a.py"}), None, None):
        with open_target(str(source)) as target:
            found = scan(target, vendors, workers=1, cache=Cache(tmp_path / "cache", "here"), only=only)
        providers.append({use.provider for use in found.uses})
    assert providers == [{"groq"}, {"groq", "mistral"}, {"groq", "mistral"}]


def test_an_archive_is_remembered_until_it_changes(tmp_path: Path, vendors: Vendors) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"PK first")
    found = Inventory((), (), (), files=3, bytes=9)
    stamp = TargetStamp(kind="archive", name="a.zip")
    kept = Packed(tmp_path / "cache", archive, vendors.version)

    assert kept.get() is None
    kept.put(found, stamp)
    assert Packed(tmp_path / "cache", archive, vendors.version).get() == (found, stamp)
    assert Packed(tmp_path / "cache", archive, "other facts").get() is None
    archive.write_bytes(b"PK second one")
    assert Packed(tmp_path / "cache", archive, vendors.version).get() is None


def test_a_broken_cache_is_no_cache(tmp_path: Path, vendors: Vendors) -> None:
    folder = tmp_path / "cache"
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.py").write_text("from groq import Groq\nGroq()\n")
    with open_target(str(source)) as target:
        scan(target, vendors, workers=1, cache=Cache(folder, "here"))
        for file in folder.iterdir():
            file.write_bytes(b"\xc1 not a cache")
        found = scan(target, vendors, workers=1, cache=Cache(folder, "here"))

    assert {use.provider for use in found.uses} == {"groq"}


def test_only_the_asked_paths_are_looked_at(tmp_path: Path, vendors: Vendors) -> None:
    (tmp_path / "a.py").write_text("from groq import Groq\nGroq()\n")
    (tmp_path / "b.py").write_text("from mistralai import Mistral\nMistral()\n")
    with open_target(str(tmp_path)) as target:
        found = scan(target, vendors, workers=1, only=frozenset({"b.py"}))

    assert {use.provider for use in found.uses} == {"mistral"}
    assert found.files == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.py", b"import openai\nx = " + b"(" * 20_000 + b")" * 20_000),
        ("unary.py", b"import openai\nopenai.OpenAI()\nx = " + b"-" * 50_000 + b"1\n"),
        ("chain.py", b"import openai\nopenai.OpenAI()\nx = '' " + b"+ 'a' " * 20_000),
        ("latin.py", "# -*- coding: latin-1 -*-\nimport openai\nopenai.OpenAI()  # é\n".encode("latin-1")),
        ("nul.py", b"import openai\0\n"),
        ("nested.ts", b"import OpenAI from 'openai'; new OpenAI(); const x = " + b"[" * 30_000),
        ("bundle.js", b"fetch('https://api.groq.com/openai/v1');" + b"var a=1;" * 300_000),
        (
            "broken.py",
            b"from openai import OpenAI\ndef (:\nOpenAI(base_url='https://api.groq.com/openai/v1')\n",
        ),
        ("huge.json", json.dumps({"model": ["gpt-4o"] * 10}).encode() + b" " * 3_000_000),
        ("cut.toml", b'[project\ndependencies = ["openai"\n'),
    ],
)
def test_a_hostile_file_never_stops_the_run(
    tmp_path: Path, vendors: Vendors, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "fine.py").write_text("from mistralai import Mistral\nMistral()\n")
    with open_target(str(tmp_path)) as target:
        found = scan(target, vendors, workers=1)

    assert "mistral" in {use.provider for use in found.uses}


def test_a_file_that_does_not_parse_is_read_line_by_line_and_listed(tmp_path: Path, vendors: Vendors) -> None:
    (tmp_path / "broken.py").write_text("def (:\nx = OpenAI(base_url='https://api.groq.com/openai/v1')\n")
    with open_target(str(tmp_path)) as target:
        found = scan(target, vendors, workers=1)

    assert {use.provider for use in found.uses} == {"groq"}
    assert [note.path for note in found.not_looked_at] == ["broken.py"]


def test_newer_syntax_inside_of_an_f_string_is_no_obstacle(tmp_path: Path, vendors: Vendors) -> None:
    (tmp_path / "new.py").write_text(
        'from groq import Groq\nclient = Groq()\nprint(f"{client["a"]}")\n'
        "client.chat.completions.create(model='llama-3.3-70b-versatile')\n"
    )
    with open_target(str(tmp_path)) as target:
        found = scan(target, vendors, workers=1)

    assert ("groq", "llama-3.3-70b-versatile") in {(use.provider, use.model) for use in found.uses}


def test_a_project_does_not_depend_on_itself(tmp_path: Path, vendors: Vendors) -> None:
    package = tmp_path / "src" / "groq"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from groq.client import Groq\n")
    (package / "client.py").write_text("import groq\nclass Groq: ...\n")
    with open_target(str(tmp_path)) as target:
        found = scan(target, vendors, workers=1)

    assert not [use for use in found.uses if use.kind == "sdk"]


def test_own_packages_are_those_at_the_root_or_under_src() -> None:
    files = [
        File(path=path, size=1, local="x")
        for path in ("a/__init__.py", "src/b/__init__.py", "x/y/c/__init__.py")
    ]

    assert own_packages(files) == {"a", "b"}


def test_every_detector_has_an_id_of_its_own_and_says_what_it_reads() -> None:
    detectors = all_detectors()

    assert len({detector.id for detector in detectors}) == len(detectors)
    assert all(detector.claim.reads and detector.claim.finds for detector in detectors)


def test_ids_of_uses_do_not_depend_on_lines(tmp_path: Path, vendors: Vendors) -> None:
    text = "from groq import Groq\nGroq().chat.completions.create(model='llama-3.3-70b-versatile')\n"
    ids = []
    for head in ("", "\n\n# moved down\n"):
        (tmp_path / "a.py").write_text(head + text)
        with open_target(str(tmp_path)) as target:
            ids.append([use.id for use in scan(target, vendors, workers=1).uses])

    assert ids[0] == ids[1]
