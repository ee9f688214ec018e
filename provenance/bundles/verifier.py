"""The one place that verifies. Only a `Verifier` makes a `VerifiedStatement`.

For each bundle, in this order:

1. Refuse what the trust file has revoked: by the sha256 of the file or of a piece of it, and after step 2 by that of
   the statement in it, because whoever has a bundle can write it again with one more space.
2. Parse the bundle, envelope or metablock strictly (`bundles.signed`); a kind that is not checked here is UNSUPPORTED,
   a broken one INVALID.
3. Try the trusted keys on each signature, the hinted one first. A key hint decides nothing. Where the trust file lists
   Sigstore identities or certificate authorities, a bundle by certificate is verified against those
   (`bundles/certified.py`).
4. Parse the statement from the very bytes whose signature was checked.
5. Refuse a revoked key, a time outside the principal's window, a predicate type or subject outside its scope.
6. Parse the predicate by its type; an unknown type proves nothing and is UNSUPPORTED. A model signature, or a statement
   of a type of this project, that breaks its schema is INVALID. Under a type of others the signature is VALID all the
   same, with the code of what is wrong, and the statement says nothing to anybody (ADR 0033).
7. Hold what is still VALID against the thresholds of the trust file: where it demands more principals than signed this
   very statement, none of the bundles has a trusted voice. This is the one step that looks at several bundles together;
   a bundle that is examined by itself has the one principal who signed it.

Of several signatures over one statement, those by trusted keys count, each for its principal, and the others neither
help nor hurt. Trusted in-toto layouts are held against the links beside them after all of this (`delegated`).

A bundle whose signer the trust file does not list, and a plain declaration, come out with the voice `unsigned`: they
can be read, and nothing that needs a signer passes on them. The verifier keeps no state between calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from provenance.artifacts.names import brief
from provenance.bundles.envelope import SigstoreOnly, UnsupportedBundle, is_statement_type, sha256
from provenance.bundles.keys import NamedKey, every_name, names_of, pem_of, verifying_key
from provenance.bundles.oms import ModelSignature, is_model_signature, is_signed_as_by_release_0_2, read_signature
from provenance.bundles.signed import Signed, as_bundle, read_signed
from provenance.bundles.trust import Principal, Trust, timestamp
from provenance.errors import BundleError, ProvenanceError
from provenance.statements.intoto import LAYOUT, LEGACY_LINK, LINK_V03, link_step, read_payload
from provenance.statements.shown import SHOWN, check_shown
from provenance.statements.statement import PAYLOAD_TYPE, URN, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.bundles.store import EvidenceFile
    from provenance.statements.assessment import Assessment
    from provenance.statements.dataset import Dataset
    from provenance.statements.release import Release
    from provenance.statements.reproduction import Reproduction
    from provenance.statements.sbom import Sbom
    from provenance.statements.step import Step
    from provenance.statements.waiver import Waiver

Status = Literal["VALID", "INVALID", "UNSUPPORTED"]
Voice = Literal["none", "unsigned", "trusted", "independent"]
VOICES: tuple[Voice, ...] = ("none", "unsigned", "trusted", "independent")
Claim: TypeAlias = "Step | Dataset | Release | Reproduction | Assessment | Waiver | Sbom | ModelSignature"
_SEAL: Final = object()


class VerifiedStatement:
    """A statement together with how far its voice was verified; made by the Verifier and by nothing else.

    `hint` is the name that the bundle gives to its key, which nothing proves; None for what nobody signed.
    """

    __slots__ = ("claim", "file", "hint", "principal", "sha256", "statement", "voice")

    def __init__(self, seal: object, statement: Statement, claim: Claim, file: str, digest: str,
                 principal: Principal | None, hint: str | None = None) -> None:
        if seal is not _SEAL:
            raise TypeError("only the Verifier makes a VerifiedStatement")
        self.statement, self.claim, self.file, self.sha256 = statement, claim, file, digest
        self.principal, self.hint = principal, hint
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
    cosigners: tuple[tuple[Principal, str], ...] = ()  # whose signatures over the same statement hold too, by which key
    payload: str = ""  # the sha256 of the statement, by which two signatures of one are known

    @property
    def is_refused(self) -> bool:
        """Whether it is no evidence for a reason that must be told: not VALID, or signed and broken in itself."""
        return self.status != "VALID" or self.code != ""


@dataclass(frozen=True)
class _Signer:
    """Who signed: the principal, the key (None: a certificate), its name, and the time that its window must include.

    The time is the one that a log or a clock proves. Where none does, it is the verdict's own.
    """

    principal: Principal
    key: NamedKey | None
    name: str
    moment: datetime


@dataclass(frozen=True)
class _Read:
    """A statement with the sha256 of its bytes, who signed those, and what else its bundle says."""

    statement: Statement
    payload: str
    signers: Sequence[_Signer]
    hint: str
    is_stamped: bool


@dataclass(frozen=True)
class Verifier:
    """Checks evidence against a trust file (None: nobody is trusted) as of a moment in UTC."""

    trust: Trust | None
    as_of: datetime

    def examine(self, data: bytes, file: str) -> Examined:
        """The steps of the module's docstring for one bundle."""
        return self.examine_all([(file, data)])[0]

    def examine_all(self, files: Iterable[tuple[str, bytes] | tuple[str, bytes, str]]) -> list[Examined]:
        """The steps of the module's docstring for bundles that are shown together, by name and bytes.

        A third member is the sha256 of the file that holds this piece and others; its revocation is that of each piece.
        """
        examined = [self._examine(data, file, *container) for file, data, *container in files]
        signers: dict[str, list[Principal]] = defaultdict(list)
        for item in examined:
            if item.status == "VALID" and item.principal:
                signers[item.payload] += [item.principal, *(principal for principal, _ in item.cosigners)]
        return [self._hold_to_thresholds(item, signers[item.payload]) for item in examined]  # 7

    def _hold_to_thresholds(self, item: Examined, signers: list[Principal]) -> Examined:
        if self.trust is None or item.status != "VALID" or item.principal is None:
            return item
        shortfall = self.trust.shortfall(item.principal, item.predicate_type, signers)
        if not shortfall:
            return item
        told = item.verified
        unsigned = told and VerifiedStatement(_SEAL, told.statement, told.claim, told.file, told.sha256, None,
                                              told.hint)
        return replace(item, status="UNSUPPORTED", code="threshold-not-met", reason=shortfall, verified=unsigned)

    def _examine(self, data: bytes, file: str, container: str = "") -> Examined:
        digest = sha256(data)
        try:
            self._refuse_revoked(digest)  # 1
            self._refuse_revoked(container)
            read = self._read(data, file)  # 2 to 4
        except UnsupportedBundle as err:
            if isinstance(err, SigstoreOnly) and self.trust is not None and self.trust.knows_certificates:
                return self._examine_certificate(data, file, digest, self.trust)
            return Examined(file, digest, "UNSUPPORTED", err.code, err.message)
        except ProvenanceError as err:
            return Examined(file, digest, "INVALID", err.code, err.message)
        if read.is_stamped and read.signers and self.trust:
            said = self._examine_stamped(read.statement, read.signers[0], data, file, digest, self.trust)
        else:
            said = self._first_who_may(read.statement, read.signers, read.hint, file, digest)
        return replace(said, payload=read.payload)

    def _read(self, data: bytes, file: str) -> _Read:
        """Steps 2 to 4 for a bundle that is signed by key. The bytes of the statement are held no longer than this."""
        signed = read_signed(data, file)
        payload = sha256(signed.payload)
        self._refuse_revoked(payload)
        signers = self._signers(signed)
        return _Read(read_payload(signed.payload, file), payload, signers, signed.hint, signed.is_stamped)

    def _first_who_may(
        self, statement: Statement, signers: Sequence[_Signer], hint: str, file: str, digest: str
    ) -> Examined:
        """The judgement of a statement by the first of its signers who may say it; where none may, by the first."""
        if len(signers) < 2:
            return self._judge(statement, signers[0] if signers else None, hint, file, digest)
        able = [signer for signer in signers if self._objection(signer, statement) is None]
        said = self._judge(statement, (able or signers)[0], hint, file, digest)
        return replace(said, cosigners=tuple((other.principal, other.name) for other in able[1:]))

    def _examine_stamped(self, statement: Statement, signer: _Signer, data: bytes, file: str, digest: str,
                         trust: Trust) -> Examined:
        """Step 5 for a key's bundle with log entries or timestamps: a time that they prove is the one that counts."""
        from provenance.bundles.certified import verify_times

        result = verify_times(data, trust, signer.key, self.as_of, file)
        if result is not None and result.status == "INVALID":
            return Examined(file, digest, "INVALID", result.code, result.reason, keyid=signer.name)
        proven = result.signing_time if result is not None else None
        signer = replace(signer, moment=proven.moment) if proven else signer
        said = self._judge(statement, signer, signer.name, file, digest)
        return replace(said, proven=(timestamp(proven.moment), proven.source)) if proven else said

    def _examine_certificate(self, data: bytes, file: str, digest: str, trust: Trust) -> Examined:
        """Steps 2 to 4 for a bundle that is signed under a certificate."""
        from provenance.bundles.certified import verify_certified

        try:
            data = as_bundle(data, file)
        except ProvenanceError as err:
            status: Status = "UNSUPPORTED" if isinstance(err, UnsupportedBundle) else "INVALID"
            return Examined(file, digest, status, err.code, err.message)
        result, principal = verify_certified(data, trust, self.as_of, file)
        name = f"{result.identity} (issuer {result.issuer})" if result.identity else result.keyid
        if result.status != "VALID" or result.payload is None:
            why = result.reason or "a signature over a file rather than a statement"
            return Examined(file, digest, result.status if result.status != "VALID" else "UNSUPPORTED",
                            result.code or "bundle-kind-unsupported", why, keyid=name)
        try:
            if not is_statement_type(result.payload_type):
                raise BundleError("payload-type", f"its payload type is not {PAYLOAD_TYPE}", location=file,
                                  hint="only in-toto statements are evidence")
            if not trust.revoked_keys.isdisjoint((result.keyid, result.fingerprint)):
                raise BundleError("signer-revoked", "the trust file revokes the key under this certificate",
                                  location=file, hint="ask its signer for a new one")
            self._refuse_revoked(sha256(result.payload))
            statement = read_payload(result.payload, file)
        except ProvenanceError as err:
            return Examined(file, digest, "INVALID", err.code, err.message, keyid=name)
        proven = result.signing_time
        moment = proven.moment if proven else self.as_of
        found = _Signer(principal, None, result.identity, moment) if principal else None
        said = replace(self._judge(statement, found, name, file, digest), payload=sha256(result.payload))
        return replace(said, proven=(timestamp(proven.moment), proven.source)) if proven else said

    def delegated(self, examined: Sequence[Examined], files: Sequence[EvidenceFile]) -> list[Examined]:
        """The same answers after trusted in-toto layouts were held against the links that lie beside them.

        What a layout's owner lets a key do is the owner's own word: a link by such a key has the owner's voice, where
        the whole layout holds, and where the owner may say this. Nothing else changes.
        """
        if self.trust is None or not any(item.predicate_type == LAYOUT and item.principal for item in examined):
            return list(examined)
        from provenance.bundles.layouts import Layouts

        read = {item.sha256 for item in examined
                if item.predicate_type == LAYOUT or (item.verified and item.predicate_type == LEGACY_LINK)}
        layouts = Layouts(self.trust, self.as_of, [file for file in files if file.sha256 in read])
        answers = {item.sha256: item for item in examined}
        for item in examined:
            if item.predicate_type != LAYOUT or item.status != "VALID" or item.principal is None:
                continue
            held = layouts.hold(item)
            answers[item.sha256] = replace(item, code=held.code, reason=held.reason)
            for digest in held.links:
                answers[digest] = self._vouched(answers[digest], item.principal)
        return [answers[item.sha256] for item in examined]

    def _vouched(self, link: Examined, owner: Principal) -> Examined:
        """A link in the voice of the layout's owner, unless it has one already, or the owner may not say this."""
        verified = link.verified
        if link.principal is not None or verified is None or link.code != "signature-unknown-signer":
            return link
        if not owner.may_speak_of(link.predicate_type, verified.statement.subjects):
            return replace(link, reason=f"{owner.name}, whose layout lets its key do this step, may not speak of it")
        voiced = VerifiedStatement(_SEAL, verified.statement, verified.claim, link.file, link.sha256, owner,
                                   verified.hint)
        lent = replace(link, status="VALID", code="", principal=owner, verified=voiced,
                       reason=f"by a key that the layout of {owner.name} lets do this step")
        return self._hold_to_thresholds(lent, [owner])  # whoever did the step is one voice, the owner's

    def declare(self, statement: Statement, file: str, digest: str) -> VerifiedStatement:
        """An unsigned declaration (a card) in the same form, with the voice `unsigned`."""
        return VerifiedStatement(_SEAL, statement, _claim(statement, file), file, digest, None)

    def _refuse_revoked(self, digest: str) -> None:
        if self.trust and digest in self.trust.revoked_bundles:
            raise BundleError("signer-revoked", "the trust file revokes this bundle",
                              hint="ask its signer for a new one")

    def _signers(self, signed: Signed) -> list[_Signer]:
        """Every principal with a key that made one of the signatures, each key once."""
        from provenance.bundles.signatures import made_by

        if self.trust is None:
            return []
        found, hinted, message = dict[str, _Signer](), False, signed.message
        for signature in signed.signatures:
            for principal, key in self.trust.candidates(signature.hint):
                if made_by(verifying_key(key), signature.value, message) or is_signed_as_by_release_0_2(
                        signed.payload, signature.value, pem_of(key).decode("ascii")):
                    found.setdefault(key.keyid, _Signer(principal, key, key.keyid, self.as_of))
                    break
                hinted = hinted or (signature.hint != "" and signature.hint in names_of(key))
        if hinted and not found:
            raise ProvenanceError("signature-invalid", "the trusted key that it names did not make this signature",
                                  hint="get the bundle again from its signer")
        return list(found.values())

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
        status: tuple[Status, str] = ("VALID", "") if signer else ("UNSUPPORTED", "signature-unknown-signer")
        try:
            if statement.predicate_type in SHOWN or statement.predicate_type == LAYOUT:
                told = check_shown(statement, file) if statement.predicate_type in SHOWN else "who may do which step"
                return say(*status, told if signer else why)
            claim = _claim(statement, file)  # 6
        except ProvenanceError as err:
            if err.code == "predicate-unknown" or not _is_of_others(statement):
                return say("UNSUPPORTED" if err.code == "predicate-unknown" else "INVALID", err.code, err.message)
            told = f"what it states is broken, and is evidence of nothing: {err.message}"
            return say("VALID", err.code, told) if signer else say(*status, f"{why}; {told}")
        verified = VerifiedStatement(_SEAL, statement, claim, file, digest, principal, hint)
        if signer is None:
            return say(*status, f"{why}; read as an unsigned declaration", verified)
        return say("VALID", verified=verified)

    def _objection(self, signer: _Signer, statement: Statement) -> tuple[str, str] | None:
        principal = signer.principal
        assert self.trust is not None  # noqa: S101  a signer is only ever found in a trust file
        revoked = self.trust.revoked_keys if signer.key else self.trust.revoked_identities
        if revoked and not revoked.isdisjoint(every_name(signer.key) if signer.key else {signer.name}):
            return "signer-revoked", f"the trust file revokes this key or identity of {principal.name}"
        if not principal.may_speak_as_of(signer.moment):
            return "signer-outside-window", f"{principal.name} may not speak at the time of this verdict"
        if not principal.may_speak_of(statement.predicate_type, statement.subjects):
            return "signer-not-in-scope", f"{principal.name} may not speak of this predicate type or subject"
        return None


def _is_of_others(statement: Statement) -> bool:
    """Whether the predicate's format is neither OMS's, which is one with the signature's, nor this project's own."""
    from provenance.statements.step import SLSA_PROVENANCE_V1, is_ours

    kind = statement.predicate_type
    ours = kind.startswith(URN) or (kind == SLSA_PROVENANCE_V1 and is_ours(statement))
    return not ours and not is_model_signature(kind)


def _claim(statement: Statement, file: str) -> Claim:
    kind = statement.predicate_type
    if is_model_signature(kind):
        return read_signature(statement, file)
    # Not at the top: whoever checks a model signature does not wait for what the others are made of.
    from provenance.statements.assessment import ASSESSMENT, Assessment
    from provenance.statements.builds import BUILDS, build_step
    from provenance.statements.dataset import DATASET, Dataset
    from provenance.statements.release import RELEASE, Release
    from provenance.statements.reproduction import REPRODUCTION, Reproduction
    from provenance.statements.sbom import Sbom, is_sbom
    from provenance.statements.step import SLSA_PROVENANCE_V1, Step, is_ours
    from provenance.statements.waiver import WAIVER, Waiver

    if kind == SLSA_PROVENANCE_V1 and is_ours(statement):
        return Step.from_statement(statement, file)
    if kind in BUILDS:
        return build_step(statement, file)
    if kind in (LINK_V03, LEGACY_LINK):
        return link_step(statement, file)
    if kind == DATASET:
        return Dataset.from_statement(statement, file)
    if kind == RELEASE:
        return Release.from_statement(statement, file)
    if kind == REPRODUCTION:
        return Reproduction.from_statement(statement, file)
    if is_sbom(kind):
        return Sbom.from_statement(statement, file)
    if kind == ASSESSMENT:
        return Assessment.from_statement(statement, file)
    if kind == WAIVER:
        return Waiver.from_statement(statement, file)
    raise ProvenanceError("predicate-unknown", f"the predicate type {brief(kind)} proves nothing here", location=file,
                          hint="see attestations/ for the types that are read")
