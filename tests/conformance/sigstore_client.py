#!/usr/bin/env python3
"""The client that the public sigstore-conformance suite drives, on this project's own signing and verification.

    verify-bundle [--staging] --bundle F --certificate-identity I --certificate-oidc-issuer U [--trusted-root F]
                  FILE_OR_DIGEST
    verify-bundle [--staging] --bundle F --key F [--trusted-root F] FILE_OR_DIGEST
    sign-bundle   [--staging] [--in-toto] --identity-token T --bundle F [--trusted-root F] [--signing-config F] FILE

The exit code is the answer: 0 for a bundle that is VALID for what was asked, 1 for any other, with the reason on
stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

if __name__ == "__main__":  # a checkout need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from provenance.bundles.sigstore import (
    BundleVerification,
    CertificateIdentity,
    ExpectedSigner,
    PublicKey,
    SignedFile,
    TrustRoot,
    verify,
)
from provenance.bundles.sigstore.signing import compose_config, sign_file, sign_statement
from provenance.errors import ProvenanceError
from provenance.statements.reader import parse_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")


def main(arguments: list[str] | None = None) -> int:
    """Run one command of the protocol."""
    options = _parser().parse_args(arguments)
    try:
        why = _verify(options) if options.command == "verify-bundle" else _sign(options)
    except (OSError, ProvenanceError) as err:
        why = f"{getattr(err, 'code', 'unreadable')}: {err}"
    if why:
        print(why, file=sys.stderr)
    return 1 if why else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    verifying, signing = commands.add_parser("verify-bundle"), commands.add_parser("sign-bundle")
    for command in (verifying, signing):
        command.add_argument("--staging", action="store_true")
        command.add_argument("--bundle", type=Path, required=True)
        command.add_argument("--trusted-root", type=Path)
    verifying.add_argument("--certificate-identity")
    verifying.add_argument("--certificate-oidc-issuer")
    verifying.add_argument("--key", type=Path)
    verifying.add_argument("file_or_digest")
    signing.add_argument("--in-toto", action="store_true")
    signing.add_argument("--identity-token", required=True)
    signing.add_argument("--signing-config", type=Path)
    signing.add_argument("file", type=Path)
    return parser


def _verify(options: argparse.Namespace) -> str:
    """Why the bundle is not VALID for what was asked; nothing when it is."""
    root = TrustRoot.from_file(options.trusted_root) if options.trusted_root else TrustRoot.embedded(_instance(options))
    artifact = _artifact(options.file_or_digest)
    result = verify(options.bundle.read_bytes(), root, signer=_signer(options), as_of=datetime.now(UTC),
                    artifact=artifact)
    if not result.verified:
        return f"{result.status} {result.code}: {result.reason}"
    if result.payload is not None and not _is_subject(result, artifact):
        return "INVALID subject-mismatch: the artifact is not a subject of the statement"
    return ""


def _instance(options: argparse.Namespace) -> Literal["production", "staging"]:
    return "staging" if options.staging else "production"


def _signer(options: argparse.Namespace) -> ExpectedSigner:
    if options.key:
        if options.certificate_identity or options.certificate_oidc_issuer:
            raise ProvenanceError("usage", "a key and an identity exclude each other")
        return PublicKey(options.key.read_bytes())
    return CertificateIdentity(options.certificate_identity or "", options.certificate_oidc_issuer or "")


def _artifact(text: str) -> SignedFile:
    """A digest when it is spelled as one and no such file exists; a path otherwise."""
    if re.fullmatch("sha256:[0-9a-f]{64}", text) and not Path(text).exists():
        return SignedFile({"sha256": bytes.fromhex(text.removeprefix("sha256:"))})
    return SignedFile.of(Path(text).read_bytes())


def _is_subject(result: BundleVerification, artifact: SignedFile) -> bool:
    statement = parse_json(result.payload or b"", "the statement")
    if result.payload_type != PAYLOAD_TYPE:
        return False
    try:
        known, digests = statement["_type"] in STATEMENTS, [subject["digest"] for subject in statement["subject"]]
        return known and any(digest.get("sha256") == artifact.digests["sha256"].hex() for digest in digests)
    except (AttributeError, KeyError, TypeError):
        return False


def _sign(options: argparse.Namespace) -> str:
    config = compose_config(_instance(options), *(path.read_bytes() if path else None
                                                  for path in (options.trusted_root, options.signing_config)))
    sign = sign_statement if options.in_toto else sign_file
    options.bundle.write_bytes(sign(options.file.read_bytes(), config, options.identity_token))
    return ""


if __name__ == "__main__":
    sys.exit(main())
