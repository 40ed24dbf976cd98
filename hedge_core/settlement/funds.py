"""An account's funds over the day: fees, deposits and results in the order of a settlement, margin from the statement."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedge_core.model.futures import AccountFunds, AccountStatement
from hedge_core.settlement.accounts import AccountsOfDay
from hedge_core.settlement.inputs import OpeningFunds
from hedge_core.settlement.rows import FundsResult

_ZERO = Decimal(0)


def deposits_of(statement: AccountStatement) -> Decimal:
    """Money moved in less out: the rows of 出入金明细, or the summary's figure where the counter prints no rows."""
    if statement.cash:
        return sum((row.amount_in - row.amount_out for row in statement.cash), _ZERO)
    return statement.funds.deposit_withdrawal


def deposits_by_kind(
    statements: Iterable[AccountStatement], accounts: AccountsOfDay
) -> dict[tuple[str, ...], tuple[Decimal, Decimal]]:
    """(account, the broker's word for the kind, and the currency of an account that has several) -> money in, money out,
    from the rows of 出入金明细."""
    sums: dict[tuple[str, ...], tuple[Decimal, Decimal]] = {}
    for statement in statements:
        account, *several = accounts.key((statement.account, statement.funds.currency))
        for row in statement.cash:
            paid_in, paid_out = sums.get((account, row.kind, *several), (_ZERO, _ZERO))
            sums[(account, row.kind, *several)] = paid_in + row.amount_in, paid_out + row.amount_out
    return dict(sorted(sums.items()))


def other_results(funds: AccountFunds) -> Decimal:
    """Option, delivery and currency pledge terms of the balance, as the statement has them (broker facts 3.3, 1)."""
    return (
        funds.exercise_result
        + funds.delivery_result
        - funds.exercise_fee
        - funds.delivery_fee
        + funds.premium_received
        - funds.premium_paid
        + funds.fx_pledge_in
        - funds.fx_pledge_out
    )


def roll_funds(
    before: OpeningFunds,
    statement: AccountStatement,
    *,
    fees: Iterable[Decimal],
    realised_mtm: Decimal,
    holding_mtm: Decimal,
    realised_trade: Decimal,
    floating_before: Decimal,
    floating: Decimal,
    delivery_mtm: Decimal = _ZERO,
    delivery_trade: Decimal = _ZERO,
    premium: Decimal = _ZERO,
    option_value: Decimal = _ZERO,
) -> FundsResult:
    """Carry the account from yesterday's balance to today's; equity adds the pledge moved by the day's change of it.

    Results of delivered lots are ours (`delivery_mtm`, `delivery_trade`) and not part of `realised_*`; the option premium
    is the statement's, and ours is compared with it."""
    fee, deposits = sum(fees, _ZERO), deposits_of(statement)
    other = other_results(statement.funds) - statement.funds.delivery_result + delivery_mtm
    balance = before.balance + deposits + realised_mtm + holding_mtm - fee + other
    pledge = before.pledge + statement.funds.pledge_change
    return FundsResult(
        before.account,
        before.currency,
        before.balance,
        before.pledge,
        deposits,
        realised_mtm,
        holding_mtm,
        fee,
        other,
        balance,
        pledge,
        balance + pledge,
        realised_trade,
        floating_before,
        floating,
        statement.funds.margin,
        statement.funds.delivery_margin,
        delivery_mtm,
        delivery_trade,
        premium,
        option_value,
    )
