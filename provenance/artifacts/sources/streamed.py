"""A file that comes in blocks, from somewhere that has no file descriptors: each byte is seen once and not kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from provenance.artifacts.hashing import FileRead, Progress
from provenance.artifacts.manifest import container_of
from provenance.artifacts.tensors import TensorHasher, header_length, parse_header
from provenance.errors import ArtifactError, Finding

# A zip archive is found from its end: this mark, 18 bytes, and a comment of up to 65,535 bytes.
_ZIP_END = b"PK\x05\x06"
_TAIL = 22 + 0xFFFF


def read_blocks(
    blocks: Iterable[bytes], size: int, location: str, *, tensors: bool = False, keep: bool = False,
    progress: Progress | None = None,
) -> FileRead:
    """What `read_file` gives for a file, for blocks in order that should make up `size` bytes.

    Memory is bounded by a block and, of a safetensors file, its header. ArtifactError `file-changed-while-read` where
    there are more or fewer bytes.
    """
    whole, kept, tail, position = hashlib.sha256(), bytearray(), b"", 0
    header = _Header(size, location) if tensors else None
    for block in blocks:
        whole.update(block)
        if keep:
            kept.extend(block)
        if header is not None:
            header.take(position, block)
            tail = (tail + block[-_TAIL:])[-_TAIL:]
        position += len(block)
        if position > size:  # endless, for all that is known
            break
        if progress is not None:
            progress(len(block))
    if position != size:
        raise ArtifactError("file-changed-while-read", f"{size} bytes were announced and others came",
                            location=location, hint="run the command again")
    problem = header.problem_at_end() if header is not None else None
    hasher = header.hasher if header is not None else None
    found = tuple(hasher.tensors()) if hasher is not None else None
    return FileRead(size, whole.hexdigest(), found, problem, bytes(kept) if keep else None, _ZIP_END in tail)


def unread_container(read: FileRead, path: str) -> FileRead:
    """The same read, with a finding where the name says that it holds weights in another container than safetensors."""
    if container_of(path) in (None, "safetensors"):
        return read
    finding = Finding("weights-unsupported", "warning", "the tensors of this container are not read from a stream",
                      path, "fetch it to a folder, or publish the weights as safetensors too")
    return replace(read, findings=(*read.findings, finding))


class _Header:
    """Collects the header of a safetensors file, and hands the bytes to the tensor tree from there on."""

    def __init__(self, size: int, location: str) -> None:
        self.hasher: TensorHasher | None = None
        self._size, self._location = size, location
        self._problem: ArtifactError | None = None
        self._held = bytearray()

    def take(self, position: int, block: bytes) -> None:
        if self.hasher is not None:
            self.hasher.update(position, memoryview(block))
        elif self._problem is None:
            self._held.extend(block)
            try:
                self._try()
            except ArtifactError as err:
                self._problem, self._held = err, bytearray()

    def problem_at_end(self) -> ArtifactError | None:
        """Why there are no tensors, once all bytes were given."""
        if self.hasher is None and self._problem is None:
            try:
                header_length(bytes(self._held), self._size, self._location)
            except ArtifactError as err:
                return err
        return self._problem

    def _try(self) -> None:
        if len(self._held) < 8:
            return
        end = 8 + header_length(bytes(self._held[:8]), self._size, self._location)
        if len(self._held) < end:
            return
        self.hasher = TensorHasher(parse_header(bytes(self._held[:end]), self._size, self._location))
        self.hasher.update(0, memoryview(bytes(self._held)))
        self._held = bytearray()
