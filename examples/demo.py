"""What `make demo` runs: two applications, one place, two days.

    python examples/demo.py --reports demo-report

It assesses the small shop beside this file, and a package that strangers wrote: the source
archive of pdf2zh 1.9.11, fetched by name and neither run nor installed. The package is
asked about on the day before OpenAI began to block traffic from unsupported places, and on
the day after.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = "pypi:pdf2zh==1.9.11"
_PLACE = "CN"
_BEFORE, _AFTER = "2024-07-08", "2024-07-10"
_FINDINGS = {0, 1, 3}  # 0 clean, 1 findings, 3 something could not be read: all are answers


def _assess(target: str, day: str, page: Path) -> int:
    command = [sys.executable, "-m", "reliant", "assess", target, "--place", _PLACE, "--as-of", day]
    print(f"\n$ reliant assess {target} --place {_PLACE} --as-of {day}\n", flush=True)
    return subprocess.run([*command, "--output", f"html={page.resolve()}"], check=False, cwd=_ROOT).returncode


def main() -> int:
    """Assess both; return 1 if a report is missing that could have been made."""
    options = argparse.ArgumentParser(description="Assess two applications from one place on two days.")
    options.add_argument("--reports", type=Path, default=Path("demo-report"), help="Folder for the HTML reports.")
    folder: Path = options.parse_args().reports
    folder.mkdir(parents=True, exist_ok=True)

    runs = [
        ("examples/shop", _AFTER, folder / "shop.html"),
        (_PACKAGE, _BEFORE, folder / f"pdf2zh-{_BEFORE}.html"),
        (_PACKAGE, _AFTER, folder / f"pdf2zh-{_AFTER}.html"),
    ]
    written: list[Path] = []
    for target, day, page in runs:
        page.unlink(missing_ok=True)
        if _assess(target, day, page) in _FINDINGS and page.exists():
            written.append(page)
        elif target == _PACKAGE:
            print(f"{_PACKAGE} could not be fetched: no registry was reached, and no earlier run kept it.")
            break
    print("\nReports, to open in a browser:")
    for page in written:
        print(f"  {page.resolve()}")
    return 0 if written and written[0].name == "shop.html" else 1


if __name__ == "__main__":
    sys.exit(main())
