"""The trust file: whom a verifier believes; every slip in it is an error, and none of them lets anybody speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.trust import ROLES, Trust, parse_time, parse_trust, read_trust, timestamp
from provenance.errors import ProvenanceError, TrustError
from provenance.statements.statement import ResourceDescriptor

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
A = "a" * 64
TYPE = "https://example.org/x/v1"
Make = Callable[..., Any]


def refused(action: Callable[[], object], code: str = "trust-invalid") -> str:
    with pytest.raises(ProvenanceError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.message


def test_a_trust_file_is_read_with_its_digest(tmp_path: Path, holder: Make, entry: Make) -> None:
    import hashlib
    import json

    data = json.dumps({"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 3,
                       "expires": "2027-01-01T00:00:00Z", "principals": [entry(holder())]}).encode()
    (tmp_path / "trust.yaml").write_bytes(data)
    trust = read_trust(tmp_path / "trust.yaml", NOW)
    assert (trust.version, trust.digest) == (3, hashlib.sha256(data).hexdigest())
    assert trust.expires == datetime(2027, 1, 1, tzinfo=UTC)
    (principal,) = trust.principals
    assert (principal.name, principal.party, principal.roles) == ("lab", "lab Ltd", ("producer",))


def test_an_expired_file_is_not_used_from_the_moment_on(tmp_path: Path) -> None:
    path = tmp_path / "trust.yaml"
    path.write_text("{apiVersion: open-provenance/v0.1, kind: Trust, version: 1, expires: 2027-01-01T00:00:00Z,"
                    " principals: []}")
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    assert read_trust(path, moment - timedelta(seconds=1)).principals == ()
    for late in (moment, moment + timedelta(days=9)):
        assert "expired at 2027-01-01T00:00:00Z" in refused(lambda late=late: read_trust(path, late), "trust-expired")


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    refused(lambda: read_trust(tmp_path / "none", NOW), "input-unreadable")


def test_a_private_key_in_the_place_of_a_trust_file_is_told_and_not_repeated() -> None:
    from provenance.bundles.keys import generate

    private = generate("ed25519", None)[0]
    message = refused(lambda: parse_trust(private, "trust.yaml"), "key-is-private")
    assert private.decode().splitlines()[1] not in message


def test_a_private_key_in_an_entry_is_told(trusting: Make, holder: Make, entry: Make) -> None:
    from provenance.bundles.keys import generate

    private = generate("ed25519", b"secret")[0].decode()
    refused(lambda: trusting(entry(holder(), keys=[private])), "key-is-private")


@pytest.mark.parametrize("changes", [
    {"subjects": {}}, {"subjects": {"names": [""]}}, {"subjects": {"globs": ["*"]}}, {"predicateTypes": []},
    {"predicateTypes": [""]}, {"roles": []}, {"roles": ["owner"]}, {"roles": ["producer", "producer"]}, {"keys": []},
    {"keys": ["key"]}, {"name": ""}, {"party": ""}, {"role": "producer"}, {"validUntil": "tomorrow"},
    {"validUntil": "2026-11-23"}, {"validFrom": "2026-11-23T12:00:00+01:00"}, {"validFrom": "2026-11-23T12:00:00Z\n"},
    {"validFrom": "2026-13-23T12:00:00Z"}, {"validFrom": "\u0662026-11-23T12:00:00Z"},
    {"subjects": {"digests": ["sha256:abc"]}}, {"subjects": {"digests": [A]}}, {"subjects": {"digests": ["md5:" + A]}},
    {"subjects": {"digests": ["sha256:" + A.upper()]}},
])
def test_an_entry_with_a_slip_is_an_error(trusting: Make, holder: Make, entry: Make, changes: dict[str, Any]) -> None:
    refused(lambda: trusting(entry(holder(), **changes)))


@pytest.mark.parametrize("missing", ["name", "party", "roles", "predicateTypes", "subjects"])
def test_an_entry_is_complete(trusting: Make, holder: Make, entry: Make, missing: str) -> None:
    row = entry(holder())
    del row[missing]
    assert f"lacks {missing}" in refused(lambda: trusting(row))


@pytest.mark.parametrize("changes", [
    {"version": 0}, {"version": "1"}, {"version": True}, {"expires": "never"}, {"kind": "Policy"}, {"apiVersion": "v1"},
    {"principals": {}}, {"principal": []}, {"revoked": []}, {"revoked": {"key": []}},
    {"revoked": {"keys": ["lab"]}}, {"revoked": {"keys": ["sha256:" + A]}}, {"revoked": {"bundles": [A.upper()]}},
    {"revoked": {"bundles": [A + "\n"]}}, {"revoked": {"bundles": [A[:-1]]}}, {"revoked": {"artifacts": [A]}},
    {"revoked": {"artifacts": ["sha256:" + A[:-1]]}}, {"revoked": {"artifacts": ["dirHash1:" + A]}},
])
def test_a_file_with_a_slip_is_an_error(trusting: Make, changes: dict[str, Any]) -> None:
    """A revocation that is misspelled would revoke nothing, and nobody would notice."""
    refused(lambda: trusting(**changes))


def test_an_entry_without_a_key_or_identity_is_nobody(trusting: Make, holder: Make, entry: Make) -> None:
    row = entry(holder())
    del row["keys"]
    assert refused(lambda: trusting(row)) == \
        "principals/0 must have at least one of keys, identities, certificateAuthority"


def test_an_unknown_field_is_told_with_the_nearest_name(trusting: Make, holder: Make, entry: Make) -> None:
    assert "no field predicates; did you mean predicateTypes?" in refused(
        lambda: trusting(entry(holder(), predicates=["*"])))


def test_a_key_belongs_to_one_principal(trusting: Make, holder: Make, entry: Make) -> None:
    """Under two names it would be two voices, and independent of itself."""
    lab = holder()
    message = refused(lambda: trusting(entry(lab), entry(lab, name="other", party="Other")))
    assert message == "lab and other share a key"
    spaced = lab.public.decode().replace("\n", "\r\n")
    assert "share a key" in refused(lambda: trusting(entry(lab), entry(lab, name="other", keys=[spaced])))


def test_a_principal_may_have_one_key_twice_and_two_keys(trusting: Make, holder: Make, entry: Make) -> None:
    lab, more = holder(), holder("more")
    keys = [lab.public.decode(), lab.public.decode(), more.public.decode()]
    (principal,) = trusting(entry(lab, keys=keys)).principals
    assert {key.keyid for key in principal.keys} == {lab.keyid, more.keyid}


def test_two_principals_have_two_names(trusting: Make, holder: Make, entry: Make) -> None:
    assert "two principals have one name" in refused(lambda: trusting(entry(holder()), entry(holder("x"), name="lab")))


@pytest.mark.parametrize("other", ["acme", "ACME ", " Acme", "ACME\u00a0"])
def test_a_party_is_spelled_in_one_way(trusting: Make, holder: Make, entry: Make, other: str) -> None:
    """Or it would be independent of itself."""
    rows = entry(holder(), party="ACME"), entry(holder("x"), party=other)
    assert "one party is spelled" in refused(lambda: trusting(*rows))


def test_what_is_revoked_is_listed(trusting: Make) -> None:
    trust: Trust = trusting(revoked={"keys": [A], "bundles": ["b" * 64], "artifacts": [f"dirHash:{A}", f"sha256:{A}"]})
    assert (trust.revoked_keys, trust.revoked_bundles) == ({A}, {"b" * 64})
    assert trust.recalled == {f"dirHash:{A}", f"sha256:{A}"}


def d(name: str, **digest: str) -> ResourceDescriptor:
    return ResourceDescriptor(name, digest or {"sha256": A})


@pytest.mark.parametrize(("scope", "name", "covered"), [
    ("*", "anything", True), ("*", "", True), ("tiny", "tiny", True), ("tiny", "tiny/config.json", True),
    ("tiny", "tiny#tensors", True), ("tiny", "tiny/x#tensors", True), ("tiny", "tinyx", False), ("tiny", "Tiny", False),
    ("tiny", "x/tiny", False), ("tiny*", "tiny", True), ("tiny*", "tiny-v2", True), ("tiny*", "tin", False),
    ("a/*", "a/b", True), ("a/*", "a", False), ("a*c", "abc", False), ("a*c", "a*c", True), ("tiny", "", False),
    ("tiny/", "tiny/x", False),
])
def test_a_scope_is_a_whole_name_or_a_prefix_that_ends_in_a_star(
    trusting: Make, holder: Make, entry: Make, scope: str, name: str, covered: bool
) -> None:
    (principal,) = trusting(entry(holder(), subjects={"names": [scope]})).principals
    assert principal.may_speak_of(TYPE, [d(name)]) is covered


def test_an_empty_scope_is_a_slip_and_never_a_wildcard(trusting: Make, holder: Make, entry: Make) -> None:
    """The schema refuses it, and so does the comparison itself (go-witness GHSA-g9jx)."""
    (principal,) = trusting(entry(holder())).principals
    assert not replace(principal, subject_names=("",)).may_speak_of(TYPE, [d(""), d("a")])


def test_a_scope_by_digest_needs_a_strong_one(trusting: Make, holder: Make, entry: Make) -> None:
    scope = {"digests": [f"sha256:{A}", f"dirHash:{A}"]}
    (principal,) = trusting(entry(holder(), subjects=scope)).principals
    assert principal.may_speak_of(TYPE, [d("x", sha256=A), d("y", dirHash1=A, sha256="b" * 64)])
    assert not principal.may_speak_of(TYPE, [d("x", sha256="b" * 64)])
    assert not principal.may_speak_of(TYPE, [d("x", tensorTree=A)])
    assert not principal.may_speak_of(TYPE, [d("x", dirHash="b" * 64, sha256=A)])  # the OMS root of another folder


def test_every_subject_is_to_be_in_scope(trusting: Make, holder: Make, entry: Make) -> None:
    (principal,) = trusting(entry(holder(), subjects={"names": ["a"], "digests": [f"sha256:{A}"]})).principals
    assert principal.may_speak_of(TYPE, [d("a", sha256="b" * 64), d("b", sha256=A)])
    assert not principal.may_speak_of(TYPE, [d("a"), d("b", sha256="b" * 64)])


@pytest.mark.parametrize(("types", "spoken"), [
    (["*"], True), ([TYPE], True), ([TYPE + "1"], False), (["https://example.org/*"], False), ([TYPE.upper()], False),
])
def test_predicate_types_are_exact(trusting: Make, holder: Make, entry: Make, types: list[str], spoken: bool) -> None:
    (principal,) = trusting(entry(holder(), predicateTypes=types)).principals
    assert principal.may_speak_of(TYPE, [d("a")]) is spoken


def test_a_window_includes_its_ends(trusting: Make, holder: Make, entry: Make) -> None:
    row = entry(holder(), validFrom="2026-01-01T00:00:00Z", validUntil="2026-12-31T00:00:00Z")
    (principal,) = trusting(row).principals
    first, last, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC), timedelta(seconds=1)
    assert principal.may_speak_as_of(first)
    assert principal.may_speak_as_of(last)
    assert not principal.may_speak_as_of(first - second)
    assert not principal.may_speak_as_of(last + second)


def test_the_hinted_key_is_tried_first_and_the_others_too(trusting: Make, holder: Make, entry: Make) -> None:
    one, two = holder("one"), holder("two")
    trust = trusting(entry(one), entry(two))
    assert [key.keyid for _, key in trust.candidates(two.keyid)] == [two.keyid, one.keyid]
    assert [key.keyid for _, key in trust.candidates("nobody")] == [one.keyid, two.keyid]


@pytest.mark.parametrize(("text", "written"), [
    ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"), ("2026-11-23T13:00:00+01:00", "2026-11-23T12:00:00Z"),
    ("2026-11-23T12:00:00.999Z", "2026-11-23T12:00:00Z"), ("2026-11-23T12:00:00", "2026-11-23T12:00:00Z"),
])
def test_times_are_in_utc(text: str, written: str) -> None:
    assert timestamp(parse_time(text, "input")) == written


def test_what_is_no_time_is_an_error() -> None:
    with pytest.raises(TrustError, match="is not a time"):
        parse_time("noon", "input")


def test_the_roles_are_those_of_the_schema() -> None:
    import json

    from provenance import resources

    schema = json.loads(resources.read_text("schemas", "trust.schema.json"))
    roles = schema["properties"]["principals"]["items"]["properties"]["roles"]["items"]["enum"]
    assert roles == list(ROLES)


# Identities and certificate authorities

ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/train/.github/workflows/train.yml@refs/heads/main"


def known(name: str, **by: Any) -> dict[str, Any]:
    return {"name": name, "party": name, "roles": ["producer"], "predicateTypes": [TYPE], "subjects": {"names": ["a"]},
            **by}


def by_identity(name: str, identity: str = WORKFLOW, issuer: str = ISSUER) -> dict[str, Any]:
    return known(name, identities=[{"identity": identity, "issuer": issuer}])


def by_pattern(name: str, pattern: str, issuer: str = ISSUER) -> dict[str, Any]:
    return known(name, identities=[{"identityPattern": pattern, "issuer": issuer}])


@pytest.mark.parametrize("other", [
    by_identity("b"), by_pattern("b", r"^https://github\.com/acme/.*$"), by_pattern("b", "^.*$"),
])
def test_an_identity_belongs_to_one_principal(trusting: Make, other: dict[str, Any]) -> None:
    """Whoever is listed first would speak for the other, and one person would count as two."""
    for rows in ((by_identity("a"), other), (other, by_identity("a"))):
        assert "share an identity" in refused(lambda rows=rows: trusting(*rows))


def test_one_pattern_belongs_to_one_principal(trusting: Make) -> None:
    rows = by_pattern("a", r"^x\.y$"), by_pattern("b", r"^x\.y$")
    assert "a and b share an identity" in refused(lambda: trusting(*rows))


def test_identities_of_two_issuers_are_two(trusting: Make) -> None:
    assert len(trusting(by_identity("a"), by_identity("b", issuer="https://accounts.example")).principals) == 2


@pytest.mark.parametrize("row", [
    {"identity": "", "issuer": ISSUER}, {"identity": "x", "issuer": ""}, {"identity": "x"}, {"issuer": ISSUER},
    {"identityPattern": "https://github.com/acme/.*", "issuer": ISSUER}, {"identityPattern": "^(", "issuer": ISSUER},
    {"identityPattern": "^x", "issuer": ISSUER}, {"identity": "x", "identityPattern": "^x$", "issuer": ISSUER},
    {"identityPattern": "^($", "issuer": ISSUER},
])
def test_an_identity_with_a_slip_is_an_error(trusting: Make, row: dict[str, str]) -> None:
    refused(lambda: trusting(known("a", identities=[row])))


def certificate(*, authority: bool | None = True, name: str = "Example CA") -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding

    key = ed25519.Ed25519PrivateKey.generate()
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=400))
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode()


CA = certificate()


def test_an_authority_is_believed_for_one_exact_name(trusting: Make) -> None:
    rows = [known("a", certificateAuthority={"pem": CA, "subject": "CN=lab,O=ACME"}),
            known("b", certificateAuthority={"pem": CA, "subjectAltName": "lab@acme.example"})]
    by_subject, by_alternative = (one.authority for one in trusting(*rows).principals)
    assert by_subject.names("CN=lab,O=ACME", [])
    assert not by_subject.names("CN=lab,O=ACME2", ["CN=lab,O=ACME"])
    assert not by_subject.names("cn=lab,o=acme", [])
    assert by_alternative.names("", ["x", "lab@acme.example"])
    assert not by_alternative.names("lab@acme.example", ["LAB@acme.example"])
    assert by_subject.expires == NOW + timedelta(days=400)
    assert str(by_subject) == "CN=lab,O=ACME (certified by CN=Example CA)"


@pytest.mark.parametrize("by", [
    {"pem": CA}, {"pem": CA, "subject": ""}, {"pem": CA, "subjectAltName": ""},
    {"pem": CA, "subject": "CN=a", "subjectAltName": "a"}, {"subject": "CN=a"}, {"pem": "CA", "subject": "CN=a"},
    {"pem": CA + certificate(), "subject": "CN=a"}, {"pem": CA[:200], "subject": "CN=a"},
    {"pem": certificate(authority=False), "subject": "CN=a"}, {"pem": certificate(authority=None), "subject": "CN=a"},
])
def test_an_authority_with_a_slip_is_an_error(trusting: Make, by: dict[str, str]) -> None:
    """Without a name it would be everyone whom the authority serves; a leaf certifies nobody."""
    refused(lambda: trusting(known("a", certificateAuthority=by)))


def test_what_an_authority_certifies_belongs_to_one_principal(trusting: Make) -> None:
    spaced = CA.replace("\n", "\r\n")
    rows = [known(name, certificateAuthority={"pem": pem, "subject": "CN=a"})
            for name, pem in (("a", CA), ("b", spaced))]
    assert "a and b share an identity" in refused(lambda: trusting(*rows))


def test_a_trust_root_can_be_pinned(tmp_path: Path) -> None:
    import hashlib
    import json

    from provenance.bundles.sigstore.roots import embedded_file

    pytest.importorskip("sigstore", exc_type=ImportError)
    root = embedded_file("production", "trusted_root.json")
    (tmp_path / "root.json").write_bytes(root)

    def trust(digest: str) -> Trust:
        document = {"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1,
                    "expires": "2027-01-01T00:00:00Z", "principals": [by_identity("a")],
                    "trustedRoot": {"file": "root.json", "sha256": digest}}
        return parse_trust(json.dumps(document).encode(), str(tmp_path / "trust.yaml"))

    read = trust(hashlib.sha256(root).hexdigest()).trust_root
    assert read is not None
    assert read.facts.name == "root.json"
    assert "is not the one that the trust file pins" in refused(lambda: trust(A), "trust-root-invalid")
