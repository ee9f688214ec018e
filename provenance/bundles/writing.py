"""Writing what in-toto's own tools verify: a bare DSSE envelope, and the metablock from before envelopes.

The signature names its key as in-toto names it, because its verifier finds the key of a link by that name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from provenance.bundles.envelope import pae_of
from provenance.bundles.keys import in_toto_name
from provenance.bundles.signed import canonical
from provenance.statements.reader import to_json
from provenance.statements.statement import PAYLOAD_TYPE

if TYPE_CHECKING:
    from provenance.bundles.signers import KeySigner


def sign_envelope(payload: bytes, signer: KeySigner) -> bytes:
    """A bare DSSE envelope with one signature over a statement, link or layout."""
    signature = bytes.fromhex(signer.sign(pae_of(payload)).signature)
    return to_json({
        "payload": base64.b64encode(payload).decode("ascii"), "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": in_toto_name(signer.public_key), "sig": base64.b64encode(signature).decode("ascii")}],
    }) + b"\n"


def sign_metablock(value: Mapping[str, Any], signer: KeySigner) -> bytes:
    """A metablock with one signature over the canonical JSON of a link or layout."""
    signature = signer.sign(canonical(value, "what is to be signed")).signature
    return to_json({"signatures": [{"keyid": in_toto_name(signer.public_key), "sig": signature}], "signed": value}) \
        + b"\n"
