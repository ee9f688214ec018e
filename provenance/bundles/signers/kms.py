"""A key that stays with a key management service, through securesystemslib's signers and the service's own library.

    awskms:KEY_ID_OR_ALIAS
    gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V
    azurekms://VAULT.vault.azure.net/keys/NAME
    hashivault:NAME            Vault's transit engine, Ed25519

Who may use the key is known from the environment, in the way of each service's own tools. The public key is asked of
the service, and what it signs is verified with that before it is written down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.bundles.keys import pem_of
from provenance.bundles.signers.key import confirmed, signing_key
from provenance.errors import BundleError, ProvenanceError, TrustError

if TYPE_CHECKING:
    from securesystemslib.signer import Signature, SSlibKey

_VAULT = "hv"  # securesystemslib's word for hashivault


class KmsSigner:
    """The key behind a URI; BundleError `signer-unavailable`, TrustError `usage`, `extra-missing` or `key-invalid`."""

    def __init__(self, uri: str) -> None:
        from securesystemslib.exceptions import UnsupportedLibraryError

        self._uri = uri
        found = _service(uri)
        try:
            private, theirs = found[0].import_(*found[1:])
        except UnsupportedLibraryError as err:
            raise TrustError("extra-missing", "the library of this key management service is not installed",
                             location=uri, hint="pip install 'open-provenance[kms]'") from err
        except Exception as err:  # each service's library raises what it likes
            raise self._unavailable(err) from err
        # Under our name for it: the one of a service's library would be a hint that no trust file knows.
        self._key = signing_key(pem_of(theirs), uri)
        self._signer: Any = found[0].from_priv_key_uri(private, self._key)

    @property
    def public_key(self) -> SSlibKey:
        """What the service says that the key's public half is."""
        return self._key

    def sign(self, payload: bytes) -> Signature:
        """Ask the service, and look at what it made."""
        try:
            signature = self._signer.sign(payload)
        except Exception as err:  # as above
            raise self._unavailable(err) from err
        return confirmed(signature, self._key, payload, self._uri)

    def _unavailable(self, err: Exception) -> ProvenanceError:
        return BundleError("signer-unavailable", f"the key management service did not do it: {type(err).__name__} "
                           f"{str(err)[:200]}", location=self._uri,
                           hint="check the URI, the credentials and the network")


def _service(uri: str) -> tuple[Any, ...]:
    """securesystemslib's class for a URI, and what it calls the key."""
    from securesystemslib import signer

    scheme, _, rest = uri.partition(":")
    name = rest.strip("/")
    if scheme == "azurekms":
        found: tuple[Any, ...] = (signer.AzureSigner, *_azure_names(name))
    else:
        kinds: dict[str, Any] = {"awskms": signer.AWSSigner, "gcpkms": signer.GCPSigner,
                                 "hashivault": signer.VaultSigner, _VAULT: signer.VaultSigner}
        found = (kinds.get(scheme), name)
    if not all(found):
        raise TrustError("usage", "not the URI of a key in a key management service", location=uri,
                         hint="write awskms:KEY, gcpkms:KEY, azurekms://VAULT.vault.azure.net/keys/KEY or "
                              "hashivault:KEY")
    return found


def _azure_names(name: str) -> tuple[str, str]:
    """The vault and the key; nothing for a vault that is elsewhere, or one version of a key.

    securesystemslib asks in Azure's public cloud alone, and for the newest version: whoever names something else
    would have their credentials sent to a stranger's vault of that name, or another key sign.
    """
    host, _, path = name.partition("/")
    vault, _, cloud = host.partition(".")
    key = path.removeprefix("keys/")
    return (vault, key) if cloud == "vault.azure.net" and "/" not in key else ("", "")
