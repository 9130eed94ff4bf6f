"""What a person meets who installed reliant without extras."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def _core(name: str, seen: set[str]) -> set[str]:
    """Return the distributions that `name` needs without extras, itself among them."""
    key = canonicalize_name(name)
    if key in seen:
        return seen
    seen.add(key)
    for text in distribution(name).requires or []:
        need = Requirement(text)
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            _core(need.name, seen)
    return seen


@pytest.fixture(scope="module")
def core_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the core install, and nothing else."""
    folder = tmp_path_factory.mktemp("core")
    for name in _core("reliant", set()) - {"reliant"}:
        for file in distribution(name).files or []:
            if file.parts[0] in {"..", "__pycache__"}:
                continue
            place = folder / file.parts[0]
            if not place.exists():
                place.symlink_to(Path(str(distribution(name).locate_file(file.parts[0]))))
    return folder


def run(core_only: Path, cwd: Path, *words: str) -> tuple[int, str]:
    source = Path(__file__).parents[2] / "src"
    start = "import sys; sys.path[:0] = sys.argv.pop(1).split(); import reliant.cli.main as m; m.main()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", start, f"{core_only} {source}", *words],
        cwd=cwd,
        env={"HOME": str(cwd), "RELIANT_CACHE": str(cwd / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("gateway", "serve"), "gateway"),
        (("gateway", "check"), "gateway"),
        (("gateway", "audit", "verify", "log"), "gateway"),
        (("gateway", "audit", "pull", "postgresql://127.0.0.1:1/x", "out"), "gateway-cluster"),
        (("trace", "model.safetensors", "--against", "model.safetensors"), "trace"),
        (("trace", "index", "list", "log"), "trace"),
        (("trace", "index", "build", "index", "model.safetensors"), "trace"),
        (("trace", "endpoint", "http://127.0.0.1:1/v1#x", "-a", "http://127.0.0.1:1/v1#x"), "trace"),
        (("assess", "pypi:nothing-like-this"), "fetch"),
        (("atlas", "evidence", "check", "text.txt", "copy.txt"), "evidence"),
        (("country", "CN", "--on", "US", "--data", "hub.parquet"), "country"),
    ],
    ids=lambda value: "-".join(value[:3]) if isinstance(value, tuple) else value,
)
def test_a_missing_extra_names_its_install_line(
    core_only: Path, tmp_path: Path, words: tuple[str, ...], extra: str
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "audit-public-key.txt").write_text("00" * 32)
    (tmp_path / "log" / "a-00001.jsonl").write_text("{}\n")
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    for name in ("text.txt", "copy.txt"):
        (tmp_path / name).write_text("Access ends on 9 July. " * 20)
    (tmp_path / "hub.parquet").write_bytes(b"PAR1PAR1")

    code, said = run(core_only, tmp_path, *words)

    assert f"pip install 'reliant[{extra}]'" in said, said
    assert "Traceback" not in said
    assert code == 2


def test_the_core_install_assesses_checks_and_simulates(core_only: Path, tmp_path: Path, root: Path) -> None:
    (tmp_path / "app.py").write_text("import openai\nopenai.OpenAI().responses.create(model='gpt-4o')\n")

    assert "gpt-4o" in run(core_only, tmp_path, "assess", str(tmp_path), "--place", "CN")[1]
    assert run(core_only, tmp_path, "check", "--provider", "openai", "--place", "CN")[0] == 0
    assert run(core_only, tmp_path, "simulate", str(tmp_path), "--cut", "provider:openai")[0] == 0
    assert run(core_only, tmp_path, "country", "CN", "--on", "US")[0] == 0
    assert run(core_only, tmp_path, "atlas", "search", "gpt-4o")[0] == 0
