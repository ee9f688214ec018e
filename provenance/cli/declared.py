"""`provenance declared`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from provenance.cli.common import EXISTING, Shown, common_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.reports.escape import printable


@click.command()
@click.argument("files", type=EXISTING, nargs=-1, required=True, metavar="FILE...")
@click.option("--root", type=EXISTING, metavar="DIR",
              help="The folder of the files that a dvc.lock names: they are read again, and give their sha256.")
@click.option("--validate", is_flag=True, help="Also hold CycloneDX against its schema (extra `bom`).")
@common_options
def command(files: tuple[Path, ...], root: Path | None, validate: bool, shown: Shown) -> int:
    """Read what documents declare: dataset cards, Croissant, SPDX, CycloneDX, dvc.lock, MLflow runs.

    Every line is stated and unsigned: it shows nothing. Exit code 0, or 1 where a document could not be read.

    \b
    Example:
      provenance declared croissant.json README.md
      provenance declared dvc.lock --root .
    """
    from provenance.workflows.declared import document, read_all

    reading = read_all(files, root, validate=validate)
    answer = document(reading)
    shown.answer(answer, lambda: "".join(f"{line}\n" for line in _lines(answer)))
    return NOT_PASSED if reading.refused else PASSED


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    yield str(answer["note"])
    for told in answer["documents"]:
        yield f"{printable(told['file'])}: {printable(told['format'])}, sha256:{told['sha256'][:12]}"
        for line in told["lines"]:
            about, value = printable(f"{line['subject']}: {line['what']}"), printable(line["value"])
            yield f"  {line['basis']}, {line['voice']}  {about}: {value}"
        for licence in told["licences"]:
            known = licence["expression"] or f"unknown: {licence['reason']}"
            yield f"  licence {printable(licence['declared'])}, unsigned: {printable(known)}"
        for finding in told["findings"]:
            yield f"  {finding['severity']}: {printable(finding['message'])} [{finding['code']}]"
    for refused in answer["refused"]:
        yield f"{printable(refused['file'])}: not read: {printable(refused['message'])} [{refused['code']}]"
