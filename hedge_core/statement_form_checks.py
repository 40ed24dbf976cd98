"""Checks that know what kind of document a statement is: what it does not say proves nothing, and two views of one day agree.

`check_any_statement` is `check_statement` for statements from any source. A finding that rests on a figure the document does
not print is left out. Charges that the document lists apart complete the sum of fees, and may explain a gap of the balance,
which then warns. Rule 3 of
the broker facts (CFMMC, both views): mark-to-market balance + deposits + day's result + premiums − fees, trade-by-trade the
realised result instead, and equity = that balance + floating; equity, margin, fees and deposits are the same in both views,
balance and results are not and are never compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.model.futures import AccountStatement, Product
from hedge_core.product_table import ProductTable
from hedge_core.statement_checks import Finding, Severity, check_statement
from hedge_core.statement_findings import compared, total
from messages import Message

RESTS_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "statement.check_balance": ("funds.balance_bf",),
    "statement.check_equity": ("funds.equity",),
    "statement.check_available": ("funds.available",),
    "statement.check_market_equity": ("funds.market_equity", "funds.option_value"),
    "statement.check_risk_degree": ("funds.risk_degree", "funds.margin"),
    "statement.check_margin_call": ("funds.margin_call", "funds.available"),
    "statement.check_margin": ("funds.margin", "summary", "summary.margin"),
    "statement.check_margin_without_positions": ("positions",),
    "statement.check_fees": ("fills", "fills.fee", "funds.fee"),
    "statement.check_realised_fills": ("fills", "fills.realised_mtm", "funds.realised_mtm"),
    "statement.check_realised_closed": ("closed", "closed.realised_mtm", "funds.realised_mtm"),
    "statement.check_holding": ("positions", "positions.holding_mtm", "funds.holding_mtm"),
    "statement.check_floating": ("positions", "positions.floating", "funds.floating"),
    "statement.check_cash": ("cash", "funds.deposit_withdrawal"),
    "statement.check_closed_lots": ("closed", "fills"),
    "statement.check_summary_lots": ("summary", "positions"),
    "statement.check_turnover": ("fills.turnover",),
    "statement.check_closed_result": ("closed.open_date", "closed.previous_settlement", "closed.realised_mtm"),
    "statement.check_holding_result": ("positions.holding_mtm", "positions.previous_settlement"),
    "statement.check_floating_result": ("positions.floating",),
    "statement.check_option_value": ("funds.option_value", "positions.option_value"),
    "statement.check_premium": ("fills.premium",),
    "statement.check_exercise": ("funds.exercise_result", "exercises"),
    "statement.check_delivery": ("funds.delivery_result", "deliveries"),
    "statement.check_roll_balance": ("funds.balance_bf",),
    "statement.check_roll_price": ("positions.previous_settlement", "closed.previous_settlement"),
    "statement.check_roll_lots": ("fills", "positions"),
    "statement.check_roll_lots_dated": ("closed", "positions.trading_day_of_opening", "positions.open_date"),
}
"""Finding (by message id) -> the figures it compares; one of them unknown, and there is nothing to compare."""


def check_any_statement(
    statement: AccountStatement,
    previous: AccountStatement | None,
    products: ProductTable | Iterable[Product],
    days_between: Sequence[date] | None = None,
) -> list[Finding]:
    """Everything that is off in a statement of any source, refusals first. Arguments as for `check_statement`."""
    silent = {*statement.unknown, *(previous.unknown if previous else ())}
    charges = total(row.amount_out - row.amount_in for row in statement.other_charges)
    kept = [
        _graded(finding, charges)
        for finding in check_statement(statement, previous, products, days_between)
        if not silent.intersection(RESTS_ON.get(finding.message.id, ()))
        and not (finding.identity == "fees" and charges and finding.difference == charges)
    ]
    return sorted(kept, key=lambda finding: finding.severity is not Severity.REFUSE)


def _graded(finding: Finding, charges: Decimal) -> Finding:
    """Whether charges listed apart are part of the balance is not proven: a gap that they explain warns."""
    explained = finding.identity == "balance" and charges and finding.difference in (charges, -charges)
    return replace(finding, severity=Severity.WARN) if explained else finding


_SAME_IN_BOTH: Final = ("equity", "margin", "fee", "deposit_withdrawal")


def two_view_findings(mtm: AccountStatement, trade: AccountStatement) -> list[Finding]:
    """What differs between the two views of one account and day although it must not. ValueError if they are not that."""
    if (mtm.account, mtm.trading_day, mtm.funds.currency) != (trade.account, trade.trading_day, trade.funds.currency):
        raise ValueError("two views belong to one account, day and currency")
    if (mtm.view, trade.view) != ("mtm", "trade"):
        raise ValueError("the first is the mark-to-market view, the second the trade-by-trade view")
    found: list[Finding] = []
    for name in _SAME_IN_BOTH:
        expected, printed = getattr(mtm.funds, name), getattr(trade.funds, name)
        label = Message(f"reconciliation.subject_{name}")
        found += compared(Severity.REFUSE, "two_views", "reconciliation.two_views", expected, printed, subject=label)
    held: dict[tuple[str, str], list[int]] = {}
    for side, statement in enumerate((mtm, trade)):
        for row in statement.positions:
            held.setdefault((row.instrument, row.direction.value), [0, 0])[side] += row.lots
    for (instrument, direction), (expected, printed) in sorted(held.items()):
        label = Message("reconciliation.subject_lots_of", {"instrument": instrument, "direction": direction})
        found += compared(Severity.REFUSE, "two_views", "reconciliation.two_views", expected, printed, subject=label)
    return found
