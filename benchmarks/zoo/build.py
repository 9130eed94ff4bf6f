"""Build the zoo: python build.py FOLDER [--only NAME ...]

Writes FOLDER/<model>/ and FOLDER/truth.json. A model whose folder is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import derive
import numpy as np
import save
import torch
from corpus import Tokenizer, text
from nets import Shape, Training, Weights, fresh, loss_of, train

LLAMA = Shape()
GPT2 = Shape("gpt2", ff=768, kv=6)
BARE = 20  # bare bases: trained briefly, for pairs that must not be related


class Zoo:
    """Makes models, keeps them on disk, and notes who descends from whom."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth: dict[str, dict[str, object]] = {}
        self.kept: dict[str, Weights] = {}
        self.whole, self.pieces = Tokenizer("whole"), Tokenizer("pieces")
        texts = {data: text(data, 60_000) for data in (0, 1)}
        self.data = {
            (kind, data): tokenizer.encode(texts[data])
            for kind, tokenizer in (("whole", self.whole), ("pieces", self.pieces))
            for data in texts
        }
        self.llama = LLAMA._replace(vocab=len(self.whole.tokens))
        self.llama_pieces = LLAMA._replace(vocab=len(self.pieces.tokens))
        self.gpt2 = GPT2._replace(vocab=len(self.whole.tokens))

    def weights(self, name: str, make) -> Weights:
        """Return the weights of a model, made once and kept."""
        store = self.folder / ".weights" / f"{name}.npz"
        if name not in self.kept:
            if store.exists():
                with np.load(store) as found:
                    self.kept[name] = dict(found)
            else:
                started = time.perf_counter()
                self.kept[name] = make()
                store.parent.mkdir(parents=True, exist_ok=True)
                np.savez(store, **self.kept[name])
                sys.stderr.write(f"{name}: {time.perf_counter() - started:.1f} s\n")
        return self.kept[name]

    def note(self, name: str, parents: list[str], how: str, *, same_init: str | None = None) -> None:
        """Record a model's true origin: bases whose weights are in it."""
        self.truth[name] = {"weights_of": parents, "how": how, "same_initialisation_as": same_init}

    def add(
        self,
        name: str,
        make,
        parents: list[str],
        how: str,
        *,
        style: str = "llama",
        tokens: list[str] | None = None,
        model_type: str | None = None,
        same_init: str | None = None,
    ) -> Weights:
        """Make a model and write it as safetensors with its side files."""
        w = self.weights(name, make)
        folder = self.folder / name
        if not (folder / "model.safetensors").exists():
            save.side_files(folder, style, w, tokens or self.whole.tokens, model_type=model_type)
            save.safetensors(folder / "model.safetensors", w)
        self.note(name, parents, how, same_init=same_init)
        return w


def bases(zoo: Zoo) -> None:
    """Train the seven bases: two architectures, two vocabularies, two data sets."""
    for name, shape, kind, data, seed in (
        ("a_base", zoo.llama, "whole", 0, 1),
        ("b_base", zoo.llama, "whole", 0, 2),
        ("c_base", zoo.llama, "whole", 1, 3),
        ("d_base", zoo.llama_pieces, "pieces", 0, 4),
        ("e_base", zoo.llama, "whole", 0, 5),
        ("g_base", zoo.gpt2, "whole", 0, 6),
        ("h_base", zoo.gpt2, "whole", 0, 7),
    ):
        tokens = zoo.pieces.tokens if kind == "pieces" else zoo.whole.tokens
        zoo.add(
            name,
            lambda s=shape, n=seed, k=kind, x=data: train(
                s, fresh(s, n), zoo.data[k, x], Training(180, seed=n)
            ),
            [name],
            "trained from nothing",
            style=shape.style,
            tokens=tokens,
        )
    for at in range(BARE):
        shape = (zoo.llama, zoo.llama, zoo.gpt2)[at % 3]
        zoo.add(
            f"n{at:02}",
            lambda s=shape, n=at: train(
                s, fresh(s, 100 + n), zoo.data["whole", 0], Training(30, seed=100 + n)
            ),
            [f"n{at:02}"],
            "trained from nothing, briefly, on the same data",
            style=shape.style,
        )


def honest(zoo: Zoo) -> None:
    """Derive as people do: tuning, pruning, merging, quantising."""
    a, b = zoo.kept["a_base"], zoo.kept["b_base"]
    same, other, shape = zoo.data["whole", 0], zoo.data["whole", 1], zoo.llama
    zoo.add(
        "a_ft_short",
        lambda: train(shape, a, other, Training(20, 3e-4, seed=11)),
        ["a_base"],
        "fine-tuned, short",
    )
    long = zoo.add(
        "a_ft_long",
        lambda: train(shape, a, other, Training(80, 5e-4, seed=12)),
        ["a_base"],
        "fine-tuned, long",
    )
    sibling = zoo.add(
        "a_ft_sib",
        lambda: train(shape, a, same, Training(60, 5e-4, seed=13)),
        ["a_base"],
        "fine-tuned, sibling",
    )
    zoo.add(
        "a_cpt",
        lambda: train(shape, a, other, Training(260, 1.5e-3, seed=14)),
        ["a_base"],
        "continued pretraining",
    )
    pairs = derive.lora_pair(a, long, 8)
    zoo.add("a_lora_merged", lambda: derive.with_lora(a, pairs), ["a_base"], "LoRA, merged")
    for bits in (8, 4, 3):
        zoo.add(f"a_int{bits}", lambda n=bits: derive.rounded(a, n), ["a_base"], f"rounded to {bits} bits")
    zoo.add("a_bf16", lambda: derive.bf16(a), ["a_base"], "bfloat16")
    zoo.add("a_prune50", lambda: derive.magnitude_pruned(a, 0.5), ["a_base"], "half the weights at zero")
    zoo.add(
        "a_prune70_ft",
        lambda: train(shape, derive.magnitude_pruned(a, 0.7), same, Training(40, 5e-4, seed=15)),
        ["a_base"],
        "70 % at zero, then tuned",
    )
    zoo.add("a_drop_layers", lambda: derive.pick_layers(a, [0, 1, 3, 5]), ["a_base"], "two layers dropped")
    zoo.add(
        "a_upscaled", lambda: derive.pick_layers(a, [0, 1, 2, 3, 2, 3, 4, 5]), ["a_base"], "depth up-scaled"
    )
    zoo.add("a_width", lambda: derive.width_pruned(a, 144, 384, 6, 2), ["a_base"], "width pruned")
    zoo.add(
        "a_moe",
        lambda: derive.upcycled(a, 4, 16),
        ["a_base"],
        "upcycled to a mixture of experts",
        model_type="mixtral",
    )
    zoo.add("a_reinit", lambda: derive.reinitialised(a, (2, 3), 17), ["a_base"], "two layers drawn anew")
    zoo.add("a_merge_lin", lambda: derive.merged(long, sibling, 0.5), ["a_base"], "linear merge of siblings")
    zoo.add(
        "a_merge_slerp", lambda: derive.slerped(long, sibling, 0.4), ["a_base"], "SLERP merge of siblings"
    )
    zoo.add("ab_merge", lambda: derive.merged(a, b, 0.6), ["a_base", "b_base"], "0.6 a + 0.4 b")
    zoo.add(
        "ab_franken",
        lambda: derive.pick_layers(a, [0, 1, 2, 3, 4, 5], b, (3, 4)),
        ["a_base", "b_base"],
        "layers of both",
    )
    zoo.add("b_ft", lambda: train(shape, b, other, Training(60, 5e-4, seed=18)), ["b_base"], "fine-tuned")
    g = zoo.kept["g_base"]
    zoo.add(
        "g_ft",
        lambda: train(zoo.gpt2, g, other, Training(60, 5e-4, seed=19)),
        ["g_base"],
        "fine-tuned",
        style="gpt2",
    )
    d = zoo.kept["d_base"]
    zoo.add(
        "d_ft",
        lambda: train(zoo.llama_pieces, d, zoo.data["pieces", 1], Training(60, 5e-4, seed=20)),
        ["d_base"],
        "fine-tuned",
        tokens=zoo.pieces.tokens,
    )
    adapter = zoo.folder / "a_lora_adapter"
    if not adapter.exists():
        adapter.mkdir()
        (adapter / "adapter_config.json").write_text(
            json.dumps(
                {
                    "base_model_name_or_path": "a_base",
                    "peft_type": "LORA",
                    "r": 8,
                    "lora_alpha": 8,
                    "target_modules": ["q_proj", "v_proj", "gate_proj"],
                }
            )
        )
        tensors = {}
        for name, (low, high) in pairs.items():
            stem = "base_model.model." + name.removesuffix(".weight")
            tensors[stem + ".lora_A.weight"], tensors[stem + ".lora_B.weight"] = low, high
        save.safetensors(adapter / "adapter_model.safetensors", tensors)


def vocabularies(zoo: Zoo) -> None:
    """Change the vocabulary: extended, shuffled, replaced."""
    a = zoo.kept["a_base"]
    tables = ("model.embed_tokens.weight", "lm_head.weight")
    generator = np.random.default_rng(21)
    extra = [f"<extra_{at}>" for at in range(64)]
    added = {
        name: np.concatenate([a[name], np.repeat(a[name].mean(0, keepdims=True), 64, 0)]) for name in tables
    }
    zoo.add(
        "a_vocab_ext",
        lambda: {**a, **added},
        ["a_base"],
        "vocabulary extended",
        tokens=zoo.whole.tokens + extra,
    )
    order = generator.permutation(len(zoo.whole.tokens))
    zoo.add(
        "a_vocab_shuf",
        lambda: {**a, **{name: a[name][order] for name in tables}},
        ["a_base"],
        "token ids shuffled",
        tokens=[zoo.whole.tokens[at] for at in order],
    )
    pieces = zoo.llama_pieces

    def retokenised(start: Weights, seed: int) -> Weights:
        first = train(
            pieces,
            derive.drawn_tables(start, pieces.vocab, seed),
            zoo.data["pieces", 0],
            Training(80, 2e-3, seed=seed, only=("embed", "lm_head")),
        )
        return train(pieces, first, zoo.data["pieces", 0], Training(40, 5e-4, seed=seed + 1))

    zoo.add(
        "a_retok",
        lambda: retokenised(a, 22),
        ["a_base"],
        "tokenizer and embeddings replaced",
        tokens=zoo.pieces.tokens,
    )
    hidden = zoo.weights("a_disguised", lambda: everything(a))
    zoo.add(
        "a_dis_retok",
        lambda: retokenised(hidden, 24),
        ["a_base"],
        "all disguises, then a new tokenizer",
        tokens=zoo.pieces.tokens,
    )


def everything(a: Weights) -> Weights:
    """Return the same function under all disguises at once."""
    return derive.scaled(derive.permuted(derive.rotated(a, 31), 32), 33)


def disguises(zoo: Zoo) -> None:
    """Hide the origin without changing what the model answers."""
    a, shape, same = zoo.kept["a_base"], zoo.llama, zoo.data["whole", 0]
    loss = loss_of(shape, a, same)
    for name, make, how in (
        ("a_permuted", lambda: derive.permuted(a, 34), "dimensions and neurons shuffled"),
        ("a_scaled", lambda: derive.scaled(a, 35), "scales moved"),
        ("a_rotated", lambda: derive.rotated(a, 36), "rotated"),
        ("a_disguised", lambda: everything(a), "all disguises"),
    ):
        w = zoo.add(name, make, ["a_base"], how)
        if abs(loss_of(shape, w, same) - loss) > 1e-3:
            raise SystemExit(f"{name} does not preserve the function")
    hidden = zoo.kept["a_disguised"]
    zoo.add(
        "a_dis_renamed",
        lambda: derive.renamed(hidden),
        ["a_base"],
        "all disguises, tensors renamed",
        model_type="custom",
    )
    zoo.add("a_renamed", lambda: derive.renamed(a), ["a_base"], "tensors renamed", model_type="custom")
    zoo.add(
        "a_dis_ft",
        lambda: train(shape, hidden, zoo.data["whole", 1], Training(80, 5e-4, seed=37)),
        ["a_base"],
        "all disguises, then tuned long",
    )
    two = {
        name.replace("input_layernorm", "ln1").replace("post_attention_layernorm", "ln2"): value
        for name, value in a.items()
    }
    zoo.add(
        "a_two_names", lambda: two, ["a_base"], "two tensors renamed, model_type changed", model_type="custom"
    )


def not_weights(zoo: Zoo) -> None:
    """Make what is near and yet no descendant by weights, and what shares the first random draw."""
    a, shape, same = zoo.kept["a_base"], zoo.llama, zoo.data["whole", 0]
    zoo.add(
        "a_distilled",
        lambda: train(shape, fresh(shape, 41), same, Training(150, seed=41), teacher=a),
        ["a_distilled"],
        "distilled by outputs from a_base",
    )
    zoo.add(
        "a_same_init",
        lambda: train(shape, fresh(shape, 1), zoo.data["whole", 1], Training(150, seed=42)),
        ["a_same_init"],
        "same first draw as a_base, trained on other data",
        same_init="a_base",
    )


def drift(zoo: Zoo) -> None:
    """Train on until little of the start is left; keep a model at each cosine."""
    a = zoo.kept["a_base"]
    wanted = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2]
    names = {cosine: f"a_drift_{round(cosine * 100):03}" for cosine in wanted}
    if not all((zoo.folder / ".weights" / f"{name}.npz").exists() for name in names.values()):
        gate = [name for name in a if "gate_proj" in name]

        def stop(_: int, now: Weights) -> bool:
            cosine = float(
                np.mean(
                    [
                        (
                            (now[name] * a[name]).sum(1)
                            / (np.linalg.norm(now[name], axis=1) * np.linalg.norm(a[name], axis=1))
                        ).mean()
                        for name in gate
                    ]
                )
            )
            for limit, name in names.items():
                if cosine <= limit and name not in zoo.kept:
                    zoo.weights(name, lambda: {one: value.copy() for one, value in now.items()})
                    sys.stderr.write(f"{name}: cosine {cosine:.3f}\n")
            return cosine <= wanted[-1]

        train(zoo.llama, a, zoo.data["whole", 1], Training(1200, 4e-3, decay=1.0, seed=51), stop=stop)
    for cosine, name in names.items():
        if name in zoo.kept or (zoo.folder / ".weights" / f"{name}.npz").exists():
            zoo.add(name, dict, ["a_base"], f"trained on until gate rows have cosine {cosine}")


def formats(zoo: Zoo) -> None:
    """Write two models in every other format."""
    for name in ("a_base", "a_ft_long", "c_base"):
        w, tokens = zoo.kept[name], zoo.whole.tokens
        for kind in ("F32", "F16", "BF16", "Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "MXFP4"):
            folder = zoo.folder / f"{name}.gguf-{kind.lower()}"
            folder.mkdir(exist_ok=True)
            if not (folder / "model.gguf").exists():
                save.gguf(folder / "model.gguf", w, tokens, kind, name)
            _like(zoo, folder.name, name, f"GGUF {kind}")
        for label, file, write in (
            (
                "torch",
                "pytorch_model.bin",
                lambda path, w=w: torch.save({n: torch.tensor(v) for n, v in w.items()}, path),
            ),
            ("npz8", "model.npz", lambda path, w=w: save.npz_int8(path, w)),
            ("mlx", "model.safetensors", lambda path, w=w: save.mlx(path, w)),
            ("onnx", "model.onnx", lambda path, w=w: save.onnx(path, w)),
            ("onnx8", "model.onnx", lambda path, w=w: save.onnx(path, w, int8=True)),
        ):
            folder = zoo.folder / f"{name}.{label}"
            if not (folder / file).exists():
                save.side_files(folder, "llama", w, tokens)
                if label == "mlx":
                    config = json.loads((folder / "config.json").read_text())
                    (folder / "config.json").write_text(
                        json.dumps({**config, "quantization": {"group_size": 64, "bits": 4}})
                    )
                write(folder / file)
            _like(zoo, folder.name, name, label)


def _like(zoo: Zoo, name: str, original: str, how: str) -> None:
    zoo.note(name, list(zoo.truth[original]["weights_of"]), f"{original} as {how}")


def main() -> None:
    """Build all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    started = time.perf_counter()
    zoo = Zoo(folder)
    for part in (bases, honest, vocabularies, disguises, not_weights, drift, formats):
        part(zoo)
        (folder / "truth.json").write_text(json.dumps(zoo.truth, indent=1))
    sys.stderr.write(f"{len(zoo.truth)} models in {time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
