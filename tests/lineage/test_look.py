"""Headers and claims, without numpy and without a tensor read."""

from __future__ import annotations

import subprocess
import sys

from reliant.lineage import look
from support import tiny_models as tiny


def test_a_folder_says_what_it_is_and_claims(tmp_path) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 4}
    folder = tiny.save(
        tmp_path / "m",
        tiny.llama(1),
        config=config,
        vocabulary=tiny.tokens(),
        card="---\nbase_model: org/parent\n---\n",
    )
    seen = look(folder)
    assert (seen.format, seen.vocabulary, seen.blueprint.architecture) == (
        "safetensors",
        300,
        "LlamaForCausalLM",
    )
    assert seen.parameters == sum(value.size for value in tiny.llama(1).values())
    assert [(claim.kind, claim.value) for claim in seen.claims] == [("base", "org/parent")]
    assert seen.bytes_read < 40_000


def test_a_file_that_cannot_be_read_is_said_and_not_raised(tmp_path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 100)
    seen = look(tmp_path / "model.safetensors")
    assert "claims" in seen.problem
    assert look(tmp_path / "nowhere").problem


def test_it_works_where_numpy_is_not_installed(tmp_path) -> None:
    tiny.save(tmp_path / "m", tiny.llama(1))
    (tmp_path / "m.gguf").write_bytes(tiny.gguf(tiny.llama(1)))
    (tmp_path / "m.onnx").write_bytes(tiny.onnx(tiny.llama(1))[0])
    (tmp_path / "m.bin").write_bytes(tiny.torch_zip(tiny.llama(1)))
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('numpy', 'gguf', 'httpx')));"
        "from reliant.lineage import look;"
        "print([look(path).format for path in sys.argv[1:]])"
    )
    paths = [str(tmp_path / name) for name in ("m", "m.gguf", "m.onnx", "m.bin")]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['safetensors', 'gguf', 'onnx', 'pytorch']"


def test_a_trace_without_numpy_names_the_extra() -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('numpy', 'gguf')));"
        "from reliant.cli.main import main; sys.argv = ['reliant', 'trace', 'a', '--against', 'b']; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'reliant[trace]'" in done.stderr
