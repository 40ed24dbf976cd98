"""The stand-in brokers' month, as printed and read back: every day settles and agrees with the statements to the fen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.broker.ctp_statement import read_statements
from hedge_core.model.futures import AccountStatement, PositionLot, Product, SettlementPrice
from hedge_core.model.identity import BookId
from hedge_core.products import products_by_instrument
from hedge_core.settlement import OpeningFunds, Settlement, SettlementInput, settle_day
from hedge_core.snapshot import encode, snapshot_hash
from sandbox.company.facts import OPENING_DAY, PRODUCTS, TRADING_DAYS, settlement_prices
from sandbox.company.statement_text import statement
from sandbox.company.trading import month

TABLE = [
    Product(exchange, code, commodity, tonnes, tick, "t", date(2020, 1, 1))
    for commodity, (exchange, code, tonnes, tick) in PRODUCTS.items()
]


def statements_on(day: date) -> list[AccountStatement]:
    settled = [account_day for days in month().values() for account_day in days if account_day.day == day]
    return [read for row in settled for read in read_statements("statement.txt", statement(row))]


def prices_on(day: date) -> list[SettlementPrice]:
    exchange = {code: exchange for exchange, code, _, _ in PRODUCTS.values()}
    return [
        SettlementPrice("settlement", f"{exchange[name[:2]]}.{name}", day, price, "CNY", "list")
        for (name, on), price in settlement_prices().items()
        if on == day
    ]


def opening_lots(statements: list[AccountStatement]) -> list[PositionLot]:
    rows = [(read.account, row) for read in statements for row in read.positions]
    return [
        PositionLot(
            f"opening/{n}",
            account,
            row.instrument,
            row.direction,
            row.hedge_flag,
            row.open_date,
            row.open_price,
            row.lots,
        )
        for n, (account, row) in enumerate(rows, 1)
    ]


@pytest.mark.parametrize("closing_detail", [True, False], ids=["by closing detail", "by instruction and age"])
def test_a_month_of_statements_settles_without_a_difference(closing_detail: bool) -> None:
    opening = statements_on(OPENING_DAY)
    lots = opening_lots(opening)
    funds = [OpeningFunds(s.account, s.funds.currency, s.funds.balance_cf, s.funds.pledge) for s in opening]
    day_before, last_hash, fills_settled = OPENING_DAY, None, 0
    for day in TRADING_DAYS:
        statements = statements_on(day)
        if not closing_detail:
            statements = [replace(read, closed=()) for read in statements]
        fills = [row for read in statements for row in read.fills]
        instruments = {row.instrument for row in (*lots, *fills)}
        result = settle_day(
            SettlementInput(
                BookId("jinhe"),
                day,
                previous_hash=last_hash,
                lots=lots,
                funds=funds,
                fills=fills,
                prices=prices_on(day),
                previous_prices=prices_on(day_before),
                products=products_by_instrument(instruments, TABLE, day),
                statements=statements,
            )
        )
        assert isinstance(result, Settlement), [str(rule) for rule in result]
        assert result.differences == ()
        last_hash = snapshot_hash(encode(result))
        lots, funds, day_before = result.figures.lots_after(), result.figures.funds_after(), day
        fills_settled += len(fills)
    assert fills_settled >= 300
    assert sum(row.balance for row in funds) == sum((s.funds.balance_cf for s in statements), Decimal(0))
