"""PyTorch checkpoints (`.bin`, `.pt`, `.pth`, `.ckpt`): zip archives of storages, and a pickle that describes them.

The pickle is walked, never run (`pickle_walk`). The archive, as `torch.save` has written it since PyTorch 1.6:

    TOP/data.pkl      the pickle: nested dicts with tensors, each a view of a storage
    TOP/data/KEY      a storage, in the byte order of
    TOP/byteorder     `little` or `big`; little where there is none
    TOP/version, TOP/.format_version, TOP/.storage_alignment, TOP/.data/serialization_id

Every tensor that the pickle leads to is a tensor of the plan, none is chosen and none is left out. Its name is the
path of keys to it, joined by `.`: that of a plain state dict is the key itself, that in `{"state_dict": {...}}` starts
with `state_dict.`, that of an optimizer ends for example in `state.0.exp_avg`. Two paths that give one name are an
error. Lists and tuples count from 0. Values that are no tensors (epochs, learning rates) are not in the tensor tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Never

from provenance.artifacts.containers.pickle_walk import MAX_PICKLE, OPCODES, PickledTensor, Storage, walk
from provenance.artifacts.containers.plan import (
    ITEM_BYTES,
    MAX_TENSORS,
    Plan,
    Strided,
    WeightFile,
    byte_length,
    make_plan,
    swap_width,
    too_many,
)
from provenance.artifacts.containers.zip_layout import Entry, ZipLayout, hidden_bytes, read_entry, read_layout
from provenance.artifacts.names import brief
from provenance.errors import ArtifactError, Finding

MAX_DEPTH = 32
MAX_NAMES = 16 << 20  # characters of the names of all tensors, and steps to find them
_SMALL = 64  # bytes of the entries that say one word
_HINT = "save it again with torch.save of PyTorch 1.6 or later, or as safetensors"
_UNSAFE_HINT = "ask its publisher for safetensors; do not load this file"
_WORDS = ("version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id")
_TAR_MARK = (257, b"ustar")


def plan(descriptor: int, size: int, location: str) -> Plan:
    """Where the tensors of a checkpoint lie.

    `metadata` has the words of the archive (`version`, `byteorder`). ArtifactError `weights-unsupported` (an older
    layout, a compressed entry, a dtype without a name), `pickle-unsafe`, `pickle-invalid`, `zip-invalid`,
    `weights-amplified`, `weights-too-many`, `tensor-duplicate` or `tensor-name-odd`.
    """
    file = WeightFile(descriptor, size, location)
    _refuse_other_kinds(file)
    layout = read_layout(file)
    members = _members(file, layout)
    layout.require_stored(file, _HINT)
    findings = list(layout.findings)
    del layout  # of a large checkpoint it takes as much as its pickle
    words = {name: _word(file, members[name]) for name in _WORDS if name in members}
    order = words.get("byteorder", "little")
    if order not in ("little", "big"):
        raise _invalid(file, "its byte order is neither little nor big")
    pickle = members["data.pkl"]
    if pickle.size > MAX_PICKLE:
        raise too_many(file, f"a pickle of {MAX_PICKLE} bytes")
    tensors = list(_named(walk(read_entry(file, pickle, MAX_PICKLE), location), pickle.size, file))
    places = {storage.key: _place(file, members, storage) for storage in _storages(tensors, file)}
    views = (_strided(file, name, tensor, places[tensor.storage.key], order) for name, tensor in tensors)
    return make_plan(file, views, words, [*findings, *_leftovers(file, members, places)])


def _invalid(file: WeightFile, why: str) -> ArtifactError:
    return ArtifactError("pickle-invalid", f"not a sound checkpoint: {why}", location=file.location, hint=_HINT)


def _no_checkpoint(file: WeightFile, why: str) -> ArtifactError:
    return ArtifactError("weights-unsupported", f"no PyTorch checkpoint: the archive {why}", location=file.location,
                         hint=_HINT)


def _refuse_other_kinds(file: WeightFile) -> None:
    """PyTorch decides by the first four bytes, so that a pickle with an archive behind it would be run."""
    start = file.read(0, min(file.size, 512))
    if start.startswith(b"PK\x03\x04"):
        return
    at, mark = _TAR_MARK
    if start.startswith(mark, at):
        raise ArtifactError("weights-unsupported", "a checkpoint in the tar layout of early PyTorch",
                            location=file.location, hint=_HINT)
    if start[:1].decode("latin-1") in OPCODES:
        raise ArtifactError("pickle-unsafe", "no archive: PyTorch would run it as a bare pickle, its layout before 1.6",
                            location=file.location, hint=_UNSAFE_HINT)
    raise ArtifactError("weights-unsupported", "neither a PyTorch archive nor a pickle", location=file.location,
                        hint=_HINT)


def _members(file: WeightFile, layout: ZipLayout) -> dict[str, Entry]:
    """The entries by their names below the one folder of the archive."""
    top = next(iter(layout.entries), "").partition("/")[0] + "/"
    if not all(name.startswith(top) for name in layout.entries):
        # PyTorch takes the first entry's folder for the archive's name.
        raise _no_checkpoint(file, "is not one folder")
    members = {name.removeprefix(top): entry for name, entry in layout.entries.items()}
    folded = {name.casefold() for name in members}
    if len(folded) != len(members):
        raise _invalid(file, "it holds names that differ in case only, which PyTorch does not tell apart")
    if any(name == "constants.pkl" or name.startswith("code/") for name in folded):
        raise ArtifactError("pickle-unsafe", "a TorchScript program: it holds code", location=file.location,
                            hint=_UNSAFE_HINT)
    if "data.pkl" not in members:
        raise _no_checkpoint(file, "has no data.pkl")
    return members


def _word(file: WeightFile, entry: Entry) -> str:
    try:
        return read_entry(file, entry, _SMALL).decode("ascii").strip()
    except UnicodeDecodeError as err:
        raise _invalid(file, f"its {brief(entry.name)} is not a word") from err


def _named(root: Any, length: int, file: WeightFile) -> Iterator[tuple[str, PickledTensor]]:
    """Every tensor with its path. The work is bounded by the pickle's length, though its parts may share parts."""
    if not isinstance(root, dict):
        raise ArtifactError("weights-unsupported", "its pickle is not a dict, so that its tensors have no names",
                            location=file.location, hint="save a state dict")
    budget, found = min(MAX_NAMES, 1024 + 8 * length), 0
    waiting = [("", _items(root))]
    while waiting:
        path, items = waiting[-1]
        key, value = next(items, (None, None))
        if key is None:
            waiting.pop()
            continue
        budget -= 1
        if isinstance(value, PickledTensor | Storage | dict | list | tuple):
            name = f"{path}.{key}" if len(waiting) > 1 else str(key)
            budget -= len(name)
        if budget < 0:
            raise _invalid(file, "its parts are shared so often that they grow without end, or its names are too long")
        if isinstance(value, PickledTensor):
            found += 1
            if found > MAX_TENSORS:
                raise too_many(file, f"{MAX_TENSORS} tensors")
            yield name, value
        elif isinstance(value, Storage):
            raise ArtifactError("weights-unsupported", f"its {brief(name)} is a storage and not a tensor",
                                location=file.location, hint="save tensors")
        elif isinstance(value, dict | list | tuple):
            if len(waiting) == MAX_DEPTH:
                raise _invalid(file, f"its dicts are nested deeper than {MAX_DEPTH}, or hold themselves")
            waiting.append((name, _items(value)))


def _items(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value))


def _storages(tensors: Iterable[tuple[str, PickledTensor]], file: WeightFile) -> Iterable[Storage]:
    """Each storage once. PyTorch loads a storage as what is said first, and ignores what is said of it later."""
    found: dict[str, Storage] = {}
    for _, tensor in tensors:
        first = found.setdefault(tensor.storage.key, tensor.storage)
        if first != tensor.storage and (first.count or tensor.storage.count):
            raise _invalid(file, f"its storage {brief(first.key)} is described in two ways")
    return found.values()


def _place(file: WeightFile, members: dict[str, Entry], storage: Storage) -> Entry:
    entry = members.get(f"data/{storage.key}")
    if entry is None:
        raise _invalid(file, f"it has no storage {brief(storage.key)}")
    if entry.size != storage.count * ITEM_BYTES.get(storage.dtype, 1):
        raise _invalid(file, f"its storage {brief(storage.key)} has another size than its pickle says")
    return entry


def _strided(file: WeightFile, name: str, tensor: PickledTensor, place: Entry, order: str) -> Strided:
    item = ITEM_BYTES[tensor.dtype]
    if order == "big" and item > 1 and not tensor.storage.dtype:
        # PyTorch itself loads such tensors with their bytes in the wrong order.
        _unsupported_order(file, name)
    size = byte_length(tensor.shape, item)
    if size is None:
        raise _invalid(file, f"its tensor {brief(name)} is too large")
    last = tensor.offset + sum((length - 1) * step for length, step in zip(tensor.shape, tensor.strides, strict=True))
    if size and (last + 1) * item > place.end - place.start:
        raise _invalid(file, f"its tensor {brief(name)} reaches beyond its storage")
    swap = swap_width(tensor.dtype, big_endian=order == "big")
    return Strided(name, tensor.dtype, tensor.shape, place.start, place.end, tensor.offset, tensor.strides, item, swap)


def _unsupported_order(file: WeightFile, name: str) -> Never:
    raise ArtifactError("weights-unsupported", f"its tensor {brief(name)} is big-endian and of a type that PyTorch "
                        "does not turn round", location=file.location, hint="save the weights as safetensors")


def _leftovers(file: WeightFile, members: dict[str, Entry], places: dict[str, Entry]) -> list[Finding]:
    used = {"data.pkl", *_WORDS, *(f"data/{key}" for key in places)}
    unused = sum(entry.size for name, entry in members.items() if name not in used)
    return [hidden_bytes(file, unused)] if unused else []
