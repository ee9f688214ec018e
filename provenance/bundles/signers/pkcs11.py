"""A key that stays in a token (smart card, HSM), by PKCS#11; where it lies is said by an RFC 7512 URI.

    pkcs11:token=signing;object=lab?module-path=/usr/lib/softhsm/libsofthsm2.so

`token`, `serial`, `manufacturer`, `model` and `slot-id` choose the token, `object` and `id` the key. The PIN is never
part of the URI (`pin-value`): a command line can be read by everyone on the machine. ECDSA on P-256, P-384 and P-521,
and Ed25519 where the token has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from provenance.bundles.keys import public_pem
from provenance.bundles.signers.key import confirmed, signing_key
from provenance.errors import BundleError, ProvenanceError, TrustError

if TYPE_CHECKING:
    from securesystemslib.signer import Signature, SSlibKey

_TOKEN = ("token", "serial", "manufacturer", "model", "slot-id")
_KEY = ("object", "id")
_ED25519 = 32


@dataclass(frozen=True)
class Pkcs11Uri:
    """The parts of a URI. A part that is there twice, or is not known here, is an error: it could narrow the choice."""

    module: str
    token: Mapping[str, str]
    label: str | None
    identifier: bytes | None
    pin_file: Path | None

    @classmethod
    def parse(cls, uri: str) -> Pkcs11Uri:
        """TrustError `usage`, which never repeats the URI: there may be a PIN in it."""
        scheme, _, rest = uri.partition(":")
        path, _, query = rest.partition("?")
        parts, asked = _attributes(path, ";"), _attributes(query, "&")
        if scheme.lower() != "pkcs11" or "pin-value" in asked:
            raise _usage("a PIN does not belong into it" if "pin-value" in asked else "it begins with another word")
        known = {*_TOKEN, *_KEY, "type"}, {"module-path", "pin-source"}
        if unknown := sorted((parts.keys() - known[0]) | (asked.keys() - known[1])):
            raise _usage(f"{unknown[0][:40]} is not known here")
        if parts.get("type", "private") != "private" or not parts.keys() & set(_KEY):
            raise _usage("it does not name a private key by object or id")
        if "module-path" not in asked:
            raise _usage("it names no module-path")
        source = unquote(asked["pin-source"]).removeprefix("file:") if "pin-source" in asked else ""
        return cls(
            unquote(asked["module-path"]), {name: unquote(parts[name]) for name in _TOKEN if name in parts},
            unquote(parts["object"]) if "object" in parts else None,
            unquote_to_bytes(parts["id"]) if "id" in parts else None, Path(source) if source else None,
        )

    def chooses(self, token: Any) -> bool:
        """Whether this is the token that the URI describes."""
        facts = {"token": token.label, "serial": _text(token.serial), "manufacturer": _text(token.manufacturer_id),
                 "model": _text(token.model), "slot-id": str(token.slot.slot_id)}
        return all(facts[name].strip() == wanted.strip() for name, wanted in self.token.items())


def _attributes(text: str, separator: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(separator) if part]
    found = {name: value for name, _, value in pairs}
    if len(found) != len(pairs):
        raise _usage("an attribute is there twice")
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Pkcs11Signer:
    """The key that a URI names. `pin` is asked when the token is opened, for the public key and for each signature.

    BundleError `signer-unavailable`; TrustError `usage`, `extra-missing`, `key-invalid` or `key-passphrase`.
    """

    def __init__(self, uri: str, pin: Callable[[], str | None]) -> None:
        self._uri, self._pin = Pkcs11Uri.parse(uri), pin
        with self._session() as session:
            found = self._object(session, "PUBLIC_KEY")
            self._key = signing_key(_pem(found), "the token")

    @property
    def public_key(self) -> SSlibKey:
        """The public half, as the token has it beside the private one."""
        return self._key

    def sign(self, payload: bytes) -> Signature:
        """Hash here, sign there, and look at what was made."""
        from pkcs11 import Mechanism
        from securesystemslib.signer import Signature

        with self._session() as session:
            private = self._object(session, "PRIVATE_KEY")
            if self._key.scheme == "ed25519":
                made = bytes(private.sign(payload, mechanism=Mechanism.EDDSA))
            else:
                digest = hashlib.new(self._key.get_hash_algorithm_name(), payload).digest()
                made = _der(bytes(private.sign(digest, mechanism=Mechanism.ECDSA)))
        return confirmed(Signature(self._key.keyid, made.hex()), self._key, payload, "the token")

    @contextmanager
    def _session(self) -> Iterator[Any]:
        """An open session; what the token's driver raises inside it becomes an error of ours."""
        try:
            import pkcs11
        except ImportError as err:
            raise TrustError("extra-missing", "PKCS#11 needs a library that is not installed", location="--pkcs11",
                             hint="pip install 'open-provenance[hsm]'") from err
        try:
            tokens = [token for token in _tokens(self._uri.module) if self._uri.chooses(token)]
            if len(tokens) != 1:
                raise _unavailable(f"{len(tokens)} tokens answer to the URI")
            with tokens[0].open(user_pin=self._secret()) as session:
                yield session
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked) as err:
            raise TrustError("key-passphrase", f"the token does not take the PIN: {type(err).__name__}",
                             location="the token", hint="mind that a token locks itself after a few tries") from err
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as err:
            raise _unavailable(f"{type(err).__name__} {str(err)[:200]}".strip()) from err

    def _secret(self) -> str | None:
        if self._uri.pin_file is None:
            return self._pin()
        return self._uri.pin_file.read_text(encoding="utf-8").rstrip("\n")

    def _object(self, session: Any, kind: str) -> Any:
        from pkcs11 import Attribute, ObjectClass

        wanted: dict[Any, Any] = {Attribute.CLASS: ObjectClass[kind]}
        if self._uri.label is not None:
            wanted[Attribute.LABEL] = self._uri.label
        if self._uri.identifier is not None:
            wanted[Attribute.ID] = self._uri.identifier
        found = list(session.get_objects(wanted))
        if len(found) != 1:
            raise _unavailable(f"{len(found)} objects of class {kind} answer to the URI")
        return found[0]


def _tokens(module: str) -> Iterator[Any]:
    """Every token of a module that has been set up; a slot without one is none."""
    from pkcs11 import TokenFlag, lib

    yield from lib(module).get_tokens(token_flags=TokenFlag.TOKEN_INITIALIZED)


def _pem(key: Any) -> bytes:
    """A token's public key: a point under a curve, with the point in an octet string of DER."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_ec_public_key

    try:
        if key.key_type == KeyType.EC:
            return public_pem(load_der_public_key(encode_ec_public_key(key)))
        if key.key_type == KeyType.EC_EDWARDS:
            return public_pem(Ed25519PublicKey.from_public_bytes(bytes(key[Attribute.EC_POINT])[-_ED25519:]))
    except (ValueError, UnsupportedAlgorithm) as err:
        raise _kind() from err
    raise _kind()


def _der(raw: bytes) -> bytes:
    """An ECDSA signature as everyone else writes it; tokens give r and s one after the other."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


def _kind() -> TrustError:
    return TrustError("key-invalid", "the token's key is of an unsupported kind", location="the token",
                      hint="use Ed25519 or ECDSA on P-256, P-384 or P-521")


def _usage(why: str) -> TrustError:
    return TrustError("usage", f"not a PKCS#11 URI for a signing key: {why}", location="--pkcs11",
                      hint="write pkcs11:token=NAME;object=KEY?module-path=/path/to/module.so")


def _unavailable(why: str) -> ProvenanceError:
    return BundleError("signer-unavailable", f"the token cannot be used: {why}", location="--pkcs11",
                       hint="check module, token and key; `pkcs11-tool --list-objects` shows them")
