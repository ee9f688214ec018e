"""Evidence that other projects published: VALID for whom their notes name, for nobody else, and never a traceback.

It is read where it lies, beside the checkout; without it these tests are skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.signatures import made_by
from provenance.bundles.signed import read_signed
from provenance.bundles.store import pieces
from provenance.bundles.trust import Trust, parse_trust
from provenance.bundles.verifier import Examined, Verifier
from provenance.errors import CODES
from provenance.statements.intoto import read_payload
from provenance.statements.reader import to_json
from provenance.statements.step import Step

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"
AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
BUILDER = ("https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
           "generator_generic_slsa3.yml@refs/tags/v2.1.0")
GENERATOR = (BUILDER, "https://token.actions.githubusercontent.com")
WILLIAM = ("william@yossarian.net", "https://github.com/login/oauth")
here = pytest.mark.skipif(not VECTORS.is_dir(), reason="the vectors of other projects are not here")


def trust(*keys: str, identity: tuple[str, str] | None = None, root: str = "production") -> Trust:
    """A trust file with one principal who may say everything."""
    holder: dict[str, Any] = {"name": "other", "party": "Other", "roles": ["producer"], "predicateTypes": ["*"],
                              "subjects": {"names": ["*"]}}
    if keys:
        holder["keys"] = [(VECTORS / key).read_text() for key in keys]
    if identity:
        holder["identities"] = [{"identity": identity[0], "issuer": identity[1]}]
    document: dict[str, Any] = {"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1,
                                "expires": "2036-01-01T00:00:00Z", "principals": [holder]}
    return parse_trust(to_json(document | ({"trustedRoot": root} if identity else {})), "trust.yaml")


def examine(name: str, believed: Trust | None, *more: str) -> list[Examined]:
    files = [piece for path in (name, *more) for piece in pieces(Path(path).name, (VECTORS / path).read_bytes())]
    verifier = Verifier(believed, AS_OF)
    return verifier.delegated([verifier.examine(file.data or b"", file.name) for file in files], files)


@here
def test_a_verdict_of_google_is_valid_under_its_key_with_its_raw_signature() -> None:
    folder = "slsa-verifier/vsa/gce/v1/"
    name, key = folder + "gke-gce-pre.bcid-vsa.jsonl", folder + "vsa_signing_public_key.pem"
    (found,) = examine(name, trust(key))
    assert (found.status, found.predicate_type) == ("VALID", "https://slsa.dev/verification_summary/v1"), found.reason
    assert found.verified is None, "a verdict is output, never evidence"
    (other,) = examine(name, trust("made-here-in-toto-3.1.0/alice.pub"))
    assert (other.status, other.code) == ("UNSUPPORTED", "signature-unknown-signer")
    changed = (VECTORS / name).read_bytes().replace(b"bmIy2gfn", b"bmIy2gfm")
    assert Verifier(trust(key), AS_OF).examine(changed, "x").status != "VALID"


@here
@pytest.mark.parametrize("name", sorted(path.name for path in VECTORS.glob("slsa-verifier/gha_generic*/*.jsonl")))
def test_provenance_of_the_slsa_generator_is_a_step(name: str) -> None:
    pytest.importorskip("sigstore")
    path = f"slsa-verifier/gha_generic-v2.1.0/{name}"
    (found,) = examine(path, trust(identity=GENERATOR))
    assert (found.status, found.proven is not None) == ("VALID", True), found.reason
    assert found.verified is not None
    assert isinstance(found.verified.claim, Step)
    assert found.verified.claim.builder == GENERATOR[0]
    output = found.verified.claim.outputs[0]
    assert output.digest["sha256"].startswith("376e7e01")
    for other in (("a@example.org", GENERATOR[1]), (GENERATOR[0], "https://example.org")):
        (unknown,) = examine(path, trust(identity=other))
        assert (unknown.status, unknown.code) == ("UNSUPPORTED", "signature-unknown-signer")


@here
@pytest.mark.parametrize("name", sorted(path.name for path in VECTORS.glob("pypi-attestations/rfc*")))
def test_an_attestation_of_pypi_is_shown_under_the_instance_that_signed_it(name: str) -> None:
    pytest.importorskip("sigstore")
    path = f"pypi-attestations/{name}"
    (found,) = examine(path, trust(identity=WILLIAM, root="staging"))
    said = found.predicate_type if not name.endswith(".sigstore") else "https://docs.pypi.org/attestations/publish/v1"
    assert (found.status, found.predicate_type) == ("VALID", said), found.reason
    (wrong,) = examine(path, trust(identity=WILLIAM))
    assert wrong.status == "INVALID"
    (unknown,) = examine(path, trust(identity=("eve@example.org", WILLIAM[1]), root="staging"))
    assert unknown.status == "UNSUPPORTED"


@here
@pytest.mark.parametrize(("path", "key"), [
    ("made-here-in-toto-3.1.0/train.0512e213.link", "made-here-in-toto-3.1.0/alice.pub"),
    ("made-here-in-toto-3.1.0/train2.0512e213.link", "made-here-in-toto-3.1.0/alice.pub"),
    ("in-toto-python/demo_files/write-code.776a00e2.link", "in-toto-python/demo_files/bob.pub"),
    ("in-toto-python/demo_files/package.2f89b927.link", "in-toto-python/demo_files/carl.pub"),
    ("in-toto-python/demo_dsse_files/write-code.776a00e2.link", "in-toto-python/demo_files/bob.pub"),
    ("in-toto-python/demo_dsse_files/package.2f89b927.link", "in-toto-python/demo_files/carl.pub"),
])
def test_a_link_of_in_toto_is_a_step_of_its_functionary(path: str, key: str) -> None:
    (found,) = examine(path, trust(key))
    assert found.status == "VALID", found.reason
    assert found.verified is not None
    assert isinstance(found.verified.claim, Step)
    assert found.verified.claim.name == Path(path).name.split(".")[0]
    (other,) = examine(path, trust("slsa-verifier/vsa/gce/v1/vsa_signing_public_key.pem"))
    assert other.status == "UNSUPPORTED"
    altered = re.sub(rb'"(command|products)"', rb'"\1", "x": "y", "\1"', (VECTORS / path).read_bytes(), count=1)
    if b'"x"' in altered:
        assert Verifier(trust(key), AS_OF).examine(altered, "x").status == "INVALID"


@here
def test_a_layout_of_in_toto_lends_its_owners_voice_to_the_links_that_meet_it() -> None:
    """Its owner is its functionary too, so the links have a voice of their own already."""
    layout, link = "made-here-in-toto-3.1.0/root.layout", "made-here-in-toto-3.1.0/train.0512e213.link"
    met, made = examine(layout, trust("made-here-in-toto-3.1.0/alice.pub"), link)
    assert (met.status, met.code, made.status) == ("VALID", "", "VALID"), met.reason
    (alone,) = examine(layout, trust("made-here-in-toto-3.1.0/alice.pub"))
    assert (alone.status, alone.code) == ("VALID", "layout-not-met")


@here
def test_what_is_not_signed_or_signed_with_gnupg_is_not_valid() -> None:
    bob, certified = trust("in-toto-python/demo_files/bob.pub"), trust(identity=WILLIAM)
    (template,) = examine("in-toto-python/demo_files/demo.layout.template", bob)
    assert template.status == "INVALID"
    for link in ("write-code.8288ef56", "package.7b3abb26"):
        for believed in (bob, certified):
            (found,) = examine(f"in-toto-python/demo_files_gpg/{link}.link", believed)
            assert (found.status, found.code) == ("UNSUPPORTED", "bundle-kind-unsupported")
            assert "GnuPG" in found.reason


@here
def test_a_sample_of_guac_is_read_as_a_step() -> None:
    signed = read_signed((VECTORS / "guac/oci-dsse-att.json").read_bytes(), "guac")
    assert read_payload(signed.payload, "guac").predicate_type == "https://slsa.dev/provenance/v0.2"
    (found,) = examine("guac/oci-dsse-att.json", None)
    assert found.verified is not None
    assert isinstance(found.verified.claim, Step)
    assert found.verified.claim.finished_on == "2022-12-20T14:09:36Z"


@here
def test_the_signature_of_the_dsse_protocol_is_raw_and_holds() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    text = (VECTORS / "dsse/protocol.md").read_text()
    x, y = (int(re.search(rf"^{axis}: (\d+)$", text, re.MULTILINE)[1]) for axis in "XY")  # type: ignore[index]
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    envelope: Any = json.loads(re.search(r'^\{"payload".*?\]\}$', text, re.MULTILINE | re.DOTALL)[0])  # type: ignore[index]
    envelope["payloadType"], said = "application/vnd.in-toto+json", envelope["payloadType"]
    signed = read_signed(json.dumps(envelope).encode(), "protocol.md")
    pae = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert said == "http://example.com/HelloWorld"
    assert made_by(key, signed.signatures[0].value, pae)
    assert not made_by(key, signed.signatures[0].value, signed.message), "under another payload type"


FILES = sorted(path for path in VECTORS.rglob("*") if path.is_file()) if VECTORS.is_dir() else []


@here
@pytest.mark.parametrize("make", [lambda: None, lambda: trust("made-here-in-toto-3.1.0/alice.pub"),
                                  lambda: trust(identity=GENERATOR)], ids=["nobody", "key", "identity"])
def test_every_file_gets_an_answer(make: Callable[[], Trust | None]) -> None:
    verifier = Verifier(make(), AS_OF)
    assert len(FILES) > 100
    for path in FILES:
        for piece in pieces(path.name, path.read_bytes()):
            found = verifier.examine(piece.data or b"", piece.name)
            assert found.code in CODES or found.status == "VALID", path
