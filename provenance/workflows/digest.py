"""Digest: what a model is, by its bytes alone, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.artifacts.crew import Progress
from provenance.artifacts.hashing import FILES_AND_TENSORS, Wanted
from provenance.artifacts.manifest import Manifest
from provenance.artifacts.sources.collecting import Collected, collect_path
from provenance.errors import UsageError

if TYPE_CHECKING:
    from provenance.artifacts.cache import DigestCache

Total = Callable[[int], None]


@dataclass(frozen=True)
class Digested:
    """An artefact by its bytes, where they were read, and how many of them.

    `kind` is folder, file, archive, hub, remote or oci; `address` is None for what lies on this machine; `revision` is
    the commit of a Hub snapshot, or the digest of an OCI manifest.
    """

    manifest: Manifest
    kind: str
    bytes_read: int
    bytes_cached: int = 0
    address: str | None = None
    revision: str | None = None


def digest(
    source: Path | str,
    *,
    wanted: Wanted = FILES_AND_TENSORS,
    online: bool = False,
    cache: bool = False,
    extract: bool | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
    total: Total | None = None,
) -> Digested:
    """Read a file, a folder or what an address names once; ArtifactError where its digests would not be all there is.

    Addresses are `hf://`, `oci://` and every URL of fsspec; of those only the local Hugging Face cache, `memory://` and
    `file://` are read without `online`. `cache` lets the digest cache of this user stand for files that did not change.
    With `scheduler` the workers of that Dask scheduler read a file or folder of this machine that they see too.
    An archive is refused unless `extract` says to look into it (True) or to take it as one file (False).
    """
    address = source if isinstance(source, str) and "://" in source else None
    if scheduler is not None:
        found = _on_cluster(source, scheduler, wanted, online, progress, total)
    elif address is None:
        found = _local(Path(source), wanted, cache, extract, progress, total)
    elif address.startswith("hf://"):
        found = _from_hub(address, wanted, online, cache, progress, total)
    elif address.startswith("oci://"):
        found = _from_registry(address, wanted, online, progress, total)
    else:
        from provenance.artifacts.sources.remote import scan_remote, without_secrets

        collected = scan_remote(address, online=online, wanted=wanted, progress=progress, total=total)
        found = _digested(collected, "remote", without_secrets(address))
    return replace(found, manifest=found.manifest.require_sound())


def _local(
    path: Path, wanted: Wanted, cache: bool, extract: bool | None, progress: Progress | None, total: Total | None
) -> Digested:
    from provenance.artifacts.sources.archive import refuse_archive, scan_archive

    if extract is None:
        refuse_archive(path)
    elif extract:
        return _digested(scan_archive(path, wanted=wanted, progress=progress, total=total), "archive")
    with _remembering(cache) as memory:
        collected = collect_path(path, wanted=wanted, cache=memory, progress=progress, total=total)
    return _digested(collected, "file" if collected.manifest.is_file else "folder")


def _on_cluster(
    source: Path | str, scheduler: str, wanted: Wanted, online: bool, progress: Progress | None, total: Total | None
) -> Digested:
    from provenance.artifacts.cluster import refuse_network, scan_on

    if isinstance(source, str) and "://" in source:
        raise UsageError("usage", "a cluster reads files and folders that its workers see", location=source,
                         hint="give the path under which every worker sees the model")
    refuse_network(scheduler, online=online)
    manifest = scan_on(scheduler, Path(source), wanted=wanted, progress=progress, total=total)
    read = sum(entry.size for entry in manifest.files if entry.digest)
    return Digested(manifest, "file" if manifest.is_file else "folder", read)


def _from_hub(
    address: str, wanted: Wanted, online: bool, cache: bool, progress: Progress | None, total: Total | None
) -> Digested:
    from provenance.artifacts.sources.hub import scan_hub

    with _remembering(cache) as memory:
        snapshot = scan_hub(address, online=online, wanted=wanted, cache=memory, progress=progress, total=total)
    return replace(_digested(snapshot.collected, "hub", str(snapshot.address)), revision=snapshot.commit)


def _from_registry(
    address: str, wanted: Wanted, online: bool, progress: Progress | None, total: Total | None
) -> Digested:
    from provenance.artifacts.sources.registry import scan_registry

    pulled = scan_registry(address, online=online, wanted=wanted, progress=progress, total=total)
    return replace(_digested(pulled.collected, "oci", address), revision=pulled.digest)


def _remembering(cache: bool) -> DigestCache | nullcontext[None]:
    if not cache:
        return nullcontext()
    from provenance.artifacts.cache import DigestCache

    return DigestCache()


def _digested(collected: Collected, kind: str, address: str | None = None) -> Digested:
    return Digested(collected.manifest, kind, collected.read, collected.cached, address)


def digest_document(digested: Digested) -> dict[str, Any]:
    """The answer as JSON (`schemas/digest.schema.json`)."""
    manifest, weights = digested.manifest, None
    if manifest.weights is not None:
        weights = {
            "digest": manifest.weights.digest,
            "tensors": len(manifest.weights.tensors),
            "parameters": manifest.weights.parameters,
        }
    return {
        "schemaVersion": "0.1",
        "kind": "Digest",
        "name": manifest.name,
        "source": {"kind": digested.kind, "address": digested.address, "revision": digested.revision},
        "digest": manifest.digest,
        "bytes": manifest.size,
        "bytesRead": digested.bytes_read,
        "bytesFromCache": digested.bytes_cached,
        "files": [{"path": entry.path, "size": entry.size, "digest": entry.digest} for entry in manifest.files],
        "weights": weights,
        "findings": [finding.to_dict() for finding in manifest.findings],
    }
