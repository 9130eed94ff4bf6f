"""Fingerprints: small, checked, and as good as the weights they were made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import WeightsError
from reliant.lineage.formats import Meter
from reliant.lineage.index import Store, decode, encode, fingerprint, fingerprint_batch, search
from reliant.lineage.index.fingerprint import MAGIC, projection
from reliant.lineage.opened import open_model
from reliant.lineage.opening import Limits
from reliant.lineage.place import local_place
from reliant.lineage.trace import prepare
from support import tiny_models as tiny

BASE = tiny.llama(1)


def made(tmp_path, w, name="m"):
    return fingerprint(
        prepare(
            open_model(local_place(str(tiny.save(tmp_path / name, w, vocabulary=tiny.tokens())), Meter()))
        )
    )


def test_a_fingerprint_survives_the_disk(tmp_path) -> None:
    one = made(tmp_path, BASE)
    again = decode(encode(one), "x")
    assert encode(again) == encode(one)
    assert again.name == one.name
    assert [block.layer for block in again.blocks] == [0, 1, 2, 3]


def test_it_is_the_same_every_time_it_is_made(tmp_path) -> None:
    assert encode(made(tmp_path, BASE)) == encode(made(tmp_path, BASE))
    assert projection(1024).shape == (1024, 512)
    assert (projection(1024) == projection(1024)).all()


def test_a_suspect_finds_its_relatives_among_strangers(tmp_path) -> None:
    pool = [made(tmp_path, tiny.llama(seed), f"n{seed}") for seed in range(2, 8)]
    pool.append(made(tmp_path, BASE, "base"))
    found = search(made(tmp_path, tiny.tuned(BASE, 9), "suspect"), pool)
    assert [one.related for one in found] == [True] + [False] * 6
    assert found[0].name.endswith("base")
    assert len(found) == 7


def test_wide_models_are_thrown_onto_few_dimensions_and_still_found(tmp_path) -> None:
    w = tiny.llama(1, d=768, ff=256, layers=2)
    one = made(tmp_path, w, "wide")
    assert one.dimensions == 512
    found = search(
        made(tmp_path, tiny.drifted(w, 0.5, 3), "s"),
        [made(tmp_path, tiny.llama(2, d=768, ff=256, layers=2), "n"), one],
    )
    assert [candidate.related for candidate in found] == [True, False]


def test_layers_moved_are_found_too(tmp_path) -> None:
    found = search(made(tmp_path, tiny.layers_of(BASE, [0, 2, 3]), "s"), [made(tmp_path, BASE, "base")])
    assert found[0].related
    assert found[0].layers == found[0].compared


def test_a_broken_build_is_taken_up_where_it_stopped(tmp_path) -> None:
    store = Store(tmp_path / "index")
    made_now = []

    def make(name):
        made_now.append(name)
        if name == "broken":
            raise WeightsError(name, "no neurons")
        return made(tmp_path, BASE, name)

    first = str(tmp_path / "a")
    assert [word.split(":")[0] for _, word in store.build([first, "broken"], make)] == [
        "added",
        "could not read broken",
    ]
    second = str(tmp_path / "b")
    assert [word for _, word in store.build([first, second], make)] == ["kept", "added"]
    assert made_now == [first, "broken", second]
    assert len(list(store.entries())) == 2


def test_a_batch_gives_one_answer_per_name_and_never_raises(tmp_path) -> None:
    good = str(tiny.save(tmp_path / "good", BASE))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 60)
    answers = fingerprint_batch([good, str(tmp_path / "bad.gguf"), str(tmp_path / "none")], Limits())
    assert [bool(one.data) for one in answers] == [True, False, False]
    assert all(one.problem for one in answers[1:])
    assert decode(answers[0].data, "x").name == good


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "checksum"),
        (lambda data: data[:100] + b"\xff" + data[101:], "checksum"),
        (lambda data: b"nothing of the kind" * 9, "not a fingerprint"),
        (lambda data: MAGIC[:7] + b"\x09" + data[8:], "version 9"),
    ],
)
def test_a_damaged_fingerprint_is_refused(tmp_path, change, words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        decode(change(encode(made(tmp_path, BASE))), "x")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    import hashlib

    body = MAGIC + data
    for one in (data, body, body + hashlib.sha256(body).digest()):
        with pytest.raises(WeightsError):
            decode(one, "x")
