"""The safetensors files at a path, opened: each header is read once, and a file that changes is noticed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from provenance.artifacts.containers.kinds import container_of
from provenance.artifacts.containers.plan import WeightFile
from provenance.artifacts.containers.safetensors import header_length, parse_header
from provenance.artifacts.names import brief
from provenance.artifacts.sources.folder import listing, open_folder, opened
from provenance.artifacts.tensors import TensorInfo
from provenance.errors import ArtifactError

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Shard:
    """An open safetensors file whose header was read, once, and is sound."""

    file: WeightFile
    header: bytes = field(repr=False)
    infos: tuple[TensorInfo, ...] = field(repr=False)
    facts: tuple[int, int, int]

    def refuse_change(self) -> None:
        """ArtifactError `file-changed-while-read` where size or times are not what they were when it was opened."""
        if _facts(self.file.descriptor) != self.facts:
            raise ArtifactError("file-changed-while-read", "the file changed after it was opened",
                                location=self.file.location, hint="stop what writes to it and load it again")


def _facts(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def open_shards(path: Path, stack: ExitStack) -> tuple[list[Shard], bool]:
    """Every safetensors file at a path, and whether the path is one file itself."""
    real = Path(os.path.realpath(path))
    try:
        is_file = stat.S_ISREG(real.stat().st_mode)
    except OSError as err:
        raise ArtifactError("path-not-found", f"cannot read it: {err.strerror}", location=str(path),
                            hint="check the path") from err
    if is_file and container_of(path.name) not in (None, "safetensors"):
        raise ArtifactError("weights-unsupported", "only safetensors files are loaded", location=str(path),
                            hint="convert it; its tensors keep their digests")
    root = open_folder(real.parent if is_file else real)
    stack.callback(os.close, root)
    # A link's own name is the one that the caller knows, and that was signed: caches link to files named by digest.
    names = [(real.name, path.name or real.name)] if is_file else [(name, name) for name in _listed(root)]
    shards = [_shard(stack.enter_context(opened(root, there)), shown) for there, shown in names]
    if not any(shard.infos for shard in shards):
        raise ArtifactError("folder-has-no-weights", "no safetensors file here holds a tensor", location=str(path),
                            hint="give a safetensors file, or a folder with some")
    return shards, is_file


def _listed(root: int) -> Iterator[str]:
    """The safetensors files beneath a folder; a link or a bad name in the place of one is an error."""
    found = listing(root)
    for finding in found.findings:
        if finding.severity == "error" and (finding.location.endswith(_SUFFIX) or finding.code == "input-unreadable"):
            raise ArtifactError(finding.code, finding.message, location=finding.location, hint=finding.hint)
    yield from (file.path for file in found.files if file.path.endswith(_SUFFIX))


def _shard(descriptor: int, location: str) -> Shard:
    facts = _facts(descriptor)
    file = WeightFile(descriptor, facts[0], location)
    length = header_length(file.read(0, min(8, file.size)), file.size, location)
    header = file.read(0, 8 + length)
    return Shard(file, header, tuple(parse_header(header, file.size, location)), facts)


def by_name(shards: Iterable[Shard]) -> dict[str, tuple[Shard, TensorInfo]]:
    """Every tensor with the file that holds it; ArtifactError `tensor-duplicate`."""
    found: dict[str, tuple[Shard, TensorInfo]] = {}
    for shard in shards:
        for info in shard.infos:
            if info.name in found:
                raise ArtifactError("tensor-duplicate", f"two files hold a tensor named {brief(info.name)}",
                                    location=shard.file.location, hint="give the folder of one model")
            found[info.name] = (shard, info)
    return found
