"""How fast a long statement is read: a month of a CTP broker on 200 pages of 60 lines, its seconds and its peak memory."""

from __future__ import annotations

import sys
import tracemalloc
from decimal import Decimal
from time import perf_counter
from typing import Any, Final

from adapters.broker.statement_files import read_any_statement
from adapters.reference import load_products
from hedge_core.statement_form_checks import check_any_statement

LINES_PER_PAGE: Final = 60
_FUNDS: Final = (
    ("期初结存 Balance b/f", "基础保证金 Initial Margin"), ("出 入 金 Deposit/Withdrawal", "期末结存 Balance c/f"),
    ("平仓盈亏 Realized P/L", "质 押 金 Pledge Amount"), ("持仓盯市盈亏 MTM P/L", "客户权益 Client Equity"),
    ("期权执行盈亏 Exercise P/L", "货币质押保证金占用 FX Pledge Occ."), ("手 续 费 Commission", "保证金占用 Margin Occupied"),
    ("行权手续费 Exercise Fee", "交割保证金 Delivery Margin"), ("交割手续费 Delivery Fee", "多头期权市值 Market value(long)"),
    ("货币质入 New FX Pledge", "空头期权市值 Market value(short)"), ("货币质出 FX Redemption", "市值权益 Market value(equity)"),
    ("质押变化金额 Chg in Pledge Amt", "可用资金 Fund Avail."), ("权利金收入 Premium received", "风 险 度 Risk Degree"),
    ("权利金支出 Premium paid", "应追加资金 Margin Call"), ("货币质押变化金额 Chg in FX Pledge", "交割盈亏 Delivery P/L"),
)  # fmt: skip
_COLUMNS: Final = (
    ("成交日期", "Date"), ("交易所", "Exchange"), ("品种", "Product"), ("合约", "Instrument"), ("买/卖", "B/S"), ("投/保", "S/H"),
    ("成交价", "Price"), ("手数", "Lots"), ("成交额", "Turnover"), ("开平", "O/C"), ("手续费", "Fee"),
    ("平仓盈亏", "Realized P/L"),
    ("权利金收支", "Premium Received/Paid"), ("成交序号", "Trans.No."),
)  # fmt: skip


def month(pages: int) -> bytes:
    """An invented month: copper opened and closed again at the same price, a fill a line, as a counter prints it."""
    rows = pages * LINES_PER_PAGE // 2 * 2
    price, fee = Decimal("79500.000"), Decimal("20.00")
    turnover = f"{price * 5:.2f}"
    lines = []
    for number in range(rows):
        side, offset = (("买", "开"), ("卖", "平今"))[number % 2]
        day = f"202603{2 + number * 28 // rows:02d}"
        cells = (
            day,
            "上期所",
            "铜",
            "cu2605",
            side,
            "保",
            price,
            1,
            turnover,
            offset,
            fee,
            "0.00",
            "0.00",
            100000 + number,
        )
        lines.append("|" + "|".join(f" {cell} " for cell in cells) + "|")
    total = fee * rows
    values = {"Balance b/f": "9000000.00", "Commission": str(total)}
    for name in ("Balance c/f", "Client Equity", "Market value(equity)", "Fund Avail."):
        values[name] = str(Decimal("9000000.00") - total)
    funds = []
    for pair in _FUNDS:
        parts = []
        for label in pair:
            name = next((known for known in values if label.endswith(" " + known)), "")
            unit = "%" if "Risk" in label else ""
            parts.append(f"{label}： {values.get(name, '0.00')}{unit}")
        funds.append("    ".join(parts))
    rule = "-" * 160
    closing = f"|共 {rows}条|||||{''}|{rows}|{Decimal(turnover) * rows}||{total}|0.00|0.00||"
    closed = _closed(rows // 2, price)
    text = [
        "华岳期货有限公司", "制表时间 Creation Date：20260331", rule, "交易结算单(盯市) Settlement Statement(MTM)",
        "客户号 Client ID：80010001    客户名称 Client Name：示例铜业", "日期 Date：20260301-20260331", "",
        "资金状况  币种：人民币  Account Summary  Currency：CNY", rule, *funds, "", "成交记录 Transaction Record", rule,
        "|" + "|".join(cn for cn, _ in _COLUMNS) + "|", "|" + "|".join(en for _, en in _COLUMNS) + "|", rule, *lines, rule,
        closing, rule, "", *closed,
    ]  # fmt: skip
    return "\r\n".join(text).encode("gb18030") + b"\r\n"


def _closed(count: int, price: Decimal) -> list[str]:
    heads = (
        ("平仓日期", "Close Date"), ("交易所", "Exchange"), ("品种", "Product"), ("合约", "Instrument"),
        ("开仓日期", "Open Date"),
        ("买/卖", "B/S"), ("手数", "Lots"), ("开仓价", "Pos. Open Price"), ("昨结算", "Prev. Sttl"), ("成交价", "Trans. Price"),
        ("平仓盈亏", "Realized P/L"), ("权利金收支", "Premium Received/Paid"),
    )  # fmt: skip
    rule = "-" * 150
    row = "|" + "|".join(
        ("20260331", "上期所", "铜", "cu2605", "20260331", "卖", str(count), f"{price}", f"{price}", f"{price}", "0.00", "0.00")
    ) + "|"  # fmt: skip
    total = f"|共 1条||||||{count}||||0.00|0.00|"
    return [
        "平仓明细 Position Closed", rule, "|" + "|".join(cn for cn, _ in heads) + "|",
        "|" + "|".join(en for _, en in heads) + "|", rule, row, rule, total, rule, "",
    ]  # fmt: skip


def measure(pages: int = 200) -> list[dict[str, Any]]:
    """Seconds to read the month, and to read and check it; the most memory held while reading, beyond the file."""
    body, products = month(pages), load_products()
    best = min(_seconds(body) for _ in range(3))
    started = perf_counter()
    (statement,) = read_any_statement("month.txt", body, products)
    findings = check_any_statement(statement, None, products)
    checked = perf_counter() - started
    if len(statement.fills) != pages * LINES_PER_PAGE // 2 * 2:
        raise RuntimeError(f"{len(statement.fills)} fills were read: {[str(one.message) for one in findings]}")
    tracemalloc.start()
    read_any_statement("month.txt", body, products)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    name = f"monthly statement, {pages} pages, {len(statement.fills)} fills, {len(body) / 2**20:.1f} MiB"
    return [
        {"name": f"{name}: read", "value": round(best, 3), "unit": "s"},
        {"name": f"{name}: read and checked", "value": round(checked, 3), "unit": "s"},
        {"name": f"{name}: peak memory", "value": round(peak / 2**20, 1), "unit": "MiB"},
    ]


def _seconds(body: bytes) -> float:
    started = perf_counter()
    read_any_statement("month.txt", body, load_products())
    return perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write(f"{measure()}\n")
