"""`provenance dataset`: digest, prove, check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.common import EXISTING, Command, Shown, common_options, pairs, to_text
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.errors import UsageError
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.artifacts.dataset.content import Content
    from provenance.workflows.dataset import CheckedProof, Files


@click.group()
def command() -> None:
    """Know a dataset by its records, and prove that a record is in it.

    The digest is over the values of the records in their order, under a schema: the same rows as Parquet, Arrow, JSON
    Lines or CSV are one dataset, whatever the row groups, compression or library version.
    """


def _reading_options(function: Command) -> Command:
    """What `digest` and `prove` read, and how."""
    options: list[Callable[[Command], Command]] = [
        click.argument("path", type=EXISTING, required=False),
        click.option("--files", multiple=True, metavar="SPLIT=PATH",
                     help="Instead of PATH: a file or folder of a split. Repeat it for every file, in their order."),
        click.option("--schema", type=EXISTING, metavar="FILE",
                     help="Schema to read under; JSON Lines and CSV need one. An answer of `digest` holds one too."),
        click.option("--column", "columns", multiple=True, metavar="NAME",
                     help="Only this column, and others named so; the rest of the data is left alone."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command("digest")
@_reading_options
@common_options
def digest_command(path: Path | None, files: tuple[str, ...], schema: Path | None, columns: tuple[str, ...],
                   shown: Shown) -> None:
    """Tell which records the file or folder PATH holds: root, splits, shards, columns.

    In a folder, `train.jsonl` and `train-00000-of-00002.parquet` belong to the split train.

    \b
    Example:
      provenance dataset digest ./data
      provenance dataset digest verses.parquet --format json --output verses.json
      provenance dataset digest verses.jsonl --schema verses.json
    """
    from provenance.workflows.dataset import content_document, digest_dataset

    with shown.progress("Reading") as (progress, total):
        content = digest_dataset(_files(path, files), schema, columns=columns or None, progress=progress, total=total)
    shown.answer(content_document(content), lambda: _content_text(content))


@command.command("prove")
@_reading_options
@click.option("--row", type=click.IntRange(min=0), required=True, help="Number of the record in its split, from 0.")
@click.option("--split", metavar="NAME", help="The split of the record, where there are several.")
@common_options
def prove_command(path: Path | None, files: tuple[str, ...], schema: Path | None, columns: tuple[str, ...], row: int,
                  split: str | None, shown: Shown) -> None:
    """Write a proof, in JSON, that a record is in the dataset; it holds the record and no other.

    \b
    Example:
      provenance dataset prove ./data --split train --row 17 --output proof.json
    """
    from provenance.workflows.dataset import prove_row

    with shown.progress("Reading") as (progress, total):
        proof = prove_row(_files(path, files), row, split=split, schema=schema, columns=columns or None,
                          progress=progress, total=total)
    shown.text(to_text(proof.to_dict()))


@command.command("check")
@click.argument("proof", type=EXISTING)
@click.option("--digest", "root", metavar="HEX", help="Root of the dataset that is meant, as an attestation names it.")
@click.option("--record", type=EXISTING, metavar="FILE", help="The record that is meant, as a JSON object.")
@common_options
def check_command(proof: Path, root: str | None, record: Path | None, shown: Shown) -> int:
    """Check the proof in the file PROOF, without the dataset.

    A proof names a dataset by its root. Whether that is the dataset that you mean, only you can say: with --digest.
    Exit codes: 0 the proof holds; 1 it does not; 2 it cannot be read.

    \b
    Example:
      provenance dataset check proof.json --digest 5d41402abc4b2a76b9719d911017c592ae2f0c5d...
    """
    from provenance.workflows.dataset import check_proof

    checked = check_proof(_bytes(proof), location=str(proof), root=root, record=_record(record))
    shown.answer(checked.to_dict(), lambda: _check_text(checked))
    return PASSED if checked.verified else NOT_PASSED


def _files(path: Path | None, files: tuple[str, ...]) -> Files:
    if (path is None) == (not files):
        raise UsageError("usage", "PATH or --files, and not both, say what to read",
                         hint="give a file or folder, or --files SPLIT=PATH")
    if path is not None:
        return path
    splits: dict[str, list[Path]] = {}
    for name, place in pairs(files, "--files"):
        splits.setdefault(name, []).append(Path(place))
    return splits


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise UsageError("input-unreadable", f"cannot read the file: {err.strerror}", location=str(path),
                         hint="check the path") from err


def _record(path: Path | None) -> Any:
    if path is None:
        return None
    from provenance.statements.reader import parse_json

    record = parse_json(_bytes(path), str(path))
    if not isinstance(record, dict):
        raise UsageError("usage", "the record is not a JSON object", location=str(path), hint="write one object")
    return record


def _content_text(content: Content) -> str:
    lines = []
    for split in content.splits:
        lines.append(f"split {printable(split.name)}: {split.records:,} records  {split.digest}")
        lines += [f"  {shard.sha256}  {shard.size:>14,}  {shard.records:>12,} records  {printable(shard.path)}"
                  for shard in split.shards]
        lines += [f"  {column.digest}  {column.size:>14,}  {printable(f'{column.name}: {column.type}')}"
                  for column in split.columns]
    lines += ["", f"dataset tree  {content.root}",
              f"records       {content.records:,} in {content.size:,} bytes of files"]
    lines += [f"left out: {printable(path)}" for path in content.left_out]
    return "\n".join(lines) + "\n"


def _check_text(checked: CheckedProof) -> str:
    proof = checked.proof
    lines = [*(printable(line, longest=4000) for line in to_text(proof.values).splitlines()), ""]
    if not checked.verified:
        return "\n".join([*lines, *(f"{finding.severity}: {finding.message}" for finding in checked.findings)]) + "\n"
    lines += [f"is record {proof.row:,} of the {proof.records:,} in split {printable(proof.split)} of the dataset",
              f"dataset tree  {checked.root}"]
    if checked.expected is None:
        lines.append("Compare this root with the one in an attestation that you trust, or give it with --digest.")
    return "\n".join(lines) + "\n"
