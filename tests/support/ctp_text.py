"""Builds CTP settlement texts for tests: invented days in the short and the long layout, padded by display width.

A `Day` is rows by Chinese label; its funds follow from the rows, so that every sum holds until a test breaks one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

Rows = list[dict[str, str]]

# (Chinese, English, width, in which layout, added up in the total row)
COLUMNS: Mapping[str, Sequence[tuple[str, str, int, str, bool]]] = {
    "出入金明细 Deposit/Withdrawal": (
        ("发生日期", "Date", 10, "", False),
        ("出入金类型", "Type", 16, "", False),
        ("入金", "Deposit", 16, "", True),
        ("出金", "Withdrawal", 16, "", True),
        ("资金账号", "AccountID", 12, "long", False),
        ("说明", "Note", 24, "", False),
    ),
    "成交记录 Transaction Record": (
        ("成交日期", "Date", 10, "", False),
        ("投资单元", "InvestUnit", 12, "long", False),
        ("交易所", "Exchange", 10, "", False),
        ("交易编码", "tradingcode", 12, "long", False),
        ("品种", "Product", 16, "", False),
        ("合约", "Instrument", 20, "", False),
        ("买/卖", "B/S", 6, "", False),
        ("投/保", "S/H", 8, "", False),
        ("成交价", "Price", 12, "", False),
        ("手数", "Lots", 8, "", True),
        ("成交额", "Turnover", 16, "", True),
        ("开平", "O/C", 10, "", False),
        ("手续费", "Fee", 10, "", True),
        ("平仓盈亏", "Realized P/L", 14, "", True),
        ("权利金收支", "Premium Received/Paid", 22, "", True),
        ("成交序号", "Trans.No.", 14, "", False),
        ("成交类型", "trade type", 12, "long", False),
        ("资金账号", "AccountID", 12, "long", False),
    ),
    "行权明细 Exercise Statement": (
        ("成交日期", "Date", 10, "", False),
        ("交易所", "Exchange", 10, "", False),
        ("品种", "Product", 16, "", False),
        ("合约", "Instrument", 20, "", False),
        ("投/保", "S/H", 8, "", False),
        ("买/卖", "B/S", 6, "", False),
        ("是否行权", "Exercise", 12, "", False),
        ("行权数量", "Exercise Lots", 14, "", True),
        ("行权价格", "Exercise Price", 16, "", False),
        ("行权金额", "Exercise Amount", 18, "", True),
        ("行权盈亏", "Exercise P/L", 14, "", True),
        ("行权手续费", "Exercise Fee", 14, "", True),
    ),
    "交割明细  Delivery": (
        ("交割日期", "Date", 10, "", False),
        ("交易所", "Exchange", 10, "", False),
        ("合约", "Instrument", 20, "", False),
        ("投/保", "S/H", 8, "", False),
        ("买/卖", "B/S", 6, "", False),
        ("手数", "Lots", 8, "", True),
        ("交割结算价", "Delivery Price", 16, "", False),
        ("交割手续费", "Delivery Fee", 14, "", True),
    ),
    "平仓明细 Position Closed": (
        ("平仓日期", "Close Date", 10, "", False),
        ("交易所", "Exchange", 10, "", False),
        ("品种", "Product", 16, "", False),
        ("合约", "Instrument", 20, "", False),
        ("开仓日期", "Open Date", 10, "", False),
        ("投/保", "S/H", 8, "long", False),
        ("买/卖", "B/S", 6, "", False),
        ("手数", "Lots", 8, "", True),
        ("开仓价", "Pos. Open Price", 16, "", False),
        ("昨结算", "Prev. Sttl", 12, "", False),
        ("成交价", "Trans. Price", 14, "", False),
        ("平仓盈亏", "Realized P/L", 14, "", True),
        ("权利金收支", "Premium Received/Paid", 22, "", True),
    ),
    "持仓明细 Positions Detail": (
        ("交易所", "Exchange", 10, "", False),
        ("品种", "Product", 16, "", False),
        ("合约", "Instrument", 20, "", False),
        ("开仓日期", "Open Date", 10, "", False),
        ("投/保", "S/H", 8, "", False),
        ("买/卖", "B/S", 6, "", False),
        ("持仓量", "Positon", 8, "", True),
        ("开仓价", "Pos. Open Price", 16, "", False),
        ("昨结算", "Prev. Sttl", 12, "", False),
        ("结算价", "Settlement Price", 18, "", False),
        ("浮动盈亏", "Accum. P/L", 14, "", True),
        ("盯市盈亏", "MTM P/L", 14, "", True),
        ("保证金", "Margin", 14, "", True),
        ("期权市值", "Market Value(Options)", 22, "", True),
        ("资金账号", "AccountID", 12, "long", False),
    ),
    "持仓汇总 Positions": (
        ("品种", "Product", 16, "", False),
        ("合约", "Instrument", 20, "", False),
        ("买持", "Long Pos.", 10, "", True),
        ("买均价", "Avg Buy Price", 14, "", False),
        ("卖持", "Short Pos.", 10, "", True),
        ("卖均价", "Avg Sell Price", 14, "", False),
        ("昨结算", "Prev. Sttl", 12, "", False),
        ("今结算", "Sttl Today", 12, "", False),
        ("持仓盯市盈亏", "MTM P/L", 14, "", True),
        ("保证金占用", "Margin Occupied", 16, "", True),
        ("投/保", "S/H", 8, "", False),
        ("多头期权市值", "Market Value(Long)", 20, "", True),
        ("空头期权市值", "Market Value(Short)", 20, "", True),
    ),
}
CASH, FILLS, EXERCISES, DELIVERIES, CLOSED, POSITIONS, SUMMARY = COLUMNS
LEGEND = "买---Buy   卖---Sell\n投---Speculation  保---Hedge  套---Arbitrage 般---General"

FUND_LINES = (
    ("期初结存 Balance b/f", "基础保证金 Initial Margin"),
    ("出 入 金 Deposit/Withdrawal", "期末结存 Balance c/f"),
    ("平仓盈亏 Realized P/L", "质 押 金 Pledge Amount"),
    ("持仓盯市盈亏 MTM P/L", "客户权益 Client Equity"),
    ("期权执行盈亏 Exercise P/L", "货币质押保证金占用 FX Pledge Occ."),
    ("手 续 费 Commission", "保证金占用 Margin Occupied"),
    ("行权手续费 Exercise Fee", "交割保证金 Delivery Margin"),
    ("交割手续费 Delivery Fee", "多头期权市值 Market value(long)"),
    ("货币质入 New FX Pledge", "空头期权市值 Market value(short)"),
    ("货币质出 FX Redemption", "市值权益 Market value(equity)"),
    ("质押变化金额 Chg in Pledge Amt", "可用资金 Fund Avail."),
    ("权利金收入 Premium received", "风 险 度 Risk Degree"),
    ("权利金支出 Premium paid", "应追加资金 Margin Call"),
    ("货币质押变化金额 Chg in FX Pledge", "交割盈亏 Delivery P/L"),
)


@dataclass
class Day:
    """One funds block and its tables. `funds` overrides single figures by English label."""

    balance_bf: str = "1000000.00"
    tables: dict[str, Rows] = field(default_factory=dict)
    funds: dict[str, str] = field(default_factory=dict)
    account: str = ""
    currency: str = "CNY"


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def pad(text: str, size: int, align: str = "<") -> str:
    room = max(0, size - width(text))
    left = {"<": 0, ">": room, "^": room // 2}[align]
    return " " * left + text + " " * (room - left)


def figures(day: Day) -> dict[str, str]:
    """The funds that follow from a day's rows."""

    def added(title: str, label: str) -> Decimal:
        return sum((Decimal(row.get(label, "0")) for row in day.tables.get(title, [])), Decimal("0.00"))

    flow = added(CASH, "入金") - added(CASH, "出金")
    realised, fee = added(FILLS, "平仓盈亏"), added(FILLS, "手续费")
    holding, margin = added(POSITIONS, "盯市盈亏"), added(SUMMARY, "保证金占用")
    long, short = added(SUMMARY, "多头期权市值"), added(SUMMARY, "空头期权市值")
    premium = added(FILLS, "权利金收支")
    balance = Decimal(day.balance_bf) + flow + realised + holding - fee + premium
    values = {
        "Balance b/f": day.balance_bf,
        "Deposit/Withdrawal": flow,
        "Realized P/L": realised,
        "MTM P/L": holding,
        "Commission": fee,
        "Margin Occupied": margin,
        "Balance c/f": balance,
        "Client Equity": balance,
        "Market value(long)": long,
        "Market value(short)": short,
        "Market value(equity)": balance + long + short,
        "Fund Avail.": balance - margin,
        "Risk Degree": f"{(margin / balance * 100 if balance else Decimal(0)):.2f}%",
        "Margin Call": max(Decimal("0.00"), margin - balance),
        "Premium received": max(Decimal("0.00"), premium),
        "Premium paid": max(Decimal("0.00"), -premium),
    }
    return {name: str(value) for name, value in values.items()} | day.funds


def text(
    *days: Day,
    date: str = "20260304",
    layout: str = "short",
    view: str = "盯市",
    title: str = "交易结算单",
    broker: str = "华岳期货有限公司",
    client: str = "80010001",
    notice: str = "",
) -> str:
    """The statement as text with `\\n` line ends."""
    lines = [pad(broker, 100, "^"), pad(f"制表时间 Creation Date：{date[-8:]}", 100, ">"), "-" * 100]
    lines += [pad(f"{title}({view}) Settlement Statement(MTM)", 100, "^")]
    lines += [
        f"客户号 Client ID：  {client}            客户名称 Client Name：锦禾金属",
        f"日期 Date：{date}",
        "",
        notice,
        "",
    ]
    for day in days or (Day(),):
        lines += _block(day, layout)
    return "\n".join(lines) + "\n"


def statement(*days: Day, **shape: str) -> bytes:
    """The statement as a broker sends it: GB18030, CRLF."""
    return text(*days, **shape).replace("\n", "\r\n").encode("gb18030")


def _block(day: Day, layout: str) -> list[str]:
    words = {"CNY": "人民币", "USD": "美元"}
    title = f"资金状况  币种：{words[day.currency]}  Account Summary  Currency：{day.currency}"
    if day.account:
        title = (
            f"资金状况  资金账号：{day.account}  币种：{words[day.currency]}  "
            f"Account Summary  AccountID：{day.account}  Currency：{day.currency}"
        )
    lines = [pad(title, 100, "^"), "-" * 100]
    values = figures(day)
    for pair in FUND_LINES:
        cells = []
        for label in pair:
            name = next((key for key in values if label.endswith(" " + key)), "")
            colon = ":" if "Chg in FX" in label else "：：" if "Equity" in label and layout == "short" else "："
            cells.append(pad(label + colon, 34) + pad(values.get(name, "0.00"), 16, ">"))
        lines.append("  ".join(cells))
    lines.append("")
    for section in COLUMNS:
        if day.tables.get(section):
            lines += table(section, day.tables[section], layout)
    return lines


def table(section: str, rows: Rows, layout: str = "short", count: int | None = None) -> list[str]:
    """One section with its header, rows and total row; 成交记录 merges 合约 and 买/卖 in the total row as brokers do."""
    columns = [column for column in COLUMNS[section] if column[3] in ("", layout)]
    rule = "-" * (sum(column[2] + 1 for column in columns) + 1)
    lines = [pad(section, len(rule), "^").rstrip(), rule]
    lines += ["|" + "|".join(pad(column[at], column[2], "^") for column in columns) + "|" for at in (0, 1)]
    lines.append(rule)
    for row in rows:
        cells = []
        for cn, _, size, _, added in columns:
            align = ">" if added else "^" if cn == "合约" else "<"
            cells.append(pad(row.get(cn, "0.00" if added else ""), size, align))
        lines.append("|" + "|".join(cells) + "|")
    lines.append(rule)
    cells = [pad(f"共{len(rows) if count is None else count:>4}条", columns[0][2])]
    for cn, _, size, _, added in columns[1:]:
        if cn == "买/卖" and section == FILLS:
            cells[-1] += pad("", size + 1)
            continue
        total = sum((Decimal(row.get(cn, "0")) for row in rows), Decimal(0)) if added else ""
        cells.append(pad(str(total), size, ">"))
    return [*lines, "|" + "|".join(cells) + "|", rule, LEGEND, ""]


def trading_day(balance_bf: str = "1000000.00") -> Day:
    """A copper day: one lot bought yesterday sold today at a gain, three bought today, two of them hedging."""
    fills = [
        fill("1001", "cu2605", "卖", "平昨", 1, "79600.000", fee="20.00", realised="500.00"),
        fill("1002", "cu2605", "买", "开", 2, "79550.000", fee="40.00", flag="保"),
        fill("1003", "cu2605", "买", "开", 1, "79560.000", fee="20.00"),
    ]
    closed = [
        {
            "平仓日期": "20260304",
            "交易所": "上期所",
            "品种": "铜",
            "合约": "cu2605",
            "开仓日期": "20260303",
            "投/保": "投",
            "买/卖": "  卖",
            "手数": "1",
            "开仓价": "79400.000",
            "昨结算": "79500.000",
            "成交价": "79600.000",
            "平仓盈亏": "500.00",
        }
    ]
    positions = [
        position("cu2605", "20260304", "保", "买", 2, "79550.000", "500.00", "500.00", "71640.00"),
        position("cu2605", "20260304", "投", "买", 1, "79560.000", "200.00", "200.00", "43780.00"),
    ]
    summary = [
        summarised("cu2605", "保", 2, "79550.000", 0, "0.000", "500.00", "71640.00"),
        summarised("cu2605", "投", 1, "79560.000", 0, "0.000", "200.00", "43780.00"),
    ]
    cash = [{"发生日期": "20260304", "出入金类型": "银期转账", "入金": "50000.00", "出金": "0.00", "说明": "客户入金"}]
    return Day(balance_bf, {CASH: cash, FILLS: fills, CLOSED: closed, POSITIONS: positions, SUMMARY: summary})


def fill(
    number: str,
    instrument: str,
    side: str,
    offset: str,
    lots: int,
    price: str,
    *,
    size: int = 5,
    exchange: str = "上期所",
    fee: str = "0.00",
    realised: str = "0.00",
    premium: str = "0.00",
    flag: str = "投",
    date: str = "20260304",
    account: str = "",
) -> dict[str, str]:
    """One row of 成交记录."""
    return {
        "成交日期": date,
        "投资单元": "默认单元",
        "交易所": exchange,
        "交易编码": "01234567",
        "品种": "铜",
        "合约": instrument,
        "买/卖": side if side == "买" else "  卖",
        "投/保": flag,
        "成交价": price,
        "手数": str(lots),
        "成交额": f"{Decimal(price) * lots * size:.2f}",
        "开平": offset,
        "手续费": fee,
        "平仓盈亏": realised,
        "权利金收支": premium,
        "成交序号": number,
        "成交类型": "普通成交",
        "资金账号": account,
    }


def position(
    instrument: str,
    opened: str,
    flag: str,
    side: str,
    lots: int,
    price: str,
    floating: str,
    mtm: str,
    margin: str,
    *,
    previous: str = "79500.000",
    settled: str = "79600.000",
    exchange: str = "上期所",
    value: str = "0.00",
) -> dict[str, str]:
    """One row of 持仓明细."""
    return {
        "交易所": exchange,
        "品种": "铜",
        "合约": instrument,
        "开仓日期": opened,
        "投/保": flag,
        "买/卖": side,
        "持仓量": str(lots),
        "开仓价": price,
        "昨结算": previous,
        "结算价": settled,
        "浮动盈亏": floating,
        "盯市盈亏": mtm,
        "保证金": margin,
        "期权市值": value,
    }


def summarised(
    instrument: str,
    flag: str,
    long: int,
    long_price: str,
    short: int,
    short_price: str,
    mtm: str,
    margin: str,
    *,
    previous: str = "79500.000",
    settled: str = "79600.000",
    value: str = "0.00",
) -> dict[str, str]:
    """One row of 持仓汇总."""
    return {
        "品种": "铜",
        "合约": instrument,
        "买持": str(long),
        "买均价": long_price,
        "卖持": str(short),
        "卖均价": short_price,
        "昨结算": previous,
        "今结算": settled,
        "持仓盯市盈亏": mtm,
        "保证金占用": margin,
        "投/保": flag,
        "多头期权市值": value,
        "空头期权市值": "0.00",
    }
