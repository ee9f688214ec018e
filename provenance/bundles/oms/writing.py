"""The statement that signs a model (section 6), by any method and hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.artifacts.manifest import REPOSITORY_FILES, Manifest, root_of
from provenance.bundles.oms.reading import problem_with_ignored
from provenance.bundles.oms.signature import SHARD_SIZE, Hash, Method, Serialization
from provenance.errors import ArtifactError, UsageError
from provenance.statements.statement import ResourceDescriptor, Statement

MODEL_SIGNATURE = "https://model_signing/signature/v1.0"


def serialization_for(
    method: Method = "files", hash_type: Hash = "sha256", *, shard_size: int | None = None, ignored: Sequence[str] = ()
) -> Serialization:
    """How a model is to be signed; UsageError for what the specification does not allow.

    Links are never followed, as it recommends. The defaults are always left out, and what is left out is always said.
    """
    if shard_size is not None and (method != "shards" or shard_size < 1):
        raise UsageError("usage", "a shard size is a number of bytes, and belongs to shards", location="--shard-size",
                         hint="add --method shards, or leave it out")
    ignored = [path.rstrip("/") or path for path in ignored]
    for path in ignored:
        if problem := problem_with_ignored(path):
            raise UsageError("usage", f"an ignored path {problem}", location="--ignore-path",
                             hint="give a path within the model, as `logs` or `notes/draft.txt`")
    names = sorted({*REPOSITORY_FILES, *ignored})
    size = (shard_size or SHARD_SIZE) if method == "shards" else 0
    return Serialization(method, hash_type, size, ignored=tuple(names))


def model_statement(manifest: Manifest, serialization: Serialization | None = None) -> Statement:
    """The statement that signs what was scanned with `serialization.wanted`; ArtifactError where nothing is left."""
    serialization = serialization or serialization_for()
    rows = sorted(_rows(manifest, serialization))
    if not rows:
        raise ArtifactError("folder-empty", "there is nothing to sign", location=manifest.name,
                            hint="OMS leaves out .git and the like, what is ignored, and empty files under shards")
    predicate = {
        "resources": [{"name": name, "algorithm": serialization.hash, "digest": digest} for name, digest in rows],
        "serialization": serialization.to_dict(),
    }
    subject = ResourceDescriptor(manifest.name, {"sha256": root_of(digest for _, digest in rows)})
    return Statement((subject,), MODEL_SIGNATURE, predicate)


def _rows(manifest: Manifest, serialization: Serialization) -> Iterator[tuple[str, str]]:
    length = serialization.hex_length
    for entry in manifest.files:
        if not serialization.lists(entry):
            continue
        digests = serialization.digests_in(entry)
        if serialization.method == "files":
            yield entry.path, digests
            continue
        if not digests:
            raise ArtifactError("document-too-large", "more shards than a signature has room for", location=entry.path,
                                hint="give a larger --shard-size")
        for place, start in enumerate(range(0, entry.size, serialization.shard_size)):
            end = min(start + serialization.shard_size, entry.size)
            yield f"{entry.path}:{start}:{end}", digests[place * length : (place + 1) * length]
