"""The statement grammar on its own: labels, figures with colons of all kinds, tables keyed by English label."""

from __future__ import annotations

from connectors.ctp_settlement import parse_statement
from tests.support import ctp_text
from tests.support.ctp_text import FILLS, Day


def test_figures_are_keyed_by_the_english_label_whatever_colons_follow() -> None:
    day = Day("12.00", funds={"Chg in FX Pledge": "7.00", "Client Equity": "12.00"})
    (block,) = parse_statement("day.txt", ctp_text.statement(day, layout="short")).blocks
    assert block.figures["Client Equity"].text == "12.00"  # two full-width colons
    assert block.figures["Chg in FX Pledge"].text == "7.00"  # an ASCII colon
    assert block.figures["Deposit/Withdrawal"].text == "0.00"  # a Chinese label with blanks inside


def test_every_piece_knows_its_line() -> None:
    body = ctp_text.statement(ctp_text.trading_day())
    lines = body.decode("gb18030").split("\r\n")
    (block,) = parse_statement("day.txt", body).blocks
    figure = block.figures["Commission"]
    assert "Commission" in lines[figure.line - 1]
    fills = next(table for table in block.tables if table.title == "Transaction Record")
    assert [lines[row.line - 1].count(row.cells["Trans.No."]) for row in fills.rows] == [1, 1, 1]
    assert "共   3条" in lines[fills.total.line - 1]


def test_a_table_keeps_both_labels_and_plain_cells() -> None:
    (block,) = parse_statement("day.txt", ctp_text.statement(ctp_text.trading_day(), layout="long")).blocks
    table = next(table for table in block.tables if table.title == "Transaction Record")
    assert table.labels["O/C"] == "开平"
    assert table.labels["tradingcode"] == "交易编码"
    assert table.rows[0].cells["Instrument"] == "cu2605"
    assert table.rows[0].cells["B/S"] == "卖"
    assert "Date" not in table.total.cells
    assert table.total.cells["Fee"] == "80.00"


def test_a_running_clock_beside_the_figures_does_no_harm() -> None:
    text = ctp_text.text(Day())
    line = "运行模式 Running Mode：   BACKTEST   结算时间 Settle Time：   2026-03-04 16:06:34"
    text = text.replace("权利金支出 Premium paid", f"{line}\n权利金支出 Premium paid", 1)
    (block,) = parse_statement("day.txt", text.encode("gb18030")).blocks
    assert block.figures["Running Mode"].text == "BACKTEST"
    assert block.figures["Premium paid"].text == "0.00"


def test_a_block_names_its_account_and_currency() -> None:
    text = ctp_text.text(Day(account="66880002"), Day(account="66880002", currency="USD"))
    blocks = parse_statement("day.txt", text.encode("gb18030")).blocks
    assert [(block.account, block.currency) for block in blocks] == [("66880002", "CNY"), ("66880002", "USD")]


def test_lf_and_crlf_and_a_missing_last_line_end_are_all_the_same() -> None:
    text = ctp_text.text(Day(tables={FILLS: [ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000")]}))
    bodies = [text, text.replace("\n", "\r\n"), text.rstrip("\n")]
    first, second, third = (parse_statement("day.txt", body.encode("gb18030")) for body in bodies)
    assert first == second == third
