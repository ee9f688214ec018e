#!/usr/bin/env python3
"""The client that the public OMS conformance suite drives, on this project's own signing and verification.

    sign-model   --method key         --private-key F
                 --method certificate --private-key F --signing-cert F [--cert-chain F ...]
                 --method sigstore    [--identity-token T] [--use-staging | --trust-config F]
                 --method pkcs11      --pkcs11-uri URI [--signing-cert F [--cert-chain F ...]]
                 --model-path D --output-bundle F [--ignore-paths P ...]
    verify-model --method key         --public-key F
                 --method certificate --cert-chain F ...
                 --method sigstore    --identity I --identity-provider U
                                      [--use-staging | --trusted-root F | --trust-config F]
                 --method pkcs11      as for a key or a certificate
                 --model-path D --bundle F [--ignore-paths P ...] [--ignore-unsigned-files]

The exit code is the answer: 0 where it was signed, or where the bundle is VALID and the model as it was signed; 1 for
anything else, with the reason on stderr. A path to ignore is one in the model, or one that leads there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # a checkout need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from provenance.bundles.oms import serialization_for
from provenance.bundles.signers import AnySigner, KeySigner
from provenance.bundles.signers.certificate import certified
from provenance.bundles.signers.key import load_signer
from provenance.bundles.sigstore.roots import TrustRoot
from provenance.bundles.trust import Trust
from provenance.errors import ProvenanceError
from provenance.workflows.one_signer import trust_in_authorities, trust_in_identity, trust_in_key
from provenance.workflows.sign import sign_model, verify_bundle


def main(arguments: list[str] | None = None) -> int:
    """Run one command of the protocol."""
    options = _parser().parse_args(arguments)
    try:
        why = _sign(options) if options.command == "sign-model" else _verify(options)
    except (OSError, ProvenanceError) as err:
        why = f"{getattr(err, 'code', 'unreadable')}: {err}"
    if why:
        print(why, file=sys.stderr)
    return 1 if why else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    signing, verifying = commands.add_parser("sign-model"), commands.add_parser("verify-model")
    for command in (signing, verifying):
        command.add_argument("--method", choices=("key", "certificate", "sigstore", "pkcs11"), required=True)
        command.add_argument("--model-path", type=Path, required=True)
        command.add_argument("--cert-chain", type=Path, nargs="+", action="extend", default=[])
        command.add_argument("--ignore-paths", nargs="+", action="extend", default=[])
        command.add_argument("--trust-config", type=Path)
        command.add_argument("--use-staging", action="store_true")
    signing.add_argument("--output-bundle", type=Path, required=True)
    for name in ("--private-key", "--signing-cert"):
        signing.add_argument(name, type=Path)
    signing.add_argument("--identity-token")
    signing.add_argument("--pkcs11-uri")
    verifying.add_argument("--bundle", type=Path, required=True)
    for name in ("--public-key", "--trusted-root"):
        verifying.add_argument(name, type=Path)
    verifying.add_argument("--ignore-unsigned-files", action="store_true")
    verifying.add_argument("--identity")
    verifying.add_argument("--identity-provider")
    return parser


def _sign(options: argparse.Namespace) -> str:
    chosen = serialization_for(ignored=_ignored(options))
    sign_model(options.model_path, signer=_signer(options), bundle=options.output_bundle, serialization=chosen)
    return ""


def _signer(options: argparse.Namespace) -> Callable[[], AnySigner]:
    if options.method == "sigstore":
        from provenance.bundles.signers.sigstore import IdentitySigner, ambient_token
        from provenance.bundles.sigstore.signing import compose_config, read_trust_config

        token = (lambda: options.identity_token) if options.identity_token else ambient_token
        config = compose_config("staging") if options.use_staging else read_trust_config(options.trust_config)
        return lambda: IdentitySigner(config, token)
    if options.method == "certificate" or options.signing_cert:
        return lambda: _under_certificate(_key(options), [options.signing_cert, *options.cert_chain])
    return lambda: _key(options)


def _key(options: argparse.Namespace) -> KeySigner:
    if options.method == "pkcs11":
        from provenance.bundles.signers.pkcs11 import Pkcs11Signer

        return Pkcs11Signer(_given(options.pkcs11_uri, "--pkcs11-uri"), lambda: os.environ.get("PROVENANCE_PKCS11_PIN"))
    return load_signer(_given(options.private_key, "--private-key"), lambda: None)


def _under_certificate(key: KeySigner, files: list[Path]) -> AnySigner:
    with tempfile.NamedTemporaryFile(suffix=".pem") as chain:
        chain.write(b"\n".join(_given(file, "--signing-cert").read_bytes() for file in files))
        chain.flush()
        return certified(key, Path(chain.name), now=datetime.now(UTC))


def _verify(options: argparse.Namespace) -> str:
    """Why the model is not as it was signed by whom it should be; nothing when it is."""
    now = datetime.now(UTC)
    check = verify_bundle(options.bundle, as_of=now, trust=_trust(options, now), model=options.model_path,
                          ignored=_ignored(options), unsigned=options.ignore_unsigned_files)
    if check.verified:
        return ""
    found = next((finding for finding in check.findings if finding.severity == "error"), None)
    if found is not None:
        return f"INVALID {found.code}: {found.location}: {found.message}"
    return f"{check.examined.status} {check.examined.code}: {check.examined.reason}"


def _trust(options: argparse.Namespace, now: datetime) -> Trust:
    if options.method == "sigstore":
        root = options.trusted_root or options.trust_config
        trust = trust_in_identity(options.identity or "", options.identity_provider or "", now, root)
        return replace(trust, trust_root=TrustRoot.embedded("staging")) if options.use_staging else trust
    if options.method == "certificate" or options.cert_chain:
        return trust_in_authorities([_given(file, "--cert-chain") for file in options.cert_chain or [None]], now)
    return trust_in_key(_given(options.public_key, "--public-key"), now)


def _given(value: Any, name: str) -> Any:
    if value is None:
        raise ProvenanceError("usage", f"this method needs {name}")
    return value


def _ignored(options: argparse.Namespace) -> tuple[str, ...]:
    """The paths in the model's own terms, whether they were given so or from where the command was started."""
    model = options.model_path.resolve()
    found = []
    for text in options.ignore_paths:
        place = Path(text).absolute()
        inside = place.is_relative_to(model) and (place.exists() or Path(text).is_absolute())
        found.append(place.relative_to(model).as_posix() if inside else text)
    return tuple(path for path in found if not Path(path).is_absolute() and ".." not in Path(path).parts)


if __name__ == "__main__":
    sys.exit(main())
