"""Admit: judge the very copy that goes into the registry, and put it there whole or not at all.

1. Stage: every byte is hashed as it is copied; what is judged from here on is the copy.
2. Judge the staged bytes by the policy, as of now. Not passed: the staging folder goes, nothing else has changed.
3. Leave out repository files that no signature covers, and name them.
4. Sign the verdict, sync, rename.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import provenance
from provenance.artifacts.crew import Progress
from provenance.artifacts.manifest import dir_hash
from provenance.bundles.envelope import sign
from provenance.bundles.trust import TrustSource, timestamp
from provenance.errors import RegistryError
from provenance.policy.policy import NONE_SET
from provenance.registries import folder as registries
from provenance.statements.artifact import TENSORS
from provenance.statements.reader import to_json
from provenance.statements.statement import URN, ResourceDescriptor
from provenance.statements.verification_summary import VerificationSummary
from provenance.workflows.verify import Verification, verify

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner


@dataclass(frozen=True)
class Admission:
    """Whether a model was admitted, where it is, and the verdict behind it."""

    verification: Verification
    entry: Path | None = None
    is_new: bool = False

    @property
    def admitted(self) -> bool:
        """Whether the registry holds the model."""
        return self.entry is not None


def admit(
    model: Path,
    policy: str,
    *,
    settings: Mapping[str, str] = NONE_SET,
    evidence: Sequence[Path],
    trust: Path | TrustSource,
    signer: Callable[[], AnySigner],
    registry: Path,
    now: datetime,
    progress: Progress | None = None,
    total: Callable[[int], None] | None = None,
) -> Admission:
    """Copy a model into a folder registry if it passes the policy now; the signer is asked only then.

    RegistryError where the registry cannot be written, or lies in the model. Not passed is an answer, not an error.
    """
    if registry.resolve().is_relative_to(model.resolve()):
        raise RegistryError("usage", "the registry lies inside the model", location=str(registry),
                            hint="choose a folder of its own")
    with registries.staging(registry) as stage:
        verification = verify(model, policy, settings=settings, evidence=evidence, trust=trust, as_of=now, now=now,
                              progress=progress, total=total, copy_into=stage.model)
        if not verification.passed:
            return Admission(verification)
        left_out = set(verification.document["coverage"]["leftOut"])
        for path in left_out:
            stage.remove_from_model(path)
        admitted = [entry for entry in verification.model.files if entry.path not in left_out]
        address = dir_hash(admitted)
        for file in verification.evidence:
            if file.data is not None:
                stage.write(f"evidence/{file.sha256}.sigstore.json", file.data)
        stage.write("verdict.json", to_json(verification.document) + b"\n")
        summary = _summary(verification, address, now)
        stage.write("verdict.sigstore.json", sign(summary.to_statement().to_bytes(), signer()))
        entry, is_new = registries.admit(stage, address)
    return Admission(verification, entry, is_new)


def _summary(verification: Verification, address: str, now: datetime) -> VerificationSummary:
    document: dict[str, Any] = dict(verification.document)
    name = document["model"]["name"]
    subjects = [ResourceDescriptor(name, {"dirHash": address})]
    if document["model"]["weights"]:
        subjects.append(ResourceDescriptor(name + TENSORS, document["model"]["weights"]["digest"]))
    inputs: list[dict[str, object]] = [
        {"uri": f"{URN}evidence:{file.name}", "digest": {"sha256": file.sha256}} for file in verification.evidence
    ]
    inputs.append({"uri": f"{URN}trust", "digest": document["trust"]["digest"]})
    shown = document["ladder"]["shown"]
    levels = [f"{URN}policy:{verification.policy.id}"] + ([f"{URN}policy:{shown}"] if shown else [])
    # Whoever relies on the summary sees no report: that it was passed without something must stand in it.
    levels += [f"{URN}waived:{row['id']}" for row in document["requirements"] if row["outcome"] == "waived"]
    return VerificationSummary(
        tuple(subjects), timestamp(now), f"{URN}model:{name}", f"{URN}policy:{verification.policy.id}",
        {"sha256": verification.policy.digest}, verification.passed, list(dict.fromkeys(levels)), inputs,
        provenance.__version__,
    )
