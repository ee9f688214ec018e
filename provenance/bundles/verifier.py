"""The one place that verifies. Only a `Verifier` makes a `VerifiedStatement`.

For each bundle, in this order:

1. Refuse what the trust file has revoked: by the sha256 of the file, and after step 2 by that of the statement in it,
   because whoever has a bundle can write it again with one more space.
2. Parse the bundle strictly; a kind that is not checked here is UNSUPPORTED, a broken one INVALID.
3. Try the trusted keys on the signature, the hinted one first. A key hint decides nothing. Where the trust file lists
   Sigstore identities, a bundle by certificate is verified by `bundles.sigstore` against its trust root.
4. Parse the statement from the very bytes whose signature was checked.
5. Refuse a revoked key, a time outside the principal's window, a predicate type or subject outside its scope.
6. Parse the predicate by its type; an unknown type proves nothing and is UNSUPPORTED.

A bundle whose signer the trust file does not list, and a plain declaration, come out with the voice `unsigned`: they
can be read, and nothing that needs a signer passes on them. The verifier keeps no state between calls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from provenance.artifacts.names import brief
from provenance.bundles.envelope import Envelope, UnsupportedBundle, parse_bundle, sha256
from provenance.bundles.oms import MODEL_SIGNATURE, ModelSignature
from provenance.bundles.trust import Principal, Trust, timestamp
from provenance.errors import BundleError, ProvenanceError
from provenance.statements.statement import PAYLOAD_TYPE, Statement
from provenance.statements.verification_summary import VERIFICATION_SUMMARY, VerificationSummary

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

    from provenance.statements.assessment import Assessment
    from provenance.statements.dataset import Dataset
    from provenance.statements.release import Release
    from provenance.statements.reproduction import Reproduction
    from provenance.statements.step import Step
    from provenance.statements.waiver import Waiver

Status = Literal["VALID", "INVALID", "UNSUPPORTED"]
Voice = Literal["none", "unsigned", "trusted", "independent"]
VOICES: tuple[Voice, ...] = ("none", "unsigned", "trusted", "independent")
Claim: TypeAlias = "Step | Dataset | Release | Reproduction | Assessment | Waiver | ModelSignature"
_SEAL: Final = object()


class VerifiedStatement:
    """A statement together with how far its voice was verified; made by the Verifier and by nothing else."""

    __slots__ = ("claim", "file", "principal", "sha256", "statement", "voice")

    def __init__(self, seal: object, statement: Statement, claim: Claim, file: str, digest: str,
                 principal: Principal | None) -> None:
        if seal is not _SEAL:
            raise TypeError("only the Verifier makes a VerifiedStatement")
        self.statement, self.claim, self.file, self.sha256 = statement, claim, file, digest
        self.principal = principal
        self.voice: Voice = "trusted" if principal else "unsigned"


@dataclass(frozen=True)
class Examined:
    """What the Verifier says of one file of evidence: VALID, INVALID or UNSUPPORTED, and why."""

    file: str
    sha256: str
    status: Status
    code: str = ""
    reason: str = ""
    predicate_type: str = ""
    subjects: tuple[str, ...] = ()
    keyid: str = ""
    principal: Principal | None = None
    verified: VerifiedStatement | None = None
    proven: tuple[str, str] | None = None  # a time, and who proves it: "log" or "timestamp"


@dataclass(frozen=True)
class _Signer:
    """Who signed: the principal, the key (None: a certificate), its name, and the time that its window must include.

    A key-signed bundle has no time but the verdict's own; one by certificate has the time that a log proves.
    """

    principal: Principal
    key: SSlibKey | None
    name: str
    moment: datetime


@dataclass(frozen=True)
class Verifier:
    """Checks evidence against a trust file (None: nobody is trusted) as of a moment in UTC."""

    trust: Trust | None
    as_of: datetime

    def examine(self, data: bytes, file: str) -> Examined:
        """The six steps of the module's docstring for one bundle."""
        digest = sha256(data)
        try:
            self._refuse_revoked(digest)  # 1
            envelope = parse_bundle(data, file)  # 2
            self._refuse_revoked(sha256(envelope.payload))
            signer = self._signer(envelope)  # 3
            statement = Statement.from_bytes(envelope.payload, file)  # 4
        except UnsupportedBundle as err:
            if self.trust is not None and self.trust.trust_root is not None:
                return self._examine_certificate(data, file, digest, self.trust)
            return Examined(file, digest, "UNSUPPORTED", err.code, err.message)
        except ProvenanceError as err:
            return Examined(file, digest, "INVALID", err.code, err.message)
        found = _Signer(*signer, signer[1].keyid, self.as_of) if signer else None
        return self._judge(statement, found, envelope.hint, file, digest)

    def _examine_certificate(self, data: bytes, file: str, digest: str, trust: Trust) -> Examined:
        """Steps 2 to 4 for a bundle that is signed by certificate; its time is proven, not claimed."""
        from provenance.bundles import sigstore

        assert trust.trust_root is not None  # noqa: S101  the caller looked
        result = sigstore.verify(data, trust.trust_root, signer=sigstore.UnpinnedIdentity(), as_of=self.as_of,
                                 location=file)
        name = f"{result.identity} (issuer {result.issuer})" if result.identity else result.keyid
        if result.status != "VALID" or result.payload is None:
            why = result.reason or "a signature over a file rather than a statement"
            return Examined(file, digest, result.status if result.status != "VALID" else "UNSUPPORTED",
                            result.code or "bundle-kind-unsupported", why, keyid=name)
        try:
            if result.payload_type != PAYLOAD_TYPE:
                raise BundleError("payload-type", f"its payload type is not {PAYLOAD_TYPE}", location=file,
                                  hint="only in-toto statements are evidence")
            self._refuse_revoked(sha256(result.payload))
            statement = Statement.from_bytes(result.payload, file)
        except ProvenanceError as err:
            return Examined(file, digest, "INVALID", err.code, err.message, keyid=name)
        principal = trust.holder_of(result.identity, result.issuer)
        proven = result.signing_time
        moment = proven.moment if proven else self.as_of
        found = _Signer(principal, None, result.identity, moment) if principal else None
        said = self._judge(statement, found, name, file, digest)
        return replace(said, proven=(timestamp(proven.moment), proven.source)) if proven else said

    def declare(self, statement: Statement, file: str, digest: str) -> VerifiedStatement:
        """An unsigned declaration (a card) in the same form, with the voice `unsigned`."""
        return VerifiedStatement(_SEAL, statement, _claim(statement, file), file, digest, None)

    def _refuse_revoked(self, digest: str) -> None:
        if self.trust and digest in self.trust.revoked_bundles:
            raise BundleError("signer-revoked", "the trust file revokes this bundle",
                              hint="ask its signer for a new one")

    def _signer(self, envelope: Envelope) -> tuple[Principal, SSlibKey] | None:
        from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
        from securesystemslib.signer import Signature

        if self.trust is None:
            return None
        pae, hinted = envelope.pae, False
        for principal, key in self.trust.candidates(envelope.hint):
            hinted = hinted or key.keyid == envelope.hint
            try:
                key.verify_signature(Signature(key.keyid, envelope.signature.hex()), pae)
            except (UnverifiedSignatureError, VerificationError):
                continue
            return principal, key
        if hinted:
            raise ProvenanceError("signature-invalid", "the trusted key that it names did not make this signature",
                                  hint="get the bundle again from its signer")
        return None

    def _judge(
        self, statement: Statement, signer: _Signer | None, hint: str, file: str, digest: str
    ) -> Examined:
        names = tuple(subject.name for subject in statement.subjects)
        principal = signer.principal if signer else None
        keyid = signer.name if signer and signer.key else hint

        def say(
            status: Status, code: str = "", reason: str = "", verified: VerifiedStatement | None = None
        ) -> Examined:
            about = statement.predicate_type, names
            return Examined(file, digest, status, code, reason, *about, keyid, principal, verified)

        if signer and (objection := self._objection(signer, statement)):  # 5
            return say("INVALID", *objection)
        unlisted = "signed by a key or identity that the trust file does not list"
        why = unlisted if self.trust else "no trust file was given"
        try:
            if statement.predicate_type == VERIFICATION_SUMMARY:
                VerificationSummary.from_statement(statement, file)
                status: tuple[Status, str] = ("VALID", "") if signer else ("UNSUPPORTED", "signature-unknown-signer")
                return say(*status, "a verdict is output, never evidence here" if signer else why)
            claim = _claim(statement, file)  # 6
        except ProvenanceError as err:
            return say("UNSUPPORTED" if err.code == "predicate-unknown" else "INVALID", err.code, err.message)
        verified = VerifiedStatement(_SEAL, statement, claim, file, digest, principal)
        if signer is None:
            return say("UNSUPPORTED", "signature-unknown-signer", f"{why}; read as an unsigned declaration", verified)
        return say("VALID", verified=verified)

    def _objection(self, signer: _Signer, statement: Statement) -> tuple[str, str] | None:
        principal = signer.principal
        assert self.trust is not None  # noqa: S101  a signer is only ever found in a trust file
        if signer.name in (self.trust.revoked_keys if signer.key else self.trust.revoked_identities):
            return "signer-revoked", f"the trust file revokes this key or identity of {principal.name}"
        if not principal.may_speak_as_of(signer.moment):
            return "signer-outside-window", f"{principal.name} may not speak at the time of this verdict"
        if not principal.may_speak_of(statement.predicate_type, statement.subjects):
            return "signer-not-in-scope", f"{principal.name} may not speak of this predicate type or subject"
        return None


def _claim(statement: Statement, file: str) -> Claim:
    kind = statement.predicate_type
    if kind == MODEL_SIGNATURE:
        return ModelSignature.from_statement(statement, file)
    # Not at the top: whoever checks a model signature does not wait for what the others are made of.
    from provenance.statements.assessment import ASSESSMENT, Assessment
    from provenance.statements.dataset import DATASET, Dataset
    from provenance.statements.release import RELEASE, Release
    from provenance.statements.reproduction import REPRODUCTION, Reproduction
    from provenance.statements.step import SLSA_PROVENANCE_V1, Step
    from provenance.statements.waiver import WAIVER, Waiver

    if kind == SLSA_PROVENANCE_V1:
        return Step.from_statement(statement, file)
    if kind == DATASET:
        return Dataset.from_statement(statement, file)
    if kind == RELEASE:
        return Release.from_statement(statement, file)
    if kind == REPRODUCTION:
        return Reproduction.from_statement(statement, file)
    if kind == ASSESSMENT:
        return Assessment.from_statement(statement, file)
    if kind == WAIVER:
        return Waiver.from_statement(statement, file)
    raise ProvenanceError("predicate-unknown", f"the predicate type {brief(kind)} proves nothing here", location=file,
                          hint="see attestations/ for the types that are read")
