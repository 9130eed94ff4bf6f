"""Build the index that search looks into, and look into it.

    python -m shop.index            # build it, after teas have changed
    python -m shop.index "smoky"    # look
"""

import sys
from pathlib import Path

import numpy as np

from shop import search
from shop.catalogue import TEAS

_FILE = Path("data/teas.npy")


def build() -> None:
    _FILE.parent.mkdir(exist_ok=True)
    np.save(_FILE, search.embed(list(TEAS.values())))


def look(query: str) -> list[str]:
    names = list(TEAS.values())
    return [names[row] for row in search.nearest(query, np.load(_FILE), count=3)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print("\n".join(look(sys.argv[1])))
    else:
        build()
