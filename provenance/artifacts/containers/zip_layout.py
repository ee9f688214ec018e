"""Where the entries of a zip archive of weights lie, read so that no other reader can see another archive.

Readers of zip differ: some believe the central directory, others the local headers; some look for the end record
from behind, others take the first that fits; some take the first of two equal names, others the last. An archive
that passes here leaves them no choice. The order of the checks:

    1. the end record (and its zip64 twin) stands at the very end, and nothing later looks like one;
    2. the central directory fills the space between its offset and the end records, with entries as counted;
    3. no entry is encrypted, has a second name or a comment; whether one is compressed is asked for apart;
    4. entries lie one behind the other, and each local header and data descriptor says what the directory says.

Bytes that belong to no entry do no harm to a zip reader and are a finding: another format may lie in them.
Section numbers are of PKWARE's APPNOTE 6.3.10. The `zipfile` module is not used: it accepts prefixes, doubled
names, disagreeing headers and anything before or after the archive.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from provenance.artifacts.containers.plan import MAX_TENSORS, WeightFile, too_many
from provenance.artifacts.names import brief
from provenance.errors import ArtifactError, Finding

MAX_DIRECTORY = 16 << 20  # held in memory
MAX_ENTRIES = MAX_TENSORS + 64  # an entry is a tensor or a storage; a checkpoint has some others beside
_END = struct.Struct("<4s4H2LH")  # 4.3.16
_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_END64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_CENTRAL = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_LOCAL = struct.Struct("<4s5H3L2H")  # 4.3.7
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF  # "look in the zip64 fields"
_DESCRIPTOR, _UTF8, _DEFLATE = 0x0008, 0x0800, 0x0006  # 4.4.4
_NEWEST = 63  # the version of APPNOTE, times ten, that a reader must know (4.4.3)
_ENCRYPTED = 0x2041  # traditional, strong, masked headers
_ZIP64_FIELD = 0x0001
_OTHER_NAME, _AES = 0x7075, 0x9901  # 4.6.9: a second name; WinZip: a second compression method


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive: its name, the range of its bytes, their CRC-32 once unpacked, and how they are packed.

    A method other than 0 is a compression, and the bytes are not those of the file.
    """

    name: str
    start: int
    end: int
    crc: int
    method: int

    @property
    def size(self) -> int:
        """How many bytes of the archive it takes."""
        return self.end - self.start


@dataclass(frozen=True)
class ZipLayout:
    """The entries by name, in the order of the directory, and what was seen beside them."""

    entries: dict[str, Entry]
    findings: tuple[Finding, ...]

    def require_stored(self, file: WeightFile, hint: str) -> None:
        """ArtifactError `weights-unsupported` where an entry is compressed; `hint` says how to write it otherwise."""
        for entry in self.entries.values():
            if entry.method:
                raise ArtifactError("weights-unsupported", f"its {brief(entry.name)} is compressed: its tensors cannot "
                                    "be read in place", location=file.location, hint=hint)


@dataclass(frozen=True, slots=True)
class _Row:
    """One entry as the central directory tells it."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header: int


def read_layout(file: WeightFile) -> ZipLayout:
    """Read the directory and all local headers; ArtifactError `zip-invalid` or `weights-too-many`."""
    reader = _Reader(file)
    first, last, count, comment = reader.find_directory()
    rows = reader.directory(first, last, count)
    entries, hidden = dict[str, Entry](), comment
    at = 0
    for row in sorted(rows, key=lambda row: row.header):
        hidden += row.header - at
        entry, at = reader.entry(row, at, first)
        entries[entry.name] = entry
    hidden += first - at
    ordered = {name: entries[name] for row in rows if (name := row.name.decode("utf-8"))}
    return ZipLayout(ordered, (hidden_bytes(file, hidden),) if hidden else ())


def hidden_bytes(file: WeightFile, count: int) -> Finding:
    """The finding that so many bytes of a container belong to nothing."""
    return Finding("weights-hidden-bytes", "warning", f"{count} bytes of the file belong to no part of it",
                   file.location, "write the weights again, and look at what these bytes are")


def polyglot(file: WeightFile, kind: str) -> list[Finding]:
    """The finding that a file of another kind opens as an archive too: the end record is looked for from behind."""
    tail = min(file.size, _END.size + _FULL16)
    if b"PK\x05\x06" not in file.read(file.size - tail, tail):
        return []
    return [Finding("file-polyglot", "warning", f"a {kind} file that opens as a zip archive too", file.location,
                    f"convert the weights again, and load them with nothing but readers of {kind}")]


def read_entry(file: WeightFile, entry: Entry, limit: int) -> bytes:
    """The bytes of a small entry, which must have its CRC; ArtifactError `zip-invalid`."""
    if entry.size > limit:
        raise _invalid(file, f"its {brief(entry.name)} is larger than {limit} bytes")
    data = file.read(entry.start, entry.size)
    # CVE-2025-10156: a scanner that gave up on a wrong CRC where the loader did not.
    if zlib.crc32(data) != entry.crc:
        raise _invalid(file, f"the checksum of its {brief(entry.name)} is wrong")
    return data


def _invalid(file: WeightFile, why: str) -> ArtifactError:
    return ArtifactError("zip-invalid", f"not a sound archive: {why}", location=file.location,
                         hint="fetch the file again, or save the weights again")


@dataclass(frozen=True)
class _Reader:
    file: WeightFile

    def find_directory(self) -> tuple[int, int, int, int]:
        """Where the central directory starts and ends, how many entries it has, and how long the comment is."""
        tail_start = max(0, self.file.size - _END.size - _FULL16)
        tail = self.file.read(tail_start, self.file.size - tail_start)
        at = tail.rfind(b"PK\x05\x06")  # the last one: none may stand in the comment
        if at < 0 or len(tail) - at < _END.size:
            raise self._invalid("it has no end record; it may have been cut off")
        _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(tail, at)
        if at + _END.size + comment != len(tail):
            raise self._invalid("it goes on behind its end record")
        end = tail_start + at
        told = (disk, first_disk, here, count, size, offset)
        found = self._zip64(end)
        if found is not None:
            end, values = found
            full = (_FULL16, _FULL16, _FULL16, _FULL16, _FULL32, _FULL32)
            if any(small not in (large, mark) for small, large, mark in zip(told, values, full, strict=True)):
                raise self._invalid("its two end records disagree")
            told = values
        disk, first_disk, here, count, size, offset = told
        if disk or first_disk or here != count:
            raise self._invalid("it is a part of a divided archive")
        if offset + size != end:
            raise self._invalid("its directory does not end where its end record starts")
        return offset, end, count, comment

    def _zip64(self, end: int) -> tuple[int, tuple[int, int, int, int, int, int]] | None:
        start = end - _LOCATOR.size
        if start < 0:
            return None
        mark, disk, record, disks = _LOCATOR.unpack(self.file.read(start, _LOCATOR.size))
        if mark != b"PK\x06\x07":
            return None
        if disk or disks != 1 or record + _END64.size != start:
            raise self._invalid("its zip64 end record is not where it should be")
        mark, length, _, _, *values = _END64.unpack(self.file.read(record, _END64.size))
        if mark != b"PK\x06\x06" or length != _END64.size - 12:
            raise self._invalid("its zip64 end record is damaged")
        disk, first_disk, here, count, size, offset = values
        return record, (disk, first_disk, here, count, size, offset)

    def directory(self, first: int, last: int, count: int) -> list[_Row]:
        """The rows of the central directory, which fill it exactly."""
        if last - first > MAX_DIRECTORY:
            raise self._invalid(f"its directory has {last - first} bytes; the limit is {MAX_DIRECTORY}")
        if count > MAX_ENTRIES:
            raise too_many(self.file, f"{MAX_ENTRIES} entries of an archive")
        data = self.file.read(first, last - first)
        rows, names, at = list[_Row](), set[bytes](), 0
        while at < len(data) and len(rows) <= count:
            row, at = self._row(data, at)
            if row.name in names:
                raise self._invalid(f"it holds {_shown(row.name)} twice")
            names.add(row.name)
            rows.append(row)
        if len(rows) != count:
            raise self._invalid(f"its directory has {len(rows)} entries and should have {count}")
        return rows

    def _row(self, data: bytes, at: int) -> tuple[_Row, int]:
        if len(data) - at < _CENTRAL.size or not data.startswith(b"PK\x01\x02", at):
            raise self._invalid("its directory is damaged")
        (_, _, needed, flags, method, _, _, crc, packed, size, name_length, extra_length, comment, disk, _, _, header
         ) = _CENTRAL.unpack_from(data, at)
        at += _CENTRAL.size
        name = data[at : at + name_length]
        extra = data[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length
        if at > len(data) or comment or disk:
            raise self._invalid("its directory is damaged, or has comments")
        if needed & 0xFF > _NEWEST:  # other readers stop at the whole archive
            raise self._invalid(f"its {_shown(name)} asks for a reader that does not exist")
        self._check_name(name, flags)
        wide = self._extra(extra)
        wanted = [value == _FULL32 for value in (size, packed, header)]
        if any(wanted) or wide is not None:
            size, packed, header = self._widened((size, packed, header), wanted, wide)
        self._check_storage(name, flags, method, packed == size)
        return _Row(name, flags, method, crc, packed, size, header), at

    def _check_name(self, name: bytes, flags: int) -> None:
        try:
            text = name.decode("utf-8" if flags & _UTF8 else "ascii")  # without the flag: any code page
        except UnicodeDecodeError as err:
            raise self._invalid("it holds a name in an unknown encoding") from err
        if not text or any(char < " " or char == "\x7f" for char in text):  # readers cut names at NUL
            raise self._invalid("it holds a name with control characters, or an empty one")

    def _check_storage(self, name: bytes, flags: int, method: int, is_plain: bool) -> None:
        if flags & _ENCRYPTED:  # CVE-2025-1945: the bit stops scanners, not loaders
            raise self._invalid(f"its {_shown(name)} is marked as encrypted")
        known = _DESCRIPTOR | _UTF8 | (_DEFLATE if method else 0)
        if flags & ~known or not (is_plain or method):
            raise self._invalid(f"its {_shown(name)} has the marks of something else")

    def _extra(self, extra: bytes) -> bytes | None:
        """The zip64 field of an entry, or None; others are skipped unless they change what the entry is (4.5)."""
        at, found = 0, None
        while at < len(extra):
            if len(extra) - at < 4:
                raise self._invalid("it has a damaged extra field")
            kind, length = struct.unpack_from("<2H", extra, at)
            at += 4 + length
            if at > len(extra) or kind in (_OTHER_NAME, _AES) or (kind == _ZIP64_FIELD and found is not None):
                raise self._invalid("it has a damaged extra field, or one that changes names or methods")
            if kind == _ZIP64_FIELD:
                found = extra[at - length : at]
        return found

    def _widened(self, values: tuple[int, int, int], wanted: list[bool], wide: bytes | None) -> tuple[int, int, int]:
        if wide is None or len(wide) != 8 * sum(wanted):
            raise self._invalid("its zip64 sizes are not as many as it needs")
        large = iter(struct.unpack(f"<{sum(wanted)}Q", wide))
        size, packed, header = (next(large) if use else value for value, use in zip(values, wanted, strict=True))
        return size, packed, header

    def entry(self, row: _Row, floor: int, ceiling: int) -> tuple[Entry, int]:
        """An entry whose local header agrees with its row, and where the next one may start at the earliest."""
        if row.header < floor or row.header + _LOCAL.size > ceiling:
            raise self._invalid(f"its {_shown(row.name)} overlaps another part of it, or lies outside")
        fixed = _LOCAL.unpack(self.file.read(row.header, _LOCAL.size))
        mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = fixed
        names = row.header + _LOCAL.size
        start = names + name_length + extra_length
        if start + row.packed > ceiling:
            raise self._invalid(f"its {_shown(row.name)} does not end before the directory")
        text = self.file.read(names, name_length + extra_length)
        if mark != b"PK\x03\x04" or (method, flags) != (row.method, row.flags) or text[:name_length] != row.name:
            raise self._invalid(f"its {_shown(row.name)} is described differently by its two headers")
        wide = self._extra(text[name_length:])
        later = bool(flags & _DESCRIPTOR)
        if not self._agrees(row, (crc, packed, size), wide, later=later):
            raise self._invalid(f"its {_shown(row.name)} has another size or checksum in its local header")
        end = start + row.packed
        after = self._after_descriptor(row, end, ceiling, is_wide=wide is not None) if later else end
        return Entry(row.name.decode("utf-8"), start, end, row.crc, row.method), after

    def _agrees(self, row: _Row, told: tuple[int, int, int], wide: bytes | None, *, later: bool) -> bool:
        crc, packed, size = told
        if (packed, size) == (_FULL32, _FULL32) and wide is not None and len(wide) >= 16:
            size, packed = struct.unpack_from("<2Q", wide)
        if later and (packed, size) in ((0, 0), (_FULL32, _FULL32)) and crc == 0:
            return True  # what is to be known stands behind the data (4.4.4, bit 3)
        return (crc, packed, size) == (row.crc, row.packed, row.size)

    def _after_descriptor(self, row: _Row, end: int, ceiling: int, *, is_wide: bool) -> int:
        form = "<4sL2Q" if is_wide else "<4s3L"  # 4.3.9.2
        length = struct.calcsize(form)
        if end + length > ceiling:
            raise self._invalid(f"its {_shown(row.name)} has no data descriptor")
        if struct.unpack(form, self.file.read(end, length)) != (b"PK\x07\x08", row.crc, row.packed, row.size):
            raise self._invalid(f"its {_shown(row.name)} has a data descriptor that disagrees with the directory")
        return end + length

    def _invalid(self, why: str) -> ArtifactError:
        return _invalid(self.file, why)


def _shown(name: bytes) -> str:
    return brief(name.decode("utf-8", "replace"))
