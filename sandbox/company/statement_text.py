"""Prints one account's day as a CTP settlement statement (交易结算单, 盯市): GB18030, CRLF, padded by display width.

Two layouts are met in practice. The short one names neither hedge flag in 平仓明细 nor trading code; the long one adds the
investment unit, the trading code and the account to every table. Sections without rows are left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.company.broker import AccountDay, Closed, Fill, Position, Summary
from sandbox.company.facts import BROKER_ACCOUNTS, COMPANY

_BROKERS = {account: (broker, layout) for account, broker, layout in BROKER_ACCOUNTS}
_PRODUCTS = {"cu": "沪铜", "al": "沪铝"}
_EXCHANGE = "上期所"
_SIDES = {"buy": "买   ", "sell": "   卖"}
_TRADING_CODES = {"保": "81004266", "投": "01004266"}
"""SHFE gives a client one trading code per hedge flag."""
_EXCHANGES_LEGEND = "能源中心---INE  上期所---SHFE   中金所---CFFEX  大商所---DCE   郑商所---CZCE   广期所---GFEX"
_SIDES_LEGEND = "买---Buy   卖---Sell"
_FLAGS_LEGEND = "投---Speculation  保---Hedge  套---Arbitrage 般---General"
_OFFSETS_LEGEND = (
    "开---Open 平---Close 平今---Close Today 强平---Forced Liquidation 平昨---Close Prev. "
    "强减---Forced Reduction 本地强平---Local Forced Liquidation"
)
_NOTICE = "尊敬的客户：如对结算单内容有异议，请于下一交易日开市前提出，逾期视为认可。"


@dataclass(frozen=True)
class Column:
    """One table column. `total` turns the rows' sum of `value` into the total row's cell; `long_only` as it says."""

    cn: str
    en: str
    width: int
    align: str
    value: Callable[[Any], Any]
    show: Callable[[Any], str] = str
    total: bool = False
    long_only: bool = False
    in_layout: str = ""


def money(amount: Decimal) -> str:
    """Two decimals, no thousands separators."""
    return f"{amount:.2f}"


def quote(price: Decimal) -> str:
    """Three decimals, as every price in a statement."""
    return f"{price:.3f}"


def day_text(day: date) -> str:
    return day.strftime("%Y%m%d")


def width_of(text: str) -> int:
    """Columns that a terminal or a fixed-width editor needs: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int, align: str) -> str:
    room = max(0, width - width_of(text))
    left = {"<": 0, ">": room, "^": room // 2}[align]
    return " " * left + text + " " * (room - left)


def statement(settled: AccountDay, created_on: date | None = None) -> bytes:
    """The statement file's bytes; `created_on` is the printing date, the trading day if none is given."""
    return statement_text(settled, created_on).encode("gb18030")


def statement_text(settled: AccountDay, created_on: date | None = None) -> str:
    """The statement as text with CRLF line ends."""
    broker, layout = _BROKERS[settled.account]
    lines = _head(settled, broker, layout, created_on or settled.day)
    lines += _account_summary(settled, layout)
    tables: tuple[tuple[str, Sequence[Any], Sequence[Column], int, tuple[str, ...]], ...] = (
        ("出入金明细 Deposit/Withdrawal", settled.cash, _cash_columns(settled), 0, ()),
        ("成交记录 Transaction Record", settled.fills, _fill_columns(settled), 1,
         (_EXCHANGES_LEGEND, _SIDES_LEGEND, _FLAGS_LEGEND, _OFFSETS_LEGEND)),
        ("平仓明细 Position Closed", settled.closed, _closed_columns(settled), 0, (_EXCHANGES_LEGEND, _SIDES_LEGEND)),
        ("持仓明细 Positions Detail", settled.positions, _position_columns(settled), 0,
         (_EXCHANGES_LEGEND, _SIDES_LEGEND, _FLAGS_LEGEND)),
        ("持仓汇总 Positions", settled.summary, _summary_columns(settled), 0, ()),
    )  # fmt: skip
    for title, rows, columns, merged, legend in tables:
        if rows:
            kept = [c for c in columns if (layout == "long" or not c.long_only) and c.in_layout in ("", layout)]
            lines += [*_table(title, rows, kept, merged=bool(merged)), *legend, ""]
    return "".join(f"{line}\r\n" for line in lines)


def _head(settled: AccountDay, broker: str, layout: str, created_on: date) -> list[str]:
    created = "制表时间" if layout == "short" else "制表日期"
    return [
        _pad(broker, 100, "^").rstrip(),
        " " * 68 + f"{created} Creation Date：{day_text(created_on)}",
        "-" * 100,
        " " * 29 + "交易结算单(盯市) Settlement Statement(MTM)",
        f"客户号 Client ID：  {_pad(settled.account, 17, '<')}客户名称 Client Name：{COMPANY}",
        f"日期 Date：{day_text(settled.day)}",
        "",
        *((_NOTICE, "") if layout == "long" else ("", "")),
    ]


def _account_summary(settled: AccountDay, layout: str) -> list[str]:
    funds, nil = settled.funds, "0.00"
    equity_colon = "：：" if layout == "short" else "："
    pairs = [
        ("期初结存 Balance b/f：", money(funds.balance_bf), "基础保证金 Initial Margin：", nil),
        ("出 入 金 Deposit/Withdrawal：", money(funds.deposit_withdrawal), "期末结存 Balance c/f：", money(funds.balance_cf)),
        ("平仓盈亏 Realized P/L：", money(funds.realised), "质 押 金 Pledge Amount：", nil),
        ("持仓盯市盈亏 MTM P/L：", money(funds.holding), f"客户权益 Client Equity{equity_colon}", money(funds.equity)),
        ("期权执行盈亏 Exercise P/L：", nil, "货币质押保证金占用 FX Pledge Occ.：", nil),
        ("手 续 费 Commission：", money(funds.fee), "保证金占用 Margin Occupied：", money(funds.margin)),
        ("行权手续费 Exercise Fee：", nil, "交割保证金 Delivery Margin：", nil),
        ("交割手续费 Delivery Fee：", nil, "多头期权市值 Market value(long)：", nil),
        ("货币质入 New FX Pledge：", nil, "空头期权市值 Market value(short)：", nil),
        ("货币质出 FX Redemption：", nil, "市值权益 Market value(equity)：", money(funds.equity)),
        ("质押变化金额 Chg in Pledge Amt：", nil, "可用资金 Fund Avail.：", money(funds.available)),
        ("权利金收入 Premium received：", nil, "风 险 度 Risk Degree：", f"{money(funds.risk_degree)}%"),
        ("权利金支出 Premium paid：", nil, "应追加资金 Margin Call：", money(funds.margin_call)),
    ]  # fmt: skip
    pledge = "货币质押变化金额 Chg in FX Pledge:"
    pairs.append(("交割盈亏 Delivery P/L：", nil, pledge, nil) if layout == "long" else (pledge, nil, "", ""))
    title = "资金状况  币种：人民币  Account Summary  Currency：CNY"
    if layout == "long":
        account = settled.account
        title = f"资金状况  资金账号：{account}  币种：人民币  Account Summary  AccountID：{account}  Currency：CNY"
    lines = [_pad(title, 90, "^").rstrip(), "-" * 100]
    for left, left_value, right, right_value in pairs:
        half = left + left_value.rjust(50 - width_of(left))
        lines.append(half + (f"  {right}{right_value.rjust(48 - width_of(right))}" if right else ""))
    return [*lines, ""]


def _table(title: str, rows: Sequence[Any], columns: Sequence[Column], *, merged: bool) -> list[str]:
    """Title, rules, two header rows, data, total. `merged`: the total row joins 合约 and 买/卖 into one cell, as CTP does."""
    rule = "-" * (sum(column.width + 1 for column in columns) + 1)
    totals = [f"共{len(rows):>{max(1, columns[0].width - 4)}}条"]
    widths = [columns[0].width]
    skip = False
    for place, column in enumerate(columns[1:], start=1):
        if skip:
            skip = False
            continue
        joined = merged and column.cn == "合约"
        widths.append(column.width + (columns[place + 1].width + 1 if joined else 0))
        total = sum((column.value(row) for row in rows), type(column.value(rows[0]))(0)) if column.total else None
        totals.append("" if total is None else column.show(total))
        skip = joined
    return [
        _pad(title, len(rule), "^").rstrip(),
        rule,
        _row(_pad(column.cn, column.width, "^") for column in columns),
        _row(_pad(column.en, column.width, "^") for column in columns),
        rule,
        *(_row(_pad(c.show(c.value(row)), c.width, c.align) for c in columns) for row in rows),
        rule,
        _row(_pad(text, width, ">" if place else "<") for place, (text, width) in enumerate(zip(totals, widths, strict=True))),
        rule,
    ]  # fmt: skip


def _row(cells: Iterable[str]) -> str:
    return "|" + "|".join(cells) + "|"


def _frame(
    settled: AccountDay,
) -> tuple[Callable[[], Column], Callable[[Callable[[Any], str]], Column], Column, Column]:
    """The columns that the long layout adds, and the exchange's."""
    return (
        lambda: Column("投资单元", "InvestUnit", 10, "<", lambda row: "", long_only=True),
        lambda flag_of: Column(
            "交易编码", "tradingcode", 11, "<", lambda row: _TRADING_CODES[flag_of(row)], long_only=True
        ),
        Column("资金账号", "AccountID", 12, "<", lambda row: settled.account, long_only=True),
        Column("交易所", "Exchange", 8, "<", lambda row: _EXCHANGE),
    )


def _instrument(name_of: Callable[[Any], str]) -> tuple[Column, ...]:
    return (
        Column("品种", "Product", 18, "<", lambda row: _PRODUCTS[name_of(row)[:-4]]),
        Column("合约", "Instrument", 16, "<", name_of, in_layout="short"),
        Column("合约", "Instrument", 16, "^", name_of, in_layout="long"),
    )


def _cash_columns(settled: AccountDay) -> list[Column]:
    return [
        Column("发生日期", "Date", 8, "<", lambda row: day_text(settled.day)),
        Column("出入金类型", "Type", 16, "<", lambda row: row.kind),
        Column("入金", "Deposit", 16, ">", lambda row: row.amount_in, money, total=True),
        Column("出金", "Withdrawal", 16, ">", lambda row: row.amount_out, money, total=True),
        Column("汇率", "Exchange Rate", 13, ">", lambda row: "1.0000", long_only=True),
        Column("资金账号", "AccountID", 12, "<", lambda row: settled.account, long_only=True),
        Column("说明", "Note", 32, "<", lambda row: row.note),
    ]


def _fill_columns(settled: AccountDay) -> list[Column]:
    unit, code, account, exchange = _frame(settled)

    def flag(row: Fill) -> str:
        return row.flag

    return [
        Column("成交日期", "Date", 8, "<", lambda row: day_text(settled.day)),
        unit(),
        exchange,
        code(flag),
        *_instrument(lambda row: row.instrument),
        Column("买/卖", "B/S", 5, "<", lambda row: _SIDES[row.side]),
        Column("投/保", "S/H", 12, "<", flag),
        Column("成交价", "Price", 10, ">", lambda row: row.price, quote),
        Column("手数", "Lots", 6, ">", lambda row: row.lots, total=True),
        Column("成交额", "Turnover", 14, ">", lambda row: row.turnover, money, total=True),
        Column("开平", "O/C", 18, "<", lambda row: row.offset),
        Column("手续费", "Fee", 10, ">", lambda row: row.fee, money, total=True),
        Column("平仓盈亏", "Realized P/L", 12, ">", lambda row: row.realised, money, total=True),
        Column("权利金收支", "Premium Received/Paid", 21, ">", lambda row: Decimal("0.00"), money, total=True),
        Column("成交序号", "Trans.No.", 12, "<", lambda row: row.fill_id),
        account,
    ]


def _closed_columns(settled: AccountDay) -> list[Column]:
    unit, code, account, exchange = _frame(settled)

    def flag(row: Closed) -> str:
        return row.fill.flag

    return [
        Column("平仓日期", "Close Date", 10, "<", lambda row: day_text(settled.day)),
        unit(),
        exchange,
        code(flag),
        *_instrument(lambda row: row.fill.instrument),
        Column("开仓日期", "Open Date", 9, "<", lambda row: day_text(row.lot.opened_on)),
        Column("投/保", "S/H", 12, "<", flag, long_only=True),
        Column("买/卖", "B/S", 5, "<", lambda row: _SIDES[row.fill.side]),
        Column("手数", "Lots", 10, ">", lambda row: row.lots, total=True),
        Column("开仓价", "Pos. Open Price", 15, ">", lambda row: row.lot.price, quote),
        Column("昨结算", "Prev. Sttl", 16, ">", lambda row: row.previous_settlement, quote),
        Column("成交价", "Trans. Price", 12, ">", lambda row: row.fill.price, quote),
        Column("平仓盈亏", "Realized P/L", 14, ">", lambda row: row.realised, money, total=True),
        Column("权利金收支", "Premium Received/Paid", 21, ">", lambda row: Decimal("0.00"), money, total=True),
        account,
    ]


def _position_columns(settled: AccountDay) -> list[Column]:
    unit, code, account, exchange = _frame(settled)

    def flag(row: Position) -> str:
        return row.lot.flag

    return [
        unit(),
        exchange,
        code(flag),
        *_instrument(lambda row: row.lot.instrument),
        Column("开仓日期", "Open Date", 9, ">", lambda row: day_text(row.lot.opened_on)),
        Column("投/保", "S/H", 12, "<", flag),
        Column("买/卖", "B/S", 5, "<", lambda row: _SIDES[row.lot.side]),
        Column("持仓量", "Positon", 7, ">", lambda row: row.lot.lots, total=True),
        Column("开仓价", "Pos. Open Price", 15, ">", lambda row: row.lot.price, quote),
        Column("昨结算", "Prev. Sttl", 16, ">", lambda row: row.previous_settlement, quote),
        Column("结算价", "Settlement Price", 16, ">", lambda row: row.settlement, quote),
        Column("浮动盈亏", "Accum. P/L", 13, ">", lambda row: row.floating, money, total=True),
        Column("盯市盈亏", "MTM P/L", 13, ">", lambda row: row.holding, money, total=True),
        Column("保证金", "Margin", 13, ">", lambda row: row.margin, money, total=True),
        Column("期权市值", "Market Value(Options)", 22, ">", lambda row: Decimal("0.00"), money, total=True),
        account,
    ]


def _summary_columns(settled: AccountDay) -> list[Column]:
    unit, code, account, _ = _frame(settled)

    def flag(row: Summary) -> str:
        return row.flag

    return [
        unit(),
        code(flag),
        *_instrument(lambda row: row.instrument),
        Column("买持", "Long Pos.", 13, ">", lambda row: row.long_lots, total=True),
        Column("买均价", "Avg Buy Price", 13, ">", lambda row: row.long_average, quote),
        Column("卖持", "Short Pos.", 14, ">", lambda row: row.short_lots, total=True),
        Column("卖均价", "Avg Sell Price", 14, ">", lambda row: row.short_average, quote),
        Column("昨结算", "Prev. Sttl", 10, ">", lambda row: row.previous_settlement, quote),
        Column("今结算", "Sttl Today", 10, ">", lambda row: row.settlement, quote),
        Column("持仓盯市盈亏", "MTM P/L", 13, ">", lambda row: row.holding, money, total=True),
        Column("保证金占用", "Margin Occupied", 15, ">", lambda row: row.margin, money, total=True),
        Column("投/保", "S/H", 11, "<", flag),
        Column("多头期权市值", "Market Value(Long)", 18, ">", lambda row: Decimal("0.00"), money, total=True),
        Column("空头期权市值", "Market Value(Short)", 19, ">", lambda row: Decimal("0.00"), money, total=True),
        account,
    ]
