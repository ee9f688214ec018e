"""Update: fetch the trust root of a Sigstore instance and pin it in a trust file; nothing else fetches trust.

Every update works in a folder that is thrown away. It begins from the root that is embedded, or handed in, so that
nothing that was left in a home can stand for it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from provenance.bundles.sigstore.fetching import fetch_root
from provenance.bundles.trust import Trust, parse_trust, read_trust_file
from provenance.errors import UsageError
from provenance.workflows.trust_file import pin_root


def update_trust(path: Path, *, online: bool, url: str | None = None, first_root: Path | None = None) -> Trust:
    """Fetch the newest trust root, and write it beside the trust file, which pins it and gets a new version.

    `url` names the TUF repository of a private instance, and `first_root` the root metadata that it is known by.
    UsageError `network-not-allowed` without `online`; ProvenanceError `source-unreachable` where nothing that is
    signed as it must be can be fetched, and then nothing has changed.
    """
    if not online:
        raise UsageError("network-not-allowed", "updating fetches from a Sigstore instance", location="--online",
                         hint="say --online if you want that")
    if (url is None) != (first_root is None):
        raise UsageError("usage", "a private instance is known by its URL and its first root together",
                         location="--tuf-url, --tuf-root", hint="give both, or neither for Sigstore's own")
    parse_trust(read_trust_file(path), str(path))
    with tempfile.TemporaryDirectory(prefix="provenance-tuf-", ignore_cleanup_errors=True) as folder:
        root = fetch_root(Path(folder), url, first_root)
    return pin_root(path, root)
