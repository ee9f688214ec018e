"""OpenSSF Model Signing (OMS) v1.0, exactly to the specification: what is signed, and what is in hand.

Predicate `https://model_signing/signature/v1.0`. Section numbers below are the specification's. Nothing of ours is
added to it. Its verdict and our coverage are two results: `ignore_paths` and `allow_symlinks` are claims of the signer
here, and instructions to nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provenance.artifacts.manifest import REPOSITORY_FILES, Manifest, is_repository_file, root_of
from provenance.artifacts.names import problem_with_name
from provenance.errors import Finding, StatementError
from provenance.statements.reader import validate
from provenance.statements.statement import ResourceDescriptor, Statement

MODEL_SIGNATURE = "https://model_signing/signature/v1.0"
_LONE_FILE = "."  # how releases before 1.0.1 of the reference implementation name a model that is one file


@dataclass(frozen=True)
class ModelSignature:
    """A signed list of files: sha256 by relative path, and the paths that the signer left out."""

    subjects: tuple[ResourceDescriptor, ...]
    resources: Mapping[str, str]
    ignored: tuple[str, ...] = ()

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> ModelSignature:
        """Sections 5 and 8.3; StatementError `schema-mismatch`, `statement-invalid`, or `predicate-unknown`.

        The last is for what the specification allows and this version does not read.
        """
        validate(statement.predicate, "model-signature", location)
        serialization: Mapping[str, Any] = statement.predicate["serialization"]
        if serialization["method"] != "files" or serialization["hash_type"] != "sha256":
            raise StatementError("predicate-unknown", "a model signature over shards, or by another hash than sha256",
                                 location=location, hint="sign it again with files and sha256")
        if "shard_size" in serialization:
            raise _broken("it has a shard_size without shards (5.2.2)", location)
        rows: list[Mapping[str, str]] = statement.predicate["resources"]
        resources = {row["name"]: row["digest"] for row in rows}
        if len(resources) != len(rows) or not _is_sorted(list(resources)):
            raise _broken("its resources are not sorted by name without duplicates (5.2.1)", location)
        if resources.keys() != {_LONE_FILE} and (problem := next(filter(None, map(problem_with_name, resources)), "")):
            raise _broken(f"a resource name {problem} (6.1.2)", location)
        if {row["algorithm"] for row in rows} != {"sha256"}:
            raise _broken("a resource uses another algorithm than the signature (7)", location)
        root = _root(resources.values(), location)
        if [subject.digest.get("sha256") for subject in statement.subjects] != [root]:
            # The root is how others refer to this model: it must not be able to say something else than the list.
            raise _broken("its subject is not the root over its resources (6.5.1)", location)
        ignored = tuple(serialization.get("ignore_paths", ()))
        for path in ignored:
            if any(char in path for char in "*?[") or path.startswith("/") or {".", ".."} & set(path.split("/")):
                raise _broken("an ignored path is not a plain relative path (6.2.1)", location)
        return cls(statement.subjects, resources, ignored)


def _root(digests: Collection[str], location: str) -> str:
    """The root over what is claimed to be digests; StatementError where one of them is none."""
    joined = "".join(digests)
    try:
        together = bytes.fromhex(joined)
    except ValueError:
        together = b""
    # What comes back is what went in only where all of it was lower-case hexadecimal, without the spaces that
    # `fromhex` passes over.
    if together.hex() != joined or set(map(len, digests)) != {64}:
        raise _broken("a resource digest is not 64 lower-case hexadecimal characters (6.3.1)", location)
    return hashlib.sha256(together).hexdigest()


def _is_sorted(names: list[str]) -> bool:
    """By code points, as the specification says, or part by part, as the reference implementation does."""
    return names == sorted(names) or names == sorted(names, key=lambda name: name.split("/"))


def model_statement(manifest: Manifest) -> Statement:
    """The statement that signs a model by files and sha256 (section 6)."""
    rows = sorted((entry.path, entry.sha256) for entry in manifest.files if not is_repository_file(entry.path))
    predicate = {
        "resources": [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in rows],
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False,
                          "ignore_paths": list(REPOSITORY_FILES)},
    }
    subject = ResourceDescriptor(manifest.name, {"sha256": root_of(digest for _, digest in rows)})
    return Statement((subject,), MODEL_SIGNATURE, predicate)


def compare_with(signature: ModelSignature, manifest: Manifest) -> list[Finding]:
    """Section 8.4: every signed file is there and as signed, and every file outside the ignored paths is signed."""
    if manifest.is_file and signature.resources.keys() == {_LONE_FILE}:
        digest = signature.resources[_LONE_FILE]
        signature = replace(signature, resources={manifest.files[0].path: digest})
    if signature.resources == {entry.path: entry.sha256 for entry in manifest.files}:
        return []
    return [*_signed_files(signature, manifest), *_unsigned_files(signature, manifest)]


def _signed_files(signature: ModelSignature, manifest: Manifest) -> Iterator[Finding]:
    for path, digest in signature.resources.items():
        entry = manifest.by_path.get(path)
        if entry is None:
            yield Finding("file-missing", "error", "a signed file is not there", path, "get the file from the producer")
        elif entry.sha256 != digest:
            yield Finding("file-mismatch", "error", "the file differs from what was signed", path,
                          "get the file again from the producer")


def _unsigned_files(signature: ModelSignature, manifest: Manifest) -> Iterator[Finding]:
    ignored = {*REPOSITORY_FILES, *signature.ignored}
    for entry in manifest.files:
        if entry.path not in signature.resources and not _is_ignored(entry.path, ignored):
            yield Finding("file-not-covered", "error", "the model signature does not list this file", entry.path,
                          "remove it, or ask the signer to sign again")


def _is_ignored(path: str, ignored: set[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:length]) in ignored for length in range(1, len(parts) + 1))


def _broken(why: str, location: str) -> StatementError:
    return StatementError("statement-invalid", f"not a model signature: {why}", location=location,
                          hint="sign the model again")
