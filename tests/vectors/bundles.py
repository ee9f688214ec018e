"""The signed vectors: bundles that are believed, and bundles with one flaw each, with the answer beside every one.

Everything is judged by the trust file that is written here, as of AS_OF.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import statements
from artifacts import MODEL
from keys import Key
from reference import MEDIA_TYPE, PAYLOAD_TYPE, b64, compact, h, pae, pretty
from statements import DATASET, GOOD, MODEL_SIGNATURE, SUMMARY

AS_OF = "2026-11-23T12:00:00Z"
Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a verifier says, and why."""

    status: str
    code: str
    rule: str
    signer: str | None = None


def valid(rule: str, signer: str = "lab") -> Answer:
    """Believed."""
    return Answer("VALID", "", rule, signer)


def invalid(code: str, rule: str, signer: str | None = None) -> Answer:
    """Refused."""
    return Answer("INVALID", code, rule, signer)


def unsupported(code: str, rule: str, signer: str | None = None) -> Answer:
    """Not judged, and therefore not believed."""
    return Answer("UNSUPPORTED", code, rule, signer)


Case = tuple[str, bytes, Answer]


@dataclass(frozen=True)
class Maker:
    """Makes bundles with the test keys."""

    keys: dict[str, Key]

    def envelope(self, payload: bytes, who: str = "lab", payload_type: str = PAYLOAD_TYPE) -> Json:
        """A bundle as a value, signed as it should be."""
        key = self.keys[who]
        signature = {"sig": b64(key.sign(pae(payload_type, payload))), "keyid": key.keyid}
        return {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": key.keyid}, "tlogEntries": []},
            "dsseEnvelope": {"payload": b64(payload), "payloadType": payload_type, "signatures": [signature]},
        }

    def bundle(self, value: Json | bytes, who: str = "lab") -> bytes:
        """A good bundle around a statement, or around any bytes."""
        return compact(self.envelope(value if isinstance(value, bytes) else compact(value), who)) + b"\n"

    def changed(self, change: Callable[[Json], None], who: str = "lab") -> bytes:
        """A good bundle of a good dataset statement, changed after it was signed."""
        value = self.envelope(compact(statements.dataset()), who)
        change(value)
        return compact(value) + b"\n"


def files(keys: dict[str, Key]) -> Iterator[tuple[str, bytes]]:
    """Every file below `bundles/`."""
    maker = Maker(keys)
    yield "trust.yaml", trust_file(maker)
    for folder, cases in (("valid", _valid(maker)), ("invalid", _invalid(maker))):
        for name, data, answer in cases:
            yield f"{folder}/{name}.sigstore.json", data
            yield f"{folder}/{name}.expected.json", pretty({
                "file": f"{name}.sigstore.json", "rule": answer.rule, "status": answer.status, "code": answer.code,
                "signer": answer.signer,
            })


def _invalid(maker: Maker) -> Iterator[Case]:
    for family in (_envelopes, _signatures, _payloads, _statements, _predicates, _model_signatures, _trust):
        yield from family(maker)


def revoked_bundle(maker: Maker) -> bytes:
    """A good bundle that the trust file revokes by the digest of the file."""
    return maker.bundle(_about("revoked by the digest of its file"))


def revoked_statement() -> bytes:
    """A good statement that the trust file revokes by its own digest."""
    return compact(_about("revoked by the digest of its statement"))


def trust_file(maker: Maker) -> bytes:
    """Who is believed, about what, until when."""
    rows = [
        ("lab", "Example Lab", ["producer", "gate"], ["*"], {"names": ["*"]}, {}),
        ("works", "Example Works", ["data-supplier", "reproducer"], ["*"], {"names": ["*"]}, {}),
        ("former", "Example Lab", ["producer"], ["*"], {"names": ["*"]}, {}),
        ("early", "Example Lab", ["producer"], ["*"], {"names": ["*"]}, {"validUntil": "2026-06-30T00:00:00Z"}),
        ("late", "Example Lab", ["producer"], ["*"], {"names": ["*"]}, {"validFrom": "2027-01-01T00:00:00Z"}),
        ("narrow", "Example Works", ["data-supplier"], [DATASET],
         {"names": ["tales.jsonl"], "digests": [f"sha256:{h(b'by digest').hex()}"]}, {}),
    ]
    lines = ["apiVersion: open-provenance/v0.1", "kind: Trust", "version: 1", "expires: 2036-01-01T00:00:00Z", "principals:"]
    for name, party, roles, types, subjects, window in rows:
        lines += [f"  - name: {name}", f"    party: {party}", f"    roles: [{', '.join(roles)}]", "    keys:", "      - |"]
        lines += [f"        {line}" for line in maker.keys[name].public_pem.decode().splitlines()]
        lines += [f"    predicateTypes: [{', '.join(map(_quoted, types))}]", "    subjects:"]
        lines += [f"      {kind}: [{', '.join(map(_quoted, items))}]" for kind, items in subjects.items()]
        lines += [f"    {key}: {value}" for key, value in window.items()]
    lines += ["revoked:", "  keys:", f"    - {maker.keys['former'].keyid}", "  bundles:",
              f"    - {hashlib.sha256(revoked_bundle(maker)).hexdigest()}",
              f"    - {hashlib.sha256(revoked_statement()).hexdigest()}"]
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    return f'"{text}"'


def _about(text: str, **changes: Any) -> Json:
    """A good dataset statement that says what it is for."""
    value = statements.dataset() | changes
    value["predicate"] = value["predicate"] | {"description": text}
    return value


def _valid(maker: Maker) -> Iterator[Case]:
    for who, kind in (("lab", "ed25519"), ("works", "ecdsa-p256")):
        for name, make in GOOD.items():
            yield f"{name}.{kind}", maker.bundle(make(), who), valid(f"a {name} statement signed by {kind}", who)
    odd = compact(statements.dataset()).decode().replace('"subject"', ' "sub\\u006aect"\r\n').replace("},", "} ,\n\t")
    yield "spelling", maker.bundle(odd.encode()), valid("the bytes are signed, whatever their spaces and escapes")
    yield "hint-misleading", maker.changed(_hint(maker.keys["works"].keyid)), valid("a key hint decides nothing")
    yield "hint-unknown", maker.changed(_hint("0" * 64)), valid("a hint that names no known key decides nothing")
    yield "hint-absent", maker.changed(_no_hint), valid("a hint may be absent, and a keyid null, as older signers write it")
    yield "no-log-entries", maker.changed(lambda b: b["verificationMaterial"].pop("tlogEntries")), \
        valid("the list of log entries may be absent")
    yield "base64-url", maker.changed(_url_base64), valid("DSSE allows the URL alphabet of base64")
    yield "unknown-members", maker.bundle(_about("members that nobody knows", extra={"any": 1})), \
        valid("unknown members of a statement are let through, as in-toto asks")
    by_digest = _about("scope by digest")
    by_digest["subject"] = [{"name": "another name", "digest": {"sha256": h(b"by digest").hex()}}]
    yield "scope-by-digest", maker.bundle(by_digest, "narrow"), valid("a scope may name a subject by its digest", "narrow")
    yield "scope-by-name", maker.bundle(_about("scope by name"), "narrow"), valid("a scope may name a subject", "narrow")
    older = statements.dataset()
    older["subject"] = [{"name": "tales", "digest": {"dirHash1": h(b"a folder").hex()}}]
    yield "dirhash1", maker.bundle(older), valid("dirHash1 is an older name of dirHash")
    ignoring = statements.model_signature()
    ignoring["predicate"]["serialization"]["ignore_paths"] += ["notes", "logs/run.txt"]
    yield "model-signature-ignoring", maker.bundle(ignoring), valid("a model signature may say which paths it leaves out")
    bare = statements.model_signature()
    del bare["predicate"]["serialization"]["ignore_paths"]
    yield "model-signature-without-ignore", maker.bundle(bare), valid("ignore_paths may be absent (OMS v1.0, 11.1)")


def _hint(keyid: str) -> Callable[[Json], None]:
    def change(bundle: Json) -> None:
        bundle["verificationMaterial"]["publicKey"]["hint"] = keyid
        bundle["dsseEnvelope"]["signatures"][0]["keyid"] = keyid
    return change


def _no_hint(bundle: Json) -> None:
    bundle["verificationMaterial"]["publicKey"] = {}
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = None


def _url_base64(bundle: Json) -> None:
    envelope = bundle["dsseEnvelope"]
    for place, member in ((envelope, "payload"), (envelope["signatures"][0], "sig")):
        place[member] = base64.urlsafe_b64encode(base64.b64decode(place[member])).decode()


def _set(*path: str | int, value: Any) -> Callable[[Json], None]:
    """A change that sets one member."""
    def change(bundle: Any) -> None:
        for key in path[:-1]:
            bundle = bundle[key]
        bundle[path[-1]] = value
    return change


def _drop(*path: str | int) -> Callable[[Json], None]:
    """A change that removes one member."""
    def change(bundle: Any) -> None:
        for key in path[:-1]:
            bundle = bundle[key]
        del bundle[path[-1]]
    return change


def _envelopes(maker: Maker) -> Iterator[Case]:
    good = maker.bundle(statements.dataset())
    dsse, material = "dsseEnvelope", "verificationMaterial"
    yield "bundle-list", b"[" + good.strip() + b"]\n", invalid("bundle-invalid", "a bundle is an object")
    yield "bundle-bare-envelope", compact(maker.envelope(compact(statements.dataset()))[dsse]), \
        invalid("bundle-invalid", "a DSSE envelope alone is not a bundle")
    yield "bundle-truncated", good[:-20], invalid("json-invalid", "JSON is read whole")
    yield "bundle-trailing-data", good + b"{}", invalid("json-invalid", "nothing follows the bundle")
    yield "bundle-byte-order-mark", b"\xef\xbb\xbf" + good, invalid("json-invalid", "UTF-8 without a byte order mark")
    yield "bundle-utf16", good.decode().encode("utf-16"), invalid("json-invalid", "UTF-8 and no other encoding")
    yield "bundle-not-a-number", good.replace(b'"tlogEntries":[]', b'"tlogEntries":[NaN]'), \
        invalid("json-invalid", "NaN is not JSON")
    yield "bundle-deep", good.replace(b'"tlogEntries":[]', b'"tlogEntries":' + b"[" * 1000 + b"]" * 1000), \
        invalid("document-too-deep", "nesting is bounded")
    payload = b'"payload":"%b",' % b64(compact(_about("the other one"))).encode()
    yield "bundle-duplicate-member", good.replace(b'"payload":', payload + b'"payload":'), \
        invalid("json-invalid", "no member stands twice")
    yield "bundle-duplicate-escaped", good.replace(b'"payload":', payload.replace(b"payload", b"paylo\\u0061d") + b'"payload":'), \
        invalid("json-invalid", "no member stands twice, however it is spelled")
    yield "bundle-case-variant", maker.changed(lambda b: b.update(DsseEnvelope=b[dsse])), \
        invalid("member-case-variant", "readers that ignore case must see the same bundle")
    for version in ("0.1", "0.2"):
        yield f"media-type-v{version}", maker.changed(
            _set("mediaType", value=f"application/vnd.dev.sigstore.bundle+json;version={version}")), \
            unsupported("bundle-media-type", "older bundles are not read, and not said to be wrong")
    yield "media-type-missing", maker.changed(_drop("mediaType")), invalid("bundle-invalid", "a bundle says that it is one")
    yield "media-type-json", maker.changed(_set("mediaType", value="application/json")), \
        invalid("bundle-invalid", "the media type is a Sigstore bundle's")
    yield "material-missing", maker.changed(_drop(material)), invalid("bundle-invalid", "there is verification material")
    yield "material-certificate", maker.changed(_set(material, value={"certificate": {"rawBytes": b64(b"DER")}})), \
        unsupported("bundle-kind-unsupported", "certificates are not checked by this version")
    chain = {"x509CertificateChain": {"certificates": [{"rawBytes": b64(b"DER")}]}}
    yield "material-certificate-chain", maker.changed(_set(material, value=chain)), \
        unsupported("bundle-kind-unsupported", "certificate chains are not checked by this version")
    yield "material-key-and-certificate", maker.changed(_set(material, "certificate", value={"rawBytes": b64(b"DER")})), \
        invalid("bundle-invalid", "a key or a certificate, never both")
    yield "material-hint-number", maker.changed(_set(material, "publicKey", "hint", value=7)), \
        invalid("bundle-invalid", "a hint is a string")
    message = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(h(b"a file"))}, "signature": b64(b"signature")}
    yield "message-signature", maker.changed(lambda b: (b.pop(dsse), b.update(messageSignature=message))), \
        unsupported("bundle-kind-unsupported", "a signature over a file is no statement")
    yield "two-contents", maker.changed(_set("messageSignature", value=message)), \
        invalid("bundle-invalid", "an envelope or a message signature, never both")
    yield "envelope-missing", maker.changed(_drop(dsse)), invalid("bundle-invalid", "there is an envelope")
    yield "payload-missing", maker.changed(_drop(dsse, "payload")), invalid("bundle-invalid", "there is a payload")
    yield "payload-empty", maker.changed(_set(dsse, "payload", value="")), invalid("bundle-invalid", "the payload has bytes")
    padded = compact(statements.dataset())
    padded += b" " * ((1 - len(padded)) % 3)  # so that its base64 ends in ==
    for name, change in (
        ("junk", lambda text: text[:8] + "!" + text[8:]), ("newline", lambda text: text[:8] + "\n" + text[8:]),
        ("unpadded", lambda text: text.removesuffix("==")),
    ):
        value = maker.envelope(padded)
        value[dsse]["payload"] = change(value[dsse]["payload"])
        yield f"payload-base64-{name}", compact(value), invalid("base64-invalid", "base64 is read strictly")
    yield "signature-base64-junk", maker.changed(
        lambda b: b[dsse]["signatures"][0].update(sig="*" + b[dsse]["signatures"][0]["sig"])), \
        invalid("base64-invalid", "base64 is read strictly")
    for name, kind, who in (("json", "application/json", "lab"), ("case", "application/vnd.in-toto+JSON", "works")):
        yield f"payload-type-{name}", compact(maker.envelope(compact(statements.dataset()), who, kind)), \
            invalid("payload-type", "the payload type is application/vnd.in-toto+json, in that case")
    yield "payload-type-missing", maker.changed(_drop(dsse, "payloadType")), invalid("bundle-invalid", "there is a payload type")


def _value(maker: Maker) -> Json:
    return maker.envelope(compact(statements.dataset()))


def _signatures(maker: Maker) -> Iterator[Case]:
    where = ("dsseEnvelope", "signatures")
    count = "bundle-signature-count"
    yield "signatures-none", maker.changed(_set(*where, value=[])), invalid(count, "exactly one signature")
    yield "signatures-null", maker.changed(_set(*where, value=None)), invalid(count, "exactly one signature")
    yield "signatures-missing", maker.changed(_drop(*where)), invalid(count, "exactly one signature")
    second = maker.envelope(compact(statements.dataset()), "works")["dsseEnvelope"]["signatures"][0]
    yield "signatures-two", maker.changed(lambda b: b["dsseEnvelope"]["signatures"].append(second)), \
        invalid(count, "exactly one signature, also where two are right")
    yield "signature-not-object", maker.changed(_set(*where, 0, value="sig")), \
        invalid("bundle-invalid", "a signature is an object")
    yield "signature-keyid-number", maker.changed(_set(*where, 0, "keyid", value=7)), \
        invalid("bundle-invalid", "a keyid is a string, or null")
    yield "unknown-key", maker.bundle(statements.dataset(), "stranger"), \
        unsupported("signature-unknown-signer", "a key that nobody trusts has no voice")
    own = {"rawBytes": b64(maker.keys["stranger"].public_pem), "keyDetails": "PKIX_ED25519"}
    yield "unknown-key-enclosed", maker.changed(_set("verificationMaterial", "publicKey", value=own), "stranger"), \
        unsupported("signature-unknown-signer", "a key that comes with the bundle is not thereby trusted")
    yield "unknown-key-claims-trusted-id", maker.changed(_hint(maker.keys["lab"].keyid), "stranger"), \
        invalid("signature-invalid", "whoever names a trusted key must have used it")
    changed = b64(compact(_about("changed after it was signed")))
    yield "payload-changed", maker.changed(_set("dsseEnvelope", "payload", value=changed)), \
        invalid("signature-invalid", "the signature is over the payload")
    ecdsa = maker.envelope(compact(statements.dataset()), "works")
    ecdsa["dsseEnvelope"]["payload"] = changed
    yield "payload-changed-ecdsa", compact(ecdsa), invalid("signature-invalid", "the signature is over the payload")
    yield "signature-cut", maker.changed(
        lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=b64(base64.b64decode(
            b["dsseEnvelope"]["signatures"][0]["sig"])[:-1]))), invalid("signature-invalid", "the whole signature counts")
    data = compact(statements.dataset())
    for name, signed in (("without-encoding", data), ("old-encoding", b"DSSEV1" + pae(PAYLOAD_TYPE, data)[6:])):
        value = _value(maker)
        value["dsseEnvelope"]["signatures"][0]["sig"] = b64(maker.keys["lab"].sign(signed))
        yield f"signature-{name}", compact(value), invalid("signature-invalid", "the signature is over DSSE's encoding, v1")


def _payloads(maker: Maker) -> Iterator[Case]:
    """Payloads that are not strict JSON, or that two readers would read differently; all rightly signed."""
    good = compact(statements.dataset())
    strict = "the payload is strict JSON"
    for name, payload, code, rule in (
        ("duplicate-type", good.replace(b'"_type":', b'"_type":"other","_type":'), "json-invalid", "no member stands twice"),
        ("duplicate-subject", good.replace(b'"subject":', b'"subject":[],"subject":'), "json-invalid", "no member stands twice"),
        ("duplicate-escaped", good.replace(b'"subject":', b'"subj\\u0065ct":[],"subject":'), "json-invalid",
         "no member stands twice, however it is spelled"),
        ("duplicate-in-predicate", good.replace(b'"license":', b'"license":"MIT","license":'), "json-invalid",
         "no member stands twice, at any depth"),
        ("case-variant-subject", good.replace(b'"subject":', b'"Subject":[],"subject":'), "member-case-variant",
         "readers that ignore case must see the same statement"),
        ("case-variant-type", good.replace(b'"predicateType":', b'"PredicateType":"x","predicateType":'),
         "member-case-variant", "readers that ignore case must see the same statement"),
        ("case-variant-long-s", good.replace(b'"subject":', '"\u017fubject":[],"subject":'.encode()), "member-case-variant",
         "U+017F is an s to readers that ignore case"),
        ("case-variant-descriptor", good.replace(b'"digest":', b'"Digest":{},"digest":'), "member-case-variant",
         "readers that ignore case must see the same subject"),
        ("not-a-number", good.replace(b'"records":2', b'"records":NaN'), "json-invalid", "NaN is not JSON"),
        ("infinity", good.replace(b'"records":2', b'"records":-Infinity'), "json-invalid", "infinities are not JSON"),
        ("number-overflow", good.replace(b'"records":2', b'"records":1e999'), "json-invalid",
         "a number that is infinite to some readers"),
        ("number-huge", good.replace(b'"records":2', b'"records":' + b"9" * 30), "json-invalid",
         "integers have at most 64 bits"),
        ("number-endless", good.replace(b'"records":2', b'"records":' + b"9" * 5000), "json-invalid",
         "integers have at most 64 bits"),
        ("lone-surrogate", good.replace(b"two sentences", b"two \\ud83d"), "json-invalid", "texts are Unicode"),
        ("not-utf8", good.replace(b"two sentences", b"two \xff"), "json-invalid", "UTF-8 and no other encoding"),
        ("utf16", good.decode().encode("utf-16"), "json-invalid", "UTF-8 and no other encoding"),
        ("byte-order-mark", b"\xef\xbb\xbf" + good, "json-invalid", "UTF-8 without a byte order mark"),
        ("trailing-value", good + good, "json-invalid", "one value and nothing after it"),
        ("trailing-comma", good[:-1] + b",}", "json-invalid", strict),
        ("comment", b"/* signed */" + good, "json-invalid", strict),
        ("deep", good.replace(b'"records":2', b'"records":' + b"[" * 1000 + b"]" * 1000), "document-too-deep",
         "nesting is bounded"),
        ("list", b"[" + good + b"]", "statement-invalid", "a statement is an object"),
        ("string", b'"statement"', "statement-invalid", "a statement is an object"),
        ("not-json", b"_type: Statement", "json-invalid", strict),
    ):
        yield f"payload-{name}", maker.bundle(payload), invalid(code, rule)


def _changed(make: Callable[[], Json], *path: str | int, value: Any = None, drop: bool = False) -> Json:  # noqa: FBT001
    statement = make()
    (_drop(*path) if drop else _set(*path, value=value))(statement)
    return statement


def _statements(maker: Maker) -> Iterator[Case]:
    hexes = h(b"anything").hex()
    broken, weak = "statement-invalid", "statement-weak-digest"
    v1 = "only in-toto Statement v1 is read"

    def subject(**digest: Any) -> list[Json]:
        return [{"name": "tales.jsonl", "digest": digest}]

    for name, path, value, code, rule in (
        ("type-v9", ["_type"], "https://in-toto.io/Statement/v9", broken, v1),
        ("type-v0.1", ["_type"], "https://in-toto.io/Statement/v0.1", broken, v1),
        ("type-link", ["_type"], "link", broken, v1),
        ("subject-none", ["subject"], [], broken, "a statement has a subject"),
        ("subject-null", ["subject"], None, broken, "a statement has a subject"),
        ("subject-object", ["subject"], {"name": "tales.jsonl"}, broken, "subjects are a list"),
        ("subject-not-object", ["subject"], ["tales.jsonl"], broken, "a subject is an object"),
        ("subject-name-number", ["subject", 0, "name"], 7, broken, "a name is a string"),
        ("subject-digest-null", ["subject", 0, "digest"], None, broken, "a digest set is an object"),
        ("subject-digest-empty", ["subject", 0, "digest"], {}, weak, "a subject is identified"),
        ("subject-digest-number", ["subject"], subject(sha256=7), broken, "digests are strings"),
        ("subject-digest-blank", ["subject"], subject(sha256=""), broken, "digests have their full length"),
        ("subject-digest-short", ["subject"], subject(sha256=hexes[:32]), broken, "digests have their full length"),
        ("subject-digest-upper-case", ["subject"], subject(sha256=hexes.upper()), broken, "digests are in lower case"),
        ("subject-digest-prefixed", ["subject"], subject(sha256=f"sha256:{hexes}"), broken, "digests are hexadecimal alone"),
        ("subject-sha1-and-md5", ["subject"], subject(sha1=hexes[:40], md5=hexes[:32]), weak, "SHA-1 and MD5 identify nothing"),
        ("subject-blake3", ["subject"], subject(blake3=hexes), weak, "BLAKE3 alone identifies nothing here"),
        ("subject-git-commit", ["subject"], subject(gitCommit=hexes[:40]), weak, "a git commit is weak"),
        ("subject-other-algorithm", ["subject"], subject(SHA256=hexes), weak, "algorithm names are exact"),
        ("subject-dirhash-disagrees", ["subject"], subject(dirHash=hexes, dirHash1=h(b"other").hex()), broken,
         "two names of one digest agree"),
        ("subject-one-of-two-weak", ["subject"], subject(sha256=hexes) + [{"name": "b", "digest": {"sha1": hexes[:40]}}],
         weak, "every subject is identified"),
        ("subject-ambiguous", ["subject"], subject(sha256=hexes) + subject(sha256=h(b"other").hex()), broken,
         "one name has one digest"),
        ("predicate-list", ["predicate"], [], broken, "a predicate is an object"),
        ("predicate-null", ["predicate"], None, broken, "a predicate is an object"),
        ("predicate-type-empty", ["predicateType"], "", broken, "there is a predicate type"),
    ):
        yield f"statement-{name}", maker.bundle(_changed(statements.dataset, *path, value=value)), invalid(code, rule)
    for member in ("_type", "subject", "predicateType", "predicate"):
        yield f"statement-without-{member.strip('_').lower()}", \
            maker.bundle(_changed(statements.dataset, member, drop=True)), invalid(broken, "all four members are there")
    yield "statement-subject-without-digest", maker.bundle(_changed(statements.dataset, "subject", 0, "digest", drop=True)), \
        invalid(weak, "a subject is identified")


def _predicates(maker: Maker) -> Iterator[Case]:
    unknown, mismatch = "predicate-unknown", "schema-mismatch"
    definition = ("predicate", "buildDefinition")
    for name, value, rule in (
        ("unknown", _changed(statements.dataset, "predicateType", value="https://example.org/unknown/v1"),
         "an unknown predicate proves nothing"),
        ("test-result", _changed(statements.model_signature, "predicateType",
                                 value="https://in-toto.io/attestation/test-result/v0.1"),
         "a test result is no model signature"),
        ("version", _changed(statements.dataset, "predicateType", value="urn:open-provenance:dataset:v0.2"),
         "a type is the whole URI, with its version"),
        ("case", _changed(statements.dataset, "predicateType", value=DATASET.upper()), "types are exact"),
        ("build-type", _changed(statements.step, *definition, "buildType", value="https://example.org/build/v1"),
         "provenance of another build type is no pipeline step"),
        ("oms-digests", _changed(statements.model_signature, "predicateType", value="https://model_signing/Digests/v0.1"),
         "the oldest model signatures are not read"),
    ):
        yield f"predicate-{name}", maker.bundle(value), unsupported(unknown, rule, "lab")
    for name, value, rule in (
        ("dataset-without-name", _changed(statements.dataset, "predicate", "name", drop=True), "a dataset has a name"),
        ("dataset-unknown-field", _changed(statements.dataset, "predicate", "licence", value="MIT"),
         "our own predicates have no other fields"),
        ("dataset-availability", _changed(statements.dataset, "predicate", "availability", "class", value="free"),
         "availability is of a closed list"),
        ("release-without-evidence", _changed(statements.release, "predicate", "evidence", drop=True),
         "a release says what it stands on, if only nothing"),
        ("release-component", _changed(statements.release, "predicate", "components", 0, "component", value="weights"),
         "components are of a closed list"),
        ("release-time", _changed(statements.release, "predicate", "createdOn", value="2026-11-23T11:30:00+01:00"),
         "times are in UTC"),
        ("release-time-newline", _changed(statements.release, "predicate", "createdOn", value="2026-11-23T11:30:00Z\n"),
         "a pattern ends where the text ends"),
        ("step-without-command", _changed(statements.step, *definition, "externalParameters", "command", drop=True),
         "a step has a command"),
        ("step-role", _changed(statements.step, *definition, "resolvedDependencies", 0, "annotations", "role", value="data"),
         "roles are of a closed list"),
        ("step-without-role", _changed(statements.step, *definition, "resolvedDependencies", 0, "annotations", drop=True),
         "every input has a role"),
        ("step-initial", _changed(statements.step, *definition, "externalParameters", "initialParameters",
                                  value={"kind": "random"}), "a random start has a seed"),
        ("reproduction-outcome", _changed(statements.reproduction, "predicate", "outcome", value="similar"),
         "outcomes are of a closed list"),
        ("summary-result", _changed(statements.summary, "predicate", "verificationResult", value="passed"),
         "a result is PASSED or FAILED"),
        ("summary-without-policy", _changed(statements.summary, "predicate", "policy", drop=True),
         "a summary names its policy"),
    ):
        yield f"predicate-{name}", maker.bundle(value), invalid(mismatch, rule, "lab")
    digest = _changed(statements.step, *definition, "resolvedDependencies", 0, "digest", value={"sha256": "abc"})
    yield "predicate-step-digest", maker.bundle(digest), \
        invalid("statement-invalid", "digests have their full length, also in a predicate", "lab")


def _model_signatures(maker: Maker) -> Iterator[Case]:
    """OMS v1.0: what its sections forbid, and what it allows and this version does not read."""
    make = statements.model_signature
    resources, serialization = ("predicate", "resources"), ("predicate", "serialization")
    rows = make()["predicate"]["resources"]

    def listing(new: list[Json]) -> Json:
        value = _changed(make, *resources, value=new)
        root = b"".join(bytes.fromhex(row["digest"]) for row in new)
        value["subject"][0]["digest"]["sha256"] = hashlib.sha256(root).hexdigest()
        return value

    def named(name: str) -> Json:
        return listing(sorted([*rows[1:], rows[0] | {"name": name}], key=lambda row: row["name"]))

    broken = "statement-invalid"
    for name, value, code, rule in (
        ("unsorted", listing(rows[::-1]), broken, "resources are sorted by name (5.2.1)"),
        ("listed-twice", listing([rows[0], rows[0] | {"digest": h(b"wrong").hex()}, *rows[1:]]), broken,
         "a file is listed once"),
        ("no-resources", listing([]), "schema-mismatch", "there is at least one resource (5.2.1)"),
        ("root", _changed(make, "subject", 0, "digest", "sha256", value=h(b"other").hex()), broken,
         "the subject is the root over the resources (6.5.1)"),
        ("two-subjects", _changed(make, "subject", value=[make()["subject"][0], {"name": "b", "digest": {"sha256": h().hex()}}]),
         broken, "there is one subject (6.5)"),
        ("digest-short", _changed(make, *resources, 0, "digest", value="ab"), broken, "digests have their full length"),
        ("algorithm-md5", _changed(make, *resources, 0, "algorithm", value="md5"), "schema-mismatch",
         "MD5 is in no registry (7)"),
        ("algorithm-mixed", _changed(make, *resources, 0, "algorithm", value="blake2b"), broken, "one algorithm for all (7)"),
        ("ignore-glob", _changed(make, *serialization, "ignore_paths", value=["*.py"]), broken, "no globs (6.2.1)"),
        ("ignore-absolute", _changed(make, *serialization, "ignore_paths", value=["/etc"]), broken, "no absolute paths (6.2.1)"),
        ("ignore-parent", _changed(make, *serialization, "ignore_paths", value=["a/../.."]), broken, "no way out (6.2.1)"),
        ("ignore-everything", _changed(make, *serialization, "ignore_paths", value=["."]), broken,
         "a signature does not ignore the model"),
        ("shard-size-zero", _changed(make, *serialization, value={"method": "shards", "hash_type": "sha256",
                                     "allow_symlinks": False, "shard_size": 0}), "schema-mismatch", "shards have a size (5.2.2)"),
        ("shard-size-without-shards", _changed(make, *serialization, "shard_size", value=1 << 20), broken,
         "a shard size belongs to shards (5.2.2)"),
        ("serialization-extra", _changed(make, *serialization, "recursive", value=True), "schema-mismatch",
         "serialization has no other fields"),
        ("without-allow-symlinks", _changed(make, *serialization, "allow_symlinks", drop=True), "schema-mismatch",
         "the policy on links is stated (5.2.2)"),
    ):
        yield f"oms-{name}", maker.bundle(value), invalid(code, rule, "lab")
    for name, path, code in (
        ("parent", "../outside.txt", broken), ("absolute", "/etc/hostname", broken), ("drive", "C:\\outside.txt", broken),
        ("unc", "\\\\host\\share\\x", broken), ("dot", "./README.md", broken), ("double-slash", "a//README.md", broken),
        ("reserved", "CON", broken), ("nul", "README\x00.md", broken), ("line-break", "README\n.md", broken),
        ("empty", "", "schema-mismatch"),
    ):
        yield f"oms-name-{name}", maker.bundle(named(path)), \
            invalid(code, "names are canonical, relative and mean one thing everywhere (6.1.2)", "lab")
    shards = {"method": "shards", "hash_type": "sha256", "allow_symlinks": False, "shard_size": 1_000_000_000}
    whole = [row | {"name": f"{row['name']}:0:{len(MODEL[row['name']])}"} for row in rows]
    value = listing(whole)
    value["predicate"]["serialization"] = shards
    yield "oms-shards", maker.bundle(value), unsupported("predicate-unknown", "shards are not read by this version", "lab")
    value = _changed(make, *serialization, "hash_type", value="blake2b")
    for row in value["predicate"]["resources"]:
        row["algorithm"] = "blake2b"
        row["digest"] = hashlib.blake2b(MODEL[row["name"]]).hexdigest()
    yield "oms-blake2b", maker.bundle(value), unsupported("predicate-unknown", "sha256 alone is read by this version", "lab")


def _trust(maker: Maker) -> Iterator[Case]:
    yield "trust-key-revoked", maker.bundle(statements.dataset(), "former"), \
        invalid("signer-revoked", "a revoked key has no voice", "former")
    yield "trust-bundle-revoked", revoked_bundle(maker), \
        invalid("signer-revoked", "a bundle is revoked by the digest of its file")
    again = copy.deepcopy(maker.envelope(revoked_statement()))
    yield "trust-statement-revoked", pretty(again), \
        invalid("signer-revoked", "a statement is revoked by its own digest, however the file around it is written")
    yield "trust-window-over", maker.bundle(statements.dataset(), "early"), \
        invalid("signer-outside-window", f"a window that has ended by {AS_OF}", "early")
    yield "trust-window-ahead", maker.bundle(statements.dataset(), "late"), \
        invalid("signer-outside-window", f"a window that has not begun by {AS_OF}", "late")
    scope = "signer-not-in-scope"
    yield "trust-scope-type", maker.bundle(statements.release(), "narrow"), \
        invalid(scope, "a principal speaks in the predicate types of its entry", "narrow")
    other = _changed(statements.dataset, "subject", 0, "name", value="tales.jsonl.gz")
    yield "trust-scope-subject", maker.bundle(other, "narrow"), \
        invalid(scope, "a scope without * is a whole name, or the folder of one", "narrow")
    two = statements.dataset()
    two["subject"].append({"name": "poems.jsonl", "digest": {"sha256": h(b"poems").hex()}})
    yield "trust-scope-one-of-two", maker.bundle(two, "narrow"), invalid(scope, "every subject is in scope", "narrow")
    yield "trust-summary-unknown-key", maker.bundle(statements.summary(), "stranger"), \
        unsupported("signature-unknown-signer", "a verdict by nobody known is nothing to anybody")


assert {MODEL_SIGNATURE, SUMMARY} <= {make()["predicateType"] for make in GOOD.values()}
