"""A broker's statement of one invented day, from fills and what was left of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from conformance import Dealt
from hedge_core.model.futures import Direction, Offset
from tests.support import ctp_text

PRICE = Decimal("71230")
SIZE = 5
SIDES = {Direction.BUY: "买", Direction.SELL: "卖"}
OFFSETS = {Offset.OPEN: "开", Offset.CLOSE_TODAY: "平今", Offset.CLOSE: "平"}


def copper_statement(dealt: Sequence[Dealt], day: date, account: str, balance: str = "1000000.00") -> bytes:
    """All of it at one price, so that every result is zero; copper at SHFE."""
    when = f"{day:%Y%m%d}"
    open_lots: dict[Direction, int] = defaultdict(int)
    fills, closed = [], []
    for one in dealt:
        code = one.instrument.partition(".")[2]
        fills.append(
            ctp_text.fill(
                one.fill_id, code, SIDES[one.direction], OFFSETS[one.offset], one.lots, f"{PRICE}.000", date=when
            )
        )
        if one.offset.opens:
            open_lots[one.direction] += one.lots
            continue
        open_lots[one.direction.opposite] -= one.lots
        closed.append(
            {
                "平仓日期": when,
                "交易所": "上期所",
                "品种": "铜",
                "合约": code,
                "开仓日期": when,
                "投/保": "投",
                "买/卖": SIDES[one.direction],
                "手数": str(one.lots),
                "开仓价": f"{PRICE}.000",
                "昨结算": f"{PRICE}.000",
                "成交价": f"{PRICE}.000",
                "平仓盈亏": "0.00",
            }
        )
    held = [
        ctp_text.position(
            "cu2605",
            when,
            "投",
            SIDES[side],
            lots,
            f"{PRICE}.000",
            "0.00",
            "0.00",
            "0.00",
            previous=f"{PRICE}.000",
            settled=f"{PRICE}.000",
        )
        for side, lots in open_lots.items()
        if lots
    ]
    long, short = (open_lots[side] for side in (Direction.BUY, Direction.SELL))
    price = f"{PRICE}.000"
    total = ctp_text.summarised(
        "cu2605", "投", long, price, short, price, "0.00", "0.00", previous=price, settled=price
    )
    tables = {
        ctp_text.FILLS: fills, ctp_text.CLOSED: closed, ctp_text.POSITIONS: held,
        ctp_text.SUMMARY: [total] if held else [],
    }  # fmt: skip
    return ctp_text.statement(ctp_text.Day(balance, tables), date=when, client=account)
