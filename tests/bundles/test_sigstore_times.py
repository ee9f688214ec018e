"""Certificates, clocks and trust roots: what may have been signed when, under which authority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.bundles.sigstore import BundleVerification
from provenance.errors import TrustError
from tests.sigstore_instance import Instance, Keyless
from tests.sigstore_instance.authority import listed
from tests.sigstore_instance.ct import CertificateLog
from tests.sigstore_instance.encoding import DER, b64, rfc3339, unb64
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances
from tests.sigstore_instance.fixtures import STATEMENT, Flaw, check, flaws, flip, root_of, signed, stamps_of

FLAWS: list[Flaw] = []
flaw = flaws(FLAWS)
Bundle = dict[str, Any]
JUNE = datetime(2025, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@flaw("certificate-outside-validity")
def the_log_time_is_after_the_certificate(instance: Instance) -> Bundle:
    return signed(instance, signed_at=JUNE, logged_at=JUNE + HOUR)


@flaw("certificate-outside-validity")
def the_log_time_is_before_the_certificate(instance: Instance) -> Bundle:
    return signed(instance, signed_at=JUNE, logged_at=JUNE - MINUTE)


@flaw("certificate-outside-validity")
def the_intoto_log_time_is_after_the_certificate(instance: Instance) -> Bundle:
    return signed(instance, kind="intoto 0.0.2", signed_at=JUNE, logged_at=JUNE + HOUR)


@flaw("certificate-outside-validity")
def one_of_two_timestamps_is_after_the_certificate(instance: Instance) -> Bundle:
    return signed(instance, rekor=2, signed_at=JUNE, stamped_at=(JUNE, JUNE + HOUR))


@flaw("certificate-outside-validity")
def a_timestamp_after_the_certificate_beside_a_good_promise(instance: Instance) -> Bundle:
    return signed(instance, signed_at=JUNE, stamped_at=(JUNE + HOUR,))


@flaw("signing-time-future")
def everything_is_of_2036(instance: Instance) -> Bundle:
    return signed(instance, signed_at=datetime(2036, 1, 1, tzinfo=UTC))


@flaw("signing-time-future")
def everything_is_of_2036_by_the_clock(instance: Instance) -> Bundle:
    return signed(instance, rekor=2, signed_at=datetime(2036, 1, 1, tzinfo=UTC))


@flaw("signing-time-unproven")
def no_time_at_all(instance: Instance) -> Bundle:
    return signed(instance, rekor=2, stamped_at=())


@flaw("signing-time-unproven")
def a_log_time_that_nobody_signed(instance: Instance) -> Bundle:
    bundle = signed(instance)
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    return bundle


# Timestamps


@flaw("timestamp-invalid")
def a_timestamp_of_another_signature(instance: Instance) -> Bundle:
    bundle = signed(instance, rekor=2)
    bundle["verificationMaterial"]["timestampVerificationData"] = (
        signed(instance, rekor=2)["verificationMaterial"]["timestampVerificationData"])
    return bundle


@flaw("timestamp-invalid")
def a_bit_of_a_timestamp(instance: Instance) -> Bundle:
    bundle = signed(instance, rekor=2)
    stamps_of(bundle)[0]["signedTimestamp"] = flip(stamps_of(bundle)[0]["signedTimestamp"])
    return bundle


@flaw("timestamp-invalid")
def a_broken_timestamp_beside_a_good_promise(instance: Instance) -> Bundle:
    """sigstore-python is content with the other time. What claims to be a trusted clock's and is not, is a flaw."""
    bundle = signed(instance, stamped_at=(None,))
    bundle["verificationMaterial"]["timestampVerificationData"] = (
        signed(instance, rekor=2)["verificationMaterial"]["timestampVerificationData"])
    return bundle


@flaw("timestamp-invalid")
def a_timestamp_that_is_none(instance: Instance) -> Bundle:
    bundle = signed(instance)
    stamps_of(bundle).append({"signedTimestamp": b64(b"yesterday")})
    return bundle


@flaw("trust-root-unknown", "UNSUPPORTED")
def the_only_timestamp_is_by_a_stranger(instance: Instance) -> Bundle:
    return with_stamp_of(Instance(instance.url), Keyless(instance, rekor=2))


def with_stamp_of(stranger: Instance, keyless: Keyless) -> Bundle:
    """The bundle with a timestamp of another instance's clock, which brings its own certificate."""
    bundle = keyless.sign(STATEMENT)
    signature = unb64(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    stamps_of(bundle)[:] = [{"signedTimestamp": b64(stranger.tsa.stamp(signature, embed=True))}]
    return bundle


# Certificates


@flaw("sct-invalid")
def no_certificate_log_saw_it(instance: Instance) -> Bundle:
    return signed(instance, certificate={"log": None})


@flaw("sct-invalid")
def the_certificate_logs_answer_is_by_another_key(instance: Instance) -> Bundle:
    return signed(instance, certificate={"log": CertificateLog(instance.url, named_as=instance.ct)})


@flaw("trust-root-unknown", "UNSUPPORTED")
def the_certificate_logs_answer_is_a_strangers(instance: Instance) -> Bundle:
    return signed(instance, certificate={"log": Instance(instance.url).ct})


@flaw("certificate-invalid")
def the_certificate_is_a_web_servers(instance: Instance) -> Bundle:
    return signed(instance, certificate={"usage": [ExtendedKeyUsageOID.SERVER_AUTH]})


@flaw("certificate-invalid")
def the_certificate_is_the_authoritys_own(instance: Instance) -> Bundle:
    keyless = Keyless(instance)
    keyless.key, keyless.leaf = instance.fulcio.authority.key, instance.fulcio.authority.certificate
    return keyless.sign(STATEMENT)


@flaw("certificate-invalid")
def the_certificate_names_two_issuers(instance: Instance) -> Bundle:
    """The old extension says the issuer that is asked for, the new one another."""
    return signed(instance, certificate={"issuer_v2": "https://evil.example"})


@flaw("certificate-invalid")
def the_certificate_names_no_issuer(instance: Instance) -> Bundle:
    return signed(instance, claims={"iss": ""})


@flaw("bundle-kind-unsupported", "UNSUPPORTED")
def the_certificate_has_two_names(instance: Instance) -> Bundle:
    names = [x509.RFC822Name("a@example.org"), x509.RFC822Name("b@example.org")]
    return signed(instance, certificate={"names": names})


@flaw("bundle-kind-unsupported", "UNSUPPORTED")
def the_certificate_names_a_machine(instance: Instance) -> Bundle:
    return signed(instance, certificate={"names": [x509.DNSName("example.org")]})


@flaw("certificate-invalid")
def the_certificate_is_no_certificate(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = b64(b"\x30\x03\x02\x01\x00")
    return bundle


@flaw("certificate-invalid")
def the_certificate_is_of_another_instance_of_the_same_name(instance: Instance) -> Bundle:
    return signed(Instance(instance.url))


@flaw("trust-root-unknown", "UNSUPPORTED")
def the_certificate_is_of_an_instance_that_the_root_does_not_know(instance: Instance) -> Bundle:
    return signed(Instance(instance.url, organization="another.test"))


@pytest.mark.parametrize("case", FLAWS, ids=str)
def test_a_flaw_is_refused_with_its_code(case: Flaw, instance: Instance) -> None:
    result = check(case.make(instance), root_of(instance))
    assert (result.status, result.code) == (case.status, case.code), result.reason
    assert result.payload is None


def test_what_was_signed_after_the_verdicts_time_does_not_count_yet(instance: Instance) -> None:
    bundle, root = signed(instance, signed_at=JUNE), root_of(instance)
    assert check(bundle, root, as_of=JUNE).verified
    assert check(bundle, root, as_of=JUNE - HOUR).code == "signing-time-future"


def test_a_strangers_timestamp_is_set_aside_where_the_log_knows_the_time(instance: Instance) -> None:
    result = check(with_stamp_of(Instance(instance.url), Keyless(instance)), root_of(instance))
    assert (result.status, result.confirmed) == ("VALID", True)
    assert [time.source for time in result.times] == ["log"]
    assert len(result.set_aside) == 1


# Windows of the trust root: closed intervals, each its own


def log_window(index: int, **window: datetime) -> Any:
    return lambda root: root["tlogs"][index]["publicKey"]["validFor"].update(times(window))


def ct_window(**window: datetime) -> Any:
    return lambda root: root["ctlogs"][0]["publicKey"]["validFor"].update(times(window))


def authority_window(kind: str, **window: datetime) -> Any:
    return lambda root: root[kind][0]["validFor"].update(times(window))


def times(window: dict[str, datetime]) -> dict[str, str]:
    return {name: rfc3339(moment) for name, moment in window.items()}


WINDOWS: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "log": ({}, log_window(0, start=JUNE, end=JUNE), log_window(0, end=JUNE - SECOND), "log-promise-invalid"),
    "log, not yet": ({}, log_window(0, start=JUNE), log_window(0, start=JUNE + SECOND), "log-promise-invalid"),
    "log without times": ({"rekor": 2}, log_window(1, end=JUNE), log_window(1, end=JUNE - SECOND), "log-proof-invalid"),
    "certificate log": ({}, ct_window(start=JUNE, end=JUNE), ct_window(end=JUNE - SECOND), "sct-invalid"),
    "authority": ({}, authority_window("certificateAuthorities", start=JUNE, end=JUNE),
                  authority_window("certificateAuthorities", end=JUNE - SECOND), "certificate-invalid"),
    "clock": ({"rekor": 2}, authority_window("timestampAuthorities", start=JUNE, end=JUNE),
              authority_window("timestampAuthorities", end=JUNE - SECOND), "timestamp-invalid"),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_is_closed_and_ends(name: str, instance: Instance) -> None:
    how, open_, closed, code = WINDOWS[name]
    bundle = signed(instance, signed_at=JUNE, **how)
    assert outcome(check(bundle, root_of(instance, open_))) == ("VALID", "")
    assert outcome(check(bundle, root_of(instance, closed))) == ("INVALID", code)


def outcome(result: BundleVerification) -> tuple[str, str]:
    return result.status, result.code


def test_a_clock_does_not_borrow_another_clocks_window(instance: Instance, other_instance: Instance) -> None:
    def change(root: dict[str, Any]) -> None:
        authority_window("timestampAuthorities", end=JUNE - SECOND)(root)
        clock = other_instance.tsa
        root["timestampAuthorities"].append(listed([clock.certificate, *clock.root.chain], ""))

    bundle = signed(instance, rekor=2, signed_at=JUNE)
    assert check(bundle, root_of(instance, change)).code == "timestamp-invalid"


def test_two_authorities_of_one_name_are_told_apart(instance: Instance, other_instance: Instance) -> None:
    """The issuer's key is part of what the certificate log signs: the wrong namesake would fail there."""
    def change(root: dict[str, Any]) -> None:
        root["certificateAuthorities"].insert(0, listed(other_instance.fulcio.authority.chain, ""))

    assert check(signed(instance), root_of(instance, change)).confirmed


@pytest.mark.parametrize("place", ["tlogs", "ctlogs", "certificateAuthorities"])
def test_a_root_without_the_beginning_of_a_window_is_refused(place: str, instance: Instance) -> None:
    def change(root: dict[str, Any]) -> None:
        (item, *_) = root[place]
        del item.get("publicKey", item)["validFor"]["start"]

    with pytest.raises(TrustError) as refused:
        root_of(instance, change)
    assert refused.value.code == "trust-root-invalid"


def test_a_log_of_a_kind_that_is_not_known_leaves_the_others_alone(instance: Instance) -> None:
    def change(root: dict[str, Any]) -> None:
        root["tlogs"][1]["publicKey"]["rawBytes"] = b64(b"ML-DSA")

    root = root_of(instance, change)
    assert check(signed(instance), root).verified
    assert outcome(check(signed(instance, rekor=2), root)) == ("UNSUPPORTED", "trust-root-unknown")


def test_the_rest_of_a_chain_proves_nothing(instance: Instance, other_instance: Instance) -> None:
    bundle = signed(other_instance, version="0.2")
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    chain += [{"rawBytes": b64(item.public_bytes(DER))} for item in other_instance.fulcio.authority.chain]
    assert check(bundle, root_of(other_instance)).verified
    assert outcome(check(bundle, root_of(instance))) == ("INVALID", "certificate-invalid")
