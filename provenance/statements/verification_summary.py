"""A verdict for others: SLSA Verification Summary Attestation v1 (`https://slsa.dev/verification_summary/v1`).

Who relies on one pins the verifier's key, the resource and the policy's digest. It is output: this tool never takes
a summary as evidence for its own requirements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provenance.statements.reader import validate
from provenance.statements.shown import VERIFICATION_SUMMARY
from provenance.statements.statement import URN, ResourceDescriptor, Statement

VERIFIER = URN + "verifier:v0.1"


@dataclass(frozen=True)
class VerificationSummary:
    """What was decided, about what, by which policy and trust file, on which inputs, and when."""

    subjects: tuple[ResourceDescriptor, ...]
    time_verified: str
    resource_uri: str
    policy_uri: str
    policy_digest: Mapping[str, str]
    passed: bool
    levels: Sequence[str]
    inputs: Sequence[Mapping[str, object]]
    tool_version: str

    def to_statement(self) -> Statement:
        """The statement to sign; StatementError `schema-mismatch`."""
        predicate = {
            "verifier": {"id": VERIFIER, "version": {"open-provenance": self.tool_version}},
            "timeVerified": self.time_verified,
            "resourceUri": self.resource_uri,
            "policy": {"uri": self.policy_uri, "digest": dict(self.policy_digest)},
            "inputAttestations": [dict(item) for item in self.inputs],
            "verificationResult": "PASSED" if self.passed else "FAILED",
            "verifiedLevels": list(self.levels),
            "slsaVersion": "1.2",
        }
        validate(predicate, "verification-summary", f"verification summary of {self.resource_uri}")
        return Statement(self.subjects, VERIFICATION_SUMMARY, predicate)

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> VerificationSummary:
        """Parse, also those of other verifiers; StatementError `schema-mismatch`."""
        data = statement.predicate
        validate(data, "verification-summary", location)
        version = data["verifier"].get("version", {}).get("open-provenance", "")
        return cls(
            statement.subjects, data.get("timeVerified", ""), data["resourceUri"], data["policy"].get("uri", ""),
            data["policy"].get("digest", {}), data["verificationResult"] == "PASSED", data["verifiedLevels"],
            data.get("inputAttestations", []), version,
        )
