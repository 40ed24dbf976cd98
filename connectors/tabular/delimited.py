"""Delimited text to rows of cells: finds the encoding and the delimiter, and notices characters lost on the way."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.errors import InvalidInput
from messages import Message

_DELIMITERS: Final = (",", "\t", ";", "，")
_REPLACEMENT: Final = "\ufffd"
_MARK: Final = b"\xef\xbb\xbf"
_TRACES: Final = ("锟斤拷",)
"""What replacement characters become when their UTF-8 bytes are taken for GBK: text that was lost in a conversion."""


def delimited_rows(source: str, body: bytes) -> Iterator[tuple[int, list[str | Decimal | date | None]]]:
    """(line, cells) of every record. Quoted cells may hold delimiters and line breaks; the line is where a record begins."""
    text = _text(source, body)
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            record = next(reader, None)
        except csv.Error:  # besides quotes only cells beyond the csv module's own limit of 128 KB
            raise InvalidInput(source, line, "file", Message("tabular.quote_open")) from None
        if record is None:
            return
        yield line, [cell.strip() or None for cell in record]
        line = reader.line_num + 1


def _text(source: str, body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput(source, 0, "file", Message("tabular.is_utf16"))
    if b"\x00" in body:
        raise InvalidInput(source, body.count(b"\n", 0, body.index(b"\x00")) + 1, "file", Message("tabular.binary"))
    try:
        text = body.removeprefix(_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        if body.startswith(_MARK):
            raise _undecodable(source, body, error.start + len(_MARK)) from None
        try:
            text = body.decode("gb18030")
        except UnicodeDecodeError as second:
            raise _undecodable(source, body, second.start) from None
    for trace in (_REPLACEMENT, *_TRACES):
        if trace in text:
            raise InvalidInput(source, text[: text.index(trace)].count("\n") + 1, "file", Message("tabular.mixed_up"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _undecodable(source: str, body: bytes, offset: int) -> InvalidInput:
    line = body.count(b"\n", 0, offset) + 1
    return InvalidInput(source, line, "file", Message("tabular.undecodable", {"offset": offset}))


def _delimiter(text: str) -> str:
    """The delimiter that occurs most often in the first lines."""
    head = text[:4096]
    return max(_DELIMITERS, key=head.count)
