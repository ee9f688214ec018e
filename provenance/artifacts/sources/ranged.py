"""A model at an address, its headers first: only those bytes are fetched that an answer depends on.

    1. the listing, and by their ranges the headers of all safetensors files
    2. the tensors that are wanted, neighbours in one range; other files, and indexes of shards, in whole
    3. a file of which everything is wanted is read to its end, and so has a digest; a file of which less is wanted
       has none, and a tensor that nobody wanted has no data head

What the store says of a file before its header was read must hold after the last range of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provenance.artifacts.containers.safetensors import header_length, parse_header
from provenance.artifacts.crew import Crew, Progress, in_threads
from provenance.artifacts.hashing import FileRead, Wanted
from provenance.artifacts.manifest import INDEX_SUFFIX, Manifest, manifest_of
from provenance.artifacts.sources.collecting import Total, asked_for
from provenance.artifacts.sources.folder import FoundFile, Listing
from provenance.artifacts.sources.remote import BLOCK, Store, listed, read_whole, refuse_change
from provenance.artifacts.sources.streamed import unread_container
from provenance.artifacts.tensors import BLAKE3_TREE, CHUNK, Tensor, TensorInfo, chunk_digest, tree_head
from provenance.errors import ArtifactError, Finding

# Tensors are compared here and not attested: the twin will do.
COMPARED = Wanted(trees=(BLAKE3_TREE,))
_EMPTY = tree_head([], BLAKE3_TREE).hex()
Examiner = Callable[[FoundFile, Mapping[str, Any], FileRead], "Finding | None"]


@dataclass(frozen=True)
class Header:
    """The header of one safetensors file: its bytes, and the tensors that it describes."""

    data: bytes
    tensors: tuple[TensorInfo, ...]


@dataclass(frozen=True)
class Choice:
    """What is wanted beside the headers: which tensors by their values, which other files by their bytes."""

    tensor: Callable[[TensorInfo], bool] = lambda _: True
    file: Callable[[FoundFile], bool] = lambda _: True


@dataclass(frozen=True)
class Headed:
    """What lies at an address, with the headers of its weights; nothing of the values was read.

    `examine` looks at each file that was read to its end; `needed` names a digest of it that it wants to see.
    """

    name: str
    store: Store
    found: Listing
    infos: Mapping[str, Mapping[str, Any]]
    is_file: bool
    headers: Mapping[str, Header]
    needed: Callable[[Mapping[str, Any]], str] = lambda _info: ""
    examine: Examiner = lambda _file, _info, _read: None

    @property
    def fetched(self) -> int:
        """How many bytes of the files came over so far."""
        return self.store.fetched.bytes

    @property
    def tensors(self) -> Iterator[TensorInfo]:
        """The tensors of all files."""
        for header in self.headers.values():
            yield from header.tensors

    def read(self, choice: Choice, *, progress: Progress | None = None, total: Total | None = None) -> Manifest:
        """Fetch what is wanted, each byte once; what went wrong with a file is a finding."""
        pieces = list[_Piece]()
        for file in self.found.files:
            if self._is_whole(file, choice):
                pieces.append(_Piece(file))
            elif file.path in self.headers:
                pieces += [_Piece(file, group) for group in _groups(self._chosen(file, choice))]
        if total is not None:
            total(sum(piece.size for piece in pieces))
        read = in_threads(self._fetch, pieces, progress)
        heads, reads = defaultdict[str, dict[str, str]](dict), dict[str, FileRead]()
        for piece, result in zip(pieces, read, strict=True):
            if isinstance(result, FileRead):
                reads[piece.file.path] = result
            else:
                heads[piece.file.path] |= result
        ordered = [reads.get(file.path) or self._partial(file, heads[file.path]) for file in self.found.files]
        return manifest_of(self.name, self.found, ordered, COMPARED, is_file=self.is_file)

    def _chosen(self, file: FoundFile, choice: Choice) -> list[TensorInfo]:
        return [info for info in self.headers[file.path].tensors if info.end > info.start and choice.tensor(info)]

    def _is_whole(self, file: FoundFile, choice: Choice) -> bool:
        header = self.headers.get(file.path)
        if choice.file(file) or header is None:
            return choice.file(file) or file.path.endswith(INDEX_SUFFIX)
        return sum(info.end - info.start for info in self._chosen(file, choice)) == file.size - len(header.data)

    def _fetch(self, piece: _Piece, crew: Crew) -> FileRead | dict[str, str]:
        file, info = piece.file, self.infos[piece.file.path]
        if piece.tensors is not None:
            return _heads(self.store, str(info["name"]), piece, crew)
        header, needed = self.headers.get(file.path), self.needed(info)
        wanted = COMPARED.and_also(needed) if needed else COMPARED
        read = read_whole(self.store, file, info, wanted, crew, begun=header.data if header else b"")
        finding = self.examine(file, info, read) if read.sha256 else None
        return replace(asked_for(read, COMPARED), findings=(*read.findings, *([finding] if finding else ())))

    def _partial(self, file: FoundFile, heads: Mapping[str, str]) -> FileRead:
        """A file of which no more than the header and some tensors were read."""
        header = self.headers.get(file.path)
        if header is None:
            return unread_container(FileRead(file.size), file.path)
        try:
            info = self.infos[file.path]
            refuse_change(info, self.store.info(str(info["name"])), file.path)
        except ArtifactError as err:
            return FileRead(file.size, problem=err)
        return FileRead(file.size, tensors=tuple(
            Tensor(tensor.name, tensor.dtype, tensor.shape, "",
                   heads.get(tensor.name, "") if tensor.end > tensor.start else _EMPTY)
            for tensor in header.tensors))


def headed(
    store: Store, name: str, *, needed: Callable[[Mapping[str, Any]], str] = lambda _info: "",
    examine: Examiner = lambda _file, _info, _read: None,
) -> Headed:
    """Read the listing and the headers; ArtifactError where a name or a header is refused."""
    infos, found, is_file = listed(store)
    for finding in found.findings:  # before anything is fetched
        if finding.severity == "error":
            raise ArtifactError(finding.code, finding.message, location=finding.location, hint=finding.hint)

    def work(file: FoundFile, _: Crew) -> Header:
        return _header(store, str(infos[file.path]["name"]), file)

    shards = [file for file in found.files if file.path.endswith(".safetensors")]
    headers = in_threads(work, shards, None)
    by_path = {file.path: header for file, header in zip(shards, headers, strict=True)}
    return Headed(name, store, found, infos, is_file, by_path, needed, examine)


def open_headed(url: str, *, online: bool = False, options: Mapping[str, Any] | None = None) -> Headed:
    """The same for any URL of fsspec; `options` go to the file system (endpoint, credentials)."""
    store = Store.of(url, online=online, options=options)
    return headed(store, store.name)


def _header(store: Store, path: str, file: FoundFile) -> Header:
    prefix = store.read(path, 0, min(8, file.size), file.path)
    end = 8 + header_length(prefix, file.size, file.path)
    data = prefix + store.read(path, 8, end, file.path)
    return Header(data, tuple(parse_header(data, file.size, file.path)))


@dataclass(frozen=True)
class _Piece:
    """What one thread fetches: a whole file, or neighbouring tensors of it."""

    file: FoundFile
    tensors: tuple[TensorInfo, ...] | None = None

    @property
    def size(self) -> int:
        return self.file.size if self.tensors is None else self.tensors[-1].end - self.tensors[0].start


def _groups(tensors: Sequence[TensorInfo]) -> Iterator[tuple[TensorInfo, ...]]:
    """Tensors that follow each other, as many as fit into a block; a larger one by itself."""
    group: list[TensorInfo] = []
    for info in sorted(tensors, key=lambda info: info.start):
        if group and (info.start != group[-1].end or info.end - group[0].start > BLOCK):
            yield tuple(group)
            group = []
        group.append(info)
    if group:
        yield tuple(group)


def _heads(store: Store, path: str, piece: _Piece, crew: Crew) -> dict[str, str]:
    """The data head of each tensor of a piece. A block is a whole number of chunks."""
    tensors = piece.tensors or ()
    begin, chunks = tensors[0].start, defaultdict[str, list[bytes]](list)
    for start in range(begin, tensors[-1].end, BLOCK):
        block = memoryview(store.read(path, start, min(start + BLOCK, tensors[-1].end), piece.file.path))
        for info in tensors:
            part = block[max(info.start - start, 0) : info.end - start]
            chunks[info.name] += [chunk_digest(part[at : at + CHUNK], BLAKE3_TREE) for at in range(0, len(part), CHUNK)]
        crew.advance(len(block))
    return {name: tree_head(digests, BLAKE3_TREE).hex() for name, digests in chunks.items()}
