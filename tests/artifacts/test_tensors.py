"""The tensor tree against its definition, its vectors, and the safetensors package."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import CHUNK, Tensor, b3, head, root, safetensors

from provenance import resources
from provenance.artifacts.containers import safetensors as reader
from provenance.artifacts.containers.safetensors import header_length, parse_header
from provenance.artifacts.hashing import Wanted, read_file
from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.streamed import read_blocks
from provenance.artifacts.tensors import BLAKE3_TREE, SHA256_TREE, TREES, TensorInfo, Weights, tree_head
from provenance.errors import ArtifactError

VECTORS = [name for name in resources.names("attestations") if name.startswith("vectors/weights/")]
VALID = [name for name in VECTORS if "/valid/" in name and name.count("/") == 3 and name.endswith(".json")]
INVALID = [name for name in VECTORS if "/invalid/" in name and name.endswith(".json")]


def vector(name: str) -> Any:
    return json.loads(resources.read_bytes("attestations", name))


def parse(data: bytes) -> list[TensorInfo]:
    """The tensors of a file, as the engine finds them."""
    length = header_length(data[:8], len(data), "input")
    return parse_header(data[: 8 + length], len(data), "input")


def weights_of(data: bytes, *, block: int = 1 << 20) -> Weights:
    """The weights of a file whose bytes come in blocks of this size, in both trees."""
    pieces = (data[at : at + block] for at in range(0, len(data), block))
    read = read_blocks(pieces, len(data), "input.safetensors", Wanted(trees=TREES))
    if read.problem is not None:
        raise read.problem
    return Weights.of(read.tensors or (), TREES)


# The golden vectors


def test_there_are_vectors_of_both_kinds() -> None:
    assert len(VALID) >= 19
    assert len(INVALID) >= 50


@pytest.mark.parametrize("name", VALID)
def test_a_golden_vector_gives_its_root_leaves_and_heads(name: str) -> None:
    expected = vector(name)
    if "formula" in expected:
        weights = weights_of(by_formula(expected["listed"]))
    else:
        files = [resources.read_bytes("attestations", f"vectors/weights/valid/{file}") for file in expected["files"]
                 if file.endswith(".safetensors")]
        weights = Weights.of((tensor for file in files for tensor in weights_of(file).tensors), TREES)
    assert weights.digest == {"tensorTree": expected["root"], "tensorTreeBlake3": expected["rootBlake3"]}
    assert len(weights.tensors) == expected["count"]
    for tree, key in ((SHA256_TREE, "head"), (BLAKE3_TREE, "headBlake3")):
        assert tree_head([tensor.leaf_in(tree) for tensor in weights.tensors], tree).hex() == expected[key]
    assert [
        {"name": t.name, "dtype": t.dtype, "shape": list(t.shape), "dataHead": t.head, "leaf": t.leaf.hex(),
         "dataHeadBlake3": t.head_blake3, "leafBlake3": t.leaf_in(BLAKE3_TREE).hex()}
        for t in weights.tensors
    ] == [{key: value for key, value in row.items() if key not in ("bytes", "chunks")} for row in expected["tensors"]]


def by_formula(listed: list[dict[str, Any]]) -> bytes:
    """The file that a vector describes by a formula, built from the words of the formula."""
    made = []
    for k, row in enumerate(listed):
        block = bytes((197 * i + 89 * (i // 256) + k) % 256 for i in range(1 << 16))
        size = row["shape"][0]
        made.append(Tensor(row["name"], row["dtype"], tuple(row["shape"]), (block * (size // len(block) + 1))[:size]))
    return safetensors(made)


def test_roots_differ_where_the_vectors_say_so_and_nowhere_else() -> None:
    roots = {Path(name).stem: vector(name)["root"] for name in VALID}
    base = roots.pop("base")
    assert {name for name, value in roots.items() if value == base} == {"metadata", "order", "shards"}
    others = [value for name, value in roots.items() if value != base]
    assert len(set(others)) == len(others)


def test_a_renamed_tensor_keeps_its_data_head() -> None:
    heads = [{row["dataHead"] for row in vector(f"vectors/weights/valid/{name}.json")["tensors"]}
             for name in ("base", "renamed", "dtype", "shape", "bit")]
    assert heads[0] == heads[1] == heads[2] == heads[3] != heads[4]


@pytest.mark.parametrize("name", INVALID)
def test_a_malformed_file_is_refused_with_its_code(name: str, tmp_path: Path) -> None:
    expected = vector(name)
    path = tmp_path / "model.safetensors"
    path.write_bytes(resources.read_bytes("attestations", f"vectors/weights/invalid/{expected['file']}"))
    manifest = scan(path)
    assert manifest.weights is None
    assert [finding.code for finding in manifest.findings] == [expected["code"]]
    with pytest.raises(ArtifactError) as caught:
        manifest.require_sound()
    assert caught.value.code == expected["code"]
    assert caught.value.location == "model.safetensors"
    assert manifest.files[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()  # known all the same


# Against the definition


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_the_head_is_rfc_6962s(leaves: list[bytes]) -> None:
    """Level by level, as it is computed, and by halves, as it is defined, come out the same."""
    assert tree_head(leaves) == head(leaves)


DTYPES = {"U8": 1, "F16": 2, "BF16": 2, "F32": 4, "I64": 8, "C64": 8}


@st.composite
def some_tensors(draw: st.DrawFn) -> list[Tensor]:
    names = draw(st.lists(st.text(max_size=8).filter(lambda name: name != "__metadata__"), unique=True, max_size=8))
    found = []
    for name in names:
        dtype = draw(st.sampled_from(sorted(DTYPES)))
        shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
        size = DTYPES[dtype]
        for factor in shape:
            size *= factor
        found.append(Tensor(name, dtype, shape, draw(st.binary(min_size=size, max_size=size))))
    return found


@given(some_tensors(), st.integers(1, 300))
def test_the_tree_is_that_of_the_reference(made: list[Tensor], block: int) -> None:
    """Whatever the tensors, and wherever the blocks that are read end."""
    assert weights_of(safetensors(made), block=block).digest == {
        "tensorTree": root(made).hex(), "tensorTreeBlake3": root(made, b3).hex()}


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 5 * CHUNK + 3])
@pytest.mark.parametrize("block", [1 << 20, 777_777])
def test_chunks_do_not_depend_on_the_blocks_that_are_read(size: int, block: int) -> None:
    large = Tensor("t", "U8", (size,), b"\x07" * size)
    made = [Tensor("pad", "U8", (3,), b"123"), large, Tensor("x", "U8", (1,), b"9")]
    assert weights_of(safetensors(made), block=block).root == root(made).hex()


@given(some_tensors(), st.randoms(use_true_random=False))
def test_order_of_tensors_and_metadata_do_not_matter(made: list[Tensor], random: Any) -> None:
    shuffled = list(made)
    random.shuffle(shuffled)
    assert weights_of(safetensors(shuffled, metadata={"a": "b"}, padding=3)).root == root(made).hex()


@given(some_tensors().filter(bool), st.data())
def test_any_change_of_a_tensor_changes_the_root(made: list[Tensor], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(made) - 1))
    old = made[place]
    changes = [replace(old, name=old.name + "'"), replace(old, shape=(1, *old.shape))]
    if old.data:
        changes.append(replace(old, data=bytes([old.data[0] ^ 1]) + old.data[1:]))
    changed = [*made[:place], data.draw(st.sampled_from(changes)), *made[place + 1 :]]
    if len({tensor.name for tensor in changed}) == len(changed):
        assert root(changed) != root(made)
        assert weights_of(safetensors(changed)).root != weights_of(safetensors(made)).root


def test_no_part_of_the_tree_can_be_taken_for_another() -> None:
    """Chunks, nodes, tensors and roots begin with different bytes, and every length is written down."""
    one = Tensor("ab", "U8", (1,), b"x")
    other = Tensor("a", "bU8", (1,), b"x")
    assert one.leaf() != other.leaf()
    assert tree_head([b"a" * 32, b"b" * 32]) != hashlib.sha256(b"\x00" + b"a" * 32 + b"b" * 32).digest()
    assert Weights.of([]).root == hashlib.sha256(b"\x03" + bytes(8) + hashlib.sha256().digest()).hexdigest()


def test_parameters_are_counted() -> None:
    made = [Tensor("a", "U8", (2, 3), bytes(6)), Tensor("b", "F32", (), bytes(4)), Tensor("c", "F32", (0, 9), b"")]
    assert weights_of(safetensors(made)).parameters == 7


def test_one_name_in_two_files_is_an_error_that_names_it_briefly() -> None:
    long = "x" * 100_000
    with pytest.raises(ArtifactError, match="two files hold a tensor named") as caught:
        Weights.of(weights_of(safetensors([Tensor(long, "U8", (0,), b"")])).tensors * 2)
    assert caught.value.code == "tensor-duplicate"
    assert len(caught.value.message) < 300


# Against the safetensors package


def test_every_dtype_of_the_package_is_known() -> None:
    """The package lists them when it meets one that it does not know."""
    package = pytest.importorskip("safetensors")
    data = file(b'{"t":{"dtype":"NONE","shape":[0],"data_offsets":[0,0]}}')
    with pytest.raises(package.SafetensorError) as caught:
        package.deserialize(data)
    listed = str(caught.value).partition("expected one of ")[2].partition(" at line")[0]
    assert {name.strip("`") for name in listed.split(", ")} == set(reader._BITS)


def file(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def accepted_by_the_package(data: bytes) -> bool:
    import safetensors as package

    try:
        package.deserialize(data)
    except package.SafetensorError:
        return False
    return True


def accepted_here(data: bytes) -> bool:
    """Whether it is read; any error but ours fails the test."""
    try:
        parse(data)
    except ArtifactError:
        return False
    return True


@pytest.mark.parametrize("name", [name for name in VECTORS if name.endswith(".safetensors")])
def test_what_is_accepted_of_the_vectors_the_package_accepts_too(name: str) -> None:
    pytest.importorskip("safetensors")
    data = resources.read_bytes("attestations", name)
    assert accepted_here(data) == ("/valid/" in name)
    if accepted_here(data):
        assert accepted_by_the_package(data)


# Pieces of headers: what a mutation puts in the place of another piece.
PIECES = [
    b"0", b"-0", b"1", b"4", b"8", b"4.0", b"1e1", b"true", b"null", b"[]", b"{}", b'""', b'"U8"', b'"F4"', b'"x"',
    b"[0,4]", b"[4]", b"[2,2]", b",", b":", b" ", b"\t", b"\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"}", b"]",
    b'"shape":[4],', b'"__metadata__":{"a":"b"},', b'"t":', b"18446744073709551616", b"\\u0074", b"\\ud800",
]
HEADERS = [
    b'{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
    (b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]},'
     b'"b":{"dtype":"BOOL","shape":[2],"data_offsets":[2,4]}}  '),
    b'{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F64","shape":[0],"data_offsets":[4,4]}}',
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid file with a few of its bytes replaced, removed or preceded by something."""
    header = draw(st.sampled_from(HEADERS))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(header)))
        cut = draw(st.integers(0, 6))
        header = header[:at] + draw(st.sampled_from(PIECES) | st.binary(max_size=2)) + header[at + cut :]
    data = draw(st.sampled_from([b"1234", b"", b"12345", b"12"]))
    length = draw(st.sampled_from([len(header)] * 8 + [0, len(header) - 1, len(header) + 4, 1 << 40]))
    return struct.pack("<Q", max(length, 0)) + header + data


@given(mutated())
def test_nothing_is_accepted_that_the_package_refuses(data: bytes) -> None:
    pytest.importorskip("safetensors")
    if accepted_here(data):
        assert accepted_by_the_package(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    accepted_here(data)


@given(some_tensors())
def test_what_the_package_would_write_is_accepted(made: list[Tensor]) -> None:
    assert accepted_here(safetensors(made))


def test_tensors_read_by_the_package_are_the_bytes_that_are_hashed() -> None:
    package = pytest.importorskip("safetensors")
    made = [Tensor("b", "F32", (2,), struct.pack("<2f", 1, 2)), Tensor("a", "I64", (), struct.pack("<q", -3))]
    data = safetensors(made)
    found = {name: Tensor(name, entry["dtype"], tuple(entry["shape"]), bytes(entry["data"]))
             for name, entry in package.deserialize(data)}
    assert root(list(found.values())).hex() == weights_of(data).root


# What limits the work


def test_a_name_with_minus_zero_is_no_negative_zero() -> None:
    assert accepted_here(safetensors([Tensor('layer-0 "[-0" \\', "U8", (0,), b"")]))


def test_a_rank_beyond_the_limit_is_refused() -> None:
    assert accepted_here(safetensors([Tensor("t", "U8", (1,) * 64, b"x")]))
    assert not accepted_here(safetensors([Tensor("t", "U8", (1,) * 65, b"x")]))


def test_an_error_never_repeats_a_megabyte_of_name() -> None:
    with pytest.raises(ArtifactError) as caught:
        parse(file(json.dumps({"x" * 1_000_000: {}}).encode()))
    assert len(caught.value.message) < 300


def test_reading_and_parsing_are_one_pass(tmp_path: Path) -> None:
    """The engine gives the same tensors as this file's own reading."""
    data = safetensors([Tensor("t", "U8", (CHUNK + 5,), bytes(CHUNK + 5)), Tensor("u", "U8", (2,), b"ab")])
    path = tmp_path / "x"
    path.write_bytes(data)
    with path.open("rb") as opened:
        read = read_file(opened.fileno(), "x.safetensors", Wanted(trees=TREES))
    assert read.tensors is not None
    assert Weights.of(read.tensors, TREES) == weights_of(data)
