"""`provenance digest`."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.artifacts.manifest import Manifest
from provenance.cli.common import EXISTING, Shown, common_options
from provenance.reports.escape import printable


@click.command()
@click.argument("path", type=EXISTING)
@click.option("--tensors/--no-tensors", default=True, help="Whether to compute the tensor tree of weights.")
@common_options
def command(path: Path, tensors: bool, shown: Shown) -> None:
    """Tell what the file or folder PATH is, by its bytes: each file, the folder, and its weights.

    \b
    Example:
      provenance digest ./model
      provenance digest ./model --format json --output digest.json
    """
    from provenance.workflows.digest import digest, digest_document

    with shown.progress("Reading") as (progress, total):
        manifest = digest(path, tensors=tensors, progress=progress, total=total)
    shown.answer(digest_document(manifest), lambda: _text(manifest))


def _text(manifest: Manifest) -> str:
    lines = [f"{entry.sha256}  {entry.size:>14,}  {printable(entry.path)}" for entry in manifest.files]
    lines.append("")
    if not manifest.is_file:
        lines += [f"dirHash      {manifest.digest['dirHash']}", f"OMS root     {manifest.digest['sha256']}"]
    if manifest.weights is not None:
        tensors, parameters = len(manifest.weights.tensors), manifest.weights.parameters
        lines.append(f"tensor tree  {manifest.weights.root}  ({tensors:,} tensors, {parameters:,} values)")
    lines.append(f"{len(manifest.files):,} files, {manifest.size:,} bytes")
    lines += [f"{f.severity}: {printable(f.message)} {printable(f.location)}".rstrip() for f in manifest.findings]
    return "\n".join(lines) + "\n"
