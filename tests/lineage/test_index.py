"""Fingerprints: small, checked, and as good as the weights they were made of."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import WeightsError
from reliant.lineage.formats import Meter
from reliant.lineage.index import Store, compared, decode, encode, fingerprint, fingerprint_batch, search
from reliant.lineage.index.fingerprint import MAGIC
from reliant.lineage.index.make import projection
from reliant.lineage.opened import open_model
from reliant.lineage.opening import Limits
from reliant.lineage.place import local_place
from reliant.lineage.trace import prepare
from support import tiny_models as tiny

BASE = tiny.llama(1)


def opened(tmp_path, w, name="m", vocabulary=None):
    folder = tiny.save(tmp_path / name, w, vocabulary=vocabulary or tiny.tokens())
    return prepare(open_model(local_place(str(folder), Meter())))


def made(tmp_path, w, name="m", paths=("I",)):
    return fingerprint(opened(tmp_path, w, name), paths)


def looked_up(model, pool):
    return search(model, fingerprint(model, ()), pool)


def test_a_fingerprint_survives_the_disk(tmp_path) -> None:
    one = made(tmp_path, BASE, paths=("I", "E", "P"))
    again = decode(encode(one), "x")
    assert encode(again) == encode(one)
    assert again.name == one.name
    assert again.paths == ("I", "E", "P")
    assert [block.layer for block in again.parts["I"].blocks] == [0, 1, 2, 3]


def test_it_is_the_same_every_time_it_is_made(tmp_path) -> None:
    paths = ("I", "E", "P")
    assert encode(made(tmp_path, BASE, paths=paths)) == encode(made(tmp_path, BASE, paths=paths))
    assert projection(1024).shape == (1024, 512)
    assert (projection(1024) == projection(1024)).all()


def test_a_suspect_finds_its_relatives_among_strangers(tmp_path) -> None:
    pool = [made(tmp_path, tiny.llama(seed), f"n{seed}") for seed in range(2, 8)]
    pool.append(made(tmp_path, BASE, "base"))
    found = looked_up(opened(tmp_path, tiny.tuned(BASE, 9), "suspect"), pool)
    assert [one.related for one in found] == [True] + [False] * 6
    assert found[0].name.endswith("base")
    assert len(found) == 7


def test_wide_models_are_thrown_onto_few_dimensions_and_still_found(tmp_path) -> None:
    w = tiny.llama(1, d=768, ff=256, layers=2)
    one = made(tmp_path, w, "wide")
    assert one.parts["I"].dimensions == 512
    found = looked_up(
        opened(tmp_path, tiny.drifted(w, 0.5, 3), "s"),
        [made(tmp_path, tiny.llama(2, d=768, ff=256, layers=2), "n"), one],
    )
    assert [candidate.related for candidate in found] == [True, False]


def test_layers_moved_are_found_too(tmp_path) -> None:
    found = looked_up(opened(tmp_path, tiny.layers_of(BASE, [0, 2, 3]), "s"), [made(tmp_path, BASE, "base")])
    assert found[0].related
    assert found[0].layers == found[0].compared


def test_a_turned_model_is_found_from_the_index_alone(tmp_path) -> None:
    paths = ("I", "E", "P")
    pool = [made(tmp_path, tiny.llama(seed), f"n{seed}", paths) for seed in (2, 3, 4)]
    pool.append(made(tmp_path, BASE, "base", paths))
    suspect = opened(tmp_path, tiny.rotated(tiny.tuned(BASE, 9), 5), "turned")
    found = looked_up(suspect, pool)
    assert [(one.related, one.path) for one in found] == [(True, "E")] + [(False, None)] * 3
    assert found[0].name.endswith("base")
    assert set(found[1].tried) == {"I", "E", "P"}


def test_shuffled_token_ids_do_not_hide_a_turned_model(tmp_path) -> None:
    order = np.random.default_rng(3).permutation(tiny.VOCAB)
    w = tiny.rotated(BASE, 5)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        w[name] = w[name][order]
    texts = [tiny.tokens()[at] for at in order]
    found = looked_up(opened(tmp_path, w, "s", texts), [made(tmp_path, BASE, "base", ("I", "E"))])
    assert [(one.related, one.path) for one in found] == [(True, "E")]


def test_a_turned_model_with_new_tokens_is_found_by_its_neurons(tmp_path) -> None:
    w = tiny.rotated(BASE, 5)
    w |= {name: tiny.llama(77)[name] for name in ("model.embed_tokens.weight", "lm_head.weight")}
    other = [f"piece{at}" for at in range(tiny.VOCAB)]
    pool = [
        made(tmp_path, tiny.llama(2), "n", ("I", "E", "P")),
        made(tmp_path, BASE, "base", ("I", "E", "P")),
    ]
    found = looked_up(opened(tmp_path, w, "s", other), pool)
    assert [(one.related, one.path) for one in found] == [(True, "P"), (False, None)]


def test_path_e_keeps_few_dimensions_of_a_wide_model(tmp_path) -> None:
    w = tiny.llama(1, d=512, ff=256, layers=3, vocab=200)
    one = made(tmp_path, w, "wide", ("E",))
    assert one.parts["E"].dimensions <= 400
    order = np.random.default_rng(1).permutation(512)
    across = ("o_proj.weight", "down_proj.weight")
    turned = {
        name: value[order] if value.ndim == 1 or name.endswith(across) else value[:, order]
        for name, value in w.items()
    }
    stranger = opened(tmp_path, tiny.llama(2, d=512, ff=256, layers=3, vocab=200), "n")
    assert looked_up(opened(tmp_path, turned, "s"), [one])[0].related
    assert not looked_up(stranger, [one])[0].related


def test_what_an_index_does_not_hold_is_said(tmp_path) -> None:
    store = Store(tmp_path / "index")
    store.add(made(tmp_path, BASE, "base"))
    store.add(made(tmp_path, tiny.llama(2, d=96), "wider"))
    told = compared(opened(tmp_path, tiny.rotated(BASE, 5), "turned"), [store])
    assert [one.levels.weights.verdict for one in told.results] == ["none_detected"]
    reasons = " ".join(one.reason for one in told.not_looked_at)
    assert "1 fingerprints that hold paths I only could not be compared" in reasons
    assert "compared in unchanged coordinates only" in reasons


def test_paths_are_added_to_a_fingerprint_that_is_there(tmp_path) -> None:
    store = Store(tmp_path / "index")
    asked = []

    def make(name, wanted):
        asked.append(wanted)
        return made(tmp_path, BASE, name, wanted)

    name = str(tmp_path / "a")
    assert [word for _, word in store.build([name], make, ("I",))] == ["added"]
    assert [word for _, word in store.build([name], make, ("I", "E"))] == ["added"]
    assert [word for _, word in store.build([name], make, ("I", "E"))] == ["kept"]
    assert asked == [("I",), ("E",)]
    assert store.get(name).paths == ("I", "E")


def test_a_broken_build_is_taken_up_where_it_stopped(tmp_path) -> None:
    store = Store(tmp_path / "index")
    made_now = []

    def make(name, wanted):
        made_now.append(name)
        if name == "broken":
            raise WeightsError(name, "no neurons")
        return made(tmp_path, BASE, name, wanted)

    first = str(tmp_path / "a")
    assert [word.split(":")[0] for _, word in store.build([first, "broken"], make, ("I",))] == [
        "added",
        "could not read broken",
    ]
    second = str(tmp_path / "b")
    assert [word for _, word in store.build([first, second], make, ("I",))] == ["kept", "added"]
    assert made_now == [first, "broken", second]
    assert len(list(store.entries())) == 2


def test_a_batch_gives_one_answer_per_name_and_never_raises(tmp_path) -> None:
    good = str(tiny.save(tmp_path / "good", BASE))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 60)
    answers = fingerprint_batch([good, str(tmp_path / "bad.gguf"), str(tmp_path / "none")], Limits())
    assert [bool(one.data) for one in answers] == [True, False, False]
    assert all(one.problem for one in answers[1:])
    assert decode(answers[0].data, "x").name == good


def test_arrays_that_do_not_fit_their_header_are_refused(tmp_path) -> None:
    one = made(tmp_path, BASE, paths=("I", "E"))
    for name, change in (
        ("I.gate.0", lambda array: array[:-1]),
        ("E.table", lambda array: array[:, :-1]),
    ):
        broken = msgspec.structs.replace(one, arrays={**one.arrays, name: change(one.arrays[name])})
        with pytest.raises(WeightsError, match="does not fit"):
            decode(encode(broken), "x")
    with pytest.raises(WeightsError, match="does not fit"):
        decode(encode(msgspec.structs.replace(one, arrays={})), "x")


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


def test_a_model_whose_tensors_bear_other_names_is_found_too(tmp_path) -> None:
    renamed = {
        name.replace("gate_proj", "a")
        .replace("up_proj", "b")
        .replace("down_proj", "c")
        .replace("mlp", "x"): one
        for name, one in BASE.items()
    }
    suspect = opened(tmp_path, renamed, "s")
    assert suspect.anatomy.guessed
    pool = [made(tmp_path, tiny.llama(2), "n"), made(tmp_path, BASE, "base")]
    assert [one.related for one in looked_up(suspect, pool)] == [True, False]
