"""Export: recorded steps as in-toto links, for pipelines that are verified by a layout.

Only what a trusted signer said is said again, under the key of whoever exports it. A link knows files and nothing else:
roles, kinds of step, seeds and environments stay behind in the statement that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from provenance.artifacts.names import brief, problem_with_name
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.keys import in_toto_name
from provenance.bundles.store import SUFFIX, in_order, read_evidence
from provenance.bundles.trust import read_trust
from provenance.bundles.verifier import Verifier
from provenance.bundles.writing import sign_envelope, sign_metablock
from provenance.errors import BundleError, RunError
from provenance.files import write_whole
from provenance.statements.artifact import described
from provenance.statements.intoto import files_of, legacy_link, link_statement
from provenance.statements.reader import to_json
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import Step
from provenance.workflows.gathering import examine

if TYPE_CHECKING:
    from provenance.bundles.signers import KeySigner

# The link from before attestations, signed as a metablock or in an envelope; or an attestation (link v0.3) in a bundle.
Form = Literal["metablock", "envelope", "attestation"]
FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True)
class Exported:
    """A link that was written: of which step, where, its sha256, and how many files it lists."""

    step: str
    file: Path
    sha256: str
    materials: int
    products: int


def export_links(
    evidence: Sequence[Path], trust: Path, folder: Path, *, signer: Callable[[], KeySigner], as_of: datetime,
    form: Form = "metablock",
) -> list[Exported]:
    """Write one link for each step that a trusted signer states, by the names that in-toto's verifier looks for.

    BundleError `evidence-none`; RunError `step-ambiguous`, or `export-incomplete` where a link would leave out what the
    step says of its files. Nothing is written unless every step can be.
    """
    steps = sorted(_steps(evidence, trust, as_of), key=lambda step: step.name)
    if not steps:
        raise BundleError("evidence-none", "no step of a trusted signer is here", location=str(trust),
                          hint="check --evidence and --trust")
    for step in steps:
        _refuse(step, [other.name for other in steps])
    key = signer()
    written = [_link(step, key, form) for step in steps]
    return [_write(step, folder / name, data) for step, (name, data) in zip(steps, written, strict=True)]


def _steps(evidence: Sequence[Path], trust: Path, as_of: datetime) -> Iterator[Step]:
    verifier = Verifier(read_trust(trust, as_of), as_of)
    files = in_order(file for place in evidence for file in read_evidence(place))
    seen = set[str]()
    for found in examine(verifier, files):  # together: a threshold counts signers of several bundles
        claim = found.verified.claim if found.verified is not None and found.status == "VALID" else None
        if isinstance(claim, Step) and found.payload not in seen:
            seen.add(found.payload)  # signed by two, it is one step
            yield claim


def _refuse(step: Step, names: Sequence[str]) -> None:
    if names.count(step.name) > 1:
        raise RunError("step-ambiguous", f"two steps are called {brief(step.name)}", location=brief(step.name),
                       hint="give the evidence of one of them")
    problem = problem_with_name(step.name) or ("names a folder" if "/" in step.name else "")
    if problem:
        raise RunError("export-incomplete", f"the name of a step {problem}", location=brief(step.name),
                       hint="record it under a name that can be that of a file")
    for thing in described((*step.inputs, *step.outputs)):
        if "dirHash" in thing.whole.digest and not thing.files:
            raise RunError("export-incomplete", "a folder is stated by its digest alone, and a link lists files",
                           location=brief(thing.name), hint="record the step again with a smaller folder")


def _link(step: Step, signer: KeySigner, form: Form) -> tuple[str, bytes]:
    """The name of the file, and what is in it."""
    if form == "attestation":
        payload = link_statement(step).to_bytes()
        Statement.from_bytes(payload, step.name)  # nothing is signed that would not be read again
        return step.name + ".link" + SUFFIX, sign(payload, signer)
    link, name = legacy_link(step), f"{step.name}.{in_toto_name(signer.public_key):.8}.link"
    return name, sign_metablock(link, signer) if form == "metablock" else sign_envelope(to_json(link), signer)


def _write(step: Step, path: Path, data: bytes) -> Exported:
    write_whole(path, data)
    return Exported(step.name, path, sha256(data), _count(step.inputs), _count(step.outputs))


def _count(items: Sequence[ResourceDescriptor]) -> int:
    return len(files_of(items))
