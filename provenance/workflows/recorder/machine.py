"""What a result may depend on, as far as it can be seen from here: processor, memory, accelerators, libraries.

Every fact is looked up and none is guessed; what is not there is left out. No host name, user name or serial number.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

# Which of them a processor has decides which routines numeric libraries choose, and so the last bits of a result.
_INSTRUCTION_SETS = frozenset({
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimdhp", "asimddp", "bf16", "i8mm",
    "sve", "sve2",
})
_CPU_INFO = Path("/proc/cpuinfo")
_MEMORY_INFO = Path("/proc/meminfo")


def hardware() -> dict[str, Any]:
    """Processor, cores, memory, instruction sets and accelerators."""
    described = _first_processor()
    flags = set((described.get("flags") or described.get("Features") or "").split())
    facts: dict[str, Any] = {
        "processor": described.get("model name", ""),
        "cores": os.cpu_count(),
        "usableCores": len(os.sched_getaffinity(0)),
        "memoryBytes": _memory(),
        "instructionSets": sorted(flags & _INSTRUCTION_SETS),
        "accelerators": _accelerators(),
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}


def system() -> dict[str, str]:
    """Operating system, architecture and C library, without the machine's name."""
    libc = " ".join(platform.libc_ver()).strip()
    facts = {"system": platform.system(), "machine": platform.machine(), "libc": libc}
    return {name: value for name, value in facts.items() if value}


def _first_processor() -> dict[str, str]:
    """The first block of /proc/cpuinfo as names and values."""
    block = _read(_CPU_INFO).split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _memory() -> int | None:
    first = _read(_MEMORY_INFO).split("\n", 1)[0].split()
    return int(first[1]) * 1024 if len(first) == 3 and first[0] == "MemTotal:" else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _accelerators() -> list[dict[str, str]]:
    """What nvidia-smi lists; empty where it is not installed."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [line.split(", ") for line in done.stdout.decode("utf-8", "replace").splitlines()]
    return [dict(zip(("name", "driver", "memory"), row, strict=True)) for row in rows if len(row) == 3]
