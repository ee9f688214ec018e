"""A Sigstore instance for tests: real services with keys of their own, on loopback, for one process.

    oidc.py       an OpenID Connect issuer: discovery, keys, tokens with whatever claims a test wants
    fulcio.py     the certificate authority (API v2), which checks the token and the proof of possession
    ct.py         the certificate log, whose timestamp (SCT) Fulcio embeds
    rekor.py      the transparency logs, v1 and v2, each on a growing RFC 6962 tree (tree.py) with checkpoints
    tsa.py        the RFC 3161 timestamp authority (der.py writes its messages)
    instance.py   all of it together, with the trust root and the signing config that a client is given
    server.py     the services over HTTP, in a thread that a fixture starts and ends
    keyless.py    a client that signs with the services directly, and lets a test break one thing at a time

Nothing here is imported by the package. Every service takes the time as an argument, so that a test can sign in 2036.
"""

from tests.sigstore_instance.instance import Instance
from tests.sigstore_instance.keyless import Keyless
from tests.sigstore_instance.server import serve

__all__ = ["Instance", "Keyless", "serve"]
