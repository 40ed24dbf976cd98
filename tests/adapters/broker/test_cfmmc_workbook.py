"""CFMMC workbooks: read by label in every variant, nothing invented, every broken place named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.broker.cfmmc_workbook import read_statements
from adapters.reference import load_products
from hedge_core.errors import InvalidInput
from hedge_core.lots import apply_fills
from hedge_core.model.futures import AccountStatement, Direction, HedgeFlag, Offset, PositionLot
from hedge_core.statement_findings import Severity
from hedge_core.statement_form_checks import check_any_statement, two_view_findings
from messages import say
from tests.support import cfmmc_book
from tests.support.cfmmc_book import Sheets, row_of, sheets

D = Decimal
DAY = date(2026, 3, 3)
WRITERS: dict[str, Callable[[Sheets], bytes]] = {"xls": cfmmc_book.xls, "xlsx": cfmmc_book.xlsx}


def read(book: Sheets, form: str = "xls") -> AccountStatement:
    (statement,) = read_statements(f"day.{form}", WRITERS[form](book))
    return statement


def refusal(book: Sheets) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        read(book)
    for lang in ("en", "zh"):
        assert "{" not in say(refused.value.message, lang)
    return refused.value


def refusing(statement: AccountStatement) -> list[str]:
    found = check_any_statement(statement, None, load_products())
    return [finding.identity for finding in found if finding.severity is Severity.REFUSE]


@pytest.mark.parametrize("form", ["xls", "xlsx"])
@pytest.mark.parametrize("view", ["mtm", "trade"])
def test_a_day_reads_the_same_from_both_kinds_of_workbook_and_adds_up(form: str, view: str) -> None:
    statement = read(sheets(view), form)
    assert (statement.account, statement.broker, statement.client_name) == ("66880123", "某某期货", "某某铜业")
    assert (statement.trading_day, statement.first_day, statement.view) == (DAY, DAY, view)
    assert statement.created_on == date(2026, 3, 4)
    assert statement.funds.risk_degree == D("0.0683")
    assert check_any_statement(statement, None, load_products()) == []


def test_codes_in_capitals_become_canonical_and_zhengzhou_gets_its_decade() -> None:
    assert [fill.instrument for fill in read(sheets()).fills] == [
        "SHFE.cu2605", "CZCE.SR2605", "SHFE.cu2605", "SHFE.al2605",
    ]  # fmt: skip


def test_a_night_fill_belongs_to_the_trading_day_and_keeps_its_evening() -> None:
    night, morning = read(sheets()).fills[:2]
    assert (night.trading_day, night.traded_on) == (DAY, date(2026, 3, 2))
    assert night.traded_at == datetime(2026, 3, 2, 13, 5, 10, tzinfo=UTC)
    assert (morning.trading_day, morning.traded_on) == (DAY, None)


def test_an_evening_time_printed_with_the_trading_day_itself_has_no_known_moment() -> None:
    book = sheets()
    row_of(book, "成交明细", "21:05:10")[11] = "2026-03-03"
    assert read(book).fills[0].traded_at is None


def test_a_position_whose_opening_fill_is_in_the_file_was_opened_on_the_trading_day() -> None:
    aluminium, copper, sugar = read(sheets()).positions
    assert (aluminium.open_date, copper.open_date, sugar.open_date) == (date(2026, 2, 26), DAY, DAY)
    assert (sugar.direction, sugar.lots, sugar.hedge_flag) == (Direction.SELL, 3, HedgeFlag.SPECULATION)


def test_the_marked_result_of_the_day_is_split_by_what_the_fills_realised() -> None:
    funds = read(sheets("mtm")).funds
    assert (funds.realised_mtm, funds.holding_mtm, funds.floating) == (D(3000), D(1300), D(0))


def test_the_trade_view_keeps_floating_apart_and_both_views_agree_on_equity_margin_and_fee() -> None:
    mtm, trade = read(sheets("mtm")), read(sheets("trade"))
    assert (trade.funds.realised_mtm, trade.funds.floating, trade.funds.holding_mtm) == (D(5000), D(2300), D(0))
    assert mtm.funds.balance_cf != trade.funds.balance_cf
    assert two_view_findings(mtm, trade) == []


def test_one_unit_off_in_one_of_the_views_is_found() -> None:
    book = sheets("trade")
    row_of(book, "客户交易结算日报", "客户权益")[7] = 1054266
    (found,) = two_view_findings(read(sheets("mtm")), read(book))
    assert (found.expected, found.found, found.difference) == (D(1054265), D(1054266), D(1))
    assert "equity" in say(found.message, "en")


def test_what_the_workbook_does_not_say_is_named_and_not_invented() -> None:
    mtm, trade = read(sheets("mtm")), read(sheets("trade"))
    for name in ("positions.margin", "closed.hedge_flag", "funds.initial_margin", "funds.delivery_fee"):
        assert name in mtm.unknown
    assert "positions.floating" in mtm.unknown and "positions.holding_mtm" not in mtm.unknown
    assert "positions.holding_mtm" in trade.unknown and "positions.floating" not in trade.unknown


def test_closed_lots_of_an_unknown_opening_day_leave_their_contract_to_the_usual_order() -> None:
    statement = read(sheets())
    assert [lot.instrument for lot in statement.closed] == ["SHFE.cu2605"]
    assert "closed" in statement.unknown
    opening = PositionLot(
        "opening/66880123/00001",
        "66880123",
        "SHFE.al2605",
        Direction.BUY,
        HedgeFlag.HEDGE,
        date(2026, 2, 26),
        D(20300),
        6,
    )
    after = apply_fills([opening], statement.fills, DAY, {"66880123": statement.closed})
    assert after.broken == ()
    assert {movement.lot.instrument: movement.end for movement in after.movements} == {
        "SHFE.al2605": 2, "SHFE.cu2605": 1, "CZCE.SR2605": 3,
    }  # fmt: skip


def test_cells_are_found_by_label_wherever_they_stand() -> None:
    assert read(cfmmc_book.moved(sheets(), 3, 2), "xlsx") == read(sheets())


def test_labels_with_blanks_and_full_or_half_width_brackets_are_the_same_labels() -> None:
    book = sheets()
    for rows in book.values():
        for row in rows:
            for at, cell in enumerate(row):
                if cell == "客户权益":
                    row[at] = "客户　权益："
                elif cell == "投机（一般）/套保/套利":
                    row[at] = "投机(一般)/套保/套利"
    assert read(book) == read(sheets())


def test_fill_numbers_that_excel_made_numbers_keep_their_digits() -> None:
    book = sheets()
    row_of(book, "成交明细", "1001")[1] = 1001
    assert read(book).fills[0].fill_id == "1001"


@pytest.mark.parametrize("view", ["mtm", "trade"])
def test_a_month_gives_each_fill_its_own_trading_day(view: str) -> None:
    statement = read(sheets(view, monthly=True))
    assert (statement.first_day, statement.trading_day) == (date(2026, 3, 1), date(2026, 3, 31))
    assert {fill.trading_day for fill in statement.fills} == {DAY}
    assert refusing(statement) == []


def test_money_in_and_out_and_charges_billed_apart_are_kept_apart() -> None:
    book = sheets()
    main = book["客户交易结算日报"]
    main += [
        [],
        ["其它资金明细（单位：人民币）"],
        ["发生日期", None, "交易所", None, "类型", None, "金额", None, "备注"],
        ["2026-03-03", None, "中金所", None, "中金所申报费", None, 2.5, None, ""],
        ["合计", None, None, None, None, None, 2.5],
    ]
    row_of(book, "客户交易结算日报", "当日手续费")[2] = 37.5
    row_of(book, "客户交易结算日报", "当日结存")[2] = 1054262.5
    row_of(book, "客户交易结算日报", "客户权益")[7] = 1054262.5
    row_of(book, "客户交易结算日报", "可用资金")[7] = 982273.5
    statement = read(book)
    assert [(row.kind, row.amount_in, row.note) for row in statement.cash] == [("银期转账", D(50000), "工行")]
    assert [(row.kind, row.amount_out, row.note) for row in statement.other_charges] == [
        ("中金所申报费", D("2.5"), "中金所")
    ]
    assert check_any_statement(statement, None, load_products()) == []


def test_option_sheets_with_rows_are_named_as_not_read() -> None:
    book = sheets()
    book["期权成交明细"] = [["期权成交明细"], ["合约", "成交序号"], ["CU2605C80000", "7"], ["合计", None]]
    assert read(book).unread_sections == ("期权成交明细",)


@pytest.mark.parametrize(
    ("label", "column", "identity"),
    [("上日结存", 2, "balance"), ("当日盈亏", 2, "balance"), ("客户权益", 7, "equity"), ("当日手续费", 2, "fees"),
     ("当日存取合计", 2, "cash")],
)  # fmt: skip
def test_one_fen_off_in_the_funds_refuses_the_file(label: str, column: int, identity: str) -> None:
    book = sheets()
    row_of(book, "客户交易结算日报", label)[column] += 0.01
    assert identity in refusing(read(book))


@pytest.mark.parametrize(("sheet", "text"), [("成交明细", "2001"), ("持仓明细", "2001")])
def test_a_deleted_row_does_not_add_up(sheet: str, text: str) -> None:
    book = sheets()
    book[sheet].remove(row_of(book, sheet, text))
    assert refusing(read(book))


def test_a_deleted_row_of_closed_lots_is_refused_by_the_total_even_if_some_cannot_be_dated() -> None:
    book = sheets()
    book["平仓明细"].remove(row_of(book, "平仓明细", "1002"))
    assert refusal(book).reason.id == "statement.check_total"


def break_row(sheet: str, text: str, column: int, value: Any) -> Callable[[Sheets], None]:
    def change(book: Sheets) -> None:
        row_of(book, sheet, text)[column] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (break_row("成交明细", "1001", 0, "ZZ2605"), "instrument.exchange_unclear"),
        (break_row("成交明细", "1001", 3, "借"), "statement.unknown_word"),
        (break_row("成交明细", "1001", 6, 1.5), "statement.not_lots"),
        (break_row("成交明细", "1001", 6, -2), "statement.not_lots"),
        (break_row("成交明细", "1001", 5, "七万"), "statement.not_a_number"),
        (break_row("成交明细", "1001", 1, None), "statement.fill_number_missing"),
        (break_row("成交明细", "1001", 11, "2027-03-02"), "statement.date_outside"),
        (break_row("成交明细", "成交价", 5, "价"), "statement.column_missing"),
        (break_row("成交明细", "合计", 0, "小结"), "cfmmc.total_missing"),
        (break_row("成交明细", "交易日期", 2, "2026-03-04"), "cfmmc.sheets_differ"),
        (break_row("持仓明细", "2001", 4, None), "cfmmc.not_one_side"),
        (break_row("客户交易结算日报", "客户权益", 7, "很多"), "statement.not_a_number"),
        (break_row("客户交易结算日报", "客户权益", 5, "权益"), "statement.label_missing"),
        (break_row("客户交易结算日报", "交易日期", 7, "三月"), "statement.not_a_date"),
        (break_row("成交明细", "盈亏计算方式：逐日盯市", 0, "盈亏计算方式：逐笔对冲"), "cfmmc.view_unclear"),
    ],
)
def test_a_wrong_cell_is_named_with_row_and_label(change: Callable[[Sheets], None], reason: str) -> None:
    book = sheets()
    change(book)
    refused = refusal(book)
    assert refused.reason.id == reason
    assert refused.field


def test_the_same_fill_twice_is_refused_but_both_sides_of_a_self_trade_are_two() -> None:
    book = sheets()
    rows = book["成交明细"]
    fill = row_of(book, "成交明细", "2001")
    rows.insert(rows.index(fill), list(fill))
    assert refusal(book).reason.id == "statement.fill_twice"
    book = sheets()
    other = list(row_of(book, "成交明细", "2001"))
    other[3] = "买"
    book["成交明细"].insert(book["成交明细"].index(row_of(book, "成交明细", "2001")), other)
    assert len(read(book).fills) == 5
    assert read(book).fills[1].offset is Offset.OPEN


def test_an_account_without_trades_and_positions_is_a_statement_too() -> None:
    book = {"客户交易结算日报": sheets()["客户交易结算日报"][:17]}
    for label, column, value in (
        ("上日结存", 2, 500), ("当日存取合计", 2, "--"), ("当日盈亏", 2, 0), ("当日手续费", 2, 0), ("当日结存", 2, 500),
        ("客户权益", 7, 500), ("保证金占用", 7, 0), ("可用资金", 7, 500), ("风险度", 7, "--"),
    ):  # fmt: skip
        row_of(book, "客户交易结算日报", label)[column] = value
    row_of(book, "客户交易结算日报", "当日存取合计")[2] = 0
    statement = read(book)
    assert (statement.fills, statement.positions, statement.unread_sections) == ((), (), ())
    assert check_any_statement(statement, None, load_products()) == []


# --- fuzz -------------------------------------------------------------------------------------------------------------

BODIES = {form: write(sheets()) for form, write in WRITERS.items()}
WHOLE = read(sheets())
ODD_CELLS = st.one_of(
    st.none(), st.text(max_size=8), st.integers(-(10**16), 10**16), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["合计", "成交明细", "客户权益", "--", "2026-03-03", "1e9", "买", "CU2605", "∞", "１２"]),
)  # fmt: skip


def read_or_refuse(body: bytes) -> AccountStatement | None:
    try:
        (statement,) = read_statements("day.xls", body)
    except InvalidInput as refused:
        assert str(refused)
        return None
    return statement


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_workbook_cut_anywhere_is_whole_refused_or_does_not_add_up(form: str, data: st.DataObject) -> None:
    body = BODIES[form]
    statement = read_or_refuse(body[: data.draw(st.integers(0, len(body)))])
    assert statement is None or statement == WHOLE or refusing(statement)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(BODIES)), st.lists(st.tuples(st.integers(0, 40_000), st.binary(min_size=1, max_size=6))))
def test_damaged_bytes_end_in_a_parse_or_a_refusal(form: str, damage: list[tuple[int, bytes]]) -> None:
    body = bytearray(BODIES[form])
    for at, piece in damage:
        at %= len(body)
        body[at : at + len(piece)] = piece
    statement = read_or_refuse(bytes(body))
    if statement is not None:
        check_any_statement(statement, None, load_products())


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(["mtm", "trade"]), st.booleans())
def test_odd_cells_and_shuffled_rows_end_in_a_parse_or_a_refusal(data: st.DataObject, view: str, monthly: bool) -> None:
    book = sheets(view, monthly)
    for _ in range(data.draw(st.integers(1, 6))):
        rows = book[data.draw(st.sampled_from(sorted(book)))]
        row = rows[data.draw(st.integers(0, len(rows) - 1))]
        if row:
            row[data.draw(st.integers(0, len(row) - 1))] = data.draw(ODD_CELLS)
    if data.draw(st.booleans()):
        rows = book[data.draw(st.sampled_from(sorted(book)))]
        rows[:] = data.draw(st.permutations(rows))
    statement = read_or_refuse(cfmmc_book.xlsx(book))
    if statement is not None:
        check_any_statement(statement, None, load_products())
