"""Workload J in one process: a model signature by key; prints seconds of the clock and of all cores, or sizes.

    python judging.py whole COUNT    what the Verifier takes for a bundle of so many resources
    python judging.py alone COUNT    its parts by themselves: strict parse, signature, strict parse, schema
    python judging.py peak COUNT     in the place of seconds: the MiB that reading and judging it took
    python judging.py size COUNT     in the place of seconds: the MiB of the statement in it

A small bundle is judged many times, and the figure is the mean of them: a single time is mostly chance.
A bundle is made by a process of its own, so that its making is in no figure.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from entries import names_and_digests
from timing import timed

from provenance.artifacts.manifest import FileEntry, Manifest
from provenance.bundles.envelope import parse_bundle, sign
from provenance.bundles.keys import public_key, verifying_key
from provenance.bundles.oms import model_statement
from provenance.bundles.signers.key import load_signer
from provenance.bundles.trust import Principal, Trust
from provenance.bundles.verifier import Verifier
from provenance.statements.reader import parse_json, validate
from provenance.workflows.trust_file import keygen

TOGETHER, MOST = 100_000, 50  # as many resources in all, in no more than so many goes
NOW = datetime.now(UTC)


def make(count: int, folder: Path) -> None:
    """A key pair, and a bundle that it signed."""
    signer = load_signer(keygen(folder / "lab.key", "ed25519", None).private, lambda: None)
    manifest = Manifest("model", tuple(FileEntry(name, 1, digest) for name, digest in names_and_digests(count)))
    (folder / "model.sig").write_bytes(sign(model_statement(manifest).to_bytes(), signer))


def verifier_of(folder: Path) -> Verifier:
    """One that believes the key of the folder."""
    key = public_key((folder / "lab.key.pub").read_bytes(), "lab.key.pub")
    lab = Principal("lab", "Lab", ("producer",), (key,), ("*",), ("*",))
    return Verifier(Trust("0" * 64, 1, NOW, (lab,)), NOW)


def whole(folder: Path) -> Callable[[], object]:
    verifier, data = verifier_of(folder), (folder / "model.sig").read_bytes()

    def judge() -> object:
        examined = verifier.examine(data, "model.sig")
        assert examined.status == "VALID", examined.reason
        return examined

    return judge


def alone(folder: Path) -> Callable[[], object]:
    data = (folder / "model.sig").read_bytes()
    key = verifying_key(public_key((folder / "lab.key.pub").read_bytes(), "lab.key.pub"))

    def parts() -> object:
        envelope = parse_bundle(data, "model.sig")
        key.verify(envelope.signature, envelope.pae)
        statement = parse_json(envelope.payload, "model.sig")
        validate(statement["predicate"], "model-signature", "model.sig")
        return statement

    return parts


def peak(folder: Path) -> float:
    """MiB above what the process held before; the system forgets the peak of what came earlier."""
    verifier = verifier_of(folder)
    with TemporaryDirectory() as other:
        make(1, Path(other))
        whole(Path(other))()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = memory("VmRSS")
    assert verifier.examine((folder / "model.sig").read_bytes(), "model.sig").status == "VALID"
    return (memory("VmHWM") - before) / 1024


def memory(what: str) -> int:
    """KiB, as the system counts them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def repeated(work: Callable[[], object], times: int) -> None:
    """One after the other; of what they made nothing is kept."""
    for _ in range(times):
        work()


def main() -> None:
    """Have the bundle made, and measure."""
    how, count = sys.argv[1], int(sys.argv[2])
    if how == "make":
        make(count, Path(sys.argv[3]))
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "make", str(count), name], check=True)
        if how == "peak":
            print(*[peak(folder)] * 2)
        elif how == "size":
            print(*[len(parse_bundle((folder / "model.sig").read_bytes(), "").payload) / (1 << 20)] * 2)
        else:
            work, times = {"whole": whole, "alone": alone}[how](folder), min(TOGETHER // count, MOST)
            work()
            print(*(seconds / times for seconds in timed(lambda: repeated(work, times))))


if __name__ == "__main__":
    main()
