"""A book with an account in two currencies and another broker's account: each is settled and compared by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hedge_core.lots import lot_of
from hedge_core.model.futures import AccountStatement, CashMovement, Delivery, Direction, Fill, HedgeFlag, Offset
from hedge_core.model.identity import BookId
from hedge_core.settlement import OpeningFunds, Settlement, SettlementInput, settle_day
from hedge_core.snapshot import decode, diff, encode
from messages import LANGUAGES, say
from tests.support.naive_broker import ACCOUNT, PRODUCTS, NaiveBroker, fill, settlement_prices

FRIDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 9)
YUAN, DOLLARS, ELSEWHERE = "SHFE.cu2605", "SHFE.cu2606", "DCE.m2609"
OTHER = "90020002"
D = Decimal
BEFORE = {YUAN: D(70_000), DOLLARS: D(9_600), ELSEWHERE: D(3_000)}
NOW = {YUAN: D(69_260), DOLLARS: D(9_700), ELSEWHERE: D(3_020)}


def dealt(number: int, day: date, side: Direction, offset: Offset, lots: int, price: int, name: str) -> Fill:
    account, currency = (OTHER if name == ELSEWHERE else ACCOUNT), ("USD" if name == DOLLARS else "CNY")
    row = fill(number, day, side, offset, lots, price, instrument=name, account=account, fee="1.50")
    return replace(row, currency=currency)


def in_dollars(statement: AccountStatement) -> AccountStatement:
    return replace(statement, funds=replace(statement.funds, currency="USD"))


def a_day() -> SettlementInput:
    """Friday: 18 short, 4 long in dollars, 10 long at another broker. Monday: 8 and 1 of them are closed, 3 more opened."""
    first = [
        dealt(1, FRIDAY, Direction.SELL, Offset.OPEN, 18, 70_200, YUAN),
        dealt(2, FRIDAY, Direction.BUY, Offset.OPEN, 4, 9_500, DOLLARS),
        dealt(3, FRIDAY, Direction.BUY, Offset.OPEN, 10, 2_990, ELSEWHERE),
    ]
    second = [
        dealt(4, MONDAY, Direction.BUY, Offset.CLOSE_YESTERDAY, 8, 69_000, YUAN),
        dealt(5, MONDAY, Direction.SELL, Offset.CLOSE_YESTERDAY, 1, 9_800, DOLLARS),
        dealt(6, MONDAY, Direction.BUY, Offset.OPEN, 3, 3_010, ELSEWHERE),
    ]
    statements, funds = [], []
    for name, account, currency in ((YUAN, ACCOUNT, "CNY"), (DOLLARS, ACCOUNT, "USD"), (ELSEWHERE, OTHER, "CNY")):
        broker = NaiveBroker(account=account, balance=D(100_000))
        friday = broker.day(FRIDAY, [row for row in first if row.instrument == name], {name: BEFORE[name]})
        monday = broker.day(MONDAY, [row for row in second if row.instrument == name], {name: NOW[name]}, D(500))
        statements.append(in_dollars(monday) if currency == "USD" else monday)
        funds.append(OpeningFunds(account, currency, friday.funds.balance_cf))
    return SettlementInput(
        BookId("jinhe"),
        MONDAY,
        lots=[lot_of(row) for row in first],
        funds=funds,
        fills=second,
        prices=settlement_prices(MONDAY, NOW),
        previous_prices=settlement_prices(FRIDAY, BEFORE),
        products=PRODUCTS,
        statements=statements,
        vat_rates={"copper": D("0.13"), "soymeal": D("0.09")},
    )


def settled(given: SettlementInput) -> Settlement:
    result = settle_day(given)
    assert isinstance(result, Settlement), [str(rule) for rule in result]
    return result


def test_every_currency_and_broker_agrees_with_its_own_statement() -> None:
    given = a_day()
    result = settled(given)
    assert result.differences == ()
    found = {(row.account, row.currency): row for row in result.figures.funds()}
    assert found.keys() == {(ACCOUNT, "CNY"), (ACCOUNT, "USD"), (OTHER, "CNY")}
    dollars = found[ACCOUNT, "USD"]
    assert (dollars.realised_mtm, dollars.holding_mtm) == (1 * 5 * 200, 3 * 5 * 100)
    assert dollars.realised_trade == 1 * 5 * 300
    assert dollars.fee == D("1.50")
    stated = {(row.account, row.funds.currency): row.funds.balance_cf for row in given.statements}
    assert {pair: row.balance for pair, row in found.items()} == stated


def test_the_snapshot_keeps_the_currencies_apart_and_gives_the_next_day_what_it_starts_from() -> None:
    result = settled(a_day())
    body = encode(result)
    figures = decode(body).figures
    assert {(row.account, row.currency): row.balance for row in figures.funds_after()} == {
        (row.account, row.currency): row.balance for row in result.figures.funds()
    }
    assert figures.quoted() == {(ACCOUNT, YUAN): "CNY", (ACCOUNT, DOLLARS): "USD", (OTHER, ELSEWHERE): "CNY"}
    assert ("CNY",) not in {key[1:] for key in figures.tables["funds"].keys if key[0] == OTHER}
    assert diff(decode(body), decode(body)) == []


def test_one_currency_s_fee_is_no_difference_of_the_other() -> None:
    given = a_day()
    wrong = replace(given.statements[1], funds=replace(given.statements[1].funds, fee=D("1.60")))
    result = settled(replace(given, statements=[given.statements[0], wrong, given.statements[2]]))
    assert [(d.subject, d.account, d.item, d.theirs) for d in result.differences] == [
        ("fee", ACCOUNT, "USD", D("1.60"))
    ]


def test_deposits_of_two_currencies_are_kept_apart() -> None:
    given = a_day()
    rows = [CashMovement(MONDAY, "转账", D(500), D(0), statement.funds.currency) for statement in given.statements]
    stated = [replace(one, cash=(row,)) for one, row in zip(given.statements, rows, strict=True)]
    kept = settled(replace(given, statements=stated)).figures.deposits()
    assert [(row.account, row.currency) for row in kept] == [(ACCOUNT, "CNY"), (ACCOUNT, "USD"), (OTHER, "")]


def test_two_statements_of_one_currency_and_a_lot_of_no_known_one_keep_the_day_open() -> None:
    given = a_day()
    twice = settle_day(replace(given, statements=[*given.statements, given.statements[1]]))
    assert isinstance(twice, list)
    assert "statement_twice" in [rule.rule for rule in twice]
    bare = [replace(one, positions=(), summary=(), closed=()) for one in given.statements]
    prices = [replace(row, currency="EUR") for row in (*given.prices, *given.previous_prices)]
    silent = settle_day(replace(given, statements=bare, fills=[], prices=prices, previous_prices=prices[3:]))
    assert isinstance(silent, list)
    unknown = [rule for rule in silent if rule.rule == "lot_currency_unknown"]
    assert len(unknown) == 2
    assert all("{" not in say(rule.message, lang) for rule in unknown for lang in LANGUAGES)


def test_an_instrument_dealt_in_two_currencies_is_named() -> None:
    given = a_day()
    odd = replace(given.fills[1], currency="CNY", fill_id="9", offset=Offset.OPEN, direction=Direction.BUY)
    result = settle_day(replace(given, fills=[*given.fills, odd]))
    assert isinstance(result, list)
    assert [rule.rule for rule in result if rule.rule.startswith("instrument")] == ["instrument_in_two_currencies"]


def test_deliveries_of_two_currencies_close_their_own_lots_once() -> None:
    given = a_day()
    rows = [
        Delivery(MONDAY, "SHFE", name, HedgeFlag.HEDGE, side, lots, D(0), NOW[name], D(0), D(0))
        for name, side, lots in ((YUAN, Direction.SELL, 10), (DOLLARS, Direction.BUY, 3))
    ]
    stated = [replace(one, deliveries=(row,)) for one, row in zip(given.statements, rows, strict=False)]
    result = settled(replace(given, statements=[*stated, given.statements[2]]))
    gone = [(row.instrument, row.lots) for row in result.figures.closes() if not row.traded]
    assert sorted(gone) == [(YUAN, 10), (DOLLARS, 3)]
    assert {lot.instrument for lot in result.figures.lots_after()} == {ELSEWHERE}
