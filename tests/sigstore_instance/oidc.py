"""An OpenID Connect issuer: it signs whatever claims it is asked to, for a client called sigstore."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import jwt

from tests.sigstore_instance.encoding import ec_key, now

AUDIENCE = "sigstore"
_KEY_ID = "oidc-1"


class RefusedError(Exception):
    """What a service answers with a status of 400 and above."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Issuer:
    """One issuer with one ES256 key."""

    def __init__(self, url: str) -> None:
        self.url, self.key = url, ec_key()

    def token(self, *, at: datetime | None = None, lifetime: timedelta = timedelta(minutes=10), **claims: Any) -> str:
        """A token; `sub` and everything else can be given."""
        start = at or now()
        known = {"iss": self.url, "aud": AUDIENCE, "iat": start, "nbf": start - timedelta(seconds=5),
                 "exp": start + lifetime, "sub": "https://ci.example/train.yml@refs/heads/main"}
        return jwt.encode(known | claims, self.key, algorithm="ES256", headers={"kid": _KEY_ID})

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that this issuer signed for sigstore and that is valid now; RefusedError otherwise."""
        try:
            claims: dict[str, Any] = jwt.decode(token, self.key.public_key(), algorithms=["ES256"],
                                                audience=AUDIENCE, issuer=self.url)
        except jwt.InvalidTokenError as err:
            raise RefusedError(f"there was an error processing the identity token: {err}", 401) from err
        return claims

    def discovery(self) -> dict[str, Any]:
        return {"issuer": self.url, "authorization_endpoint": f"{self.url}/auth",
                "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"]}

    def keys(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**key, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}
