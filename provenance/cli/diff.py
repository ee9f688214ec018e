"""`provenance diff`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from provenance.cli.common import EXISTING, Shown, common_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.artifacts.comparison import Change, Comparison, Share
    from provenance.artifacts.manifest import Manifest
    from provenance.artifacts.tensors import Tensor
    from provenance.workflows.diff import Diff, FileChange, MetadataChange

Row = TypeVar("Row")
_SHOWN = 20
_CELL = 60  # the longest that a metadata value is shown


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--online", is_flag=True, help="Allow the network: fetch hf://, read oci://, s3:// and other URLs.")
@click.option("--picture", type=EXISTING, metavar="FILE", help="Write the layers as a picture (SVG) there.")
@common_options
def command(first: str, second: str, online: bool, picture: Path | None, shown: Shown) -> int:
    """Compare the models FIRST and SECOND tensor by tensor, whatever files hold them.

    Each is a file, a folder or an address, as `provenance digest` takes it.
    Exit code 0 when they are the same to whoever loads them: equal weights and, between folders, equal other files.

    \b
    Example:
      provenance diff ./model ./model-resharded
      provenance diff base.safetensors tuned.safetensors --picture diff.svg
      provenance diff hf://org/name@main ./model
    """
    from provenance.workflows.diff import diff

    found = diff(first, second, online=online, progress=shown.progress)
    # Of a hundred thousand tensors it takes seconds: it is made where it is wanted.
    document = found.to_dict() if shown.format == "json" or picture is not None else {}
    if picture is not None:
        from provenance.files import write_whole
        from provenance.reports.layer_strip import layers_svg

        write_whole(picture, layers_svg(document).encode("utf-8"))
    shown.answer(document, lambda: "\n".join(_lines(found)) + "\n")
    return PASSED if found.same else NOT_PASSED


def _lines(found: Diff) -> Iterator[str]:
    yield f"{'Same' if found.same else 'Different'}: {found.sentence}"
    yield from (_side("first", found.first), _side("second", found.second))
    if found.weights is not None:
        yield from _weights(found.weights)
        yield from _layers(found)
    yield from _metadata(found)
    yield from _files(found)
    for name, side in (("first", found.first), ("second", found.second)):
        yield from (f"  {f.severity}  {name}: {printable(f.message)} {printable(f.location)} [{f.code}]"
                    for f in side.findings)


def _side(name: str, side: Manifest) -> str:
    told = f"  {name:<9} {printable(side.name)}, files: {len(side.files):,}, bytes: {side.size:,}"
    if side.weights is None:
        return told
    return f"{told}, tensor tree {side.weights.root}"


def _weights(weights: Comparison) -> Iterator[str]:
    for what, share in weights.shares.items():
        yield f"  {what:<9} {_share(share)}"
    yield from _listed("renamed", weights.renamed, _renamed)
    yield from _listed("changed", weights.changed, _changed)
    yield from _listed("removed", weights.removed, _tensor)
    yield from _listed("added", weights.added, _tensor)


def _share(share: Share) -> str:
    tensors = f"{share.tensors:,} of {share.of_tensors:,} tensors ({percent(share.tensors, share.of_tensors)})"
    size = f"{share.size:,} of {share.of_size:,} bytes ({percent(share.size, share.of_size)})"
    return f"{tensors}, {size} of the {share.of}"


def percent(part: int, whole: int) -> str:
    """A share that is only 0 % when it is nothing and only 100 % when it is all."""
    if part in (0, whole):
        return "100 %" if part else "0 %"
    told = f"{100 * part / whole:.1f}"
    return {"0.0": "under 0.1 %", "100.0": "over 99.9 %"}.get(told, f"{told} %")


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
    if change.moved_from:
        told.append(f", has the values that {printable(change.moved_from)} had")
    return "".join(told)


def _tensor(tensor: Tensor) -> str:
    return f"{printable(tensor.name)}  {_form(tensor)}"


def _form(tensor: Tensor) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"


def _layers(found: Diff) -> Iterator[str]:
    unchanged = found.unchanged_layers()
    if found.weights is None or found.weights.same or not unchanged:
        return
    more = f" and {len(unchanged) - _SHOWN:,} more" if len(unchanged) > _SHOWN else ""
    count = sum(layer.is_unchanged for layer in found.layers)
    yield (f"  unchanged layers ({count:,} of {len(found.layers):,}): "
           f"{', '.join(printable(name) for name in unchanged[:_SHOWN])}{more}")


def _metadata(found: Diff) -> Iterator[str]:
    if found.metadata is None:
        yield "  metadata of the weight files: not compared, one of the two is not on this machine"
    elif found.metadata:
        yield f"  metadata of the weight files: {len(found.metadata):,} keys differ"
        yield from _listed("metadata", found.metadata, _key)


def _key(row: MetadataChange) -> str:
    return f"{printable(row.key, longest=_CELL)}: {_values(row.first)} -> {_values(row.second)}"


def _values(values: Sequence[str]) -> str:
    return " and ".join(f'"{printable(value, longest=_CELL)}"' for value in values[:3]) if values else "none"


def _files(found: Diff) -> Iterator[str]:
    if found.files is None:
        return
    yield f"  other files: {len(found.files):,} of {found.files_compared:,} differ"
    yield from _listed("file", found.files, _file)


def _file(row: FileChange) -> str:
    fate = "only in the second" if not row.first else "differs" if row.second else "only in the first"
    return f"{printable(row.path)}  {fate}"
