"""Draw docs/lineage.svg: unrelated and related pairs apart, and the detection limit.

python benchmarks/lineage/figure.py OUT.svg LIMIT.json PAIRS.jsonl...
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT, PAD = 460, 320, 52
FLOOR, LOG10_P = 0.10, 8
COLOURS = ("#1f5a99", "#b3261e", "#2e6b34", "#8a6100")


def pairs(files: list[Path]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return (agreement, -log10 p): the deciding one of related pairs, all of unrelated pairs."""
    related, unrelated = [], []
    for file in files:
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row["kind"] == "unrelated":
                unrelated += [(one[1], -one[2]) for one in row["attempts"]]
            elif row["kind"] == "related":
                related.append((row["agreement"], -row["log10_p"]))
    return related, unrelated


def x_of(share: float) -> float:
    """Return the place of an agreement: logarithmic, so that both ends are seen."""
    return PAD + (WIDTH - PAD - 12) * (math.log10(max(share, 0.001)) + 3) / 3


def y_of(minus_log10_p: float) -> float:
    """Return the place of -log10 p."""
    part = math.log10(1 + minus_log10_p) / math.log10(1 + 1300)
    return HEIGHT - PAD - (HEIGHT - PAD - 24) * min(1.0, part)


def cloud(points: list[tuple[float, float]], colour: str, opacity: float) -> list[str]:
    """Return one mark per distinct place, so that the file stays small."""
    places = sorted({(round(x_of(a)), round(y_of(p))) for a, p in points})
    return [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}" fill-opacity="{opacity}"/>' for x, y in places]


def text(x: float, y: float, words: str, *, anchor: str = "middle", turn: str = "") -> str:
    """Return a label."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{turn}>{words}</text>'


def left(files: list[Path]) -> list[str]:
    """Return the first panel."""
    related, unrelated = pairs(files)
    found = [
        f'<rect x="{PAD}" y="24" width="{WIDTH - PAD - 12}" height="{HEIGHT - PAD - 24}" '
        f'fill="none" stroke="#888"/>'
    ]
    for share in (0.001, 0.01, 0.1, 1):
        found.append(text(x_of(share), HEIGHT - PAD + 16, f"{share:g}"))
    for p in (0, 8, 100, 1000):
        found.append(text(PAD - 6, y_of(p) + 4, f"{p}", anchor="end"))
    found.append(
        f'<path d="M{x_of(FLOOR):.0f} 24V{y_of(LOG10_P):.0f}H{WIDTH - 12}" fill="none" '
        f'stroke="#888" stroke-dasharray="4"/>'
    )
    found += cloud(unrelated, COLOURS[0], 0.5) + cloud(related, COLOURS[1], 0.7)
    found += [
        text(WIDTH / 2, HEIGHT - 14, "agreement of the best layer (0 drawn at 0.001)"),
        text(14, HEIGHT / 2, "-log10 p", turn=f' transform="rotate(-90 14 {HEIGHT / 2:.0f})"'),
        text(
            PAD,
            16,
            f"{len(related):,} related pairs (red), {len(unrelated):,} tests of unrelated pairs (blue)",
            anchor="start",
        ),
    ]
    return found


def right(limit: dict) -> list[str]:
    """Return the second panel: agreement against the cosine that is left."""
    at = WIDTH + 30

    def x(cosine: float) -> float:
        return at + PAD + (WIDTH - PAD - 12) * cosine / 0.8

    def y(share: float) -> float:
        return HEIGHT - PAD - (HEIGHT - PAD - 24) * share

    found = [
        f'<rect x="{at + PAD}" y="24" width="{WIDTH - PAD - 12}" height="{HEIGHT - PAD - 24}" '
        f'fill="none" stroke="#888"/>'
    ]
    for cosine in (0, 0.2, 0.4, 0.6, 0.8):
        found.append(text(x(cosine), HEIGHT - PAD + 16, f"{cosine:g}"))
    for share in (0, 0.5, 1):
        found.append(text(at + PAD - 6, y(share) + 4, f"{share:g}", anchor="end"))
    found.append(
        f'<path d="M{at + PAD} {y(FLOOR):.0f}H{at + WIDTH - 12}" stroke="#888" stroke-dasharray="4"/>'
    )
    shown = [label for label in limit["curves"] if "all rows" in label]
    for number, label in enumerate(shown):
        points = " ".join(f"{x(cosine):.1f},{y(share):.1f}" for cosine, share, _ in limit["curves"][label])
        found.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[number]}" stroke-width="2"/>')
        name = label.removesuffix(", all rows")
        found.append(
            f'<text x="{x(0.36):.0f}" y="{y(0.45) + 16 * number:.0f}" '
            f'style="fill:{COLOURS[number]}">{name}</text>'
        )
    for row in limit["trained"]:
        found.append(
            f'<path d="M{x(row[1]) - 4:.1f} {y(row[4]) - 4:.1f}l8 8m-8 0l8 -8" '
            f'stroke="currentColor" stroke-width="1.5"/>'
        )
    found += [
        text(at + WIDTH / 2, HEIGHT - 14, "cosine left between a neuron and its origin"),
        text(at + PAD, 16, "agreement with all rows; crosses: trained on in the zoo", anchor="start"),
    ]
    return found


def main(out: Path, limit: Path, files: list[Path]) -> None:
    """Write the figure."""
    body = left(files) + right(json.loads(limit.read_text()))
    out.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH + 40} {HEIGHT}" role="img" '
        'aria-label="Related and unrelated pairs lie apart; agreement falls with the cosine that is left">'
        "<style>text{font:12px system-ui,sans-serif;fill:currentColor}svg{color:#222;background:#fff}"
        "</style>" + "\n".join(body) + "</svg>\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])
