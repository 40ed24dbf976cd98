"""A day with delivery rows from import to ledger: settled, the delivery's first step taken, the result and fee booked, tied."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.broker.ctp_statement import read_statements
from hedge_core.delivery import DeliveryStep, StepTaken
from hedge_core.model.futures import AccountStatement, Delivery, PositionDetail
from hedge_core.snapshot import decode
from hedge_core.use_cases.deliveries import record_step
from hedge_core.use_cases.statements import Approval, import_statements
from hedge_core.use_cases.trial_balance import trial_balance
from tests.support.company import (
    ACCOUNTANT,
    ALUMINIUM,
    BOOK_SETTINGS,
    CLERK,
    COPPER,
    DAYS,
    Company,
    inbox,
    statement_name,
)
from tests.support.posting import BOOK

LAST, NEXT = DAYS[-1], date(2026, 3, 9)
FEE = Decimal("12.50")
SIZE = 5  # tonnes per lot of copper and aluminium
D = Decimal


def delivered_statement(
    company: Company, account: str, below: int
) -> tuple[AccountStatement, Delivery, PositionDetail]:
    """The next day of an account that trades nothing and delivers one lot of its first position, `below` yuan a tonne under
    the settlement price of the day before; every figure of it added up here."""
    path = statement_name(account, LAST)
    (before,) = read_statements(path, inbox()[path])
    with company.store.read(BOOK) as uow:
        prices = {name: price.price for name, price in uow.broker.prices("settlement", NEXT).items()}
    first = before.positions[0]
    price = first.settlement_price - below
    row = Delivery(
        NEXT, first.exchange, first.instrument, first.hedge_flag, first.direction, 1, first.open_price, price, D(0), FEE
    )
    rows = []
    for place, held in enumerate(before.positions):
        lots = held.lots - (1 if place == 0 else 0)
        if lots:
            now, sign = prices[held.instrument], held.direction.sign * lots * SIZE
            rows.append(
                replace(
                    held, lots=lots, previous_settlement=held.settlement_price, settlement_price=now,
                    floating=sign * (now - held.open_price), holding_mtm=sign * (now - held.settlement_price),
                    margin=D(0),
                )
            )  # fmt: skip
    holding = sum((one.holding_mtm for one in rows), D(0))
    result = first.direction.sign * SIZE * (price - first.settlement_price)
    balance = before.funds.balance_cf + holding + result - FEE
    zero = dict.fromkeys(
        ("deposit_withdrawal", "realised_mtm", "fee", "margin", "delivery_margin", "risk_degree"), D(0)
    )
    funds = replace(
        before.funds, **zero, balance_bf=before.funds.balance_cf, holding_mtm=holding, delivery_result=result,
        delivery_fee=FEE, balance_cf=balance, equity=balance, market_equity=balance, available=balance,
    )  # fmt: skip
    made = replace(
        before, trading_day=NEXT, first_day=NEXT, created_on=NEXT, funds=funds, fills=(), closed=(), summary=(), cash=(),
        totals=(), unknown=("summary", "positions.margin"), positions=tuple(rows), deliveries=(replace(row, result=result),),
    )  # fmt: skip
    return made, row, first


def import_day(company: Company) -> tuple[Delivery, PositionDetail]:
    company.prices(NEXT)
    company.statement(statement_name(ALUMINIUM, NEXT))
    made, row, first = delivered_statement(company, COPPER, 300)
    (done,) = import_statements(
        company.store, BOOK, "delivered.txt", b"delivered", lambda *_: [made], company.app.products, CLERK,
        company.app.clock, Approval(accept="no margin printed"),
    )  # fmt: skip
    assert done.state == "stored", done
    return row, first


def test_a_delivery_waits_for_its_day_to_be_settled_and_then_for_its_papers(company: Company) -> None:
    row, first = import_day(company)
    with company.store.read(BOOK) as uow:
        (case,) = uow.reconciliation.deliveries()
    assert (case.state, case.direction, case.quantity) == ("waits_for_closed", first.direction, D(SIZE))
    settled = company.settle(NEXT)
    assert (settled.state, settled.differences, settled.broken) == ("settled", (), ())
    with company.store.read(BOOK) as uow:
        (case,) = uow.reconciliation.deliveries()
        snapshot = uow.results.snapshot(NEXT)
    assert snapshot is not None
    (close,) = [one for one in decode(snapshot.body).figures.closes() if one.delivered]
    assert case.taken == (StepTaken(DeliveryStep.CLOSED, NEXT, close.fill_key, D(SIZE)),)
    assert (close.lots, close.close_price) == (1, row.delivery_price)
    assert case.state in ("waits_for_receipt", "waits_for_payment")
    assert {step for step, _ in case.missing()} == {DeliveryStep.RECEIPT, DeliveryStep.PAYMENT, DeliveryStep.INVOICE}
    for step, amount in case.missing():
        case = record_step(
            company.store, BOOK, case.delivery_id, StepTaken(step, NEXT, f"{step.value} 1", amount), ACCOUNTANT
        )
    assert case.state == "complete"


@pytest.mark.parametrize(
    ("rule_set", "variation"), [("none", "sweep"), ("none", "keep"), ("small_enterprise", "sweep")]
)
def test_result_and_fee_of_delivered_lots_are_booked_and_tie_to_the_broker(
    company: Company, rule_set: str, variation: str
) -> None:
    chosen = {**BOOK_SETTINGS, "rule_set": rule_set, "variation": variation}
    with company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings(chosen)
    import_day(company)
    assert company.settle(NEXT).state == "settled"
    made = company.make_vouchers(NEXT)
    assert made.problems == ()
    result = trial_balance(company.store, BOOK, date(2026, 3, 1), NEXT, company.app.ledger(chosen))
    ties = [tie for tie in result.ties if tie.day == NEXT and tie.subject == COPPER]
    assert {tie.name for tie in ties} == (
        {"margin_mtm"} if (rule_set, variation) == ("none", "sweep")
        else {"margin_trade", "margin_and_instruments"} if rule_set == "none" else {"margin_trade"}
    )  # fmt: skip
    for tie in ties:
        assert tie.ours == tie.theirs
        assert tie.holds
    assert [tie for tie in result.ties if not tie.holds] == []
    fees = [line for v in made.made for line in v.lines if any(one.kind == "statement_charge" for one in line.sources)]
    assert {abs(line.debit - line.credit) for line in fees} == {FEE}
