"""Fuzz every reader with atheris: any bytes end in a header or in a clear error, within bounds.

    FUZZ_ENV/bin/python benchmarks/lineage/fuzz.py SECONDS [CORPUS_FOLDER]

An exception other than reliant's own, more than a second or more than 200 MB of memory for
one input is a crash; atheris writes the input to crash-* in the working folder.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["reliant.lineage.formats"]):
    from reliant.errors import ReliantError
    from reliant.lineage.formats import MemoryFile, read_header, sniff  # noqa: F401 - sniff imports the readers
    from reliant.lineage.formats.packed import joined

NAMES = ("m.safetensors", "m.gguf", "m.bin", "m.onnx", "m.npz")
LONGEST = 1.0
TESTS = Path(__file__).resolve().parents[2] / "tests"


def one_input(data: bytes) -> None:
    """Read one input as the kind its first byte chooses."""
    if not data:
        return
    started = time.process_time()
    file = MemoryFile(NAMES[data[0] % len(NAMES)], data[1:])
    with contextlib.suppress(ReliantError):
        header = read_header(file)
        tensors = {one.name: one for one in header.tensors}
        joined(tensors, {}, lambda one: one.inline or file.read(one.offset, one.nbytes))
    if time.process_time() - started > LONGEST:
        raise RuntimeError(f"{time.process_time() - started:.1f} s for {len(data)} bytes")


def seeds(folder: Path) -> None:
    """Write one sound file of each kind, if the tests' builders can be imported."""
    sys.path.insert(0, str(TESTS))
    import numpy as np  # noqa: PLC0415

    from support import tiny_models as tiny  # noqa: PLC0415

    w = {"a": np.ones((2, 3), np.float32)}
    npz = folder / "seed.npz"
    np.savez(npz, **w)
    bodies = (
        tiny.safetensors(w),
        tiny.gguf({"lm_head.weight": np.ones((2, 32), np.float32)}, vocabulary=["a", "b"], metadata={"k": 1}),
        tiny.torch_zip(w),
        tiny.onnx(tiny.llama(1, d=4, ff=8, vocab=6))[0],
        npz.read_bytes(),
    )
    npz.unlink()
    for at, body in enumerate(bodies):
        (folder / f"seed{at}").write_bytes(bytes([at]) + body)
    inner = tiny.field(
        1, tiny.field(4, b"If") + tiny.field(5, tiny.field(6, tiny.field(5, tiny.onnx_tensor("a", w["a"]))))
    )
    (folder / "seed-script").write_bytes(bytes([2]) + tiny.torch_script({"a.b": w["a"]}))
    (folder / "seed-branch").write_bytes(bytes([3]) + tiny.field(7, inner))
    for file in ("packed.npz", "packed_codes.npz", "hqq.npz"):
        with np.load(TESTS / "lineage" / "formats" / "data" / file) as recorded:
            for kind in {name.partition(".")[0] for name in recorded}:
                parts = {name: one for name, one in recorded.items() if name.startswith(f"{kind}.")}
                (folder / f"{file}-{kind}").write_bytes(bytes([0]) + tiny.safetensors(parts))


def main() -> None:
    """Run for so many seconds."""
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    seeds(folder)
    arguments = [
        sys.argv[0],
        f"-max_total_time={sys.argv[1]}",
        "-rss_limit_mb=600",
        "-max_len=65536",
        "-timeout=20",
        str(folder),
    ]
    os.environ.setdefault("PYTHONHASHSEED", "0")
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
