"""A model held against its signature (section 8.4), by the serialization that was signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provenance.artifacts.manifest import Manifest
from provenance.bundles.oms.signature import LONE_FILE, ModelSignature
from provenance.errors import Finding


def judge(signature: ModelSignature, manifest: Manifest, *, unsigned: bool = False) -> list[Finding]:
    """Whether a model is, by the specification, as it was signed; what is ignored may be as it likes.

    With `unsigned`, files that are not listed are let through (section 8.5). Names are told apart byte by byte (6.1.2):
    those that are one name elsewhere are coverage's concern.
    """
    problems = [finding for finding in manifest.findings if finding.severity == "error"
                and finding.code != "file-name-collides" and not signature.serialization.ignores(finding.location)]
    return [*problems, *(found for found in compare_with(signature, manifest)
                         if not (unsigned and found.code == "file-not-covered"))]


def compare_with(signature: ModelSignature, manifest: Manifest) -> list[Finding]:
    """Section 8.4: every signed file is there and as signed, and every file outside the ignored paths is signed."""
    signature, digests_in = named_as_here(signature, manifest), signature.serialization.digests_in
    if signature.resources == {entry.path: digests_in(entry) for entry in manifest.files}:
        return []
    return [*_signed_files(signature, manifest), *_unsigned_files(signature, manifest)]


def named_as_here(signature: ModelSignature, manifest: Manifest) -> ModelSignature:
    """The signature of a lone file under the name that the file has now."""
    if not (manifest.is_file and signature.is_of_a_lone_file):
        return signature
    path = manifest.files[0].path
    return replace(signature, resources={path: signature.resources[LONE_FILE]})


def _signed_files(signature: ModelSignature, manifest: Manifest) -> Iterator[Finding]:
    for path, digest in signature.resources.items():
        entry = manifest.by_path.get(path)
        if entry is None:
            yield Finding("file-missing", "error", "a signed file is not there", path, "get the file from the producer")
        elif signature.serialization.digests_in(entry) != digest:
            yield Finding("file-mismatch", "error", "the file differs from what was signed", path,
                          "get the file again from the producer")


def _unsigned_files(signature: ModelSignature, manifest: Manifest) -> Iterator[Finding]:
    for entry in manifest.files:
        if entry.path not in signature.resources and signature.serialization.lists(entry):
            yield Finding("file-not-covered", "error", "the model signature does not list this file", entry.path,
                          "remove it, or ask the signer to sign again")
