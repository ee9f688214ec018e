"""A file that comes in blocks, from somewhere that has no file descriptors: each byte is seen once and not kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provenance.artifacts.containers.kinds import container_of
from provenance.artifacts.containers.plan import Plan
from provenance.artifacts.containers.safetensors import header_length, plan_from
from provenance.artifacts.crew import Crew
from provenance.artifacts.hashing import FileRead, Wanted, read_stream
from provenance.errors import ArtifactError, Finding


def read_blocks(
    blocks: Iterable[bytes], size: int, location: str, wanted: Wanted, *, keep: bool = False, crew: Crew | None = None
) -> FileRead:
    """What `read_file` gives for a file, for blocks in order that should make up `size` bytes.

    Of the containers of weights only safetensors is read so: the others say at their end what is in them. Memory is
    bounded by a block and a header. ArtifactError `file-changed-while-read` where there are more or fewer bytes.
    """
    stream, plan, problem = _Stream(iter(blocks)), None, None
    container = container_of(location) if wanted.trees else None
    if container == "safetensors":
        try:
            plan = _plan(stream, size, location)
        except ArtifactError as err:
            problem = err
    read = read_stream(stream.fill, size, location, wanted, keep=keep, crew=crew, plan=plan, problem=problem)
    return unread_container(read, location) if wanted.trees else read


def unread_container(read: FileRead, location: str) -> FileRead:
    """The same read, with a finding where the name says that it holds weights in another container than safetensors."""
    if container_of(location) in (None, "safetensors"):
        return read
    finding = Finding("weights-unsupported", "warning", "the tensors of this container are not read from a stream",
                      location, "fetch it to a folder, or publish the weights as safetensors too")
    return replace(read, findings=(*read.findings, finding))


def _plan(stream: _Stream, size: int, location: str) -> Plan:
    prefix = stream.ahead(8)
    return plan_from(stream.ahead(8 + header_length(prefix, size, location)), size, location)


class _Stream:
    """Bytes that come as they like, taken as they are wanted; the first of them may be looked at ahead."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._held = memoryview(b"")

    def ahead(self, count: int) -> bytes:
        """The next bytes, or as many as there are; they stay in the stream."""
        parts = [bytes(self._held)]
        missing = count - len(self._held)
        while missing > 0 and (block := next(self._source, None)) is not None:
            parts.append(block)
            missing -= len(block)
        self._held = memoryview(b"".join(parts))
        return bytes(self._held[:count])

    def fill(self, view: memoryview) -> int:
        """Take as many bytes as fit, fewer only at the end."""
        done = 0
        while done < len(view):
            if not self._held:
                block = next(self._source, None)
                if block is None:
                    break
                self._held = memoryview(block)
            part = self._held[: len(view) - done]
            view[done : done + len(part)] = part
            self._held = self._held[len(part) :]
            done += len(part)
        return done
