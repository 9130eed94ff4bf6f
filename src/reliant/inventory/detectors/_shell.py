"""Commands: what a line of shell fetches, serves or calls."""

from __future__ import annotations

import itertools
import re
import shlex
import warnings
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Kind, Scope
from reliant.inventory.detectors._urls import model_at, models_in_body, urls_in
from reliant.inventory.idforms import holds_model, is_hub_id, looks_like_id
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import model_in_path, region_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendors import Vendors

# What the programs of local runtimes and hubs call fetching, serving and running a model.
_VERBS = frozenset({
    "run", "pull", "serve", "get", "download", "chat", "create", "launch", "load", "start", "show", "push",
})  # fmt: skip
_PYTHON = re.compile(
    r"""\bpython[\d.]*\s+(?:-\w+\s+)*-c\s+(?P<q>["'])(?P<code>.*?)(?<!\\)(?P=q)""", re.DOTALL
)
_ASSIGN = re.compile(
    r"(?:^|[\s;&|(])(?:export\s+|set\s+|-e\s+|--env[ =])?([A-Z][A-Z0-9_]{2,})=(\"[^\"]*\"|'[^']*'|[^\s;&|]*)"
)
_WORDS = re.compile(r"[|;&]+|&&")


def shell_signals(text: str, vendors: Vendors, *, first_line: int = 1) -> Iterator[Signal]:
    """Yield what commands say; a line that ends in a backslash goes on."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        start = number
        whole = lines[number]
        while whole.rstrip().endswith("\\") and number + 1 < len(lines) and number - start < 200:
            number += 1
            whole = whole.rstrip()[:-1] + " " + lines[number]
        number += 1
        if whole.lstrip().startswith("#"):
            continue
        for signal, word in _line_signals(whole, vendors):
            at = next((n for n in range(start, number) if word and word in lines[n]), start)
            yield _placed(signal, first_line + at, lines[at].find(word) + 1 if word in lines[at] else 0)


def _placed(signal: Signal, line: int, column: int) -> Signal:
    return msgspec.structs.replace(signal, line=line, column=column)


def _line_signals(line: str, vendors: Vendors) -> Iterator[tuple[Signal, str]]:
    """Yield signals without a place, each with the word that shows it."""
    for url, host in urls_in(line, vendors):
        model = model_at(url, host, vendors)
        if model is not None:
            yield (
                Signal(what=What.MODEL, line=0, model=model, provider=host.provider, kind=Kind.OPEN_WEIGHTS),
                url,
            )
        elif not host.weak:
            yield (
                Signal(
                    what=What.ENDPOINT,
                    line=0,
                    provider=host.provider,
                    endpoint=url.split("//", 1)[-1][:120],
                    region=next(iter(region_in(url)), None),
                ),
                url,
            )
            named = model_in_path(url)
            if named is not None and "$" not in named[0] and looks_like_id(named[0]):
                asked = Signal(
                    what=What.MODEL, line=0, model=named[0], provider=host.provider, family=named[1]
                )
                yield asked, named[0]
    for body_model, _ in models_in_body(line):
        if vendors.developer(body_model) or vendors.knows_id(body_model):
            yield Signal(what=What.MODEL, line=0, model=body_model), body_model
    for match in _PYTHON.finditer(line):
        yield from _python_signals(match["code"], vendors)
    for part in _WORDS.split(line):
        yield from _command(part, vendors)


def _python_signals(code: str, vendors: Vendors) -> Iterator[tuple[Signal, str]]:
    """Yield what a program between the quotes of `python -c` says."""
    import ast  # noqa: PLC0415

    from reliant.inventory.python.reader import read  # noqa: PLC0415
    from reliant.inventory.view import FileView  # noqa: PLC0415

    code = code.replace('\\"', '"')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for signal in read(FileView("-c.py", code.encode(), Scope.CODE, vendors=vendors), tree):
        word = signal.model or signal.sdk or signal.endpoint or ""
        yield msgspec.structs.replace(signal, scope=None, where=""), word


def _command(part: str, vendors: Vendors) -> Iterator[tuple[Signal, str]]:
    words = every = _split(part)
    while words and (words[0] in _BEFORE or _ASSIGN.match(words[0]) or words[0].startswith("-")):
        words = words[1:]
    provider = _program(words[0], vendors) if words else None
    rest = words[1:]
    if provider is not None:
        verb = next((n for n, word in enumerate(rest[:3]) if word in _VERBS), None)
        named = (
            next((w for w in rest[(verb or 0) + 1 :] if not w.startswith("-")), None)
            if verb is not None
            else None
        )
        if named and "$" not in named and looks_like_id(named):
            yield (
                Signal(what=What.MODEL, line=0, model=named, provider=provider, kind=Kind.OPEN_WEIGHTS),
                named,
            )
            return
        if verb is not None:
            yield (
                Signal(what=What.ENDPOINT, line=0, provider=provider, run_time=True, confidence=0.8),
                words[0],
            )
    for flag, value in _flags(every):
        if not holds_model(flag) or "$" in value or not looks_like_id(value):
            continue
        if provider or vendors.developer(value) or vendors.knows_id(value) or is_hub_id(value):
            kind = Kind.OPEN_WEIGHTS if provider else None
            yield Signal(what=What.MODEL, line=0, model=value, provider=provider, kind=kind), value


_BEFORE = frozenset({
    "sudo", "exec", "time", "nohup", "env", "RUN", "then", "do", "else", "if", "!",
    "python", "python3", "uv", "uvx", "pipx", "npx", "poetry", "-m",
})  # fmt: skip


def _program(word: str, vendors: Vendors) -> str | None:
    """Return the local runtime or hub whose own program this is."""
    plain = word.rpartition("/")[2].removesuffix("-cli").removesuffix(".exe")
    provider = vendors.prefix(plain) or vendors.slugs.get(re.sub(r"[^a-z0-9]", "", plain.lower()))
    record = vendors.providers.get(provider or "")
    return provider if record is not None and {"local-runtime", "hub"} & set(record.roles) else None


def _flags(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, after in itertools.pairwise([*words, ""]):
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            yield name, value if equals else after
        elif word == "-m":
            yield "model", after


def _split(part: str) -> list[str]:
    try:
        return shlex.split(part, comments=True)
    except ValueError:
        return part.split()


def assignments(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Yield name, value, line and column of the variables that a script sets."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue
        for match in _ASSIGN.finditer(line):
            yield match[1], match[2].strip("\"'"), number, match.start(2) + 1
