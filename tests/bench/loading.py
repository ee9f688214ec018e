"""Workload F in one process: safetensors files into NumPy arrays; prints seconds of the clock and of all cores.

    python loading.py verified FOLDER BUNDLE TRUST    checked as they are read: by tensors or by files, as BUNDLE has it
    python loading.py fresh FOLDER BUNDLE TRUST       the same, the first time in this process
    python loading.py read FOLDER                     their bytes into arrays, unhashed, on one thread
    python loading.py apart FOLDER                    sha256 of each file, then safetensors' own loader

Loaded twice, and the second time counts, but for `fresh`: what the kernel takes to hand out memory for the first time
is the same for everyone and hides the rest. Never on more than two cores.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
from timing import timed

# The numbers that malloc.h gives to what mallopt sets.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def verified(folder: Path, bundle: str, trust: str) -> Callable[[], object]:
    from provenance.integrations.safetensors import load_verified

    return lambda: load_verified(folder, bundle, trust)


def read(folder: Path, *_: str) -> Callable[[], object]:
    def load() -> object:
        found = []
        for path in sorted(folder.glob("*.safetensors")):
            with path.open("rb", buffering=0) as file:
                left = path.stat().st_size
                while left:
                    part = numpy.empty(min(left, 8 << 20), dtype="u1")
                    left -= file.readinto(memoryview(part))
                    found.append(part)
        return found

    return load


def apart(folder: Path, *_: str) -> Callable[[], object]:
    from safetensors.numpy import load_file

    def load() -> object:
        found = []
        for path in sorted(folder.glob("*.safetensors")):
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256").hexdigest()
            found.append(load_file(path))
        return found

    return load


def main() -> None:
    """Load, give the memory back to this process, load again, and tell how long that took."""
    how, folder, *rest = sys.argv[1:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    keep_memory()
    load = {"verified": verified, "fresh": verified, "read": read, "apart": apart}[how](Path(folder), *rest)
    if how != "fresh":
        load()
    print(*timed(load))


def keep_memory() -> None:
    """What is freed stays with this process, so that the next load finds memory that was touched before."""
    libc = ctypes.CDLL(None)
    for setting, value in ((M_TRIM_THRESHOLD, -1), (M_MMAP_MAX, 0), (M_ARENA_MAX, 1)):
        libc.mallopt(setting, value)


if __name__ == "__main__":
    main()
