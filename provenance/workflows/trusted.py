"""What trusted producers say, from a bundle that is handed in: for those who need statements and no verdict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from provenance.bundles.store import read_evidence
from provenance.bundles.trust import Trust, TrustSource, read_trust
from provenance.bundles.verifier import Examined, VerifiedStatement, Verifier
from provenance.errors import BundleError
from provenance.statements.artifact import Described, described
from provenance.statements.release import Release
from provenance.statements.step import MODEL_MAKING, Step
from provenance.workflows.gathering import examine


def trusted_statements(
    bundle: Path, trust: Path | TrustSource, as_of: datetime
) -> tuple[Trust, list[VerifiedStatement]]:
    """The statements in a bundle, or in a folder of them, that are VALID and by a producer of the trust file.

    BundleError where there is none, with the reason of the first that was refused.
    """
    believed = read_trust(trust, as_of)
    verifier = Verifier(believed, as_of)
    examined = examine(verifier, read_evidence(bundle))
    found = [item.verified for item in examined if item.verified and _is_by_producer(item)]
    if not found:
        reasons = [item for item in examined if item.is_refused]
        code, why = (reasons[0].code, reasons[0].reason) if reasons else ("evidence-none", "none is by a producer")
        raise BundleError(code or "evidence-none", f"no statement of a trusted producer is here: {why}",
                          location=str(bundle), hint="check the bundle and the trust file")
    return believed, found


def _is_by_producer(item: Examined) -> bool:
    return item.status == "VALID" and item.principal is not None and "producer" in item.principal.roles


def models_in(statement: VerifiedStatement) -> Iterator[Described]:
    """The models that a release or a model-making step speaks of."""
    claim = statement.claim
    if isinstance(claim, Release) or (isinstance(claim, Step) and claim.kind in MODEL_MAKING):
        yield from described(statement.statement.subjects)
