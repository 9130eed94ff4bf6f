"""A Llama-2-70B-shaped model of 138 GB: how much is read, how long it takes, how much memory.

    python benchmarks/lineage/large.py FOLDER

Two models of 15 shards are made as sparse files, the second a tuned relative of the first:
only the rows that the plan asks for hold values, the rest are holes, so times are without
waiting for a disk. Then the same over HTTP on loopback, with the bytes counted by the server.
"""

from __future__ import annotations

import http.server
import json
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np

D, FF, LAYERS, VOCAB, KV = 8192, 28672, 80, 32000, 1024
SHARDS = 15
RUN = 12
ROWS = 1024


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the tensors of the model."""
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCAB, D)}
    for at in range(LAYERS):
        stem = f"model.layers.{at}."
        found |= {
            f"{stem}input_layernorm.weight": (D,),
            f"{stem}mlp.down_proj.weight": (D, FF),
            f"{stem}mlp.gate_proj.weight": (FF, D),
            f"{stem}mlp.up_proj.weight": (FF, D),
            f"{stem}post_attention_layernorm.weight": (D,),
            f"{stem}self_attn.k_proj.weight": (KV, D),
            f"{stem}self_attn.o_proj.weight": (D, D),
            f"{stem}self_attn.q_proj.weight": (D, D),
            f"{stem}self_attn.v_proj.weight": (KV, D),
        }
    return found | {"model.norm.weight": (D,), "lm_head.weight": (VOCAB, D)}


def bf16(values: np.ndarray) -> bytes:
    """Return float32 values as bfloat16 bytes."""
    return (values.astype(np.float32).view(np.uint32) >> np.uint32(16)).astype("<u2").tobytes()


def make(folder: Path, seed: int, relative_of: int | None, turn: np.ndarray | None) -> None:
    """Write the shards; `relative_of` mixes in another seed's rows, `turn` reorders the dimensions."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(shapes())
    per = -(-len(names) // SHARDS)
    weight_map = {}
    for shard in range(SHARDS):
        held = {name: shapes()[name] for name in names[shard * per : (shard + 1) * per]}
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        weight_map |= dict.fromkeys(held, file)
        header, at = {}, 0
        for name, shape in held.items():
            size = 2 * int(np.prod(shape, dtype=np.int64))
            header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode()
        with (folder / file).open("wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            base = out.tell()
            out.truncate(base + at)
            for name, shape in held.items():
                for start, count in written(name, shape):
                    out.seek(base + header[name]["data_offsets"][0] + start * shape[-1] * 2)
                    out.write(bf16(rows_of(name, start, count, shape, seed, relative_of, turn)))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (folder / "config.json").write_text(
        json.dumps(
            {"model_type": "llama", "hidden_size": D, "num_attention_heads": 64, "num_key_value_heads": 8}
        )
    )


def written(name: str, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the runs of rows (first, count) of a tensor that hold values."""
    if len(shape) == 1:
        return [(0, 1)]
    if shape[0] == VOCAB:  # where the plan looks for tokens: sixteen runs over the vocabulary
        return [(round(at * (VOCAB - RUN) / 15), RUN) for at in range(16)]
    layer = int(name.split(".")[2])
    sampled = layer in {0, 1, 26, 27, 52, 53, 78, 79}
    return [(0, ROWS)] if sampled and name.endswith(("gate_proj.weight", "up_proj.weight")) else []


def rows_of(
    name: str,
    start: int,
    count: int,
    shape: tuple[int, ...],
    seed: int,
    relative_of: int | None,
    turn: np.ndarray | None,
) -> np.ndarray:
    """Return the values of one run of rows."""
    if len(shape) == 1:
        return np.ones(D, np.float32)

    def drawn(one: int) -> np.ndarray:
        generator = np.random.default_rng((zlib.crc32(name.encode()), start, one))
        return generator.standard_normal((count, D), np.float32) * np.float32(0.02)

    if relative_of is None:
        return drawn(seed)
    mixed = np.float32(0.95) * drawn(relative_of) + np.float32(0.3) * drawn(seed)
    return mixed if turn is None else mixed[:, turn]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves ranges of files, and counts."""

    sent = 0
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body leave in two writes

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_response(404)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        wanted = self.headers.get("range")
        first, last = (
            (int(one) for one in wanted.removeprefix("bytes=").split("-")) if wanted else (0, size - 1)
        )
        self.send_response(206 if wanted else 200)
        self.send_header("etag", "1")
        self.send_header("content-length", str(size if head else last - first + 1))
        self.end_headers()
        if not head:
            with path.open("rb") as file:
                file.seek(first)
                data = file.read(last - first + 1)
            Handler.sent += len(data)
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_RUN = """
import sys, time, resource, json
from reliant.lineage.opening import Limits, Online, open_named
from reliant.lineage.trace import prepare, compare
suspect, reference, budget = sys.argv[1], sys.argv[2], int(sys.argv[3])
import httpx
online = Online(lambda: httpx.Client(timeout=60), None)
started = time.perf_counter()
a = prepare(open_named(suspect, Limits(budget, budget), online))
b = prepare(open_named(reference, Limits(budget, budget), online))
opened = time.perf_counter()
found = compare(a, b)
done = time.perf_counter()
print(json.dumps({"verdict": found.verdict, "path": found.path, "agreement": found.agreement,
 "log10_p": found.log10_p, "cpu_s": round(time.process_time(), 3), "suspect_mb": found.bytes_read / 1e6,
 "reference_mb": found.reference_bytes_read / 1e6, "ranges": found.ranges,
 "open_s": round(opened - started, 3), "compare_s": round(done - opened, 3),
 "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "limit": found.detection_limit}))
"""


def run(suspect: str, reference: str, budget: int) -> dict:
    """Run one comparison in its own process, for its memory; return the median of three by time."""
    found = []
    for _ in range(3):
        out = subprocess.run(
            [sys.executable, "-c", _RUN, suspect, reference, str(budget)],
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(out.stdout))
    return sorted(found, key=lambda one: one["compare_s"])[1]


def main(folder: Path) -> None:
    """Make the models, compare, print."""
    turn = np.random.default_rng(9).permutation(D)
    for name, arguments in (
        ("base", (1, None, None)),
        ("tuned", (2, 1, None)),
        ("turned", (3, 1, turn)),
        ("stranger", (4, None, None)),
    ):
        if not (folder / name / "config.json").exists():
            make(folder / name, *arguments)
    size = sum(path.stat().st_size for path in (folder / "base").iterdir()) / 1e9
    print(f"model: {size:.1f} GB in {SHARDS} shards")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Handler(*a, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for label, suspect, budget in (
        ("path I, local", str(folder / "tuned"), 15_000_000),
        ("path E, local", str(folder / "turned"), 100_000_000),
        ("stranger, local", str(folder / "stranger"), 100_000_000),
        ("path I, HTTP", f"{address}/tuned", 15_000_000),
        ("path E, HTTP", f"{address}/turned", 100_000_000),
    ):
        before = Handler.sent
        started = time.perf_counter()
        found = run(suspect, str(folder / "base"), budget)
        served = (Handler.sent - before) / 3e6
        extra = f", server counted {served:.1f} MB a run" if "HTTP" in label else ""
        print(
            f"{label}: {found['verdict']} {found['path']} agreement {found['agreement']} log10 p "
            f"{found['log10_p']}; read "
            f"{found['suspect_mb']:.1f} MB of the suspect, {found['reference_mb']:.1f} MB of the "
            f"reference in {found['ranges']} ranges; "
            f"open {found['open_s']} s, compare {found['compare_s']} s, process {found['cpu_s']} "
            f"s CPU, peak {found['peak_mb']:.0f} MB{extra} ({time.perf_counter() - started:.0f} s for 3)"
        )
    server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
