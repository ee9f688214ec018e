"""in-toto pipelines: links and layouts from before attestations, as metablocks and in envelopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from foreign import Answered, Piece, refused
from keys import Key
from making import Json, changed, drop, put
from reference import compact, h

if TYPE_CHECKING:
    from evidence import Wrapping

NOT_MET = "layout-not-met"
UNKNOWN = "signature-unknown-signer"


def link(name: str = "train", **products: Any) -> Json:
    """A step that made weights, and left its script as it was."""
    script = {"sha256": h(b"code").hex()}
    return {"_type": "link", "name": name, "command": ["python", "train.py"], "byproducts": {"return-value": 0},
            "environment": {}, "materials": {"train.py": script},
            "products": products or {"train.py": script, "w.safetensors": {"sha256": h(b"weights").hex()}}}


def layout(*functionaries: Key, **changes: Any) -> Json:
    """A pipeline of one step."""
    keys = {key.keyid: entry(key) for key in functionaries}
    step = {"_type": "step", "name": "train", "threshold": 1, "pubkeys": sorted(keys), "expected_command": [],
            "expected_materials": [["ALLOW", "train.py"], ["DISALLOW", "*"]],
            "expected_products": [["CREATE", "w.safetensors"], ["ALLOW", "train.py"], ["DISALLOW", "*"]]}
    return {"_type": "layout", "expires": "2027-01-01T00:00:00Z", "readme": "", "keys": keys,
            "steps": [step | changes], "inspect": []}


def entry(key: Key) -> Json:
    """A key as layouts list it."""
    raw = key.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"keyid": key.keyid, "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}


def cases(wraps: Wrapping) -> Iterator[Answered]:
    """All of them."""
    yield from _links(wraps)
    yield from _layouts(wraps)


def _links(wraps: Wrapping) -> Iterator[Answered]:
    lab = [Piece("FILE", "VALID", "", "lab")]
    yield "metablock.link", compact(wraps.metablock(link())), "a link from before attestations is a step", lab
    yield "metablock-two.link", compact(wraps.metablock(link(), "stranger", "works")), \
        "of several signatures the trusted ones count", [Piece("FILE", "VALID", "", "works")]
    yield "envelope.link", compact(wraps.dsse(link())), "a payload is told by its _type", lab
    yield "nothing-made.link", compact(wraps.metablock(link() | {"products": {}})), "a link may make nothing", lab
    spaced = wraps.metablock(link())
    yield "spelling.link", str(spaced).replace("'", '"').encode(), "the signature is over the canonical form", lab
    changed_after = wraps.metablock(link())
    changed_after["signed"]["command"] = ["python", "other.py"]
    gnupg = {"keyid": "7b3a", "other_headers": "04", "signature": "00"}
    not_hex = changed(wraps.metablock(link()), put("signatures", 0, "sig", to="zz"))
    md5 = link(**{"w.safetensors": {"md5": h(b"weights").hex()[:32]}})
    odd, member = changed(link(), put("byproducts", to={"seconds": 1})), "member-case-variant"
    fraction = compact(wraps.metablock(odd)).replace(b'"seconds":1', b'"seconds":1.5')
    for name, value, status, code, rule in (
        ("changed", changed_after, "INVALID", "signature-invalid", "what was signed is as it was signed"),
        ("gnupg", {"signed": link(), "signatures": [gnupg]}, "UNSUPPORTED", "bundle-kind-unsupported",
         "GnuPG is not checked here"),
        ("not-hex", not_hex, "INVALID", "bundle-invalid", "signatures of a metablock are hexadecimal"),
        ("weak-product", wraps.metablock(md5), "INVALID", "statement-weak-digest", "products are identified"),
        ("unknown-member", wraps.metablock(link() | {"more": 1}), "INVALID", "statement-invalid",
         "a link has no other members"),
        ("without-products", wraps.metablock(changed(link(), drop("products"))), "INVALID", "statement-invalid",
         "a link lists its products"),
        ("case-variant", wraps.metablock(link()) | {"Signed": link("other")}, "INVALID", member,
         "readers that ignore case see the same link"),
        ("envelope-too", wraps.metablock(link()) | wraps.dsse(link()), "INVALID", "bundle-invalid",
         "a metablock or an envelope, not both"),
        ("stranger", wraps.metablock(link(), "stranger"), "UNSUPPORTED", UNKNOWN, "a stranger has no voice"),
    ):
        yield f"bad-{name}.link", compact(value), rule, [Piece("FILE", *refused(status, code))]
    yield "bad-fraction.link", fraction, "canonical JSON knows whole numbers only", [
        Piece("FILE", *refused("INVALID", "bundle-invalid"))]


def _layouts(wraps: Wrapping) -> Iterator[Answered]:
    stranger, former, late = (wraps.keys[name] for name in ("stranger", "former", "late"))
    good = layout(stranger)
    by_hand = wraps.metablock(link(), "stranger")
    yield "pipeline.jsonl", _lines(wraps.metablock(good), by_hand), "a layout lends its owner's voice", _both()
    yield "pipeline-envelopes.jsonl", _lines(wraps.dsse(good), wraps.dsse(link(), "stranger")), \
        "in envelopes too", _both()
    inspecting = good | {"inspect": [{"_type": "inspection", "name": "untar", "run": ["touch", "ran"],
                                      "expected_materials": [], "expected_products": []}]}
    yield "pipeline-inspection.jsonl", _lines(wraps.metablock(inspecting), by_hand), "no inspection is run", _both()
    alone = [Piece("FILE", "VALID", NOT_MET, "lab")]
    yield "pipeline-alone.layout", compact(wraps.metablock(good)), "a layout without links vouches for nothing", alone
    twice = layout(stranger, threshold=2)
    twice["keys"]["00"] = entry(stranger) | {"keyid": "00"}
    twice["steps"][0]["pubkeys"].append("00")
    again = wraps.metablock(link(), "stranger", "stranger")
    again["signatures"][1]["keyid"] = "00"
    gnupg = good | {"keys": {stranger.keyid: {"keyid": stranger.keyid, "method": "pgp+rsa-pkcsv1.5", "type": "rsa",
                                              "hashes": ["pgp+SHA2"], "keyval": {"private": "", "public": {}}}}}
    other_file = link(**{"evil.bin": {"sha256": h(b"evil").hex()}})
    for name, value, made, rule in (
        ("expired", good | {"expires": "2026-11-23T12:00:00Z"}, by_hand, "a layout expires"),
        ("threshold", layout(stranger, late, threshold=2), by_hand, "as many keys as it asks for sign a step"),
        ("one-key-twice", twice, again, "a threshold counts keys, not their names"),
        ("rule", good, wraps.metablock(other_file, "stranger"), "what a step makes is what it may make"),
        ("other-key", layout(late), by_hand, "a step is done by a key that may do it"),
        ("other-step", good, wraps.metablock(link("other"), "stranger"), "a link is of its own step"),
        ("gnupg", gnupg, by_hand, "a layout with a key of GnuPG is not held against anything"),
        ("revoked", layout(former), wraps.metablock(link(), "former"), "a revoked key is nobody's"),
    ):
        last = refused("INVALID", "signer-revoked", "former") if name == "revoked" else refused("UNSUPPORTED", UNKNOWN)
        yield f"bad-pipeline-{name}.jsonl", _lines(wraps.metablock(value), made), rule, [
            Piece("FILE:1", "VALID", NOT_MET, "lab"), Piece("FILE:2", *last)]
    for name, signer in (("stranger", "stranger"), ("narrow", "narrow")):
        owner = refused("UNSUPPORTED", UNKNOWN) if name == "stranger" else refused("INVALID", "signer-not-in-scope",
                                                                                  name)
        yield f"bad-pipeline-by-{name}.jsonl", _lines(wraps.metablock(good, signer), by_hand), \
            "the owner of a layout is trusted to speak of it", [
                Piece("FILE:1", *owner), Piece("FILE:2", *refused("UNSUPPORTED", UNKNOWN))]


def _both() -> list[Piece]:
    return [Piece("FILE:1", "VALID", "", "lab"), Piece("FILE:2", "VALID", "", "lab")]


def _lines(*values: Json) -> bytes:
    return b"".join(compact(value) + b"\n" for value in values)
