"""An OpenID Connect issuer: it signs whatever claims it is asked to, for a client called sigstore.

It has a page where a user agrees to everything (authorization code flow with PKCE), and it gives a CI job an identity
as GitHub does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
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
        self.job = secrets.token_hex(8)  # what a CI job shows to get a token
        self._codes: dict[str, str] = {}

    def token(self, *, at: datetime | None = None, lifetime: timedelta = timedelta(minutes=10), **claims: Any) -> str:
        """A token; `sub` and everything else can be given."""
        start = at or now()
        known = {"iss": self.url, "aud": AUDIENCE, "iat": start, "nbf": start - timedelta(seconds=5),
                 "exp": start + lifetime, "sub": "https://ci.example/train.yml@refs/heads/main"}
        return jwt.encode(known | claims, self.key, algorithm="ES256", headers={"kid": _KEY_ID})

    def authorize(self, asked: Mapping[str, str]) -> tuple[str, str]:
        """The code for a client that will show what its challenge is the digest of, and where the browser goes next."""
        if (asked.get("client_id"), asked.get("response_type"), asked.get("code_challenge_method")) != (
                AUDIENCE, "code", "S256"):
            raise RefusedError("not an authorization request of a known client")
        code = secrets.token_hex(8)
        self._codes[code] = asked["code_challenge"]
        return code, f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def exchange(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Tokens for a code, once, for whoever has its verifier."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(asked.get("code_verifier", "").encode()).digest())
        if self._codes.pop(asked.get("code", ""), "") != challenge.decode().rstrip("="):
            raise RefusedError("the code was not given to this client")
        token = self.token()
        return {"access_token": token, "id_token": token, "token_type": "bearer"}

    def job_token(self, audience: str, shown: str) -> dict[str, str]:
        """As GitHub gives a job its identity, for an audience that the job chooses."""
        if shown != self.job:
            raise RefusedError("this job may not ask for an identity", 403)
        return {"value": self.token(aud=audience)}

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
