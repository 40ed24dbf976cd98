"""What must hold inside a broker's statement, and from one day to the next: a list of small functions over exact figures.

`refuse` findings stop the import, `warn` findings can be accepted by a person with a reason. The sums that were seen to hold
on real statements refuse; formulas that brokers are known to vary (funds available, margin, options, pledges, exercise and
delivery) warn. Prices × lots × contract size are rounded to the currency's minor unit, as brokers print them; everything else
is compared as it is. Rules: broker facts 3.3 of the project (CTP statement identities), numbered in the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import product as combinations
from typing import Final

from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import AccountStatement, Direction, Product
from hedge_core.product_table import ProductTable
from hedge_core.rounding import EXACT, round_half_up, round_money
from hedge_core.statement_findings import Finding, Severity, compared, total
from hedge_core.statement_roll import roll_findings
from messages import Message

__all__ = ["CHECKS", "Finding", "Severity", "check_statement"]

_ZERO: Final = Decimal(0)


def check_statement(
    statement: AccountStatement,
    previous: AccountStatement | None,
    products: ProductTable | Iterable[Product],
    days_between: Sequence[date] | None = None,
) -> list[Finding]:
    """Everything that is off in a statement, refusals first; an empty list if nothing is.

    `previous` is the latest earlier statement of the same account and currency, or None. `days_between` are the trading
    days strictly between the two that have no statement, from a calendar; None if no calendar is at hand.
    ValueError if `previous` is of another account or currency, or not earlier: a caller's mistake."""
    table = products if isinstance(products, ProductTable) else ProductTable(products)
    with localcontext(EXACT):
        findings = [found for check in CHECKS for found in check(statement, table)]
        if previous is not None:
            findings.extend(roll_findings(statement, previous, days_between))
    return sorted(findings, key=lambda found: found.severity is not Severity.REFUSE)


# --- the account's own sums (rules 1 and 2) ---------------------------------------------------------------------------

_UNPROVEN: Final = (
    ("exercise_result", 1),
    ("delivery_result", 1),
    ("exercise_fee", -1),
    ("delivery_fee", -1),
    ("premium_received", 1),
    ("premium_paid", -1),
    ("fx_pledge_in", 1),
    ("fx_pledge_out", -1),
)
"""Terms of rule 1 and the sign they are believed to have: no statement seen so far had them."""


def _balance(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Rule 1. A gap that leaving out or turning unproven terms explains is a warning, any other gap a refusal."""
    funds = statement.funds
    proven = funds.balance_bf + funds.deposit_withdrawal + funds.realised_mtm + funds.holding_mtm - funds.fee
    terms = [getattr(funds, name) * sign for name, sign in _UNPROVEN]
    expected = proven + total(terms)
    present = [term for term in terms if term]
    explained = any(
        proven + total(term * factor for term, factor in zip(present, factors, strict=True)) == funds.balance_cf
        for factors in combinations((1, 0, -1), repeat=len(present))
    )
    severity = Severity.WARN if explained else Severity.REFUSE
    yield from compared(severity, "balance", "statement.check_balance", expected, funds.balance_cf)


def _equity(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Rule 1, second half; the trade-by-trade view adds the floating result (rule 3)."""
    funds = statement.funds
    expected = funds.balance_cf + funds.pledge + funds.floating
    pledged = any(
        (funds.pledge, funds.pledge_change, funds.fx_pledge_in, funds.fx_pledge_out, funds.fx_pledge_occupied)
    )
    severity = Severity.WARN if pledged else Severity.REFUSE
    yield from compared(severity, "equity", "statement.check_equity", expected, funds.equity)


def _available(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Rule 2: orders still resting freeze money that no line of the statement names, so this can only warn."""
    funds = statement.funds
    expected = funds.equity - funds.margin - funds.delivery_margin
    yield from compared(Severity.WARN, "available", "statement.check_available", expected, funds.available)


def _market_equity(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    funds = statement.funds
    expected = funds.equity + funds.option_value_long + funds.option_value_short
    yield from compared(Severity.WARN, "market_equity", "statement.check_market_equity", expected, funds.market_equity)


def _risk_degree(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Rule 2: margin over equity, two decimals of a percent; counters round or cut, both pass."""
    funds = statement.funds
    if funds.equity <= 0:
        return
    ratio = funds.margin / funds.equity
    is_cut = funds.risk_degree <= ratio < funds.risk_degree + Decimal("0.0001")
    if not is_cut:
        rounded = round_half_up(ratio, 4)
        yield from compared(Severity.WARN, "risk_degree", "statement.check_risk_degree", rounded, funds.risk_degree)


def _margin_call(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    funds = statement.funds
    expected = max(_ZERO, -funds.available)
    yield from compared(Severity.WARN, "margin_call", "statement.check_margin_call", expected, funds.margin_call)


# --- sections against their total rows, the account, and each other ---------------------------------------------------


def _section_totals(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    for section, column, printed in statement.totals:
        rows = total(Decimal(getattr(row, column)) for row in getattr(statement, section))
        params = {"section": section, "column": column}
        yield from compared(Severity.REFUSE, "section_total", "statement.check_total", rows, printed, **params)


def _fees(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Rule 5: the financial exchange's order fees are charged on top, so with its contracts more than the sum only warns."""
    rows, printed = total(fill.fee for fill in statement.fills), statement.funds.fee
    order_fees = printed > rows and "CFFEX" in _exchanges(statement)
    severity = Severity.WARN if order_fees else Severity.REFUSE
    yield from compared(severity, "fees", "statement.check_fees", rows, printed)


def _realised(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Rule 5: 平仓盈亏 of the fills, of 平仓明细 and of the account are one figure."""
    printed = statement.funds.realised_mtm
    fills, closed = (total(row.realised_mtm for row in rows) for rows in (statement.fills, statement.closed))
    # Exercise and delivery close lots without a fill; some counters list them in 平仓明细.
    severity = Severity.WARN if statement.exercises or statement.deliveries else Severity.REFUSE
    yield from compared(severity, "realised", "statement.check_realised_fills", fills, printed)
    yield from compared(severity, "realised", "statement.check_realised_closed", closed, printed)


def _holding(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """盯市盈亏 (or 浮动盈亏 in the trade-by-trade view) of the rows is the account's. A month's sum has no rows to compare."""
    if statement.first_day != statement.trading_day:
        return
    severity = Severity.WARN if _has_options(statement) else Severity.REFUSE
    if statement.view == "mtm":
        rows = total(row.holding_mtm for row in statement.positions)
        yield from compared(severity, "holding", "statement.check_holding", rows, statement.funds.holding_mtm)
    else:
        rows = total(row.floating for row in statement.positions)
        yield from compared(severity, "floating", "statement.check_floating", rows, statement.funds.floating)


def _cash(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    rows = total(row.amount_in - row.amount_out for row in statement.cash)
    yield from compared(Severity.REFUSE, "cash", "statement.check_cash", rows, statement.funds.deposit_withdrawal)


def _closed_lots(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Every closing fill has its lots in 平仓明细."""
    closing: dict[tuple[str, Direction], list[int]] = {}
    for fill in statement.fills:
        if not fill.offset.opens:
            closing.setdefault((fill.instrument, fill.direction), [0, 0])[0] += fill.lots
    for lot in statement.closed:
        closing.setdefault((lot.instrument, lot.direction), [0, 0])[1] += lot.lots
    severity = Severity.WARN if statement.exercises or statement.deliveries else Severity.REFUSE
    for (instrument, direction), (fills, lots) in sorted(closing.items()):
        params = {"instrument": instrument, "direction": direction.value}
        yield from compared(severity, "closed_lots", "statement.check_closed_lots", fills, lots, **params)


def _summary_lots(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """持仓汇总 adds up 持仓明细 by contract, side and hedge flag."""
    held: dict[tuple[str, Direction, str], list[int]] = {}
    for row in statement.positions:
        held.setdefault((row.instrument, row.direction, row.hedge_flag.value), [0, 0])[0] += row.lots
    for line in statement.summary:
        for direction, lots in ((Direction.BUY, line.long_lots), (Direction.SELL, line.short_lots)):
            held.setdefault((line.instrument, direction, line.hedge_flag.value), [0, 0])[1] += lots
    for (instrument, direction, flag), (rows, lots) in sorted(held.items()):
        params = {"instrument": instrument, "direction": direction.value, "flag": flag}
        yield from compared(Severity.REFUSE, "summary_lots", "statement.check_summary_lots", rows, lots, **params)


def _margin(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Rule 6: the account's margin is 持仓汇总's, after the one-sided rule. Margin without any position is a cut file."""
    printed = statement.funds.margin
    if printed and not statement.positions and not statement.summary:
        message = Message("statement.check_margin_without_positions", {"found": printed})
        yield Finding(Severity.REFUSE, "margin", message, _ZERO, printed, printed)
        return
    rows = total(row.margin for row in statement.summary)
    yield from compared(Severity.WARN, "margin", "statement.check_margin", rows, printed)


def _options_and_deliveries(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """Sums that no statement seen so far could prove: option values, premiums, exercise, delivery."""
    funds = statement.funds
    values = total(row.option_value for row in statement.positions)
    premiums = total(row.premium for row in statement.fills)
    exercised = total(row.result for row in statement.exercises)
    delivered = total(row.result for row in statement.deliveries)
    for name, expected, found in (
        ("option_value", values, funds.option_value_long + funds.option_value_short),
        ("premium", premiums, funds.premium_received - funds.premium_paid),
        ("exercise", exercised, funds.exercise_result),
        ("delivery", delivered, funds.delivery_result),
    ):
        yield from compared(Severity.WARN, name, f"statement.check_{name}", expected, found)


def _unread_sections(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    for section in statement.unread_sections:
        message = Message("statement.check_unread_section", {"section": section})
        yield Finding(Severity.WARN, "unread_section", message)


def _prices_above_zero(statement: AccountStatement, _: ProductTable) -> Iterator[Finding]:
    """A fill has a price, and it is above zero."""
    for fill in statement.fills:
        if fill.price <= 0:
            shown = {"record": fill.fill_id, "instrument": fill.instrument, "price": fill.price}
            yield Finding(Severity.REFUSE, "price", Message("statement.check_price", shown), None, fill.price, None)


# --- rows against their prices (rule 4) -------------------------------------------------------------------------------


def _row_results(statement: AccountStatement, products: ProductTable) -> Iterator[Finding]:
    """成交额, 平仓盈亏, 盯市盈亏 and 浮动盈亏 of every row from its prices, lots and contract size. Options only warn."""
    unknown: dict[str, date] = {}
    currency = statement.funds.currency

    def size(instrument: str, day: date) -> int:
        known = products.of_instrument(instrument, day)
        if known is None and parse_instrument(instrument) is not None:
            unknown.setdefault(instrument, day)
        return known.multiplier if known else 0

    def off(
        name: str, instrument: str, record: object, expected: Iterable[Decimal], found: Decimal
    ) -> Iterator[Finding]:
        amounts = [round_money(value, currency) for value in expected]
        if found not in amounts:
            params = {"instrument": instrument, "record": record}
            severity = Severity.WARN if _is_option(instrument) else Severity.REFUSE
            yield from compared(severity, name, f"statement.check_{name}", amounts[0], found, **params)

    for fill in statement.fills:
        if lot_size := size(fill.instrument, fill.trading_day):
            expected = fill.price * fill.lots * lot_size
            yield from off("turnover", fill.instrument, fill.fill_id, [expected], fill.turnover)
    bases = _Bases(statement)
    for lot in statement.closed:
        day = lot.closed_on or statement.trading_day
        if lot_size := size(lot.instrument, day):
            units = lot.lots * lot_size * -lot.direction.sign  # a sale closes what was bought
            prices = bases.of(lot.instrument, lot.open_date, day, lot.open_price, lot.previous_settlement)
            results = [(lot.close_price - base) * units for base in prices]
            yield from off("closed_result", lot.instrument, lot.open_date, results, lot.realised_mtm)
    for row in statement.positions:
        if lot_size := size(row.instrument, statement.trading_day):
            units = row.lots * lot_size * row.direction.sign
            floating = (row.settlement_price - row.open_price) * units
            yield from off("floating_result", row.instrument, row.open_date, [floating], row.floating)
            if statement.view == "mtm" and statement.first_day == statement.trading_day:
                prices = bases.of(
                    row.instrument, row.open_date, statement.trading_day, row.open_price, row.previous_settlement
                )
                results = [(row.settlement_price - base) * units for base in prices]
                yield from off("holding_result", row.instrument, row.open_date, results, row.holding_mtm)
    for instrument, day in sorted(unknown.items()):
        parts = parse_instrument(instrument)
        shown = {"product": parts.product if parts else instrument, "exchange": instrument.split(".")[0], "day": day}
        yield Finding(Severity.WARN, "unknown_product", Message("instrument.unknown_product", shown))


class _Bases:
    """The price a day's result counts from: the open price for a lot opened that day, else yesterday's settlement.

    A lot opened in the night session may print the evening's date instead of its trading day: then either base passes,
    but only for dates that the day's own opening fills print."""

    def __init__(self, statement: AccountStatement) -> None:
        self.by_trade = statement.view != "mtm"
        self.evenings = {(fill.instrument, fill.traded_on) for fill in statement.fills if fill.offset.opens}

    def of(self, instrument: str, opened: date, day: date, open_price: Decimal, previous: Decimal) -> list[Decimal]:
        if self.by_trade or opened == day:
            return [open_price]
        return [previous, open_price] if (instrument, opened) in self.evenings else [previous]


def _is_option(instrument: str) -> bool:
    parts = parse_instrument(instrument)
    return parts is not None and parts.is_option


def _has_options(statement: AccountStatement) -> bool:
    held = {row.instrument for row in statement.positions} | {fill.instrument for fill in statement.fills}
    return any(_is_option(instrument) for instrument in held)


def _exchanges(statement: AccountStatement) -> set[str]:
    return {row.exchange for row in statement.positions} | {fill.exchange for fill in statement.fills}


CHECKS: Final[tuple[Callable[[AccountStatement, ProductTable], Iterator[Finding]], ...]] = (
    _prices_above_zero,
    _balance,
    _equity,
    _section_totals,
    _fees,
    _realised,
    _holding,
    _cash,
    _closed_lots,
    _summary_lots,
    _row_results,
    _available,
    _market_equity,
    _risk_degree,
    _margin_call,
    _margin,
    _options_and_deliveries,
    _unread_sections,
)
"""Every check of a single statement. A new rule is a new function here."""
