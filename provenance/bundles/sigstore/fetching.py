"""The trust root of a Sigstore instance, as its TUF repository serves it: the one thing here that uses a network.

sigstore-python's own updater is not asked, because it begins from, and writes to, a cache in the user's home that it
does not check again. Its two parts are: python-tuf, which is the client beneath it, and the root that it embeds.
"""

from __future__ import annotations

from pathlib import Path

from provenance.bundles.sigstore.roots import embedded_file
from provenance.errors import ProvenanceError, TrustError
from provenance.files import read_small

PRODUCTION = "https://tuf-repo-cdn.sigstore.dev"
TARGET = "trusted_root.json"


def fetch_root(folder: Path, url: str | None = None, first_root: Path | None = None) -> bytes:
    """The newest `trusted_root.json` of an instance (Sigstore's own by default), verified by the TUF client workflow.

    `folder` is an empty one to work in; `first_root` the root metadata by which a private instance is known.
    ProvenanceError `source-unreachable` where nothing that is signed as it must be can be had.
    """
    from tuf.api.exceptions import DownloadError, RepositoryError
    from tuf.ngclient import Updater

    place = (url or PRODUCTION).rstrip("/")
    first = embedded_file("production", "root.json") if first_root is None else read_small(
        first_root, "first root", error=TrustError, hint="give the root.json by which the instance is known")
    metadata, targets = folder / "metadata", folder / "targets"
    metadata.mkdir()
    targets.mkdir()
    try:
        updater = Updater(str(metadata), place, str(targets), f"{place}/targets/", bootstrap=first)
        updater.refresh()
        target = updater.get_targetinfo(TARGET)
        if target is None:
            raise _unreachable(f"its repository has no {TARGET}", place)
        return Path(updater.download_target(target)).read_bytes()
    except (DownloadError, RepositoryError, OSError, ValueError) as err:
        raise _unreachable(f"{type(err).__name__}: {str(err)[:200]}", place) from err


def _unreachable(why: str, place: str) -> ProvenanceError:
    return ProvenanceError("source-unreachable", f"no trust root that can be believed was fetched: {why}",
                           location=place, hint="check the address and the network; nothing was changed")
