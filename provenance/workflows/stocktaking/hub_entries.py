"""What of a Hub cache there is to list: its snapshots, wherever it lies, and what an id means in the user's own.

    models--ORG--NAME/snapshots/COMMIT    one model for each snapshot
    datasets--, spaces--                  no models; they are told as left out
    hf://org/name@revision                the snapshot that the cache of `huggingface_hub` holds for it
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from provenance.artifacts.sources.folder import shown
from provenance.artifacts.sources.hub import PREFIX, HubAddress, held_snapshot
from provenance.bundles.store import FOLDER_SUFFIX
from provenance.errors import ArtifactError, ProvenanceError, UsageError
from provenance.workflows.stocktaking.entry import EMPTY, Entry, unreadable

_REPOSITORY = re.compile(r"(models|datasets|spaces)--(.+)", re.DOTALL)
# Of an id in a list, one slash: a name without one is more likely a file that is not there.
_ID = re.compile(r"[\w.-]+/[\w.-]+(@\S+)?", re.ASCII)


def snapshots(path: Path) -> list[Entry]:
    """The snapshots of a Hub cache that a folder is, or that it holds; nothing where it is another folder."""
    real = Path(os.path.realpath(path))
    if real.parent.name == "snapshots" and (found := _repository(real.parent.parent)):
        return [_snapshot(path, found, real.name)]
    repository = real if real.name != "snapshots" else real.parent
    if not (found := _repository(repository)) or not (repository / "snapshots").is_dir():
        return []
    if found[0] != "models":
        return [_snapshot(path, found, "")]
    held = path if real.name == "snapshots" else path / "snapshots"
    folders = (child.name for child in held.iterdir() if child.is_dir())
    revisions = sorted(name for name in folders if not name.endswith(FOLDER_SUFFIX))
    if not revisions:
        return [unreadable(path, EMPTY, "a Hub cache without a snapshot", "fetch the model again")]
    return [_snapshot(held / revision, found, revision) for revision in revisions]


def _snapshot(path: Path, repository: tuple[str, str], revision: str) -> Entry:
    kind, name = repository
    return Entry(path, "hub-snapshot" if kind == "models" else "hub-other", name, revision)


def _repository(folder: Path) -> tuple[str, str] | None:
    """`models--org--name` as `models` and `org/name`; None for a folder of another kind."""
    match = _REPOSITORY.fullmatch(folder.name)
    return (match[1], shown(match[2]).replace("--", "/")) if match and (folder / "blobs").is_dir() else None


def is_address(text: str) -> bool:
    """Whether this can only be meant as an address of the Hub."""
    return text.startswith(PREFIX)


def is_id(text: str) -> bool:
    """Whether this may be meant as `org/name` or `org/name@revision`, if no such file is there."""
    return _ID.fullmatch(text) is not None


def addressed(uri: str) -> Entry:
    """What the user's own cache holds under an address; what it does not hold is an entry with that error."""
    try:
        address = HubAddress.parse(uri)
        if address.kind != "model":
            raise UsageError("usage", "a data set is no model", location=uri, hint="name a model")
        place, commit = held_snapshot(address)
    except ProvenanceError as err:
        hint = f"`provenance digest {uri} --online` fetches it; HF_HOME names another cache"
        told = ArtifactError(err.code, err.message, location=err.location, hint=shown(hint)) if (
            err.code == "hub-not-cached") else err
        return Entry(Path(uri), "unreadable", shown(uri.removeprefix(PREFIX)), named=True, error=told,
                     address=shown(uri))
    return Entry(place / "snapshots" / commit, "hub-snapshot", address.repository, commit, named=True,
                 address=str(address))
