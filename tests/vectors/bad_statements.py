"""Rightly signed bundles whose statement is not one, is read differently by different readers, or proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import statements
from bad_envelopes import DEEP
from making import Case, Maker, changed, drop, invalid, put, unsupported
from reference import compact, h
from statements import DATASET


def cases(maker: Maker) -> Iterator[Case]:
    """All of them."""
    for name, payload, code, rule in (*_spellings(), *_numbers(), *_encodings()):
        yield f"payload-{name}", maker.bundle(payload), invalid(code, rule)
    yield from _statements(maker)
    yield from _subjects(maker)
    yield from _unknown(maker)
    yield from _mismatches(maker)


Payload = tuple[str, bytes, str, str]


def _with(old: bytes, new: bytes) -> bytes:
    good = compact(statements.dataset())
    assert good.count(old) >= 1, old
    return good.replace(old, new)


def _spellings() -> Iterator[Payload]:
    again, code = "no member stands twice", "json-invalid"
    yield "duplicate-type", _with(b'"_type":', b'"_type":"other","_type":'), code, again
    yield "duplicate-subject", _with(b'"subject":', b'"subject":[],"subject":'), code, again
    escaped = _with(b'"subject":', b'"subj\\u0065ct":[],"subject":')
    yield "duplicate-escaped", escaped, code, f"{again}, however it is spelled"
    inner = _with(b'"license":', b'"license":"MIT","license":')
    yield "duplicate-in-predicate", inner, code, f"{again}, at any depth"
    for name, old, new in (
        ("subject", b'"subject":', b'"Subject":[],'), ("type", b'"predicateType":', b'"PredicateType":"x",'),
        ("long-s", b'"subject":', '"\u017fubject":[],'.encode()), ("descriptor", b'"digest":', b'"Digest":{},'),
    ):
        rule = "readers that ignore case (and take U+017F for an s) see the same statement"
        yield f"case-variant-{name}", _with(old, new + old), "member-case-variant", rule


def _numbers() -> Iterator[Payload]:
    place = b'"records":'
    for name, text, rule in (
        ("not-a-number", b"NaN", "NaN is not JSON"), ("infinity", b"-Infinity", "infinities are not JSON"),
        ("number-overflow", b"1e999", "a number that is infinite to some readers"),
        ("number-huge", b"9" * 30, "integers have at most 64 bits"),
        ("number-endless", b"9" * 5000, "integers have at most 64 bits"),
    ):
        yield name, _with(place + b"2", place + text), "json-invalid", rule
    yield "deep", _with(place + b"2", place + DEEP), "document-too-deep", "nesting is bounded"


def _encodings() -> Iterator[Payload]:
    good = compact(statements.dataset())
    strict, utf8 = "the payload is strict JSON", "UTF-8 and no other encoding"
    yield "lone-surrogate", _with(b"two sentences", b"two \\ud83d"), "json-invalid", "texts are Unicode"
    yield "not-utf8", _with(b"two sentences", b"two \xff"), "json-invalid", utf8
    yield "utf16", good.decode().encode("utf-16"), "json-invalid", utf8
    yield "byte-order-mark", b"\xef\xbb\xbf" + good, "json-invalid", "UTF-8 without a byte order mark"
    yield "trailing-value", good + good, "json-invalid", "one value and nothing after it"
    yield "trailing-comma", good[:-1] + b",}", "json-invalid", strict
    yield "comment", b"/* signed */" + good, "json-invalid", strict
    yield "not-json", b"_type: Statement", "json-invalid", strict
    yield "list", b"[" + good + b"]", "statement-invalid", "a statement is an object"
    yield "string", b'"statement"', "statement-invalid", "a statement is an object"


def _statements(maker: Maker) -> Iterator[Case]:
    v1 = "only in-toto Statement v1 and v0.1 are read"
    for name, member, value, rule in (
        ("type-v9", "_type", "https://in-toto.io/Statement/v9", v1),
        ("type-link", "_type", "link", v1),
        ("subject-none", "subject", [], "a statement has a subject"),
        ("subject-null", "subject", None, "a statement has a subject"),
        ("subject-object", "subject", {"name": "tales.jsonl"}, "subjects are a list"),
        ("subject-not-object", "subject", ["tales.jsonl"], "a subject is an object"),
        ("predicate-list", "predicate", [], "a predicate is an object"),
        ("predicate-null", "predicate", None, "a predicate is an object"),
        ("predicate-type-empty", "predicateType", "", "there is a predicate type"),
    ):
        value = changed(statements.dataset(), put(member, to=value))
        yield f"statement-{name}", maker.bundle(value), invalid("statement-invalid", rule)
    for member in ("_type", "subject", "predicateType", "predicate"):
        name = f"statement-without-{member.strip('_').lower()}"
        value = changed(statements.dataset(), drop(member))
        yield name, maker.bundle(value), invalid("statement-invalid", "all four members are there")


def _subjects(maker: Maker) -> Iterator[Case]:
    full, other = h(b"anything").hex(), h(b"other").hex()
    broken, weak = "statement-invalid", "statement-weak-digest"

    def named(name: str, **digest: Any) -> dict[str, Any]:
        return {"name": name, "digest": digest}

    def tales(**digest: Any) -> dict[str, Any]:
        return named("tales.jsonl", **digest)

    for name, subjects, code, rule in (
        ("name-number", [{"name": 7, "digest": {"sha256": full}}], broken, "a name is a string"),
        ("without-digest", [{"name": "tales.jsonl"}], weak, "a subject is identified"),
        ("digest-null", [{"name": "tales.jsonl", "digest": None}], broken, "a digest set is an object"),
        ("digest-empty", [tales()], weak, "a subject is identified"),
        ("digest-number", [tales(sha256=7)], broken, "digests are strings"),
        ("digest-blank", [tales(sha256="")], broken, "digests have their full length"),
        ("digest-short", [tales(sha256=full[:32])], broken, "digests have their full length"),
        ("digest-upper-case", [tales(sha256=full.upper())], broken, "digests are in lower case"),
        ("digest-prefixed", [tales(sha256=f"sha256:{full}")], broken, "digests are hexadecimal and nothing else"),
        ("sha1-and-md5", [tales(sha1=full[:40], md5=full[:32])], weak, "SHA-1 and MD5 identify nothing"),
        ("blake3", [tales(blake3=full)], weak, "BLAKE3 alone identifies nothing here"),
        ("git-commit", [tales(gitCommit=full[:40])], weak, "a git commit is weak"),
        ("other-algorithm", [tales(SHA256=full)], weak, "names of algorithms are exact"),
        ("dirhash-disagrees", [tales(dirHash=full, dirHash1=other)], broken, "two names of one digest agree"),
        ("one-of-two-weak", [tales(sha256=full), named("b", sha1=full[:40])], weak, "every subject is identified"),
        ("ambiguous", [tales(sha256=full), tales(sha256=other)], broken, "one name has one digest"),
    ):
        value = changed(statements.dataset(), put("subject", to=subjects))
        yield f"subject-{name}", maker.bundle(value), invalid(code, rule)


def _unknown(maker: Maker) -> Iterator[Case]:
    kind = "predicateType"
    build = put("predicate", "buildDefinition", "buildType", to="urn:open-provenance:step:distil:v0.1")
    found = "https://in-toto.io/attestation/vulns/v0.1"
    for name, value, rule in (
        ("unknown", changed(statements.dataset(), put(kind, to="https://example.org/unknown/v1")),
         "an unknown predicate proves nothing"),
        ("vulnerabilities", changed(statements.model_signature(), put(kind, to=found)),
         "what was found in a model is no model signature"),
        ("version", changed(statements.dataset(), put(kind, to="urn:open-provenance:dataset:v0.2")),
         "a type is the whole URI, with its version"),
        ("case", changed(statements.dataset(), put(kind, to=DATASET.upper())), "types are exact"),
        ("build-type", changed(statements.step(), build), "a kind of step of ours that is not known proves nothing"),
    ):
        yield f"predicate-{name}", maker.bundle(value), unsupported("predicate-unknown", rule, "lab")


def _by_people() -> Iterator[tuple[str, Callable[[], Any], Callable[[Any], object], str]]:
    """Assessments and waivers that name too little, or more than is theirs to say."""
    of, seen, given = "predicate", ("predicate", "evidence", 0), ("predicate", "policy", "digest")
    role, utc = "a role comes from the trust file, never from the statement", "times are in UTC"
    assessment, waiver = statements.assessment, statements.waiver
    yield "assessment-role", assessment, put(of, "role", to="assessor"), role
    yield "assessment-of-nothing", assessment, drop(of, "requirement"), "a requirement or a question was looked into"
    yield "assessment-requirement", assessment, put(of, "requirement", to="D-2, D-3"), "one requirement a statement"
    yield "assessment-scale", assessment, put(of, "scale", to="one-to-five"), "scales are of a closed list"
    yield "assessment-finding", assessment, put(of, "finding", to="yes"), "a finding is one of its scale"
    yield "assessment-without-rationale", assessment, drop(of, "rationale"), "a finding has its reason"
    yield "assessment-without-method", assessment, put(of, "method", to=""), "a finding says how it was come to"
    yield "assessment-without-evidence", assessment, put(of, "evidence", to=[]), "something was looked at"
    yield "assessment-evidence-weak", assessment, put(*seen, "digest", to={"md5": "0" * 32}), \
        "what was looked at is named by sha256"
    yield "assessment-without-end", assessment, drop(of, "validUntil"), "an assessment ends"
    yield "assessment-time", assessment, put(of, "assessedOn", to="2026-11-23"), utc
    yield "waiver-role", waiver, put(of, "role", to="approver"), role
    yield "waiver-without-end", waiver, drop(of, "expires"), "a waiver ends"
    yield "waiver-time", waiver, put(of, "expires", to="never"), utc
    yield "waiver-without-reason", waiver, put(of, "reason", to=""), "a waiver has a reason"
    yield "waiver-without-digest", waiver, drop(*given), "a waiver binds the state of a policy, not its name"
    yield "waiver-digest-weak", waiver, put(*given, to={"sha1": "0" * 40}), "a policy is bound by sha256"
    yield "waiver-of-everything", waiver, put(of, "requirement", to="*"), "one requirement a waiver"
    yield "waiver-of-nothing", waiver, drop(of, "requirement"), "a waiver names its requirement"


def _mismatches(maker: Maker) -> Iterator[Case]:
    external = ("predicate", "buildDefinition", "externalParameters")
    first = ("predicate", "buildDefinition", "resolvedDependencies", 0)
    created, closed = ("predicate", "createdOn"), "of a closed list"
    for name, make, change, rule in (
        ("dataset-without-name", statements.dataset, drop("predicate", "name"), "a dataset has a name"),
        ("dataset-unknown-field", statements.dataset, put("predicate", "licence", to="MIT"),
         "there are no other fields"),
        ("dataset-availability", statements.dataset, put("predicate", "availability", "class", to="free"),
         f"availability is {closed}"),
        ("release-without-evidence", statements.release, drop("predicate", "evidence"),
         "a release says what it stands on, if only nothing"),
        ("release-component", statements.release, put("predicate", "components", 0, "component", to="weights"),
         f"components are {closed}"),
        ("release-time", statements.release, put(*created, to="2026-11-23T11:30:00+01:00"), "times are in UTC"),
        ("release-time-newline", statements.release, put(*created, to="2026-11-23T11:30:00Z\n"),
         "a pattern ends where the text ends"),
        ("step-without-command", statements.step, drop(*external, "command"), "a step has a command"),
        ("step-initial", statements.step, put(*external, "initialParameters", to={"kind": "random"}),
         "a random start has a seed"),
        ("step-role", statements.step, put(*first, "annotations", "role", to="data"), f"roles are {closed}"),
        ("step-without-role", statements.step, drop(*first, "annotations"), "every input has a role"),
        ("reproduction-outcome", statements.reproduction, put("predicate", "outcome", to="similar"),
         f"outcomes are {closed}"),
        *_by_people(),
    ):
        yield f"predicate-{name}", maker.bundle(changed(make(), change)), invalid("schema-mismatch", rule, "lab")
    value = changed(statements.step(), put(*first, "digest", to={"sha256": "abc"}))
    yield "predicate-step-digest", maker.bundle(value), \
        invalid("statement-invalid", "digests have their full length, also in a predicate", "lab")
