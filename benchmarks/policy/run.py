"""What `make bench` runs of this room: the speed, and a tenth of the requests with missing facts."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    sys.path.insert(0, str(HERE))
    for name, arguments in (("decisions.py", ["--rounds", "7"]), ("unknowns.py", ["--requests", "10000"])):
        sys.argv = [name, *arguments]
        runpy.run_path(str(HERE / name), run_name="__main__")


if __name__ == "__main__":
    main()
