"""The malformed models of the serialization and artefact catalogues, as a user meets them: one flaw a folder.

Each is digested, and then signed by its producer as it is and verified: a good signature over bad bytes must not
make them pass unseen. `run` holds that nothing printed a traceback; here nothing prints a raw control character.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import CODES
from tests.cli.conftest import Run

POLICY = "g7-2026-open-weights"
Flaw = Callable[[Path], object]
U8 = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
F32 = 0


def weights(header: Any, data: bytes = b"abcd", *, length: int | None = None) -> Flaw:
    """The flaw of a model.safetensors with this header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    whole = struct.pack("<Q", len(text) if length is None else length) + text + data
    return lambda folder: (folder / "model.safetensors").write_bytes(whole)


def beside(name: str, content: bytes | str) -> Flaw:
    """The flaw of one more file."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
    return lambda folder: (folder / name).write_bytes(data)


def index(place: object) -> Flaw:
    return beside("model.safetensors.index.json", json.dumps({"weight_map": {"a": place}}))


def archived(name: str, *members: str) -> Flaw:
    """A zip under this name, of entries that hold a word each."""
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w") as archive:
            for member in members:
                archive.writestr(member, "x")
    return write


def gguf_text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def gguf(pairs: bytes = b"", rows: bytes = b"", *, count: int = 1, data: bytes = b"", alone: bool = True) -> Flaw:
    """A GGUF file with as many pairs or rows as are counted; `alone` takes the other weights away."""
    tensors, keys = (count, 0) if rows else (0, count)
    header = b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + pairs + rows

    def write(folder: Path) -> None:
        (folder / "model.gguf").write_bytes(header + bytes(-len(header) % 32) + data)
        if alone:
            (folder / "model.safetensors").unlink()
    return write


def row(*dims: int, offset: int = 0, name: bytes = b"w", rank: int | None = None) -> bytes:
    fixed = struct.pack(f"<I{len(dims)}Q", len(dims) if rank is None else rank, *dims)
    return gguf_text(name) + fixed + struct.pack("<IQ", F32, offset)


def pair(key: bytes, value: bytes) -> bytes:
    return gguf_text(key) + struct.pack("<I", 8) + gguf_text(value)


def checkpoint(pickle: bytes) -> Flaw:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "pytorch_model.bin", "w") as archive:
            archive.writestr("m/data.pkl", pickle)
            archive.writestr("m/version", "3\n")
    return write


def sparse(name: str, header: bytes = b"") -> Flaw:
    def write(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.write(header)
            file.truncate(1 << 40)
    return write


def bound_socket(folder: Path) -> None:
    before = Path.cwd()
    os.chdir(folder)  # the name of a socket has at most a hundred bytes
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("s.bin")
    finally:
        os.chdir(before)


def linked_shard(folder: Path) -> None:
    (folder.parent / "outside.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "link.safetensors").symlink_to(folder.parent / "outside.safetensors")
    index("link.safetensors")(folder)


def both(first: Flaw, second: Flaw) -> Flaw:
    return lambda folder: (first(folder), second(folder))


INVALID, TRUNCATED = "safetensors-invalid", "safetensors-truncated"
ENTRY = json.dumps(U8).encode()
# What is an error where the model is digested (exit code 2): its digests would not be all there is.
ERRORS: dict[str, tuple[Flaw, str]] = {
    "SER-02 a header longer than the limit": (weights(b"{}", length=100_000_001), INVALID),
    "SER-03 seven bytes": (beside("model.safetensors", bytes(7)), TRUNCATED),
    "SER-05 a header that is not UTF-8": (weights(b'{"\xff":' + ENTRY + b"}"), INVALID),
    "SER-06 a header that is not JSON": (weights(b"{t}"), INVALID),
    "SER-08 a name twice": (weights(b'{"t":%b,"t":%b}' % (ENTRY, ENTRY)), INVALID),
    "SER-11 a hole": (weights({"t": {**U8, "data_offsets": [4, 8]}}, b"abcdefgh"), INVALID),
    "SER-13 offsets reversed": (weights({"t": {**U8, "data_offsets": [4, 0]}}), INVALID),
    "SER-14 a span that does not fit the shape": (weights({"t": {**U8, "shape": [5]}}), INVALID),
    "SER-16 a negative dimension": (weights({"t": {**U8, "shape": [-4]}}), INVALID),
    "SER-17 an unknown dtype": (weights({"t": {**U8, "dtype": "U7"}}), INVALID),
    "SER-18 a shape of other types": (weights({"t": {**U8, "shape": [True, 4.0]}}), INVALID),
    "SER-20 metadata that are nested": (weights({"__metadata__": {"a": {}}, "t": U8}), INVALID),
    "SER-21 a byte order mark": (weights(b'\xef\xbb\xbf{"t":' + ENTRY + b"}"), INVALID),
    "SER-22 nested 40,000 deep": (weights(b'{"t":' + b"[" * 40_000), INVALID),
    "SER-23 an offset behind the end": (weights({"t": {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}}),
                                        TRUNCATED),
    "SER-24 bytes behind the object": (weights(b'{"t":' + ENTRY + b"}x"), INVALID),
    "SER-27 a pickle under this name": (beside("model.safetensors", b"\x80\x04cos\nsystem\n."), INVALID),
    "a dimension of 2^64": (weights({"t": {**U8, "shape": [1 << 64]}}), INVALID),
    "two tensors over the same bytes": (weights({"t": U8, "u": U8}), INVALID),
    "ART-45 a shard that is not there": (index("gone.safetensors"), "shard-missing"),
    "an index that leaves the folder": (index("../outside.safetensors"), "shard-missing"),
    "an absolute index": (index("/etc/hostname"), "shard-missing"),
    "an index that names control characters": (index("\x1b[31m\0.safetensors"), "shard-missing"),
    "an index of nothing": (index(None), "json-invalid"),
    "an index that names a place twice": (beside("model.safetensors.index.json",
                                                 '{"weight_map":{"a":"x","a":"model.safetensors"}}'), "json-invalid"),
    "an index through a link": (linked_shard, "file-is-symlink"),
    "ART-19 a pipe in place of weights": (lambda folder: os.mkfifo(folder / "pytorch_model.bin"), "file-special"),
    "ART-20 a socket": (bound_socket, "file-special"),
    "ART-27 two forms of one accent": (both(beside("\u00e9.txt", ""), beside("e\u0301.txt", "")), "file-name-collides"),
    "two cases of one name": (both(beside("A.txt", ""), beside("a.txt", "")), "file-name-collides"),
    "ART-30 a name that is not UTF-8": (beside("\udcff.txt", ""), "file-name-invalid"),
    "ART-29 a name of a terminal's commands": (beside("\x1b[31m\nx.txt", ""), "file-name-invalid"),
    "a sparse terabyte of safetensors": (sparse("model.safetensors", struct.pack("<Q", 2) + b"{}"), "file-sparse"),
    "a sparse terabyte of GGUF": (sparse("model.gguf", b"GGUF"), "file-sparse"),
    "ART-23 a small file that is a sparse terabyte": (sparse("config.json"), "file-sparse"),
}
# What is a finding where the model is digested: its digests hold, and what it holds is not what it seems.
FINDINGS: dict[str, tuple[Flaw, str]] = {
    "SER-25 names of paths and commands": (weights({"../\x1b[2J\0\u202e": U8}), "tensor-name-odd"),
    "a name of a megabyte": (weights({"x" * (1 << 20): U8}), "tensor-name-odd"),
    "tensors that differ in case": (weights({"W": {**U8, "shape": [2], "data_offsets": [0, 2]},
                                             "w": {**U8, "shape": [2], "data_offsets": [2, 4]}}), "tensor-name-odd"),
    "tensors that differ in the form of an accent": (
        weights({"\u00e9": {**U8, "shape": [2], "data_offsets": [0, 2]},
                 "e\u0301": {**U8, "shape": [2], "data_offsets": [2, 4]}}), "tensor-name-odd"),
    "SER-28 a bare pickle": (beside("pytorch_model.bin", b"cos\nsystem\n(S'touch canary'\ntR."), "pickle-unsafe"),
    "SER-33 a global on no list": (checkpoint(b"cemail.utils\nformatdate\n)R."), "pickle-unsafe"),
    "SER-38 EXT1": (checkpoint(b"\x82\x01."), "pickle-unsafe"),
    "a pickle that holds itself": (checkpoint(b"}q\0X\1\0\0\0ah\0s."), "pickle-invalid"),
    "a pickle nested 100,000 deep": (checkpoint(b"]" * 100_000 + b"a" * 99_999 + b"."), "weights-unsupported"),
    "SER-39 7z": (beside("pytorch_model.bin", b"7z\xbc\xaf'\x1c" + bytes(26)), "weights-unsupported"),
    "SER-42 Keras": (archived("model.keras", "config.json"), "weights-unsupported"),
    "SER-43 TorchScript": (archived("model.pt", "m/data.pkl", "m/code/x.py", "m/constants.pkl"), "pickle-unsafe"),
    "an array of objects": (beside("model.npy", b"\x93NUMPY\x01\0\x3b\0" + (
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }").ljust(58) + b"\n"), "pickle-unsafe"),
    "SER-54 a string of 2^64 - 1 bytes": (gguf(struct.pack("<Q", 2**64 - 1)), "gguf-invalid"),
    "SER-57 2^31 dimensions": (gguf(rows=row(rank=2**31) + bytes(64)), "gguf-invalid"),
    "SER-58 dimensions past 2^64": (gguf(rows=row(2**32, 2**32 + 1)), "gguf-invalid"),
    "SER-59 an offset behind the end": (gguf(rows=row(1, offset=1 << 20), data=bytes(4)), "gguf-invalid"),
    "SER-61 a key twice": (gguf(pair(b"general.license", b"mit") + pair(b"general.license", b"gpl"), count=2),
                           "gguf-invalid"),
    "SER-62 a template that reaches Python": (gguf(pair(b"tokenizer.chat_template", b"{{ x.__class__ }}")),
                                              "weights-hold-template"),
    "SER-63 an archive behind GGUF": (gguf(rows=row(1), data=bytes(32) + b"PK\5\6" + bytes(18)), "file-polyglot"),
    "SER-65 a licence in the file": (gguf(pair(b"general.license", b"cc-by-nc-4.0")), "weights-state-licence"),
    "150,000 tensors": (gguf(rows=row() * 150_000, count=150_000), "weights-too-many"),
    "SER-70 ONNX with data outside": (beside("model.onnx", b"\x08\x07:\x10../outside.bin"), "weights-unsupported"),
    "SER-92 a doubled key": (beside("config.json", '{"a":1,"a":2}'), "json-invalid"),
    "SER-95 half a surrogate pair": (beside("config.json", '{"a":"\\ud800"}'), "json-invalid"),
    "a configuration without end": (beside("tokenizer_config.json", "[" * 100_000), "json-invalid"),
    "ART-53 a hard link": (lambda folder: (folder / "x.txt").hardlink_to(folder / "README.md"), "file-hard-linked"),
}
FLAWS = ERRORS | FINDINGS


@pytest.fixture
def keys(run: Run) -> None:
    """A producer, and a trust file that lists it."""
    assert run("keygen", "lab.key", "--no-passphrase").code == 0
    assert run("trust", "init", "trust.yaml").code == 0
    assert run("trust", "add", "trust.yaml", "--name", "lab", "--party", "Lab", "--role", "producer", "--public-key",
               "lab.key.pub", "--subject", "*").code == 0


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No flaw takes long: these files have some kilobytes."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    yield
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20


def assert_printable(text: str) -> None:
    assert not [char for char in text if (char < " " and char != "\n") or char in "\x7f\u202e"]
    assert max(map(len, text.splitlines()), default=0) < 4000


@pytest.mark.skipif(sys.platform != "linux", reason="pipes, sockets and holes as Linux has them")
@pytest.mark.parametrize(("flaw", "code"), FLAWS.values(), ids=FLAWS)
def test_a_malformed_model_is_an_error_or_a_finding_when_it_is_digested(
    run: Run, model: Path, flaw: Flaw, code: str
) -> None:
    flaw(model)
    is_error = (flaw, code) in ERRORS.values()
    ran = run("digest", "model", "--no-cache", "--format", "json")
    if is_error:
        assert ran.code == 2
        assert f"[{code}]" in ran.err
    else:
        assert ran.code == 0
        assert code in {finding["code"] for finding in ran.json["findings"]}
    plain = run("digest", "model", "--no-cache")
    assert_printable(plain.out + plain.err)
    assert code in CODES
    assert not (model.parent / "canary").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="pipes, sockets and holes as Linux has them")
@pytest.mark.parametrize(("flaw", "code"), FLAWS.values(), ids=FLAWS)
def test_a_malformed_model_that_its_producer_signed_is_not_passed_unseen(
    run: Run, keys: None, model: Path, flaw: Flaw, code: str
) -> None:
    flaw(model)
    run("sign", "model", "--key", "lab.key")  # may refuse what it cannot digest
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--format", "json")
    assert ran.code == 1
    findings = {finding["code"] for finding in ran.json["findings"]}
    assert code in findings
    if (flaw, code) in ERRORS.values():
        assert not ran.json["coverage"]["complete"]
    reports = [f"--report=r.{ending}" for ending in ("html", "md")]
    plain = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", *reports)
    assert_printable(plain.out + plain.err)
    for ending in ("html", "md"):
        report = (model.parent / f"r.{ending}").read_bytes()
        assert b"\x1b" not in report
        assert len(report) < 5 << 20


def test_signed_code_is_a_finding(run: Run, keys: None, model: Path) -> None:
    """ART-47: a signature says whose code it is, not that it does no harm."""
    (model / "modeling.py").write_text("print(1)\n")
    assert run("sign", "model", "--key", "lab.key").code == 0
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--format", "json")
    found = [finding for finding in ran.json["findings"] if finding["code"] == "file-holds-code"]
    assert [(finding["severity"], finding["location"]) for finding in found] == [("warning", "modeling.py")]


@pytest.mark.skipif(sys.platform != "linux", reason="pipes and holes as Linux has them")
@pytest.mark.parametrize("made", [lambda folder: os.mkfifo(folder / "model.safetensors"), sparse("model.safetensors")],
                         ids=["a pipe", "a sparse terabyte"])
def test_a_lone_file_that_cannot_be_read_is_an_error(run: Run, tmp_path: Path, made: Flaw) -> None:
    made(tmp_path)
    for arguments in (("digest", "model.safetensors"), ("verify", "model.safetensors", "--policy", POLICY)):
        ran = run(*arguments)
        assert ran.code in (1, 2)
        assert "file-s" in ran.err + ran.out
