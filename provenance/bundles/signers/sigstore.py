"""Nobody's key: an identity, which a Sigstore instance turns into a certificate of minutes and a log entry.

The identity is an OpenID Connect token: one that is handed in, the one that a CI system gives its jobs ("ambient"), or
one that is asked for in a browser ("interactive"). It is only fetched when there is something to sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from provenance.bundles.sigstore.signing import load_config, sign_statement, told
from provenance.errors import BundleError, ProvenanceError

_AMBIENT = "run it in a CI job that may ask for an identity (GitHub: `permissions: id-token: write`)"


@dataclass(frozen=True)
class IdentitySigner:
    """Signs as whom a token names. `config` is a client trust config; `rekor` asks for one version of the log."""

    config: bytes
    token: Callable[[], str]
    rekor: Literal[1, 2] | None = None

    def sign_statement(self, payload: bytes) -> bytes:
        """Get the token, sign, and verify the bundle against the same instance."""
        return sign_statement(payload, self.config, self.token(), rekor=self.rekor)


def ambient_token() -> str:
    """The token that the CI system gives this job; BundleError `identity-token-invalid`."""
    from sigstore.oidc import detect_credential

    try:
        token = detect_credential()
    except Exception as err:  # an address that is none, an answer that is none: each as its library says it
        raise _no_token(f"the surroundings gave no identity: {told(err)}", _AMBIENT) from err
    if not token:
        raise _no_token("there is no identity in these surroundings", _AMBIENT)
    return str(token)


def interactive_token(config: bytes) -> str:
    """A token by way of a browser, from the identity provider that the instance names; errors as `ambient_token`."""
    from sigstore.oidc import Issuer

    theirs = load_config(config)
    try:
        return str(Issuer(theirs.signing_config.get_oidc_url()).identity_token())
    except EOFError as err:
        raise _no_token("nobody gave the code of the page that was named",
                        "type it at a terminal, or give a token") from err
    except Exception as err:  # what comes back through a browser is whatever any page makes of it
        raise _no_token(f"the instance's provider gave no identity: {told(err)}",
                        "follow the link that was shown, and look at the trust config") from err


def _no_token(why: str, hint: str) -> ProvenanceError:
    return BundleError("identity-token-invalid", why, location="the identity", hint=hint)
