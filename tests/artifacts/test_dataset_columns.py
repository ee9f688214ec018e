"""Whole Arrow columns are encoded as a slow, independent reference encodes their values one by one."""

from __future__ import annotations

import decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow")
pc = pytest.importorskip("pyarrow.compute")

from provenance.artifacts.dataset.arrow import schema_of, type_of  # noqa: E402
from provenance.artifacts.dataset.columns import encode_array  # noqa: E402
from provenance.artifacts.dataset.encoding import decode_record, encode_record  # noqa: E402
from provenance.artifacts.dataset.schema import Schema  # noqa: E402
from provenance.artifacts.dataset.values import from_json, to_json  # noqa: E402
from provenance.errors import ArtifactError  # noqa: E402
from tests.vectors import dataset_reference as reference  # noqa: E402

UNITS = ("s", "ms", "us", "ns")
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def _integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


def _timestamps(unit: str) -> st.SearchStrategy[int]:
    day = _PER_DAY[unit]  # within what datetime (and, for nanoseconds, 64 bits) can show
    return st.integers(-100_000 * day, 100_000 * day).map(lambda count: count // 1000 * 1000 if unit == "ns" else count)


def _decimals(precision: int, scale: int) -> st.SearchStrategy[decimal.Decimal]:
    limit = 10**precision - 1
    return st.integers(-limit, limit).map(lambda number: decimal.Decimal(f"{number}E{-scale}"))


TEXTS = st.text(max_size=12)
BLOBS = st.binary(max_size=12)
LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (pa.null(), st.none()),
    (pa.bool_(), st.booleans()),
    *((getattr(pa, f"int{bits}")(), _integers(bits, signed=True)) for bits in (8, 16, 32, 64)),
    *((getattr(pa, f"uint{bits}")(), _integers(bits, signed=False)) for bits in (8, 16, 32, 64)),
    *((getattr(pa, f"float{bits}")(), st.floats(width=bits)) for bits in (16, 32, 64)),
    (pa.decimal128(9, 3), _decimals(9, 3)),
    (pa.decimal128(38, 0), _decimals(38, 0)),
    (pa.decimal128(5, -2), _decimals(5, -2)),
    (pa.decimal256(76, 10), _decimals(76, 10)),
    *((kind, TEXTS) for kind in (pa.string(), pa.large_string(), pa.string_view())),
    *((kind, BLOBS) for kind in (pa.binary(), pa.large_binary(), pa.binary_view())),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.date32(), st.integers(-700_000, 2_900_000)),
    (pa.date64(), st.integers(-700_000, 2_900_000).map(lambda days: days * 86_400_000)),
    *((pa.time32(unit), st.integers(0, _PER_DAY[unit] - 1)) for unit in ("s", "ms")),
    *((pa.time64(unit), st.integers(0, _PER_DAY[unit] // 1000 - 1).map(lambda count: count * 1000))
      for unit in ("us", "ns")),
    *((pa.timestamp(unit), _timestamps(unit)) for unit in UNITS),
    *((pa.timestamp(unit, zone), _timestamps(unit)) for unit, zone in (("us", "UTC"), ("ms", "+02:00"))),
    *((pa.duration(unit), st.integers(-(10**9), 10**9).map(lambda count: count * 1000)) for unit in UNITS),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "", "é"])),
]


def _lists(inner: tuple[Any, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[Any, st.SearchStrategy[Any]]]:
    kind, values = inner
    items = st.one_of(st.none(), values)
    return st.sampled_from([
        (pa.list_(kind), st.lists(items, max_size=4)),
        (pa.large_list(kind), st.lists(items, max_size=4)),
        (pa.list_(kind, 2), st.lists(items, min_size=2, max_size=2)),
        (pa.list_view(kind), st.lists(items, max_size=4)),
        (pa.map_(pa.string(), kind), st.lists(st.tuples(TEXTS, items), max_size=3)),
        (pa.struct([("a", kind), ("b", pa.int8())]),
         st.fixed_dictionaries({"a": items, "b": st.one_of(st.none(), _integers(8, signed=True))})),
    ])


# A dictionary inside a list view or a map is more than the builder of pyarrow takes from Python values.
PLAIN = [(kind, values) for kind, values in LEAVES if not pa.types.is_dictionary(kind)]
TYPES = st.recursive(st.sampled_from(PLAIN), lambda inner: inner.flatmap(_lists), max_leaves=3)
ANY = st.one_of(st.sampled_from(LEAVES), TYPES)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """An array of any type that we know, with nulls, possibly cut out of a longer one."""
    kind, values = draw(ANY)
    rows = draw(st.lists(st.one_of(st.none(), values), max_size=12))
    array = pa.array(rows, type=kind)
    start = draw(st.integers(0, len(rows)))
    return array.slice(start, draw(st.integers(0, len(rows) - start)))


def cells(array: Any, kind: Any) -> list[bytes]:
    encoded = encode_array(array, kind)
    ends = encoded.offsets.tolist()
    return [bytes(encoded.data[start:end]) for start, end in pairwise(ends)]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(arrays())
def test_an_array_is_encoded_as_the_reference_encodes_its_values(array: Any) -> None:
    kind = type_of(array.type)
    assert cells(array, kind) == [reference.cell(kind.to_dict(), value) for value in array.to_pylist()]


@pytest.mark.parametrize("view", [pa.list_view(pa.null()), pa.list_view(pa.int8()), pa.large_list_view(pa.int8())])
@pytest.mark.parametrize("start", range(5))
def test_a_map_of_views_is_encoded_wherever_it_is_cut(view: Any, start: int) -> None:
    """Cast to a list of structs, such a map ended the process."""
    rows = [[("a", [None]), ("b", None)], None, [("c", [None] * 3), ("d", [])], [], [("e", [None] * 2)]]
    array = pa.array(rows * 3, type=pa.map_(pa.string(), view)).slice(start, 9)
    kind = type_of(array.type)
    assert cells(array, kind) == [reference.cell(kind.to_dict(), value) for value in (rows * 3)[start : start + 9]]


def test_what_lies_beneath_a_null_map_is_no_value() -> None:
    kind = pa.map_(pa.string(), pa.int8())
    whole = pa.array([[("a", 1)], [("b", 2), ("c", 3)], [("d", 4)]], type=kind)
    hidden = pa.Array.from_buffers(kind, 3, [pa.py_buffer(b"\x05"), whole.buffers()[1]], children=[
        pa.StructArray.from_arrays([whole.keys, whole.items], fields=[kind.key_field, kind.item_field])])
    ours = type_of(kind)
    assert hidden.to_pylist() == [[("a", 1)], None, [("d", 4)]]
    assert cells(hidden, ours) == [reference.cell(ours.to_dict(), value) for value in hidden.to_pylist()]


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(arrays())
def test_an_encoding_gives_its_value_back_also_through_json(array: Any) -> None:
    """Decoding is the proof that no two records share an encoding; a proof of a record goes through JSON."""
    schema = Schema(("a",), (type_of(array.type),))
    for encoding in cells(array, schema.types[0]):
        plain = decode_record(schema, encoding)
        assert encode_record(schema, plain) == encoding
        again = from_json(schema.types[0], [to_json(schema.types[0], plain[0])])
        assert encode_record(schema, again) == encoding


def same(left: Any, right: Any) -> None:
    assert type_of(left.type) == type_of(right.type)
    assert cells(left, type_of(left.type)) == cells(right, type_of(right.type))


def test_how_a_container_stores_values_is_no_content() -> None:
    texts = pa.array(["a", None, "", "é", "a longer text than a view holds in place"])
    for stored in (texts.cast(pa.large_string()), texts.cast(pa.string_view()), texts.dictionary_encode(),
                   pc.run_end_encode(texts)):
        same(texts, stored)
    blobs = pa.array([b"abc", None, b"\x00\x01\x02"])
    same(blobs, blobs.cast(pa.binary(3)))
    lists = pa.array([[1, 2], None, [None, 3]], pa.list_(pa.int32()))
    for kind in (pa.large_list(pa.int32()), pa.list_(pa.int32(), 2), pa.list_view(pa.int32()),
                 pa.list_(pa.field("element", pa.int32(), nullable=True))):
        same(lists, pa.array(lists.to_pylist(), kind))
    same(pa.array([1, 2], pa.decimal128(5, 1)), pa.array([1, 2], pa.decimal256(5, 1)))
    same(pa.array([1, None], pa.date32()), pa.array([86_400_000, None], pa.date64()))
    same(pa.array([b"0123456789abcdef"], pa.uuid()), pa.array([b"0123456789abcdef"]))


def test_a_dictionary_inside_other_types_is_its_values() -> None:
    words = pa.array(["a", "b", "a", None]).dictionary_encode()
    struct = pa.StructArray.from_arrays([words], names=["w"])
    same(struct, pa.array([{"w": "a"}, {"w": "b"}, {"w": "a"}, {"w": None}]))
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 4], pa.int32()), words)
    same(lists, pa.array([["a"], ["b", "a", None]]))
    maps = pa.MapArray.from_arrays(pa.array([0, 2, 3], pa.int32()), words.slice(0, 3), pa.array([1, 2, 3]))
    same(maps, pa.array([[("a", 1), ("b", 2)], [("a", 3)]], pa.map_(pa.string(), pa.int64())))


def test_what_lies_beneath_a_null_is_no_content() -> None:
    hidden = pa.ListArray.from_arrays(pa.array([0, 2, 3], pa.int32()), pa.array([1, 2, 3]),
                                      mask=pa.array([True, False]))
    same(hidden, pa.array([None, [3]]))
    child = pa.array([1, 2])
    same(pa.StructArray.from_arrays([child], names=["a"], mask=pa.array([True, False])),
         pa.array([None, {"a": 2}]))


def test_a_damaged_view_beneath_a_null_is_not_followed() -> None:
    """pyarrow 26 validates such an array, and its cast reads two gigabytes from nowhere."""
    views = pa.array(["a", None, "a text that lies in a buffer of its own"], pa.string_view())
    validity, slots, *texts = views.buffers()
    damaged = slots.to_pybytes()[:16] + (1 << 31).to_bytes(4, "little") + b"\xff" * 12 + slots.to_pybytes()[32:]
    array = pa.Array.from_buffers(views.type, 3, [validity, pa.py_buffer(damaged), *texts])
    array.validate(full=True)
    same(array, views)
    same(array.slice(1), views.slice(1))


def test_every_nan_is_one_and_signed_zeros_are_two() -> None:
    import numpy

    for bits, patterns in ((64, [0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001]),
                           (32, [0x7FC00000, 0xFFC00001, 0x7F800001]), (16, [0x7E00, 0xFE01, 0x7C01])):
        nans = pa.array(numpy.array(patterns, f"u{bits // 8}").view(f"f{bits // 8}"))
        assert len(set(cells(nans, type_of(nans.type)))) == 1
        zeros = pa.array(numpy.array([0.0, -0.0], f"f{bits // 8}"))
        assert len(set(cells(zeros, type_of(zeros.type)))) == 2


def test_a_nan_that_is_widened_is_the_one_nan() -> None:
    import numpy

    signalling = pa.array(numpy.array([0x7F800001, 0xFFC00001], "u4").view("f4"))
    assert set(cells(signalling, type_of(pa.float64()))) == {reference.cell({"type": "float64"}, float("nan"))}


def media(rows: list[Any]) -> Any:
    return pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def test_an_image_is_its_encoded_bytes_wherever_it_came_from() -> None:
    images = media([{"bytes": b"\x89PNG", "path": "a.png"}, None, {"bytes": None, "path": None}])
    same(images, pa.array([b"\x89PNG", None, None]))
    nested = pa.array([[{"bytes": b"1", "path": "x"}]], pa.list_(images.type))
    same(nested, pa.array([[b"1"]]))


def test_an_image_that_lies_elsewhere_is_refused() -> None:
    """Otherwise every picture outside the file would be one and the same value."""
    with pytest.raises(ArtifactError) as caught:
        encode_array(media([{"bytes": None, "path": "a.png"}]), type_of(media([]).type))
    assert caught.value.code == "dataset-media-outside"


def test_a_schema_may_keep_the_path_beside_the_bytes() -> None:
    fields = [{"name": "bytes", "type": "binary"}, {"name": "path", "type": "utf8"}]
    schema = Schema.from_dict({"columns": [{"name": "image", "type": "struct", "fields": fields}]})
    row = {"bytes": b"1", "path": "a.png"}
    assert cells(media([row]), schema.types[0]) == [reference.cell(schema.types[0].to_dict(), row)]


@pytest.mark.parametrize(("array", "wanted"), [
    (pa.array([300]), pa.int8()), (pa.array([-1]), pa.uint64()),
    (pa.array([1500], pa.timestamp("ms")), pa.timestamp("s")),
    (pa.array([86_400_001], pa.date64()), pa.date32()), (pa.array([1 << 62], pa.timestamp("s")), pa.timestamp("ns")),
    (pa.array([decimal.Decimal("1.55")]), pa.decimal128(3, 1)), (pa.array([1], pa.duration("ns")), pa.duration("us")),
])
def test_a_value_that_does_not_fit_exactly_is_an_error(array: Any, wanted: Any) -> None:
    with pytest.raises(ArtifactError) as caught:
        encode_array(array, type_of(wanted))
    assert caught.value.code == "dataset-value-invalid"


@pytest.mark.parametrize("kind", [pa.month_day_nano_interval(), pa.dense_union([pa.field("a", pa.int8())]),
                                  pa.list_(pa.sparse_union([pa.field("a", pa.int8())]))])
def test_a_type_without_an_encoding_is_refused(kind: Any) -> None:
    with pytest.raises(ArtifactError) as caught:
        schema_of(pa.schema([("a", kind)]))
    assert caught.value.code == "dataset-type-unsupported"


def test_types_nested_too_deep_are_refused() -> None:
    kind = pa.int8()
    for _ in range(40):
        kind = pa.list_(kind)
    with pytest.raises(ArtifactError) as caught:
        type_of(kind)
    assert caught.value.code == "dataset-type-unsupported"
