"""Tables that people send: encodings, delimiters, workbooks, and files that want to do harm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.tabular import Grid, read_table
from connectors.tabular.table import MAX_BYTES, MAX_COLUMNS
from hedge_core.errors import InvalidInput
from messages import say

TABLE = "合约,日期,结算价\ncu2605,2026-03-04,79500\n\nal2605,2026-03-04,20660.50\n"


def workbook(write: Callable[[Any, Any], None], sheet: str = "价格") -> bytes:
    body = io.BytesIO()
    with xlsxwriter.Workbook(body) as book:
        write(book, book.add_worksheet(sheet))
    return body.getvalue()


def plain_workbook() -> bytes:
    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["合约", "日期", "结算价"])
        sheet.write(1, 0, "cu2605")
        sheet.write_datetime(1, 1, datetime(2026, 3, 4), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
        sheet.write(1, 2, 79500)

    return workbook(write)


def refusal_of(body: bytes, sheet: str | None = None) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        read_table("prices", body, sheet)
    for lang in ("en", "zh"):
        assert "{" not in say(refusal.value.message, lang)
    return refusal.value


def repacked(body: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """The workbook with one part rewritten."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, change(text.decode()).encode() if name == part else text)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_reads_the_same_in_every_dress(encoding: str, newline: str, delimiter: str) -> None:
    body = TABLE.replace(",", delimiter).replace("\n", newline).encode(encoding)
    grid = read_table("prices.csv", body)
    assert grid.header == ("合约", "日期", "结算价")
    assert [row.cells for row in grid.rows] == [
        ("cu2605", "2026-03-04", "79500"),
        ("al2605", "2026-03-04", "20660.50"),
    ]
    assert [row.line for row in grid.rows] == [2, 4]


def test_quoted_cells_hold_delimiters_and_line_breaks_and_lines_stay_true() -> None:
    grid = read_table("a.csv", b'name,note\n"a,b","two\nlines"\nc,d\n')
    assert [(row.line, row.cells) for row in grid.rows] == [(2, ("a,b", "two\nlines")), (4, ("c", "d"))]


def test_a_title_above_the_header_and_short_rows_are_no_matter() -> None:
    grid = read_table("a.csv", "上海期货交易所\n,,\n合约,结算价,备注,\ncu2605,79500\n".encode())
    assert (grid.header, grid.header_line) == (("合约", "结算价", "备注"), 3)
    assert grid.rows[0].cells == ("cu2605", "79500", None)


def test_a_value_beyond_the_header_is_refused_where_it_stands() -> None:
    error = refusal_of(b"a,b\n1,2\n1,2,,4\n")
    assert (error.row, error.field, error.reason.id) == (3, "#4", "tabular.row_too_wide")


def test_a_workbook_gives_text_dates_and_the_numbers_that_excel_shows() -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["name", "value"])
        day = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        values = [79500, 79500.5, 0.1 + 0.2, 1e-7, 123456789012345.0, -2.675, True]
        for at, value in enumerate(values, 1):
            sheet.write(at, 0, str(at))
            sheet.write(at, 1, value)
        sheet.write_row(8, 0, ["8"])
        sheet.write_datetime(8, 1, datetime(2026, 3, 4, 12, 30), day)  # noqa: DTZ001
        sheet.write_formula(9, 0, '="x"&"y"', None, "xy")
        sheet.write_formula(9, 1, "=1/0", None, "#DIV/0!")

    rows = read_table("a.xlsx", workbook(write)).rows
    values = [row.cells[1] for row in rows]
    numbers = ["79500", "79500.5", "0.3", "0.0000001", "123456789012345", "-2.675"]
    assert values == [*map(Decimal, numbers), "TRUE", "2026-03-04 12:30:00", None]
    assert [str(value) for value in values[:3]] == ["79500", "79500.5", "0.3"]
    assert rows[-1].cells[0] == "xy"


@given(st.decimals("0.001", "9999999", places=3))
def test_a_typed_number_comes_back_digit_for_digit(typed: Decimal) -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["name", "value"])
        sheet.write(1, 0, "x")
        sheet.write(1, 1, float(typed))

    assert read_table("a.xlsx", workbook(write)).rows[0].cells[1] == typed


def test_a_workbooks_rows_are_numbered_as_excel_numbers_them() -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(3, 2, ["a", "b"])
        sheet.write_row(6, 2, ["x", "y"])

    grid = read_table("a.xlsx", workbook(write))
    assert (grid.header, grid.header_line) == (("", "", "a", "b"), 4)
    assert (grid.rows[0].line, grid.rows[0].cells) == (7, (None, None, "x", "y"))


def test_a_sheet_is_chosen_by_name_or_refused_with_those_there_are() -> None:
    assert read_table("a.xlsx", plain_workbook(), "价格").rows[0].cells == (
        "cu2605",
        date(2026, 3, 4),
        Decimal(79500),
    )
    error = refusal_of(plain_workbook(), "成本")
    assert error.reason.id == "tabular.no_such_sheet"
    assert "价格" in str(error)


HTML = "<html><table><tr><td>当日无数据</td></tr></table></html>"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (b"a,b\n" * (MAX_BYTES // 4 + 1), "too_large"),
        (HTML.encode("gb18030"), "is_html"),
        (b"\xef\xbb\xbf\r\n" + HTML.encode(), "is_html"),
        (TABLE.encode("utf-16"), "is_utf16"),
        (b"a,b\n\x00,2\n", "binary"),
        (b"a,b\n\xff\xff,2\n", "undecodable"),
        (TABLE.encode("utf-8-sig") + b"\xff", "undecodable"),
        (TABLE.encode("gb18030").decode("utf-8", "replace").encode("utf-8"), "mixed_up"),
        ("a,b\n1,\ufffd\ufffd\n".encode().decode("gb18030").encode(), "mixed_up"),  # and through GBK once more
        (b'a,b\n"1,2\n', "quote_open"),
        (b'a,b\n"1"x,2\n', "quote_open"),
        (b"a,b\n1," + b"x" * 5000, "cell_too_long"),
        (b"a,b\n1," + b"x" * 200_000, "quote_open"),
        (b",".join(b"c" for _ in range(MAX_COLUMNS + 1)), "too_many"),
        (b"\n" * 1_000_001 + b"a,b\n1,2\n", "too_many"),
        (b"title\n1\n2\n", "no_header"),
        (OLE + b"\x00" * 100 + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 600, "is_encrypted"),
        (OLE + b"x" * 2000, "not_a_workbook"),
        (b"PK\x03\x04" + b"x" * 200, "not_a_workbook"),
        (plain_workbook()[:-300], "not_a_workbook"),
    ],
)
def test_what_is_no_table_is_called_what_it_is(body: bytes, reason: str) -> None:
    assert refusal_of(body).reason.id == f"tabular.{reason}"


def test_an_archive_without_a_workbook_is_none() -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refusal_of(body.getvalue()).reason.id == "tabular.not_a_workbook"


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.tabular.workbook.MAX_UNPACKED", 1024 * 1024)
    body = repacked(plain_workbook(), "xl/sharedStrings.xml", lambda text: text + " " * (2 * 1024 * 1024))
    assert len(body) < 64 * 1024
    assert refusal_of(body).reason.id == "tabular.too_large_inside"


@pytest.mark.parametrize("place", ['r="XFD1048576"', "r='xfd1048576'", 's="0"   r = "XFD1048576"'])
def test_one_cell_in_the_last_corner_is_refused_before_the_rectangle_is_allocated(place: str) -> None:
    def move(text: str) -> str:
        assert 'r="C2"' in text
        return text.replace('r="C2"', place)

    body = repacked(plain_workbook(), "xl/worksheets/sheet1.xml", move)
    assert refusal_of(body).reason.id == "tabular.too_large_inside"


def read_or_refuse(body: bytes) -> Grid | None:
    try:
        return read_table("fuzz", body)
    except InvalidInput as refusal:
        assert str(refusal)
        return None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_end_in_a_table_or_a_refusal(body: bytes) -> None:
    read_or_refuse(body)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=6), st.data()
)
def test_a_damaged_workbook_ends_in_a_table_or_a_refusal(damage: list[tuple[int, bytes]], data: st.DataObject) -> None:
    body = bytearray(plain_workbook())
    for at, piece in damage:
        at %= len(body)
        body[at : at + len(piece)] = piece
    read_or_refuse(bytes(body[: data.draw(st.integers(4, len(body)))]) if len(damage) > 4 else bytes(body))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='<>/="crvtsheetDaInlS A1B2 \n', max_size=120))
def test_a_sheet_of_broken_markup_ends_in_a_table_or_a_refusal(junk: str) -> None:
    def spoil(text: str) -> str:
        return text.replace("</sheetData>", junk + "</sheetData>")

    read_or_refuse(repacked(plain_workbook(), "xl/worksheets/sheet1.xml", spoil))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.text(alphabet='ab,;"\n 铜1', max_size=6), min_size=2, max_size=4), min_size=1, max_size=5))
def test_any_grid_of_text_survives_writing_and_reading(rows: list[list[str]]) -> None:
    import csv

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    width = max(len(row) for row in rows)
    header = [f"c{at},,,,,,,,,," for at in range(width)]  # commas enough to be the delimiter
    writer.writerows([header, *rows])
    grid = read_table("a.csv", out.getvalue().encode())
    expected = [[cell.strip() or None for cell in row] for row in rows]
    padded = [tuple(row + [None] * (width - len(row))) for row in expected if any(row)]
    assert [row.cells for row in grid.rows] == padded
