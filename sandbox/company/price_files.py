"""Price lists as a trader would save them from Excel: settlement and close by instrument, spot quotes, unit costs.

UTF-8 with a byte-order mark, CRLF, Chinese headers. Prices are yuan per tonne.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from sandbox.company.facts import MATERIALS, OPENING_DAY, PRODUCTS, UNIT_COST, spot_price
from sandbox.company.statement_text import day_text, money
from sandbox.company.trading import prices_of

_TICKS = {code: tick for _, code, _, tick in PRODUCTS.values()}


def settlement_list(day: date, leave_out: str = "") -> bytes:
    """合约,交易日,结算价,收盘价 of every listed month but `leave_out`. The close is the last trade, not the settlement."""
    rows = []
    for instrument, price in sorted(prices_of(day).items()):
        ticks = random.Random(f"{instrument}/{day.isoformat()}").randint(-12, 12)  # noqa: S311
        close = price + _TICKS[instrument[:-4]] * ticks
        if instrument != leave_out:
            rows.append((instrument, day.isoformat(), money(price), money(close)))
    return _csv(("合约", "交易日", "结算价", "收盘价"), rows)


def spot_list(day: date) -> bytes:
    """品种,日期,现货价,含税,币种: one market quote per commodity; 含税 says that the price includes VAT."""
    rows = [
        (commodity, day.isoformat(), money(spot_price(commodity, day)), "是", "CNY") for commodity in sorted(PRODUCTS)
    ]
    return _csv(("品种", "日期", "现货价", "含税", "币种"), rows)  # fmt: skip


def cost_list() -> bytes:
    """物料,日期,成本单价,币种: carrying cost per tonne excluding VAT at go-live."""
    rows = [(number, OPENING_DAY.isoformat(), money(UNIT_COST[number]), "CNY") for number, *_ in MATERIALS]
    return _csv(("物料", "日期", "成本单价", "币种"), rows)


def ex_vat(price: Decimal, vat: Decimal) -> Decimal:
    """A price including VAT without it, not rounded."""
    return price / (1 + vat)


def settlement_name(day: date) -> str:
    return f"settlement_{day_text(day)}.csv"


def spot_name(day: date) -> str:
    return f"spot_{day_text(day)}.csv"


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    return "".join(",".join(row) + "\r\n" for row in (header, *rows)).encode("utf-8-sig")
