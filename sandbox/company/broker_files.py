"""Every file the stand-in brokers and the market leave behind, by relative path: statements, prices, a designation,
broken and corrected files, and a manifest of what the simulation itself knows, to compare with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.company.broker import OPEN, ZERO, AccountDay
from sandbox.company.designation import copper_hedge
from sandbox.company.facts import BROKER_ACCOUNTS, OPENING_DAY, PRODUCTS, TRADING_DAYS
from sandbox.company.price_files import cost_list, settlement_list, settlement_name, spot_list, spot_name
from sandbox.company.statement_text import day_text, money, statement, statement_text
from sandbox.company.trading import ALUMINIUM_ACCOUNT, COPPER_ACCOUNT, month

BROKEN_DAY = date(2026, 3, 10)
CORRECTED_DAY = TRADING_DAYS[-1]
"""The last day, so that no later statement carries the old balance on."""
FEE_CORRECTION = Decimal("-4.00")


def files() -> dict[str, bytes]:
    """Relative path -> bytes; the same on every run."""
    found = dict(_statements())
    for day in (OPENING_DAY, *TRADING_DAYS):
        found[f"prices/{settlement_name(day)}"] = settlement_list(day)
        found[f"prices/{spot_name(day)}"] = spot_list(day)
    found["prices/cost.csv"] = cost_list()
    found["designation.json"] = _json(copper_hedge())
    found.update(_broken())
    corrected, what = _corrected()
    found.update(corrected)
    found["manifest.json"] = _json(manifest() | {"corrected": what})
    return found


def _statements() -> Iterator[tuple[str, bytes]]:
    for days in month().values():
        for settled in days:
            folder = "opening" if settled.day == OPENING_DAY else "statements"
            yield f"{folder}/{_name(settled)}", statement(settled)


def _name(settled: AccountDay) -> str:
    return f"{settled.account}_{day_text(settled.day)}.txt"


def _on(account: str, day: date) -> AccountDay:
    return next(settled for settled in month()[account] if settled.day == day)


def _broken() -> dict[str, bytes]:
    """Files that must be refused, each named after what is wrong with it."""
    good = _on(COPPER_ACCOUNT, BROKEN_DAY)
    whole = statement(good)
    # Cut inside the product's name in a row of 持仓明细, which is also the middle of a character.
    cut = whole.rindex("沪铜".encode("gb18030"), 0, whole.index("持仓汇总".encode("gb18030"))) + 1
    off = replace(good, funds=replace(good.funds, balance_cf=good.funds.balance_cf + 100))
    # 期末结存 alone is wrong: 客户权益 and everything after it keep the true figure.
    wrong = statement_text(good).replace(_balance_line(statement_text(good)), _balance_line(statement_text(off)), 1)
    return {
        f"broken/truncated_{_name(good)}": whole[:cut],
        f"broken/utf8_{_name(good)}": statement_text(good).encode("utf-8"),
        f"broken/balance_off_{_name(good)}": wrong.encode("gb18030"),
        f"broken/missing_cu2604_{settlement_name(BROKEN_DAY)}": settlement_list(BROKEN_DAY, leave_out="cu2604"),
    }


def _balance_line(text: str) -> str:
    return next(line for line in text.split("\r\n") if "Balance c/f" in line)


def _corrected() -> tuple[dict[str, bytes], dict[str, Any]]:
    """A later version of the last copper statement with one fee corrected, consistent in itself."""
    before = _on(COPPER_ACCOUNT, CORRECTED_DAY)
    fill = before.fills[0]
    fee = fill.fee + FEE_CORRECTION
    days = month(((COPPER_ACCOUNT, CORRECTED_DAY, fill.fill_id, fee),))[COPPER_ACCOUNT]
    after = next(settled for settled in days if settled.day == CORRECTED_DAY)
    what = {
        "account": COPPER_ACCOUNT,
        "trading_day": CORRECTED_DAY.isoformat(),
        "fill_id": str(fill.fill_id),
        "fee": {"before": money(fill.fee), "after": money(fee)},
        "balance_cf": {"before": money(before.funds.balance_cf), "after": money(after.funds.balance_cf)},
    }
    created = CORRECTED_DAY + timedelta(days=1)
    return {f"corrected/{_name(after)}": statement(after, created_on=created)}, what


def manifest() -> dict[str, Any]:
    """What the simulation knows: counts, money as text with two decimals, lots as integers."""
    days = {account: settled[1:] for account, settled in month().items()}
    every = [settled for account in days for settled in days[account]]
    return {
        "opening_day": OPENING_DAY.isoformat(),
        "trading_days": [day.isoformat() for day in TRADING_DAYS],
        "accounts": [
            {"account": account, "broker": broker, "layout": layout, "commodity": commodity}
            for (account, broker, layout), commodity in zip(BROKER_ACCOUNTS, PRODUCTS, strict=True)
        ],
        "fills": sum(len(settled.fills) for settled in every),
        "opening_fills": sum(fill.offset == OPEN for settled in every for fill in settled.fills),
        "fills_by_account": {account: sum(len(s.fills) for s in settled) for account, settled in days.items()},
        "fees": money(sum((s.funds.fee for s in every), ZERO)),
        "realised_mtm": money(sum((s.funds.realised for s in every), ZERO)),
        "realised_trade": money(sum((s.realised_trade for s in every), ZERO)),
        "holding_mtm": money(sum((s.funds.holding for s in every), ZERO)),
        "deposit_withdrawal": money(sum((s.funds.deposit_withdrawal for s in every), ZERO)),
        "lots_at_end": sum(_lots(settled[-1]) for settled in days.values()),
        "opening": {account: _figures(settled[0]) for account, settled in month().items()},
        "days": {
            account: {s.day.isoformat(): _figures(s) for s in settled} for account, settled in days.items()
        },
        "positions_at_end": {account: _positions(settled[-1]) for account, settled in days.items()},
        "night_fills": {
            account: {s.day.isoformat(): [str(f.fill_id) for f in s.fills if f.executed_at.date() < s.day] for s in settled}
            for account, settled in days.items()
        },
        "self_trade": _self_trade(days[ALUMINIUM_ACCOUNT]),
    }  # fmt: skip


def _lots(settled: AccountDay) -> int:
    return sum(position.lot.lots for position in settled.positions)


def _figures(settled: AccountDay) -> dict[str, Any]:
    funds = settled.funds
    return {
        "fills": len(settled.fills),
        "closed_rows": len(settled.closed),
        "position_rows": len(settled.positions),
        "lots": _lots(settled),
        "net_lots": {
            f"{row.instrument}/{row.flag}": row.long_lots - row.short_lots for row in settled.summary
        },
        "balance_bf": money(funds.balance_bf),
        "deposit_withdrawal": money(funds.deposit_withdrawal),
        "realised_mtm": money(funds.realised),
        "realised_trade": money(settled.realised_trade),
        "holding_mtm": money(funds.holding),
        "floating": money(settled.floating),
        "fee": money(funds.fee),
        "balance_cf": money(funds.balance_cf),
        "equity": money(funds.equity),
        "margin": money(funds.margin),
        "available": money(funds.available),
        "risk_degree": money(funds.risk_degree),
    }  # fmt: skip


def _positions(settled: AccountDay) -> list[dict[str, Any]]:
    return [
        {
            "instrument": row.instrument,
            "hedge_flag": row.flag,
            "long_lots": row.long_lots,
            "short_lots": row.short_lots,
            "margin": money(row.margin),
        }
        for row in settled.summary
    ]


def _self_trade(days: tuple[AccountDay, ...]) -> dict[str, str]:
    """The one fill number that stands on both sides of one account's day."""
    for settled in days:
        seen: set[int] = set()
        for fill in settled.fills:
            if fill.fill_id in seen:
                return {
                    "account": settled.account,
                    "trading_day": settled.day.isoformat(),
                    "fill_id": str(fill.fill_id),
                }
            seen.add(fill.fill_id)
    raise ValueError("the month has no self-trade")


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
