"""`provenance digest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.common import Shown, common_options
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.workflows.digest import Digested


@click.command()
@click.argument("source")
@click.option("--tensors/--no-tensors", default=True, help="Whether to compute the tensor tree of weights.")
@click.option("--online", is_flag=True, help="Allow the network: fetch hf://, read oci://, s3:// and other URLs.")
@click.option("--cache/--no-cache", default=True, help="Whether to remember the digests of files that do not change.")
@click.option("--extract/--no-extract", default=None, help="Look into a zip or tar, or take it as one file.")
@common_options
def command(source: str, tensors: bool, online: bool, cache: bool, extract: bool | None, shown: Shown) -> None:
    """Tell what SOURCE is, by its bytes: each file, the folder, and its weights.

    SOURCE is a file or folder, hf://org/name[@revision] (the local Hugging Face cache), oci://host/name:tag, or a URL
    of object storage such as s3://bucket/model. The digest cache serves this command alone, and never a verdict.

    \b
    Example:
      provenance digest ./model
      provenance digest ./model --format json --output digest.json
      provenance digest hf://org/name@main
    """
    from provenance.workflows.digest import digest, digest_document

    with shown.progress("Reading") as (progress, total):
        digested = digest(source, tensors=tensors, online=online, cache=cache, extract=extract, progress=progress,
                          total=total)
    shown.answer(digest_document(digested), lambda: _text(digested))


def _text(digested: Digested) -> str:
    manifest = digested.manifest
    lines = [f"{entry.sha256}  {entry.size:>14,}  {printable(entry.path)}" for entry in manifest.files]
    lines.append("")
    if digested.revision is not None:
        lines.append(f"revision     {printable(digested.revision)}")
    if not manifest.is_file:
        lines += [f"dirHash      {manifest.digest['dirHash']}", f"OMS root     {manifest.digest['sha256']}"]
    if manifest.weights is not None:
        tensors, parameters = len(manifest.weights.tensors), manifest.weights.parameters
        lines.append(f"tensor tree  {manifest.weights.root}  ({tensors:,} tensors, {parameters:,} values)")
    lines.append(f"{len(manifest.files):,} files, {manifest.size:,} bytes: {digested.bytes_read:,} read, "
                 f"{digested.bytes_cached:,} known from the digest cache")
    lines += [f"{f.severity}: {printable(f.message)} {printable(f.location)}".rstrip() for f in manifest.findings]
    return "\n".join(lines) + "\n"
