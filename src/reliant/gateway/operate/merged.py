"""The metrics of all workers of one gateway as one page.

Workers share a port, so a scrape reaches any of them. Each leaves its numbers in a
file beside the store, and who is asked adds them up: counts are summed, the state
of an upstream is the worst that any worker sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

_WORST = frozenset({"reliant_gateway_upstream_state"})
_Key = tuple[str, tuple[tuple[str, str], ...]]


def leave(folder: Path, number: int, text: bytes) -> None:
    """Write one worker's numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{number}.prom"
    draft.write_bytes(text)
    draft.replace(folder / f"{number}.prom")


def merge(folder: Path, number: int, mine: bytes, workers: int) -> bytes:
    """Return the sum of all workers' numbers; `mine` are those of the worker that is asked."""
    texts = [mine.decode()]
    for other in range(workers):
        path = folder / f"{other}.prom"
        if other != number and path.exists():
            texts.append(path.read_text(encoding="utf-8"))
    return "\n".join(_lines(texts)).encode() + b"\n"


def _lines(texts: list[str]) -> Iterator[str]:
    heads: dict[str, tuple[str, str, str]] = {}
    values: dict[str, dict[_Key, float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            heads.setdefault(family.name, (name, family.type, family.documentation))
            cells = values.setdefault(family.name, {})
            for sample in family.samples:
                if sample.name.endswith("_created"):
                    continue
                key = (sample.name, tuple(sample.labels.items()))
                before = cells.get(key, 0.0)
                cells[key] = max(before, sample.value) if family.name in _WORST else before + sample.value
    for family_name, (name, kind, words) in heads.items():
        yield f"# HELP {name} {words}"
        yield f"# TYPE {name} {kind}"
        for (sample_name, labels), value in values[family_name].items():
            inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
            yield f"{sample_name}{{{inner}}} {value}" if inner else f"{sample_name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
