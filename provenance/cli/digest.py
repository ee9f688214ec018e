"""`provenance digest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.artifacts.hashing import DIGESTS, Wanted
from provenance.cli.common import Shown, common_options
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.artifacts.manifest import FileEntry
    from provenance.workflows.digest import Digested


@click.command()
@click.argument("source")
@click.option("--digest", "names", type=click.Choice(DIGESTS), multiple=True, metavar="NAME",
              default=("sha256", "tensorTree"), show_default=True,
              help=f"A digest to compute, given as often as needed: {', '.join(DIGESTS)}.")
@click.option("--online", is_flag=True, help="Allow the network: fetch hf://, read oci://, s3:// and other URLs.")
@click.option("--cache/--no-cache", default=True, help="Whether to remember the digests of files that do not change.")
@click.option("--extract/--no-extract", default=None, help="Look into a zip or tar, or take it as one file.")
@click.option("--scheduler", metavar="ADDRESS", help="Read on the workers of this Dask scheduler, by the same path.")
@common_options
def command(
    source: str, names: tuple[str, ...], online: bool, cache: bool, extract: bool | None, scheduler: str | None,
    shown: Shown,
) -> None:
    """Tell what SOURCE is, by its bytes: each file, the folder, and its weights.

    SOURCE is a file or folder, hf://org/name[@revision] (the local Hugging Face cache), oci://host/name:tag, or a URL
    of object storage such as s3://bucket/model. The digest cache serves this command alone, and never a verdict.

    \b
    Example:
      provenance digest ./model
      provenance digest ./model --format json --output digest.json
      provenance digest hf://org/name@main
      provenance digest ./model --digest tensorTreeBlake3
    """
    from provenance.workflows.digest import digest, digest_document

    with shown.progress("Reading") as (progress, total):
        digested = digest(source, wanted=Wanted.of(names), online=online, cache=cache, extract=extract,
                          scheduler=scheduler, progress=progress, total=total)
    shown.answer(digest_document(digested), lambda: _text(digested))


_TREES = {"tensorTree": "tensor tree", "tensorTreeBlake3": "BLAKE3 twin"}


def _file(entry: FileEntry) -> list[str]:
    """A line for each digest of a file; which digest it is is told where it is not SHA-256."""
    place = f"{entry.size:>14,}  {printable(entry.path)}"
    rows = [value if name == "sha256" else f"{name}:{value}" for name, value in entry.digest.items()]
    return [f"{row}  {place}" for row in rows or ["-"]]


def _text(digested: Digested) -> str:
    manifest = digested.manifest
    lines = [line for entry in manifest.files for line in _file(entry)]
    lines.append("")
    if digested.revision is not None:
        lines.append(f"revision     {printable(digested.revision)}")
    if not manifest.is_file and manifest.digest:
        lines += [f"dirHash      {manifest.digest['dirHash']}", f"OMS root     {manifest.digest['sha256']}"]
    if manifest.weights is not None:
        tensors, parameters = len(manifest.weights.tensors), manifest.weights.parameters
        told = f"  ({tensors:,} tensors, {parameters:,} values)"
        lines += [f"{_TREES[tree]:<11}  {root}{told}" for tree, root in manifest.weights.digest.items()]
    lines.append(f"{len(manifest.files):,} files, {manifest.size:,} bytes: {digested.bytes_read:,} read, "
                 f"{digested.bytes_cached:,} known from the digest cache")
    lines += [f"{f.severity}: {printable(f.message)} {printable(f.location)}".rstrip() for f in manifest.findings]
    return "\n".join(lines) + "\n"
