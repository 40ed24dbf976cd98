"""Whole workbooks: every sheet with its rows and addresses, and the same refusals as for single tables."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.tabular import is_workbook, read_sheets
from connectors.tabular.sheets import MAX_SHEETS
from connectors.tabular.table import MAX_CELL
from hedge_core.errors import InvalidInput
from tests.support.cfmmc_book import Sheets, xls, xlsx

BOOK: Sheets = {"one": [[], ["a", None, "b"], [], [None, 1.5]], "二": [["x"]], "empty": []}


@pytest.mark.parametrize("write", [xls, xlsx])
def test_rows_keep_their_numbers_and_cells_their_columns(write: object) -> None:
    body = write(BOOK)  # type: ignore[operator]
    assert is_workbook(body)
    found = read_sheets("book", body)
    assert [sheet.name for sheet in found] == ["one", "二", "empty"]
    assert [(row.line, [str(cell) for cell in row.cells]) for row in found[0].rows] == [
        (2, ["a", "None", "b"]),
        (4, ["None", "1.5"]),
    ]
    assert found[2].rows == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "tabular.empty"),
        (b"<html>login</html>", "tabular.is_html"),
        (b"a,b", "tabular.not_a_workbook"),
        (b"PK\x03\x04 and nothing", "tabular.not_a_workbook"),
        (xlsx({f"s{n}": [["x"]] for n in range(MAX_SHEETS + 1)}), "tabular.too_many"),
        (xlsx({"long": [["x" * (MAX_CELL + 1)]]}), "tabular.cell_too_long"),
    ],
)
def test_what_is_no_document_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_sheets("book", body)
    assert refused.value.reason.id == reason


def test_a_cell_in_the_last_corner_is_refused_before_memory_is_taken() -> None:
    corner: Sheets = {"wide": [[None] * 16_000 + ["x"]]}
    corner["wide"] = corner["wide"] + [[]] * 60_000 + [["y"]]
    with pytest.raises(InvalidInput) as refused:
        read_sheets("book", xlsx(corner))
    assert refused.value.reason.id == "tabular.too_large_inside"


def old(record: int, at: int, value: int, width: int = 2) -> bytes:
    """The old workbook with one field of its first record of that kind overwritten."""
    body = bytearray(xls(BOOK))
    start = body.index(struct.pack("<HH", record, {0x0200: 14, 0x00FD: 10, 0x00FC: 0}[record])) + 4
    body[start + at : start + at + width] = value.to_bytes(width, "little")
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (old(0x0200, 4, 0xFFFFFFF0, 4), "tabular.too_large_inside"),
        (old(0x0200, 0, 0x00CD0000, 4), "tabular.not_a_workbook"),
        (old(0x00FD, 0, 0xFFF0FFF0, 4), "tabular.too_large_inside"),
        (xls(BOOK)[:44] + b"\xff\xff\xff\x7f" + xls(BOOK)[48:], "tabular.not_a_workbook"),
        (xls(BOOK)[:48] + b"\xf0\xff\xff\x7f" + xls(BOOK)[52:], "tabular.not_a_workbook"),
        (xls(BOOK)[:600], "tabular.not_a_workbook"),
    ],
)
def test_an_old_workbook_that_claims_more_than_it_holds_is_refused_before_memory_is_taken(
    body: bytes, reason: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_sheets("book", body)
    assert refused.value.reason.id == reason


def test_an_old_workbook_with_a_password_says_so() -> None:
    body = bytearray(xls(BOOK))
    first = body.index(b"\x09\x08")  # the begin record of the workbook; the record behind it becomes FILEPASS
    after = first + 4 + struct.unpack_from("<H", body, first + 2)[0]
    body[after : after + 2] = b"\x2f\x00"
    with pytest.raises(InvalidInput) as refused:
        read_sheets("book", bytes(body))
    assert refused.value.reason.id == "tabular.is_encrypted"


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([xls(BOOK), xlsx(BOOK)]))
def test_damaged_workbooks_end_in_sheets_or_a_refusal(data: st.DataObject, whole: bytes) -> None:
    body = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for at, piece in data.draw(st.lists(st.tuples(st.integers(0, 20_000), st.binary(max_size=5)), max_size=4)):
        at %= len(body) + 1
        body[at : at + len(piece)] = piece
    try:
        read_sheets("book", bytes(body))
    except InvalidInput as refused:
        assert str(refused)
