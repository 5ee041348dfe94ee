"""Benchmarks: how fast gradfast is, next to its targets and its peers.

``python -m bench`` prints the tables, writes them to RESULTS.md and draws the figures; ``pytest bench``
asks the same questions through pytest-benchmark. What is measured stands in :mod:`bench.workloads`.
"""

import os

# Ratios are those of one thread, and the libraries read these when numpy is first imported.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
