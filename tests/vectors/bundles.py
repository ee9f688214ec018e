"""The signed vectors: bundles that are believed, and bundles with one flaw each, with the answer beside every one."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import bad_envelopes
import bad_model_signatures
import bad_statements
import good_model_signatures
import statements
import thresholds
import trusting
from keys import Key
from making import Case, Json, Maker, about, changed, drop, naming, put, valid
from reference import compact, h, pretty

NAMED = "application/vnd.in-toto.dataset+json"
OLDER = "application/vnd.dev.sigstore.bundle+json;version="


def files(keys: dict[str, Key]) -> Iterator[tuple[str, bytes]]:
    """Every file below `bundles/`."""
    maker = Maker(keys)
    yield "trust.yaml", trusting.trust_file(maker)
    for folder, cases in (("valid", _valid(maker)), ("invalid", _invalid(maker))):
        for name, data, answer in cases:
            yield f"{folder}/{name}.sigstore.json", data
            yield f"{folder}/{name}.expected.json", pretty({
                "file": f"{name}.sigstore.json", "rule": answer.rule, "status": answer.status, "code": answer.code,
                "signer": answer.signer,
            })
    yield from ((f"together/{name}", data) for name, data in thresholds.files(maker))


def _invalid(maker: Maker) -> Iterator[Case]:
    for module in (bad_envelopes, bad_statements, bad_model_signatures, trusting):
        yield from module.cases(maker)


def _valid(maker: Maker) -> Iterator[Case]:
    for who, kind in (("lab", "ed25519"), ("works", "ecdsa-p256")):
        for name, make in statements.GOOD.items():
            yield f"{name}.{kind}", maker.bundle(make(), who), valid(f"a {name} statement signed by {kind}", who)
    yield from _spelled(maker)
    yield from _scoped(maker)
    yield from good_model_signatures.cases(maker)


def _spelled(maker: Maker) -> Iterator[Case]:
    odd = compact(statements.dataset()).decode().replace('"subject"', ' "sub\\u006aect"\r\n').replace("},", "} ,\n\t")
    no_log = drop("verificationMaterial", "tlogEntries")
    extra = about("members that nobody knows", extra={"any": 1})
    older = changed(statements.dataset(), put("subject", to=[
        {"name": "tales", "digest": {"dirHash1": h(b"a folder").hex()}}]))
    for name, data, rule in (
        ("spelling", maker.bundle(odd.encode()), "the bytes are signed, whatever their spaces and escapes"),
        ("hint-misleading", maker.changed(naming(maker.keys["works"].keyid)), "a key hint decides nothing"),
        ("hint-unknown", maker.changed(naming("0" * 64)), "a hint that names no known key decides nothing"),
        ("hint-absent", maker.changed(_without_hint), "a hint may be absent, and a keyid null"),
        ("media-type-v0.1", maker.changed(put("mediaType", to=OLDER + "0.1")), "a key signs a bundle v0.1 as v0.3"),
        ("media-type-v0.2", maker.changed(put("mediaType", to=OLDER + "0.2")), "a key signs a bundle v0.2 as v0.3"),
        ("media-type-v0.3", maker.changed(put("mediaType", to=OLDER + "0.3")), "v0.3 has an older spelling"),
        ("no-log-entries", maker.changed(no_log), "the list of log entries may be absent"),
        ("base64-url", maker.changed(_in_url_alphabet), "DSSE allows the URL alphabet of base64"),
        ("statement-v0.1", maker.bundle(about("v0.1") | {"_type": "https://in-toto.io/Statement/v0.1"}),
         "older builders write Statement v0.1"),
        ("payload-type-named", compact(maker.envelope(compact(statements.dataset()), "lab", NAMED)) + b"\n",
         "a payload type may name the predicate"),
        ("unknown-members", maker.bundle(extra), "unknown members of a statement are let through, as in-toto asks"),
        ("dirhash1", maker.bundle(older), "dirHash1 is an older name of dirHash"),
    ):
        yield name, data, valid(rule, "lab")


def _without_hint(bundle: Json) -> None:
    bundle["verificationMaterial"]["publicKey"] = {}
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = None


def _in_url_alphabet(bundle: Json) -> None:
    envelope = bundle["dsseEnvelope"]
    for place, member in ((envelope, "payload"), (envelope["signatures"][0], "sig")):
        place[member] = base64.urlsafe_b64encode(base64.b64decode(place[member])).decode()


def _scoped(maker: Maker) -> Iterator[Case]:
    renamed = [{"name": "another name", "digest": {"sha256": trusting.BY_DIGEST}}]
    by_digest = about("scope by digest", subject=renamed)
    yield "scope-by-digest", maker.bundle(by_digest, "narrow"), valid("a scope may name a subject by digest", "narrow")
    yield "scope-by-name", maker.bundle(about("scope by name"), "narrow"), valid("a scope may name a subject", "narrow")
