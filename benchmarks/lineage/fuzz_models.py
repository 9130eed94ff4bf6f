"""Change tiny sound models at random and take each through the whole comparison.

    python benchmarks/lineage/fuzz_models.py SECONDS FOLDER [SEED]

The atheris fuzz stops at the readers; here headers, roles, values and verdicts are reached. A traceback,
or more than a second and a half of CPU for one input, is a crash; its input is kept in FOLDER.
"""

from __future__ import annotations

import json
import random
import re
import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

from reliant.errors import ReliantError
from reliant.lineage.opening import Limits, open_named
from reliant.lineage.trace import Model, compare, prepare

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from support import tiny_models as tiny

LONGEST = 1.5
CONFIG = {"model_type": "llama", "num_attention_heads": 2, "num_hidden_layers": 2}
BOMBS = (
    b"\xff" * 8,
    b"\x00" * 8,
    b"\xff" * 7 + b"\x7f",
    (1 << 40).to_bytes(8, "little"),
    b"\xff\xff\xff\x7f",
)


def net(seed: int) -> tiny.Weights:
    """Return a net without feed-forward neurons."""
    generator = np.random.default_rng(seed)
    shapes = {"a.weight": (24, 16, 3), "b.weight": (24, 24, 3), "c.weight": (64, 24), "c.bias": (64,)}
    return {name: generator.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def write(folder: Path) -> dict[str, Path]:
    """Write one sound model of each kind; return the file of each that is changed."""
    w = tiny.llama(1, d=16, ff=40, layers=4, vocab=48)
    outside, data = tiny.onnx(w, external="w.data")
    inner = tiny.field(
        1, b"".join(tiny.field(5, tiny.onnx_tensor(name, value)) for name, value in net(1).items())
    )
    step = tiny.field(4, b"If") + tiny.field(5, tiny.field(6, inner))
    bodies = {
        "safetensors/model.safetensors": tiny.safetensors(w),
        "mlx/model.safetensors": tiny.safetensors(tiny.mlx(tiny.llama(1, d=32, ff=64, layers=1, vocab=32))),
        "gguf/model.gguf": tiny.gguf(w, vocabulary=tiny.tokens(48), metadata={"general.name": "x"}),
        "onnx/model.onnx": tiny.onnx(w)[0],
        "onnx8/model.onnx": tiny.onnx(w, int8=True)[0],
        "outside/model.onnx": outside,
        "branch/model.onnx": tiny.field(7, tiny.field(1, step)),
        "torch/pytorch_model.bin": tiny.torch_zip(w),
        "deflated/pytorch_model.bin": tiny.torch_zip(w, compression=8),
        "script/model.jit": tiny.torch_script(net(1)),
        "net/model.safetensors": tiny.safetensors(net(1)),
    }
    for name, body in bodies.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    (folder / "outside" / "w.data").write_bytes(data)
    files = {name.partition("/")[0]: folder / name for name in bodies}
    for kind, save in (("npz", np.savez), ("npz_deflated", np.savez_compressed)):
        (folder / kind).mkdir(exist_ok=True)
        files[kind] = folder / kind / "model.npz"
        save(files[kind], **w)
    side = tiny.save(folder / "side", w, config=CONFIG, vocabulary=tiny.tokens(48))
    files |= {"config": side / "config.json", "tokenizer": side / "tokenizer.json"}
    sharded = tiny.save(folder / "sharded", w, config=CONFIG)
    shard = "model-00001-of-00002.safetensors"
    (sharded / "model.safetensors").rename(sharded / shard)
    files["index"] = sharded / "model.safetensors.index.json"
    files["index"].write_text(
        json.dumps({"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(w, shard)})
    )
    return files


def changed(body: bytes, choose: random.Random) -> bytes:
    """Return the bytes with one or a few random changes."""
    found = bytearray(body)
    head = min(len(found), choose.choice((64, 512, 4096, len(found))))
    at, other = choose.randrange(head), choose.randrange(len(found))
    how = choose.randrange(7)
    if how == 0:
        for _ in range(choose.choice((1, 1, 2, 4, 16))):
            found[choose.randrange(head)] = choose.randrange(256)
    elif how == 1:
        del found[other:]
    elif how == 2:
        bomb = choose.choice(BOMBS)
        found[at : at + len(bomb)] = bomb
    elif how == 3:
        found[at:at] = found[at : at + choose.randrange(1, 200)]
    elif how == 4:
        del found[at : at + choose.randrange(1, 200)]
    elif how == 5:
        size = choose.randrange(1, 64)
        found[other : other + size] = found[at : at + size]
    else:
        numbers = [match.start() for match in re.finditer(rb"\d+", bytes(found[:head]))]
        if numbers:
            start = choose.choice(numbers)
            found[start : start + 1] = choose.choice((b"9" * 18, b"-1", b"0", b"1e9", b"99999999999"))
    return bytes(found)


def main(seconds: float, folder: Path, seed: int = 0) -> int:
    """Run for so many seconds; return the number of crashes."""
    files = write(folder)
    sound = {kind: file.read_bytes() for kind, file in files.items()}
    references: list[Model] = [
        prepare(open_named(str(folder / name), Limits(), None)) for name in ("side", "net")
    ]
    choose = random.Random(seed)
    seen: Counter[str] = Counter()
    crashes = slow = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        kind = choose.choice(list(files))
        body = changed(sound[kind], choose)
        if choose.random() < 0.3 and body:
            body = changed(body, choose)
        file = files[kind]
        file.write_bytes(body)
        target = file.parent if kind in {"config", "tokenizer", "index"} else file
        started = time.process_time()
        try:
            model = prepare(open_named(str(target), Limits(), None))
            for reference in references:
                compare(model, reference)
            seen[f"{kind} read"] += 1
        except ReliantError:
            seen[f"{kind} refused"] += 1
        except Exception:  # what the fuzz is for
            crashes += 1
            (folder / f"crash-{seed}-{crashes}{file.suffix}").write_bytes(body)
            print(kind, traceback.format_exc(limit=-4))
        if time.process_time() - started > LONGEST:
            slow += 1
            (folder / f"slow-{seed}-{slow}{file.suffix}").write_bytes(body)
        file.write_bytes(sound[kind])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{sum(seen.values()):,} inputs of {len(files)} kinds, {crashes} crashes, {slow} slow, peak {peak} MB"
    )
    print(dict(sorted(seen.items())))
    return crashes + slow


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), Path(sys.argv[2]), *(int(one) for one in sys.argv[3:4])))
