"""One thread for linear algebra: the models here are tiny, and threads that wait for each other cost more."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
