"""The template for any broker: what is written can be read, both languages, every wrong cell named, nothing invented."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.broker.generic_statement import read_statements, write_template
from adapters.broker.generic_statement.columns import COLUMNS
from adapters.reference import load_products
from connectors.tabular import read_sheets
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import AccountStatement, Direction, HedgeFlag, Offset
from hedge_core.statement_findings import Severity
from hedge_core.statement_form_checks import check_any_statement
from messages import say

D = Decimal
NAMES = list(COLUMNS)
Row = dict[str, str]


def table(rows: list[Row], encoding: str = "utf-8", names: list[str] = NAMES) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([names, *[[row.get(name, "") for name in names] for row in rows]])
    return text.getvalue().encode(encoding)


KEY: Row = {"account": "8801", "currency": "CNY", "trading_day": "2026-03-03"}
ROWS: list[Row] = [
    {"record": "资金", **KEY, "name": "期初结存", "amount": "1,000,000.00"},
    {"record": "资金", "name": "平仓盈亏", "amount": "1000"},
    {"record": "资金", "name": "持仓盯市盈亏", "amount": "500"},
    {"record": "资金", "name": "手续费", "amount": "18"},
    {"record": "资金", "name": "期末结存", "amount": "1001482"},
    {"record": "成交", "exchange": "SHFE", "instrument": "CU2605", "fill_id": "1", "direction": "买", "offset": "开",
     "hedge_flag": "套保", "lots": "2", "price": "79500", "fee": "12", "turnover": "795000"},
    {"record": "成交", "exchange": "SHFE", "instrument": "cu2605", "fill_id": "2", "direction": "卖", "offset": "平今",
     "hedge_flag": "套保", "lots": "1", "price": "79700", "fee": "6", "result": "1000", "turnover": "398500"},
    {"record": "平仓", "exchange": "SHFE", "instrument": "cu2605", "open_date": "20260303", "direction": "卖",
     "lots": "1", "open_price": "79500", "price": "79700", "result": "1000", "previous_settlement": "79300"},
    {"record": "持仓", "exchange": "SHFE", "instrument": "cu2605", "open_date": "2026/3/3", "direction": "多",
     "hedge_flag": "套保", "lots": "1", "open_price": "79500", "settlement_price": "79600", "result": "500",
     "previous_settlement": "79300", "floating": "500", "margin": "39800"},
]  # fmt: skip


def read(rows: list[Row]) -> list[AccountStatement]:
    return read_statements("own.csv", table(rows))


def refusing(statement: AccountStatement) -> list[str]:
    found = check_any_statement(statement, None, load_products())
    return [finding.identity for finding in found if finding.severity is Severity.REFUSE]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_template_as_written_is_read_and_adds_up(kind: str, lang: str) -> None:
    (statement,) = read_statements(f"template.{kind}", write_template(kind, lang))
    assert (statement.account, statement.funds.currency, statement.trading_day) == (
        "F1234567",
        "USD",
        date(2026, 9, 10),
    )
    assert [fill.instrument for fill in statement.fills] == ["COMEX.HG2612"]
    assert refusing(statement) == []


def test_the_guide_explains_every_column_in_both_languages() -> None:
    guide = next(sheet for sheet in read_sheets("t.xlsx", write_template("xlsx")) if sheet.name == "guide")
    explained = {row.cells[0]: row.cells for row in guide.rows if len(row.cells) == 4}
    assert explained.keys() == COLUMNS.keys()


def test_another_kind_of_template_is_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="pdf"):
        write_template("pdf")


def test_a_chinese_day_reads_exactly_and_adds_up() -> None:
    (statement,) = read(ROWS)
    assert statement.funds.balance_bf == D(1000000)
    opened, closed = statement.fills
    assert (opened.instrument, opened.direction, opened.offset) == ("SHFE.cu2605", Direction.BUY, Offset.OPEN)
    assert (closed.offset, closed.realised_mtm, closed.hedge_flag) == (Offset.CLOSE_TODAY, D(1000), HedgeFlag.HEDGE)
    assert statement.positions[0].open_date == date(2026, 3, 3)
    assert refusing(statement) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_the_encodings_of_excel_are_read_alike(encoding: str) -> None:
    assert read_statements("own.csv", table(ROWS, encoding)) == read(ROWS)


def test_empty_cells_are_unknown_and_not_zero() -> None:
    rows = [
        {name: value for name, value in row.items() if name not in ("turnover", "margin", "hedge_flag")} for row in ROWS
    ]
    (statement,) = read(rows)
    assert {"fills.turnover", "positions.margin", "fills.hedge_flag", "funds.equity", "summary"} <= {*statement.unknown}
    assert refusing(statement) == []


def test_several_accounts_and_currencies_stand_in_one_file() -> None:
    more: list[Row] = [
        {"record": "funds", **KEY, "account": "8802", "currency": "usd", "name": "balance_bf", "amount": "5"},
        {"record": "funds", "name": "balance_cf", "amount": "5"},
        {"record": "funds", "name": "view", "note": "逐笔"},
    ]
    first, second = read([*ROWS, *more])
    assert (second.account, second.funds.currency, second.view) == ("8802", "USD", "trade")
    assert first == read(ROWS)[0]


def test_money_in_is_positive_and_money_out_negative() -> None:
    moves: list[Row] = [
        {"record": "cash", "name": "转账", "amount": "50"},
        {"record": "cash", "name": "利息", "amount": "-2.5", "note": "三月"},
    ]
    (statement,) = read([*ROWS, *moves])
    assert [(row.kind, row.amount_in, row.amount_out) for row in statement.cash] == [
        ("转账", D(50), D(0)),
        ("利息", D(0), D("2.5")),
    ]


def changed(at: int, **cells: str) -> list[Row]:
    return [{**row, **cells} if place == at else row for place, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (changed(0, record="什么"), "statement.unknown_word"),
        (changed(0, account=""), "statement.no_account"),
        (changed(0, currency="人民币元"), "price_file.not_a_currency"),
        (changed(0, trading_day="3月"), "statement.not_a_date"),
        (changed(0, amount="很多"), "statement.not_a_number"),
        (changed(0, name="别的"), "statement.unknown_word"),
        (changed(1, name="期初结存"), "generic_statement.funds_twice"),
        (ROWS[1:5] and [{**KEY, **ROWS[1]}, *ROWS[2:]], "generic_statement.funds_missing"),
        (changed(5, fill_id=""), "generic_statement.cell_missing"),
        (changed(5, lots="0.5"), "statement.not_lots"),
        (changed(5, instrument="ZZ99"), "instrument.unknown_form"),
        (changed(5, exchange="COMEX", instrument="铜"), "statement_file.unknown_foreign_code"),
        (changed(6, fill_id="1", direction="买", offset="开"), "statement.fill_twice"),
        (changed(8, open_date="2026-03-04"), "statement.date_outside"),
        ([], "generic_statement.no_rows"),
    ],
)
def test_a_wrong_row_is_named(rows: list[Row], reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(rows)
    assert refused.value.reason.id == reason
    for lang in ("en", "zh"):
        assert "{" not in say(refused.value.message, lang)


def test_a_missing_or_repeated_column_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_statements("own.csv", table(ROWS, names=[name for name in NAMES if name != "amount"]))
    assert refused.value.reason.id == "tabular.column_missing"
    with pytest.raises(InvalidInput) as refused:
        read_statements("own.csv", table(ROWS, names=[*NAMES, "金额"]))
    assert refused.value.reason.id == "tabular.column_twice"


def test_funds_that_do_not_add_up_are_refused_by_the_checks() -> None:
    (statement,) = read(changed(4, amount="1001482.01"))
    assert "balance" in refusing(statement)


# --- fuzz -------------------------------------------------------------------------------------------------------------


def read_or_refuse(body: bytes) -> list[AccountStatement]:
    try:
        return read_statements("own.csv", body)
    except InvalidInput as refused:
        assert str(refused)
        return []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_cut_and_shuffled_files_end_in_a_parse_or_a_refusal(data: st.DataObject) -> None:
    body = bytearray(table(ROWS))
    for at, piece in data.draw(st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=5)), max_size=5)):
        at %= len(body)
        body[at : at + len(piece)] = piece
    lines = data.draw(st.permutations(bytes(body).split(b"\r\n")))
    for shape in (bytes(body)[: data.draw(st.integers(0, len(body)))], b"\r\n".join(lines)):
        for statement in read_or_refuse(shape):
            check_any_statement(statement, None, load_products())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries({name: st.text(max_size=6) for name in NAMES}), max_size=5))
def test_any_text_in_any_cell_ends_in_a_parse_or_a_refusal(rows: list[Row]) -> None:
    try:
        body = table(rows)
    except UnicodeEncodeError:
        return
    read_or_refuse(body)
