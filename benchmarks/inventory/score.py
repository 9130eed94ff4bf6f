"""Scores an inventory against an answer key.

    python benchmarks/inventory/score.py KEY.json RESULTS_DIR [--details]

RESULTS_DIR holds one `<package>.json` per package of the key: the output of
`reliant assess --format json`, or any object with a `uses` list of the same form.

Rules, as the key states them: recall is counted over the required providers and models; what is
only allowed (documents, tests, price tables, unused declarations) is neither missed nor wrong; a
decoy is wrong; an id with a digit that stands as a whole token in documents, tests, examples or lock
files of the package is neutral, which needs the sources (`--sources DIR`, one folder per package).
Figures are micro-averages over (package, provider) and (package, model) pairs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

_PREFIX = re.compile(r"^(?:openai|gemini|groq|ollama|bedrock|openrouter)/", re.IGNORECASE)
_ASIDE = re.compile(
    r"(?i)(^|/)(docs?|tests?|__tests__|examples?|samples?)/|\.(md|rst|txt|lock)$|(^|/)test_|-lock\.|(^|/)readme"
)


class Score(NamedTuple):
    """Counts for one package."""

    package: str
    providers_hit: set[str]
    providers_missed: set[str]
    providers_wrong: set[str]
    models_hit: set[str]
    models_missed: set[str]
    models_wrong: set[str]
    decoys: set[str]
    placed: int
    place_of: int
    sdk_as_provider: set[str]
    wrong_places: list[str]
    lines_right: int
    lines_of: int


def plain(model: str) -> str:
    """Return a model id as the key compares it."""
    return _PREFIX.sub("", model.strip().lower())


def names_of(entry: dict[str, Any]) -> set[str]:
    """Return every spelling that counts as this entry's model."""
    return {plain(name) for name in (entry["model"], *entry.get("aliases", ())) if name}


def score(package: dict[str, Any], uses: list[dict[str, Any]], neutral: str = "") -> Score:
    """Compare the uses reported for one package with its key."""
    entries = package["entries"]
    alias = {name: plain(e["model"]) for e in entries if e["model"] for name in names_of(e)}
    found_providers = {use["provider"] for use in uses if use.get("provider")}
    found_models = {alias.get(plain(use["model"]), plain(use["model"])) for use in uses if use.get("model")}
    required_models = {plain(name) for name in package["required_models"]}
    allowed_models = {plain(name) for name in package["allowed_models"]} | required_models
    decoys = {plain(d["model"]) for d in package["decoys"] if d.get("model")} & found_models
    decoys |= {d["provider"] for d in package["decoys"] if d.get("provider")} & found_providers
    wrong_models = {
        model
        for model in found_models - allowed_models
        if model in decoys or not (any(c.isdigit() for c in model) and _token(model, neutral))
    }
    allowed = set(package["allowed_providers"]) | set(package["required_providers"])
    placed, place_of, wrong_places, lines_right, lines_of = _places(entries, uses, alias)
    sdk_of = {use["sdk"] for use in uses if use.get("kind") == "sdk" and use.get("sdk")}
    return Score(
        package=package["package"],
        providers_hit=found_providers & set(package["required_providers"]),
        providers_missed=set(package["required_providers"]) - found_providers,
        providers_wrong=found_providers - allowed,
        models_hit=found_models & required_models,
        models_missed=required_models - found_models,
        models_wrong=wrong_models,
        decoys=decoys,
        placed=placed,
        place_of=place_of,
        sdk_as_provider={p for p in found_providers - allowed if p in sdk_of},
        wrong_places=wrong_places,
        lines_right=lines_right,
        lines_of=lines_of,
    )


def _places(
    entries: list[dict[str, Any]], uses: list[dict[str, Any]], alias: dict[str, str]
) -> tuple[int, int, list[str], int, int]:
    """Count role and scope over the required entries that were found, and evidence lines that agree."""
    right = of = lines = lines_of = 0
    wrong = []
    for entry in entries:
        if not entry["required"]:
            continue
        wanted = plain(entry["model"]) if entry["model"] else None
        same = [
            use
            for use in uses
            if (alias.get(plain(use["model"]), plain(use["model"])) if use.get("model") else None) == wanted
            and (wanted is not None or use.get("provider") == entry["provider"])
        ]
        if not same and wanted is None:
            same = [use for use in uses if use.get("provider") == entry["provider"]]
        if not same:
            continue
        exact = [use for use in same if use.get("provider") == entry["provider"]] or same
        of += 1
        lines_of += 1
        if any(use["role"] == entry["role"] and use["scope"] == entry["scope"] for use in exact):
            right += 1
        else:
            said = sorted({f"{use['role']}/{use['scope']}" for use in exact})
            wrong.append(
                f"{entry['provider']} {entry['model']}: key {entry['role']}/{entry['scope']}, said {said}"
            )
        places = {f"{e['path']}:{e['line']}" for use in same for e in use["evidence"]}
        lines += any(
            place == entry["evidence"] or place.endswith("/" + entry["evidence"]) for place in places
        )
    return right, of, wrong, lines, lines_of


def _token(model: str, text: str) -> bool:
    return bool(text) and re.search(rf"(?<![\w.-]){re.escape(model)}(?![\w-])", text) is not None


def _aside_text(folder: Path) -> str:
    parts = []
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and _ASIDE.search(path.relative_to(folder).as_posix())
            and path.stat().st_size < 2_000_000
        ):
            parts.append(path.read_text(encoding="utf-8", errors="replace").lower())
    return "\n".join(parts)


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.2f} ({part}/{whole})" if whole else "-"


def main() -> int:
    """Print one line per package and the totals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("key", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--sources", type=Path, help="one folder per package, to find neutral ids")
    parser.add_argument("--details", action="store_true")
    arguments = parser.parse_args()
    key = json.loads(arguments.key.read_text(encoding="utf-8"))
    scores = []
    for package in key["packages"]:
        result = arguments.results / f"{package['package']}.json"
        if not result.is_file():
            print(f"{package['package']:24} no result")
            continue
        uses = json.loads(result.read_text(encoding="utf-8"))["uses"]
        folder = arguments.sources / package["package"] if arguments.sources else None
        neutral = _aside_text(folder) if folder and folder.is_dir() else ""
        found = score(package, uses, neutral)
        scores.append(found)
        print(
            f"{found.package:24}"
            f" providers {len(found.providers_hit)}/{len(package['required_providers'])}"
            f" wrong {len(found.providers_wrong)}"
            f"  models {len(found.models_hit)}/{len(package['required_models'])}"
            f" wrong {len(found.models_wrong)}  decoys {len(found.decoys)}"
            f"  role+scope {found.placed}/{found.place_of}  lines {found.lines_right}/{found.lines_of}"
        )
        if arguments.details:
            for name in (
                "providers_missed",
                "providers_wrong",
                "models_missed",
                "models_wrong",
                "decoys",
                "sdk_as_provider",
            ):
                if getattr(found, name):
                    print(f"    {name}: {', '.join(sorted(getattr(found, name)))}")
            for line in found.wrong_places:
                print(f"    role/scope: {line}")
    total = {
        name: sum(len(getattr(s, name)) for s in scores)
        for name in Score._fields
        if name.startswith(("providers", "models", "decoys", "sdk"))
    }
    print(
        "all: provider recall",
        _ratio(total["providers_hit"], total["providers_hit"] + total["providers_missed"]),
        "precision", _ratio(total["providers_hit"], total["providers_hit"] + total["providers_wrong"]),
        "| model recall", _ratio(total["models_hit"], total["models_hit"] + total["models_missed"]),
        "precision", _ratio(total["models_hit"], total["models_hit"] + total["models_wrong"]),
        "| decoys", total["decoys"], "| SDK taken for the provider", total["sdk_as_provider"],
        "| role+scope", _ratio(sum(s.placed for s in scores), sum(s.place_of for s in scores)),
        "| lines", _ratio(sum(s.lines_right for s in scores), sum(s.lines_of for s in scores)),
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
