"""A statement as a model signature (sections 5 and 8.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from provenance.artifacts.manifest import FileEntry, dir_hash
from provenance.bundles.oms.legacy import LEGACY, read_legacy
from provenance.bundles.oms.resources import Rows, broken, by_parts, by_parts_and_ranges, require_root
from provenance.bundles.oms.signature import ModelSignature, Serialization
from provenance.errors import StatementError
from provenance.statements.reader import validate
from provenance.statements.statement import Statement

# A minor version may add what a reader of an older one can do without; one with a member that matters is not read.
_VERSION_1 = re.compile(r"https://model_signing/signature/v1\.(0|[1-9][0-9]{0,3})", re.ASCII)


def is_model_signature(predicate_type: str) -> bool:
    """Whether a predicate of this type says that a model was signed, in any release's form."""
    return predicate_type in LEGACY or _VERSION_1.fullmatch(predicate_type) is not None


def read_signature(statement: Statement, location: str) -> ModelSignature:
    """What a statement signs; StatementError `schema-mismatch`, `statement-invalid`, or `predicate-unknown`.

    The last is for what some release wrote and this version does not read.
    """
    if statement.predicate_type in LEGACY:
        return read_legacy(statement, location)
    try:
        return _read(statement, location)
    except StatementError as err:
        if statement.predicate_type.endswith("/v1.0"):
            raise
        raise StatementError("predicate-unknown", f"a later version of model signatures: {err.message}",
                             location=location, hint="this version reads v1.0") from err


def _read(statement: Statement, location: str) -> ModelSignature:
    validate(statement.predicate, "model-signature", location)
    serialization = _serialization(statement.predicate["serialization"], location)
    rows: list[Mapping[str, str]] = statement.predicate["resources"]
    listed = Rows({row["name"]: row["digest"] for row in rows}, len(rows), location)
    listed.require_order(by_parts_and_ranges if serialization.method == "shards" else by_parts)
    signature = listed.signature(statement.subjects, serialization)
    if {row["algorithm"] for row in rows} not in ({serialization.hash}, {_as_the_reference_says(serialization)}):
        raise broken("a resource uses another algorithm than the signature (7)", location)
    require_root(statement.subjects, listed.root(serialization.hex_length), location)
    _require_own_dir_hash(signature, location)
    return signature


def _as_the_reference_says(serialization: Serialization) -> str:
    """What the reference implementation writes for the algorithm of a shard, against 6.3.2."""
    size = f"-sharded-{serialization.shard_size}" if serialization.method == "shards" else ""
    return serialization.hash + size


def _serialization(document: Mapping[str, Any], location: str) -> Serialization:
    size = document.get("shard_size")
    if size is not None and document["method"] != "shards":
        raise broken("it has a shard_size without shards (5.2.2)", location)
    ignored: list[str] = document.get("ignore_paths", [])
    if any(map(problem_with_ignored, ignored)):
        raise broken("an ignored path is not a plain relative path (6.2.1)", location)
    # `int`, because some releases write 64.0.
    return Serialization(document["method"], document["hash_type"], int(size or 0), document["allow_symlinks"],
                         tuple(map(shortest, ignored)))


def problem_with_ignored(path: str) -> str:
    """Why this path must not be in `ignore_paths`, in words; empty when it may (6.2.1)."""
    if any(char in path for char in "*?["):
        return "holds *, ? or ["
    if path.startswith("/") or ".." in path.split("/"):
        return "is absolute, or leads out of the model"
    return "" if shortest(path) else "is the model itself"


def shortest(path: str) -> str:
    """The path without empty parts and dots, as in names (6.1.2)."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _require_own_dir_hash(signature: ModelSignature, location: str) -> None:
    """Whoever names the folder by a digest that binds names must name the one that is listed, by sha256 of files."""
    digest, files = signature.subjects[0].digest, signature.sha256
    claimed = digest.get("dirHash", digest.get("dirHash1"))
    if claimed and files and dir_hash(FileEntry(path, 0, sha) for path, sha in files.items()) != claimed:
        raise broken("its dirHash is not over its resources", location)
