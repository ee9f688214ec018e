"""The tensor tree of a folder in one process; prints seconds of the clock and of all cores.

    python clustered.py threads FOLDER    on two threads of this process
    python clustered.py dask FOLDER       on two workers of Dask that are there already, cut at 512 MiB

CPU time is that of this process: what the workers do is not in it.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path

from timing import timed

from provenance.artifacts.cluster import scan_on
from provenance.artifacts.hashing import Wanted
from provenance.artifacts.manifest import scan

WANTED = Wanted((), ("tensorTree",))


def main() -> None:
    """Read it once to warm the caches, and once for the figures."""
    how, folder = sys.argv[1], Path(sys.argv[2])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with workers() if how == "dask" else nullcontext() as cluster:
        def read() -> object:
            return scan(folder, wanted=WANTED) if cluster is None else scan_on(
                cluster.scheduler_address, folder, wanted=WANTED)

        read()
        print(*timed(read))


def workers() -> object:
    """Two, each a process with one thread."""
    from distributed import LocalCluster

    return LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50)


if __name__ == "__main__":
    main()
