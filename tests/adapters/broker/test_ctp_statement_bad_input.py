"""A statement that is not one, or not whole, or not right: one clear sentence naming file, line and field."""

from __future__ import annotations

import io

import pytest
import xlsxwriter

from adapters.broker.ctp_statement import read_statements
from connectors.ctp_settlement import MAX_BYTES
from hedge_core.errors import InvalidInput
from messages import say
from tests.support import ctp_text
from tests.support.ctp_text import FILLS, SUMMARY, Day

TEXT = ctp_text.text(ctp_text.trading_day())


def refusal_of(body: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        read_statements("day.txt", body)
    error = refusal.value
    assert error.source == "day.txt"
    for lang in ("en", "zh"):
        sentence = say(error.message, lang)
        assert "{" not in sentence
        assert sentence.count("\n") == 0
    return error


def changed(old: str, new: str, text: str = TEXT) -> bytes:
    assert old in text
    return text.replace(old, new, 1).encode("gb18030")


def line_of(part: str, text: str = TEXT) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if part in line)


def workbook() -> bytes:
    body = io.BytesIO()
    with xlsxwriter.Workbook(body) as book:
        book.add_worksheet().write(0, 0, "交易结算单")
    return body.getvalue()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"x" * (MAX_BYTES + 1), "too_large"),
        (workbook(), "is_excel"),
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "is_excel"),
        (b"%PDF-1.4 ...", "is_pdf"),
        (b"\r\n<html><body>\xc7\xeb\xb5\xc7\xc2\xbc</body></html>", "is_html"),
        (TEXT.encode("utf-8"), "is_utf8"),
        (TEXT.encode("utf-8-sig"), "is_utf8"),
        (TEXT.encode("utf-8")[:-1] + b"\xe4\xbd", "is_utf8"),
        (TEXT.encode("gb18030").decode("gb18030", "replace").encode("utf-8"), "is_utf8"),
        (TEXT.encode("gb18030").decode("latin-1").encode("utf-8"), "is_utf8"),
        ("期初结存".encode(), "is_utf8"),
        (TEXT.encode("utf-16"), "is_utf16"),
        ("日报 没有结算单".encode("gb18030"), "not_a_statement"),
        (b"some,csv\n1,2\n", "not_a_statement"),
    ],
)
def test_what_is_no_statement_is_called_what_it_is(body: bytes, reason: str) -> None:
    assert refusal_of(body).reason.id == f"statement.{reason}"


def test_damaged_bytes_are_named_by_line() -> None:
    body = bytearray(TEXT.encode("gb18030"))
    at = body.index("平仓明细".encode("gb18030"))
    body[at : at + 2] = b"\xff\xff"
    error = refusal_of(bytes(body))
    assert (error.reason.id, error.row) == ("statement.undecodable", line_of("平仓明细 Position Closed"))


def test_a_cut_inside_a_character_is_a_cut() -> None:
    body = TEXT.encode("gb18030")
    at = body.index("持仓汇总".encode("gb18030"))
    assert refusal_of(body[: at + 1]).reason.id == "statement.cut_in_character"


@pytest.mark.parametrize(
    ("cut_before", "reason"),
    [
        ("资金状况", "section_missing"),
        ("MTM P/L：", "label_missing"),
        ("权利金支出 Premium paid", "label_missing"),
        ("|1001", "table_cut"),
        ("|共   3条", "table_cut"),
        ("1591300.00", "table_cut"),
    ],
)
def test_a_file_that_ends_too_soon_is_refused(cut_before: str, reason: str) -> None:
    assert refusal_of(TEXT[: TEXT.index(cut_before)].encode("gb18030")).reason.id == f"statement.{reason}"


def test_a_funds_line_cut_in_the_middle_of_a_figure_is_a_cut() -> None:
    text = ctp_text.text(Day("1234567.89"))
    end = text.index("Margin Call") + 30
    assert refusal_of(text[:end].encode("gb18030")).reason.id == "statement.cut_in_line"


def test_a_title_without_its_table_is_a_cut() -> None:
    end = TEXT.index("成交记录 Transaction Record") + len("成交记录 Transaction Record")
    error = refusal_of((TEXT[:end] + "\n-------\n").encode("gb18030"))
    assert (error.reason.id, error.field) == ("statement.table_cut", "Transaction Record")


def test_a_missing_row_is_noticed_by_the_total_rows_count() -> None:
    lines = [line for line in TEXT.split("\n") if "|1002 " not in line]
    error = refusal_of("\n".join(lines).encode("gb18030"))
    assert (error.reason.id, error.field) == ("statement.rows_missing", "Transaction Record")
    assert error.reason.params == {"count": 3, "rows": 2}


def test_a_table_must_close() -> None:
    text = "\n".join(ctp_text.table(SUMMARY, [])[:7]) + "\n"
    error = refusal_of((ctp_text.text(Day()) + text + "and so on\n").encode("gb18030"))
    assert error.reason.id == "statement.table_not_closed"


def test_a_total_row_wider_than_its_table_is_refused() -> None:
    error = refusal_of(changed("|共   3条", "|共   3条||||"))
    assert (error.reason.id, error.row) == ("statement.row_cells", line_of("|共   3条"))


def test_a_damaged_row_is_named_by_line() -> None:
    error = refusal_of(changed("|20260304  |上期所    |铜", "|20260304  |上期所    铜"))
    assert (error.reason.id, error.row) == ("statement.row_cells", line_of("|1001 "))


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("|79550.000   |", "|79550,000   |", "成交价 Price", "not_a_number"),
        ("|79550.000   |", "|abc         |", "成交价 Price", "not_a_number"),
        ("|79550.000   |", "|NaN         |", "成交价 Price", "not_a_number"),
        ("|79550.000   |", "|７９５５０  |", "成交价 Price", "not_a_number"),
        ("|79550.000   |", "|            |", "成交价 Price", "not_a_number"),
        ("|79550.000   |       2|", "|79550.000   |     2.5|", "手数 Lots", "not_lots"),
        ("|79550.000   |       2|", "|79550.000   |      -2|", "手数 Lots", "not_lots"),
        ("|79550.000   |       2|", "|79550.000   |       0|", "手数 Lots", "not_lots"),
        ("|保      |79550.000", "|保险    |79550.000", "投/保 S/H", "unknown_word"),
        ("|开        |     40.00", "|开一半    |     40.00", "开平 O/C", "unknown_word"),
        ("|买    |保", "|多    |保", "买/卖 B/S", "unknown_word"),
        ("|20260304  |上期所    |铜", "|20260304  |沪交所    |铜", "交易所 Exchange", "unknown_word"),
        ("|20260304  |上期所    |铜", "|20261304  |上期所    |铜", "成交日期 Date", "not_a_date"),
        ("|20260304  |上期所    |铜", "|20260305  |上期所    |铜", "成交日期 Date", "date_outside"),
        ("|20260304  |上期所    |铜", "|20260103  |上期所    |铜", "成交日期 Date", "date_outside"),
        ("|1002          |", "|              |", "成交序号 Trans.No.", "fill_number_missing"),
        ("|1002          |", "|1003          |", "成交序号 Trans.No.", "fill_twice"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_field(old: str, new: str, field: str, reason: str) -> None:
    error = refusal_of(changed(old, new))
    assert (error.reason.id, error.field) == (f"statement.{reason}", field)
    assert line_of("|1001 ") <= error.row <= line_of("|1003 ")


def test_an_unknown_contract_is_named_by_line() -> None:
    error = refusal_of(
        changed("       cu2605       |  卖  |投      |79600.000", "       cu26X5       |  卖  |投      |79600.000")
    )
    assert (error.reason.id, error.row, error.field) == (
        "instrument.unknown_form",
        line_of("|1001 "),
        "合约 Instrument",
    )


@pytest.mark.parametrize("chinese,english", [("手数", "Lots"), ("交易所", "Exchange"), ("手续费", "Fee")])
def test_a_missing_column_is_named(chinese: str, english: str) -> None:
    pieces = TEXT.partition("成交记录")
    text = pieces[0] + pieces[1] + pieces[2].replace(english, "Else", 1).replace(chinese, "其他", 1)
    error = refusal_of(text.encode("gb18030"))
    assert (error.reason.id, error.field) == ("statement.column_missing", f"{chinese} {english}")


def test_a_column_that_stands_twice_is_refused() -> None:
    assert refusal_of(changed("|   Fee    |", "|  Price   |")).reason.id == "statement.column_twice"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Client ID：  80010001", "Client ID：          ", "no_account"),
        ("Client ID", "Client", "label_missing"),
        ("日期 Date：20260304", "日期 Date：2026030", "not_a_date"),
        ("日期 Date：20260304", "日期 Date：20260230", "not_a_date"),
        ("日期 Date：20260304", "日期 Date：20260304-20260303", "period_backwards"),
        ("日期 Date：20260304", "日期 Date：20260301-20260302-20260303", "not_a_date"),
        ("日期 Date：20260304", "", "label_missing"),
        ("交易结算单(盯市)", "交易结算单", "label_missing"),
        ("Balance b/f：                  1000000.00", "Balance b/f：                   1000000.0x", "not_a_number"),
        ("权利金支出 Premium paid：", "手 续 费 Commission：", "label_twice"),
    ],
)
def test_a_wrong_head_or_funds_line_is_named(old: str, new: str, reason: str) -> None:
    assert refusal_of(changed(old, new)).reason.id == f"statement.{reason}"


def test_one_account_and_currency_stands_once() -> None:
    assert refusal_of(ctp_text.statement(Day(), Day())).reason.id == "statement.block_twice"


def test_a_file_of_nothing_but_blocks_is_refused() -> None:
    text = ctp_text.text(Day()) + "".join(f"资金状况 AccountID：{at} Currency：CNY\n" for at in range(300))
    assert refusal_of(text.encode("gb18030")).reason.id == "statement.too_many_blocks"


def test_rows_of_nobody_are_refused() -> None:
    text = ctp_text.text(Day(account="A1"), Day(account="B2"), layout="long")
    rows = [ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000", account="C3")]
    text += "\n".join(ctp_text.table(FILLS, rows, "long")) + "\n"
    assert refusal_of(text.encode("gb18030")).reason.id == "statement.block_unclear"


def test_a_contract_nobody_knows_in_the_summary_is_refused() -> None:
    rows = [ctp_text.summarised("zz2609", "投", 1, "1.00", 0, "0.00", "0.00", "0.00")]
    assert refusal_of(ctp_text.statement(Day(tables={SUMMARY: rows}))).reason.id == "instrument.exchange_unclear"


def test_an_endless_line_is_refused() -> None:
    assert refusal_of(changed("LEGEND", "", TEXT + "LEGEND" + "长" * 20_000)).reason.id == "statement.line_too_long"


def test_the_sentence_tells_where_and_what_to_do() -> None:
    sentence = str(refusal_of(TEXT.encode("utf-8")))
    assert "day.txt" in sentence
    assert "GB18030" in sentence
    assert "as the broker delivered it" in sentence
