"""A look at an old workbook (.xls) before the reader allocates for it: sizes that the file claims must fit into the file.

The reader trusts the counts, sizes and addresses of a damaged file and asks for as much memory as they name, which ends the
process instead of raising an error. So the compound file's tables, the sheets' dimensions and every cell's address are walked
first. Layout: [MS-CFB] compound file, [MS-XLS] records (type, length, body).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_HEADER: Final = 512
_ENTRY: Final = 128
_LAST_SECTOR: Final = 0xFFFFFFFA
"""Sector numbers from here on mean: end of chain, free, or a table's own sector."""
_STREAMS: Final = ("workbook", "book")
_SUBSTREAM_END: Final = 0x000A
_BOUND_SHEET: Final = 0x0085
_DIMENSIONS: Final = frozenset({0x0000, 0x0200})
_STRINGS: Final = 0x00FC
_PASSWORD: Final = 0x002F
_CELLS: Final = frozenset(
    {0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x00BD, 0x00BE, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205}
    | {0x0206, 0x027E, 0x0406}
)
_SEVERAL: Final = frozenset({0x00BD, 0x00BE})
"""Records of a row of cells: they end with the last column."""


class NotOldExcel(ValueError):
    """The bytes claim something that they do not hold."""


class EncryptedOldExcel(NotOldExcel):
    """The workbook has a password: its records cannot be read."""


def spanned_cells(body: bytes) -> int:
    """How many cells the sheets of an .xls span together, by their dimensions and by their cells' addresses, whichever is
    more. `NotOldExcel` for a file whose tables point outside of it or in circles, `EncryptedOldExcel` for a password."""
    try:
        stream = _workbook_stream(body)
        return sum(_span(stream, start) for start in _sheet_starts(stream))
    except (struct.error, IndexError, RecursionError) as error:
        raise NotOldExcel(str(error)) from None


# --- the compound file ------------------------------------------------------------------------------------------------


class _Compound:
    """Sectors and their chains."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        shift, mini_shift = struct.unpack_from("<HH", body, 30)
        if (shift, mini_shift) not in ((9, 6), (12, 6)):
            raise NotOldExcel("sector size")
        self.size = 1 << shift
        fats, self.directory_start, _, _, mini_start, minis, difat_start, difats = struct.unpack_from("<8I", body, 44)
        limit = len(body) // self.size + 1
        if max(fats, minis, difats) > limit:
            raise NotOldExcel("more tables than sectors")
        places = list(struct.unpack_from("<109I", body, 76))
        sector = difat_start
        for _ in range(difats):
            entries = self._numbers(sector)
            places += entries[:-1]
            sector = entries[-1]
        self.fat = [number for place in places[:fats] if place < _LAST_SECTOR for number in self._numbers(place)]
        mini_fat = self.chain(mini_start) if minis else b""
        self.mini_fat = list(struct.unpack(f"<{len(mini_fat) // 4}I", mini_fat))
        self.mini = b""

    def _numbers(self, sector: int) -> list[int]:
        return list(struct.unpack(f"<{self.size // 4}I", self.sector(sector).ljust(self.size, b"\xff")))

    def sector(self, number: int) -> bytes:
        start = (number + 1) * self.size
        found = self.body[start : start + self.size]
        if not found:
            raise NotOldExcel("sector outside of the file")
        return found

    def chain(self, start: int) -> bytes:
        parts: list[bytes] = []
        while start < _LAST_SECTOR:
            if len(parts) > len(self.fat):
                raise NotOldExcel("circle")
            parts.append(self.sector(start))
            start = self.fat[start]
        return b"".join(parts)

    def mini_chain(self, start: int) -> bytes:
        parts: list[bytes] = []
        while start < _LAST_SECTOR:
            if len(parts) > len(self.mini_fat):
                raise NotOldExcel("circle")
            parts.append(self.mini[start * 64 : start * 64 + 64])
            start = self.mini_fat[start]
        return b"".join(parts)


def _workbook_stream(body: bytes) -> bytes:
    if len(body) < _HEADER:
        raise NotOldExcel("no header")
    file = _Compound(body)
    directory = file.chain(file.directory_start)
    found: dict[str, tuple[int, int]] = {}
    for at in range(0, len(directory) - _ENTRY + 1, _ENTRY):
        length = min(struct.unpack_from("<H", directory, at + 64)[0], 64)
        name = directory[at : at + max(length - 2, 0)].decode("utf-16-le", "replace").casefold()
        kind = directory[at + 66]
        start, size = struct.unpack_from("<IQ", directory, at + 116)
        if file.size == 512:
            size &= 0xFFFFFFFF  # the upper half is not defined in files of this version
        if kind and size > len(body):
            raise NotOldExcel("stream larger than the file")
        if kind == 5:
            file.mini = file.chain(start) if size else b""
        found.setdefault(name, (start, size))
    for name in _STREAMS:
        if name in found:
            start, size = found[name]
            cutoff = struct.unpack_from("<I", body, 56)[0]
            return (file.chain(start) if size >= cutoff else file.mini_chain(start))[:size]
    raise NotOldExcel("no workbook")


# --- the workbook's records -------------------------------------------------------------------------------------------


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Records of one substream, up to its end."""
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if kind == _SUBSTREAM_END:
            return
        yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _sheet_starts(stream: bytes) -> list[int]:
    starts: list[int] = []
    for kind, record in _records(stream, 0):
        if kind == _PASSWORD:
            raise EncryptedOldExcel("password")
        if kind == _BOUND_SHEET:
            starts.append(struct.unpack_from("<I", record, 0)[0])
        elif kind == _STRINGS and struct.unpack_from("<I", record, 4)[0] > len(stream):
            raise NotOldExcel("more strings than bytes")
    return starts


def _span(stream: bytes, start: int) -> int:
    claimed = 0
    rows: list[int] = []
    columns: list[int] = []
    for kind, record in _records(stream, start):
        if kind in _DIMENSIONS and len(record) >= 8:
            claimed = max(claimed, _claimed(record))
        elif kind in _CELLS and len(record) >= 4:
            row, column = struct.unpack_from("<HH", record, 0)
            last = struct.unpack_from("<H", record, len(record) - 2)[0] if kind in _SEVERAL else column
            rows.append(row)
            columns += (column, max(column, last))
    held = (max(rows) - min(rows) + 1) * (max(columns) - min(columns) + 1) if rows else 0
    return max(claimed, held)


def _claimed(record: bytes) -> int:
    form = "<IIHH" if len(record) >= 12 else "<HHHH"
    first_row, last_row, first_column, last_column = struct.unpack_from(form, record, 0)
    if first_row > last_row or first_column > last_column:
        raise NotOldExcel("dimensions end before they begin")
    return int((last_row - first_row) * (last_column - first_column))
