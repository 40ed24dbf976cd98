"""Reading settlement statements: layouts, sections, currencies, months, and every trap of the format."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from adapters.broker.ctp_statement import read_statements
from hedge_core.model.futures import AccountStatement, Direction, HedgeFlag, Offset
from tests.support import ctp_text
from tests.support.ctp_text import CASH, DELIVERIES, EXERCISES, FILLS, POSITIONS, SUMMARY, Day


def read_one(body: bytes) -> AccountStatement:
    (statement,) = read_statements("day.txt", body)
    return statement


@pytest.mark.parametrize("layout", ["short", "long"])
def test_both_layouts_give_the_same_figures(layout: str) -> None:
    statement = read_one(ctp_text.statement(ctp_text.trading_day(), layout=layout))
    assert (statement.broker, statement.account, statement.client_name) == ("华岳期货有限公司", "80010001", "锦禾金属")
    assert statement.trading_day == statement.first_day == statement.created_on == date(2026, 3, 4)
    assert statement.view == "mtm"
    assert [fill.fill_id for fill in statement.fills] == ["1001", "1002", "1003"]
    hedge = statement.fills[1]
    assert (hedge.instrument, hedge.direction, hedge.offset) == ("SHFE.cu2605", Direction.BUY, Offset.OPEN)
    assert (hedge.hedge_flag, hedge.lots, hedge.price) == (HedgeFlag.HEDGE, 2, Decimal("79550"))
    assert (hedge.turnover, hedge.fee, hedge.currency) == (Decimal(795500), Decimal(40), "CNY")
    assert hedge.key == "80010001/20260304/SHFE/1002/buy"
    (lot,) = statement.closed
    assert (lot.direction, lot.open_date, lot.previous_settlement) == (
        Direction.SELL,
        date(2026, 3, 3),
        Decimal("79500"),
    )
    assert lot.hedge_flag is (HedgeFlag.SPECULATION if layout == "long" else None)
    assert [(row.hedge_flag, row.lots) for row in statement.positions] == [
        (HedgeFlag.HEDGE, 2),
        (HedgeFlag.SPECULATION, 1),
    ]
    assert statement.summary[0].margin == Decimal("71640")
    (moved,) = statement.cash
    assert (moved.kind, moved.amount_in, moved.note) == ("银期转账", Decimal(50000), "客户入金")
    assert statement.funds.balance_cf == Decimal("1051120.00")
    assert statement.funds.risk_degree == Decimal("0.1098")
    assert statement.unread_sections == ()


def test_the_total_row_of_fills_has_a_cell_less_and_still_lands_in_its_columns() -> None:
    statement = read_one(ctp_text.statement(ctp_text.trading_day()))
    totals = {(section, column): value for section, column, value in statement.totals}
    assert totals["fills", "lots"] == 4
    assert totals["fills", "turnover"] == Decimal("1591300.00")
    assert totals["fills", "fee"] == 80
    assert totals["positions", "margin"] == totals["summary", "margin"] == Decimal("115420.00")


def test_columns_are_found_by_name_wherever_they_stand() -> None:
    text = ctp_text.text(ctp_text.trading_day())
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if line.startswith("|") and not line.startswith("|共"):
            cells = line[1:-1].split("|")
            lines[at] = "|" + "|".join(reversed(cells)) + "|"
        elif line.startswith("|共"):
            lines[at] = "|" + line.split("|")[1] + "|"  # totals stay out of this test
    turned = read_one("\n".join(lines).encode("gb18030"))
    straight = read_one(ctp_text.statement(ctp_text.trading_day()))
    assert turned.fills == straight.fills
    assert turned.positions == straight.positions


def test_an_account_without_trades_has_funds_only() -> None:
    statement = read_one(ctp_text.statement(Day("250000.55")))
    assert statement.funds.balance_cf == statement.funds.equity == Decimal("250000.55")
    assert statement.fills == statement.positions == ()


def test_a_zhengzhou_month_is_completed_by_the_statements_date() -> None:
    fills = [ctp_text.fill("1", "SR605", "买", "开", 1, "5800.00", size=10, exchange="郑商所")]
    statement = read_one(ctp_text.statement(Day(tables={FILLS: fills})))
    assert statement.fills[0].instrument == "CZCE.SR2605"


def test_capitals_are_written_as_the_exchange_does() -> None:
    fills = [ctp_text.fill("1", "CU2605", "买", "开", 1, "79550.000")]
    assert read_one(ctp_text.statement(Day(tables={FILLS: fills}))).fills[0].instrument == "SHFE.cu2605"


@pytest.mark.parametrize(
    ("word", "offset"),
    [
        ("开", Offset.OPEN),
        ("平", Offset.CLOSE),
        ("平今", Offset.CLOSE_TODAY),
        ("平昨", Offset.CLOSE_YESTERDAY),
        ("强平", Offset.FORCED_CLOSE),
        ("强减", Offset.FORCED_REDUCE),
        ("本地强平", Offset.LOCAL_FORCED_CLOSE),
    ],
)
def test_every_word_for_opening_and_closing_is_known(word: str, offset: Offset) -> None:
    fills = [ctp_text.fill("1", "cu2605", "买", word, 1, "79550.000")]
    assert read_one(ctp_text.statement(Day(tables={FILLS: fills}))).fills[0].offset is offset


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("投", HedgeFlag.SPECULATION),
        ("投机", HedgeFlag.SPECULATION),
        ("交易", HedgeFlag.SPECULATION),
        ("保", HedgeFlag.HEDGE),
        ("套保", HedgeFlag.HEDGE),
        ("套", HedgeFlag.ARBITRAGE),
        ("套利", HedgeFlag.ARBITRAGE),
        ("般", HedgeFlag.GENERAL),
        ("一般", HedgeFlag.GENERAL),
        ("做市商", HedgeFlag.MARKET_MAKER),
    ],
)
def test_every_hedge_flag_is_known(word: str, flag: HedgeFlag) -> None:
    fills = [ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000", flag=word)]
    assert read_one(ctp_text.statement(Day(tables={FILLS: fills}))).fills[0].hedge_flag is flag


def test_both_sides_of_a_self_trade_share_a_number_and_stay_two_fills() -> None:
    fills = [ctp_text.fill("7", "cu2605", side, "开", 1, "79550.000") for side in ("买", "卖")]
    statement = read_one(ctp_text.statement(Day(tables={FILLS: fills})))
    assert len({fill.key for fill in statement.fills}) == 2


def test_a_night_sessions_fill_belongs_to_the_trading_day_and_keeps_its_evening() -> None:
    fills = [ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000", date="20260303")]
    (fill,) = read_one(ctp_text.statement(Day(tables={FILLS: fills}))).fills
    assert (fill.trading_day, fill.traded_on) == (date(2026, 3, 4), date(2026, 3, 3))


def test_a_month_has_its_first_day_and_each_fill_its_own() -> None:
    fills = [
        ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000", date="20260304"),
        ctp_text.fill("1", "cu2605", "买", "开", 1, "79560.000", date="20260305"),
    ]
    statement = read_one(ctp_text.statement(Day(tables={FILLS: fills}), date="20260302-20260331"))
    assert (statement.first_day, statement.trading_day) == (date(2026, 3, 2), date(2026, 3, 31))
    assert [fill.trading_day.day for fill in statement.fills] == [4, 5]


def test_options_keep_premium_value_and_exercise() -> None:
    fills = [ctp_text.fill("1", "cu2605C80000", "买", "开", 1, "900.00", premium="-4500.00")]
    rows = {
        FILLS: fills,
        EXERCISES: [
            {
                "成交日期": "20260304",
                "交易所": "大商所",
                "合约": "m2605-C-2800",
                "投/保": "投",
                "买/卖": "买",
                "是否行权": "期权执行",
                "行权数量": "3",
                "行权价格": "2800.00",
                "行权金额": "84000.00",
                "行权盈亏": "1500.00",
                "行权手续费": "3.00",
            }
        ],
        DELIVERIES: [
            {
                "交割日期": "20260304",
                "交易所": "上期所",
                "合约": "cu2603",
                "投/保": "保",
                "买/卖": "卖",
                "手数": "5",
                "交割结算价": "79400.000",
                "交割手续费": "50.00",
            }
        ],
    }
    statement = read_one(ctp_text.statement(Day(tables=rows, funds={"Exercise P/L": "1500.00"})))
    assert statement.fills[0].instrument == "SHFE.cu2605C80000"
    assert statement.fills[0].premium == Decimal(-4500)
    assert statement.funds.premium_paid == Decimal(4500)
    (exercise,) = statement.exercises
    assert (exercise.instrument, exercise.outcome, exercise.strike) == ("DCE.m2605-C-2800", "期权执行", Decimal(2800))
    (delivery,) = statement.deliveries
    assert (delivery.lots, delivery.delivery_price, delivery.fee, delivery.result) == (5, Decimal(79400), 50, 0)


def test_several_currencies_are_several_statements() -> None:
    yuan, dollar = ctp_text.trading_day(), Day("5000.00", currency="USD")
    yuan.account = dollar.account = "80010001"
    first, second = read_statements("day.txt", ctp_text.statement(yuan, dollar, layout="long"))
    assert (first.funds.currency, len(first.fills)) == ("CNY", 3)
    assert (second.funds.currency, second.funds.balance_cf, second.fills) == ("USD", Decimal(5000), ())


def test_tables_behind_several_blocks_go_to_the_account_their_rows_name() -> None:
    blocks = Day("1000.00", account="A1"), Day("2000.00", account="B2")
    both = ctp_text.text(*blocks, layout="long")
    fills = [
        ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000", account="B2"),
        ctp_text.fill("2", "cu2605", "买", "开", 1, "79550.000", account="A1"),
    ]
    both += "\n".join(ctp_text.table(FILLS, fills, "long")) + "\n"
    first, second = read_statements("day.txt", both.encode("gb18030"))
    assert (first.account, [fill.fill_id for fill in first.fills]) == ("A1", ["2"])
    assert (second.account, [fill.fill_id for fill in second.fills]) == ("B2", ["1"])
    assert first.totals == second.totals == ()  # the printed total is of both accounts


def test_tables_behind_a_yuan_and_a_dollar_block_are_in_yuan() -> None:
    text = ctp_text.text(Day("1000.00"), Day("2000.00", currency="USD"))
    text += "\n".join(ctp_text.table(FILLS, [ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000")])) + "\n"
    yuan, dollar = read_statements("day.txt", text.encode("gb18030"))
    assert (len(yuan.fills), len(dollar.fills)) == (1, 0)
    assert ("fills", "lots", Decimal(1)) in yuan.totals


def test_a_trade_by_trade_statement_says_so_and_counts_the_floating_result() -> None:
    day = ctp_text.trading_day()
    text = ctp_text.text(day, view="逐笔").replace("持仓盯市盈亏 MTM P/L：   ", "浮动盈亏 Accum. P/L：      ", 1)
    statement = read_one(text.encode("gb18030"))
    assert statement.view == "trade"
    assert (statement.funds.floating, statement.funds.holding_mtm) == (Decimal(700), 0)


@pytest.mark.parametrize("title", ["交易结算单", "交易核算单"])
def test_both_titles_are_statements(title: str) -> None:
    assert read_one(ctp_text.statement(ctp_text.trading_day(), title=title)).view == "mtm"


def test_a_notice_is_kept() -> None:
    notice = "尊敬的客户：清明节前最后一个交易日夜盘不开市。"
    assert read_one(ctp_text.statement(ctp_text.trading_day(), notice=notice)).notice == notice


def test_thousands_commas_are_read() -> None:
    body = ctp_text.statement(Day("1234567.00"))
    commas = body.replace(b"1234567.00", b"1,234,567.00")
    assert commas != body
    assert read_one(commas).funds == read_one(body).funds


def test_a_contract_only_in_the_summary_gets_its_exchange_from_the_product_table() -> None:
    rows = [ctp_text.summarised("m2609", "投", 0, "0.00", 2, "2900.00", "0.00", "4000.00")]
    (line,) = read_one(ctp_text.statement(Day(tables={SUMMARY: rows}))).summary
    assert (line.instrument, line.short_lots) == ("DCE.m2609", 2)


def test_a_section_we_do_not_read_is_named_not_lost_in_silence() -> None:
    text = ctp_text.text(ctp_text.trading_day())
    extra = "\n".join(ctp_text.table(CASH, [{"发生日期": "20260304", "入金": "1.00", "出金": "0.00"}]))
    text += extra.replace("出入金明细 Deposit/Withdrawal", "   其它资金明细 Other Items")
    assert read_one(text.encode("gb18030")).unread_sections == ("Other Items",)


def test_a_product_name_cut_short_is_no_matter() -> None:
    row = ctp_text.position("IF2606", "20260304", "交易", "买", 1, "4000.0", "0.00", "0.00", "1.00", exchange="中金所")
    row["品种"] = "沪深300指"
    assert read_one(ctp_text.statement(Day(tables={POSITIONS: [row]}))).positions[0].instrument == "CFFEX.IF2606"
