"""Attestations as PyPI serves them (PEP 740): the parts of a Sigstore bundle under other names.

    {"version": 1, "verification_material": {"certificate", "transparency_entries": []},
     "envelope": {"statement", "signature"}}

Nothing is verified here: what comes out is a bundle v0.3 for `verify`, whose steps refuse whatever is wrong with it.
"""

from __future__ import annotations

from typing import Any

from provenance.bundles.envelope import MAX_BUNDLE, UnsupportedBundle
from provenance.bundles.sigstore.reading import broken
from provenance.statements.reader import parse_json, to_json
from provenance.statements.statement import PAYLOAD_TYPE

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_MEMBERS = {"version", "verification_material", "envelope"}


def bundle_of(attestation: bytes, location: str) -> bytes:
    """The Sigstore bundle of one attestation; BundleError, or UnsupportedBundle for another version."""
    document = parse_json(attestation, location, limit=MAX_BUNDLE)
    if not isinstance(document, dict) or document.keys() != _MEMBERS:
        raise broken("not a PEP 740 attestation either", location)
    if document["version"] != 1:
        raise UnsupportedBundle("bundle-media-type", "a PEP 740 attestation of another version than 1",
                                location=location, hint="a newer version may read it")
    material = _exactly(document["verification_material"], {"certificate", "transparency_entries"}, location)
    envelope = _exactly(document["envelope"], {"statement", "signature"}, location)
    return to_json({
        "mediaType": _MEDIA_TYPE,
        "verificationMaterial": {"certificate": {"rawBytes": material["certificate"]},
                                 "tlogEntries": material["transparency_entries"]},
        "dsseEnvelope": {"payload": envelope["statement"], "payloadType": PAYLOAD_TYPE,
                         "signatures": [{"sig": envelope["signature"]}]},
    })


def _exactly(value: Any, members: set[str], location: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != members:
        raise broken(f"an attestation's part must hold {' and '.join(sorted(members))}", location)
    return value
