"""`provenance diff`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.common import EXISTING, Shown, common_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.errors import UsageError
from provenance.reports.diff_page import answer, percent
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.artifacts.comparison import Change, Comparison, Share
    from provenance.artifacts.tensors import Tensor
    from provenance.workflows.diff import Diff, FileChange, MetadataChange
    from provenance.workflows.sides import Side

Row = TypeVar("Row")
_SHOWN = 20
_WIDTH = 80
_CELL = 60  # the longest that a metadata value is shown


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--online", is_flag=True, help="Allow the network: fetch hf://, read oci://, s3:// and other URLs.")
@click.option("--headers-only", is_flag=True,
              help="Compare names, dtypes and shapes, and NO values: it never shows that two are the same.")
@click.option("--report", type=EXISTING, metavar="FILE", help="Write a page with the picture (.html) there.")
@click.option("--picture", type=EXISTING, metavar="FILE", help="Write the layers as a picture (SVG) there.")
@common_options
def command(
    first: str, second: str, online: bool, headers_only: bool, report: Path | None, picture: Path | None, shown: Shown
) -> int:
    """Compare the models FIRST and SECOND tensor by tensor, whatever files hold them.

    Each is a file, a folder or an address, as `provenance digest` takes it. From an address the headers come first,
    then no more than the answer needs: how many bytes that was is told. With --online an hf:// model is read from the
    Hub and not kept, without it from the cache.

    Exit code 0 when they are shown to be the same to whoever loads them: equal weights and, between folders, equal
    other files. With --headers-only it is never 0.

    \b
    Example:
      provenance diff ./model ./model-resharded
      provenance diff base.safetensors tuned.safetensors --report diff.html
      provenance diff hf://org/name@main ./model
      provenance diff s3://bucket/model ./model --online --headers-only
    """
    from provenance.workflows.diff import diff

    if report is not None:
        _refuse_suffix(report)
    found = diff(first, second, online=online, headers_only=headers_only, progress=shown.progress)
    # Of a hundred thousand tensors it takes seconds: it is made where it is wanted.
    document = found.to_dict() if shown.format == "json" or report or picture else {}
    _draw(document, ", ".join(_unchanged(found)), report, picture)
    shown.answer(document, lambda: "\n".join(_lines(found)) + "\n")
    return PASSED if found.same else NOT_PASSED


def _refuse_suffix(report: Path) -> None:
    if report.suffix.lower() != ".html":
        raise UsageError("usage", "the report of a diff is a page", location=str(report), hint="name it .html")


def _draw(document: Mapping[str, Any], unchanged: str, report: Path | None, picture: Path | None) -> None:
    from provenance.files import write_whole

    if report is not None:
        from provenance.reports.diff_page import render_diff

        write_whole(report, render_diff(document, unchanged).encode("utf-8"))
    if picture is not None:
        from provenance.reports.layer_strip import layers_svg

        write_whole(picture, layers_svg(document).encode("utf-8"))


def _lines(found: Diff) -> Iterator[str]:
    word = answer(found.same, found.relation.kind if found.relation else "")
    yield from wrap(f"{word}: {found.sentence}", _WIDTH, break_long_words=False)
    for name, side in (("first", found.first), ("second", found.second)):
        yield from _side(name, side)
    if found.weights is not None:
        yield from _weights(found.weights)
        yield from _layers(found)
    yield from _metadata(found)
    yield from _files(found)
    for name, side in (("first", found.first), ("second", found.second)):
        yield from (f"  {f.severity}  {name}: {printable(f.message)} {printable(f.location)} [{f.code}]"
                    for f in side.manifest.findings)


def _side(name: str, side: Side) -> Iterator[str]:
    manifest = side.manifest
    yield f"  {name:<10} {printable(manifest.name)}, files: {len(manifest.files):,}, bytes: {manifest.size:,}"
    if side.fetched is not None:
        yield (f"    fetched  {side.fetched:,} of {manifest.size:,} bytes "
               f"({percent(side.fetched, manifest.size)})")
    if side.is_read and manifest.weights is not None:
        yield from (f"    weights  {root}" for root in manifest.weights.digest.values())


def _weights(weights: Comparison) -> Iterator[str]:
    for what, share in weights.shares.items():
        if share.tensors or not _is_told_where_there_are_some(what, weights):
            yield from _share(what, share)
    yield from _listed("renamed", weights.renamed, _renamed)
    yield from _listed("changed", weights.changed, _changed)
    yield from _listed("removed", weights.removed, _tensor)
    yield from _listed("added", weights.added, _tensor)


def _is_told_where_there_are_some(what: str, weights: Comparison) -> bool:
    """Whether it says nothing to say that there are none: headers alone show nothing of values."""
    return what in ("unchanged", "renamed") if weights.of_headers else what == "uncompared"


def _share(what: str, share: Share) -> Iterator[str]:
    tensors = f"{share.tensors:,} of {share.of_tensors:,} tensors ({percent(share.tensors, share.of_tensors)})"
    size = f"{share.size:,} of {share.of_size:,} bytes ({percent(share.size, share.of_size)})"
    line = f"  {what:<10} {tensors}, {size} of the {share.of}"
    yield from [line] if len(line) <= _WIDTH else [f"  {what:<10} {tensors},", f"{'':<13}{size} of the {share.of}"]


def _listed(what: str, rows: Sequence[Row], told: Callable[[Row], str]) -> Iterator[str]:
    yield from (f"    {what}  {told(row)}" for row in rows[:_SHOWN])
    if len(rows) > _SHOWN:
        yield f"    and {len(rows) - _SHOWN:,} more {what}; --format json lists them all"


def _renamed(change: Change) -> str:
    doubt = " (one of several with these values)" if change.ambiguous else ""
    return f"{printable(change.before.name)} -> {printable(change.after.name)}{doubt}"


def _changed(change: Change) -> str:
    before, after = change.before, change.after
    told = [f"{printable(before.name)}: {', '.join(change.differs)}"]
    if before.dtype != after.dtype or before.shape != after.shape:
        told.append(f", {_form(before)} -> {_form(after)}")
    if change.is_open:
        told.append(" (bytes not compared)")
    if change.moved_from:
        told.append(f", has the values that {printable(change.moved_from)} had")
    return "".join(told)


def _tensor(tensor: Tensor) -> str:
    return f"{printable(tensor.name)}  {_form(tensor)}"


def _form(tensor: Tensor) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"


def _layers(found: Diff) -> Iterator[str]:
    if found.weights is None or found.weights.same or not (unchanged := _unchanged(found)):
        return
    count = sum(layer.is_unchanged for layer in found.layers)
    names = ", ".join(printable(name) for name in unchanged)
    yield from wrap(f"unchanged layers ({count:,} of {len(found.layers):,}): {names}", _WIDTH, initial_indent="  ",
                    subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _unchanged(found: Diff) -> list[str]:
    """The unchanged layers in short, and how many more there are."""
    unchanged = found.unchanged_layers()
    more = [f"and {len(unchanged) - _SHOWN:,} more"] if len(unchanged) > _SHOWN else []
    return [*unchanged[:_SHOWN], *more]


def _metadata(found: Diff) -> Iterator[str]:
    if found.metadata is None:
        yield "  metadata of the weight files: not compared, one of the two did not keep them"
    elif found.metadata:
        yield f"  metadata of the weight files: {len(found.metadata):,} keys differ"
        yield from _listed("metadata", found.metadata, _key)


def _key(row: MetadataChange) -> str:
    return f"{printable(row.key, longest=_CELL)}: {_values(row.first)} -> {_values(row.second)}"


def _values(values: Sequence[str]) -> str:
    return " and ".join(f'"{printable(value, longest=_CELL)}"' for value in values[:3]) if values else "none"


def _files(found: Diff) -> Iterator[str]:
    if found.headers_only:
        yield "  values, and files beside the weights: NOT compared"
    if found.files is None:
        return
    yield f"  other files: {len(found.files):,} of {found.files_compared:,} differ"
    yield from _listed("file", found.files, _file)


def _file(row: FileChange) -> str:
    return f"{printable(row.path)}  {row.fate}"
