"""Keyless signing with a Sigstore instance: an identity token is turned into a certificate of minutes, and logged.

sigstore-python does it. Two things are added: statements whose digests it has no name for can be signed, and a
bundle is only handed out after it has been verified here against the same instance's trust root. Needs the network
of the instance, nothing else, and no configuration but the one that is handed in.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from provenance.bundles.sigstore.identity import UnpinnedIdentity
from provenance.bundles.sigstore.results import BundleVerification
from provenance.bundles.sigstore.roots import TrustRoot, embedded_file
from provenance.bundles.sigstore.verifying import SignedFile, verify
from provenance.errors import BundleError, ProvenanceError, TrustError
from provenance.files import read_small
from provenance.statements.reader import parse_json, to_json

_MEDIA_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_MAX_CONFIG = 8 << 20
_MAX_TOLD = 300


def sign_dsse(payload: bytes, trust_config: Path | None, identity_token: str, *,
              rekor: Literal[1, 2] | None = None) -> bytes:
    """A Sigstore bundle v0.3 over an in-toto statement, signed as whom the OpenID Connect token names.

    `trust_config` is a client trust config (trust root and services); None is Sigstore's production as the installed
    sigstore-python knows it. `rekor` asks for one version of the log; without it, the newest that the config lists.
    BundleError `signing-failed` or `identity-token-invalid`; TrustError `trust-root-invalid` or `input-unreadable`.
    """
    return sign_statement(payload, read_trust_config(trust_config), identity_token, rekor=rekor)


def sign_statement(payload: bytes, config: bytes, identity_token: str, *,
                   rekor: Literal[1, 2] | None = None) -> bytes:
    """As `sign_dsse`, with the bytes of the client trust config."""
    bundle = _sign(config, identity_token, rekor, lambda signer: signer.sign_dsse(_statement(payload)))
    if _check(bundle, config, None).payload != payload:
        raise _failed("it signed another payload")
    return bundle


def sign_file(content: bytes, config: bytes, identity_token: str) -> bytes:
    """A Sigstore bundle v0.3 over the bytes of a file; errors as `sign_dsse`."""
    bundle = _sign(config, identity_token, None, lambda signer: signer.sign_artifact(content))
    _check(bundle, config, SignedFile.of(content))
    return bundle


def read_trust_config(path: Path | None) -> bytes:
    """A client trust config from a file, or that of production; TrustError `input-unreadable`."""
    if path is None:
        return compose_config("production")
    return read_small(path, "trust config", error=TrustError)


def compose_config(instance: str, root: bytes | None = None, services: bytes | None = None) -> bytes:
    """A client trust config made of a trust root and a signing config; what is None is the embedded instance's."""
    parts = {"trustedRoot": root or embedded_file(instance, "trusted_root.json"),
             "signingConfig": services or embedded_file(instance, "signing_config.v0.2.json")}
    return to_json({"mediaType": _MEDIA_TYPE,
                    **{name: parse_json(part, name, limit=_MAX_CONFIG) for name, part in parts.items()}})


def load_config(config: bytes) -> Any:
    """A client trust config as sigstore-python has it; TrustError `trust-root-invalid`."""
    from sigstore.models import ClientTrustConfig

    try:
        return ClientTrustConfig.from_json(config.decode("utf-8"))
    except ValueError as err:
        raise TrustError("trust-root-invalid", "not a client trust config", location="the trust config",
                         hint="give trust root and signing config in one document") from err


def _sign(config: bytes, token: str, rekor: int | None, action: Any) -> bytes:
    from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken
    from sigstore.sign import SigningContext

    theirs = load_config(config)
    theirs.force_tlog_version = rekor
    warnings = _Heard()
    try:
        with warnings, SigningContext.from_trust_config(theirs).signer(IdentityToken(token)) as signer:
            bundle: str = action(signer).to_json()
    except (IdentityError, ExpiredIdentity) as err:
        raise BundleError("identity-token-invalid", f"the identity token cannot be used: {told(err)}",
                          location="the identity token", hint="get a new one; it lives for minutes") from err
    except ProvenanceError:
        raise
    except Exception as err:  # a log's, authority's or clock's client raises what its library raises
        raise _failed("; ".join((told(err), *warnings.said))) from err
    return bundle.encode("utf-8") + b"\n"


class _Heard(logging.Handler):
    """What sigstore-python only warns of: a clock that is down makes it fail later, and say something else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage()[:_MAX_TOLD])

    def __enter__(self) -> None:
        logging.getLogger("sigstore.sign").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("sigstore.sign").removeHandler(self)


def told(err: BaseException) -> str:
    """What another library's error says, with its cause, where it alone says little.

    What speaks of Python's objects and of addresses in memory is said in our words: nothing answered, or nonsense.
    """
    said = dict[str, None]()
    for one in (err, err.__cause__):
        if isinstance(one, (AttributeError, LookupError, TypeError, ValueError)):
            said["what came back is no answer to what was asked"] = None
        elif (answer := getattr(one, "response", None)) is not None:  # a refusal, with the service's own reason
            said[" ".join(f"{one} {answer.text[:_MAX_TOLD]}".split())] = None
        elif isinstance(one, OSError):
            said["nothing answers at its address"] = None
        elif one is not None and str(one):
            said[str(one)] = None
    return ": ".join(said)[:_MAX_TOLD] or f"no reason, but {type(err).__name__}"


def _statement(payload: bytes) -> Any:
    """sigstore-python's Statement of these bytes, without its list of digest names, which has no dirHash.

    The bytes are signed as they are; whether they are a statement was checked by whoever made them.
    """
    from sigstore.dsse import Statement

    statement: Any = Statement.__new__(Statement)  # its constructor is what refuses the names
    statement._contents = payload
    return statement


def _check(bundle: bytes, config: bytes, artifact: SignedFile | None) -> BundleVerification:
    """What is not VALID to us is nobody's evidence: say so now, while it can be signed again."""
    root = TrustRoot.from_bytes(config, "the trust config")
    result = verify(bundle, root, signer=UnpinnedIdentity(), as_of=datetime.now(UTC), artifact=artifact)
    if not result.verified:
        raise _failed(f"its bundle is {result.status} ({result.code}): {result.reason}")
    return result


def _failed(why: str) -> BundleError:
    return BundleError("signing-failed", f"the Sigstore instance did not sign: {why}", location="signing",
                       hint="check the trust config, the token and the network")
