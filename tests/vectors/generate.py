"""Make the golden vectors in `attestations/vectors`; with `--check`, only compare, and end with 1 where one differs.

Nothing here imports `provenance`: the vectors say what the pages in `attestations/` say. The keys are made once; the
same keys give the same bytes again, because both kinds of signature are deterministic.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import artifacts
import bundles
import certificates
import evidence
import keys
import model_cases
import timestamps
import trust_files
import weights
from making import Maker

VECTORS = Path(__file__).resolve().parents[2] / "attestations" / "vectors"
MADE = ("weights", "bundles", "evidence", "artifacts", "oms", "certificates", "timestamps", "trust")


def vectors(key_folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every generated file, by its path below `attestations/vectors`."""
    known = keys.load(key_folder)
    yield from ((f"keys/{name}.pub.pem", key.public_pem) for name, key in known.items())
    yield from ((f"weights/{name}", data) for name, data in weights.files())
    yield from ((f"bundles/{name}", data) for name, data in bundles.files(known))
    yield from ((f"oms/{name}", data) for name, data in model_cases.files(Maker(known)))
    for name, data in certificates.files(key_folder.parent / "certificates" / "keys"):
        yield f"certificates/{name}", data
    for name, data in timestamps.files(known, key_folder.parent / "certificates" / "keys"):
        yield f"timestamps/{name}", data
    yield from ((f"trust/{name}", data) for name, data in trust_files.files(known))
    yield from ((f"evidence/{name}", data) for name, data in evidence.files(known))
    yield from ((f"trust/signed/{name}", data) for name, data in trust_files.signed(Maker(known)))
    yield from ((f"artifacts/{name}", data) for name, data in artifacts.FILES.items())
    yield "artifacts/tiny.json", artifacts.identity()


def main(arguments: list[str]) -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    made = dict(vectors(VECTORS / "keys"))
    there = {path.relative_to(VECTORS).as_posix() for folder in MADE for path in (VECTORS / folder).rglob("*")
             if path.is_file()}
    stale = [name for name, data in made.items() if not _is_same(VECTORS / name, data)]
    left = sorted(there - made.keys())
    if check:
        print("".join([f"differs: {name}\n" for name in stale] + [f"not made here: {name}\n" for name in left]), end="")
        return int(bool(stale or left))
    for name in stale:
        (VECTORS / name).parent.mkdir(parents=True, exist_ok=True)
        (VECTORS / name).write_bytes(made[name])
    for name in left:
        (VECTORS / name).unlink()
    print(f"{len(made)} files, {len(stale)} written, {len(left)} removed")
    return 0


def _is_same(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
