"""Designation files as records: handed in by one person, approved by another, never back-dated, and their effectiveness."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hedge_core.accounting.effectiveness import Regression, TermCompared, critical_terms, highly_effective, regression
from hedge_core.accounting.relationships import HedgeRelationship
from hedge_core.accounting.reserve import effectiveness
from hedge_core.accounting.rule_sets import TERMS
from hedge_core.accounting.state import Measured
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.accounting import DesignationRecord
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.product_table import ProductTable
from hedge_core.use_cases.account import Ledger, MeasuredBook, measured_book
from hedge_core.use_cases.accounting_days import Designation
from messages import Message

DOCUMENT = "designation"


def record_designation(
    store: Store, book: BookId, body: bytes, read: Callable[[bytes], Designation], actor: Actor
) -> DesignationRecord:
    """Keep a file as the next version of its relationship (the same content makes none). RuleBroken for a designation that
    breaks a rule, is dated into a closed period, or later than the first voucher that is on its way already; with the
    setting `designation_dates = strict` also for one handed in after its own date."""
    designation = read(body)
    relationship = designation.relationship
    name = relationship.relationship_id
    with store.begin(book, actor) as uow:
        problems = [*relationship.problems(), *_back_dated(uow, relationship)]
        if problems:
            raise problems[0]
        version = uow.save_document(DOCUMENT, name, body)
        uow.accounting.record_designation(name, version, _digest(body), relationship.designated_on)
        record = uow.accounting.designations(name)[-1]
        if uow.book.settings.get("designation_dates", "shown") == "strict":
            recorded = record.recorded_at.date()
            if recorded > relationship.designated_on and record.version == 1:
                dates: dict[str, object] = {"recorded": recorded, "day": relationship.designated_on}
                raise RuleBroken("designation_backdated", name, Message("designations.recorded_late", dates))
        uow.audit.append(
            "designation.imported",
            name,
            {
                "designated_on": relationship.designated_on, "approved_by": relationship.approved_by,
                "version": version, "digest": record.digest,
            },
        )  # fmt: skip
        return record


def approve_designation(store: Store, book: BookId, relationship_id: str, actor: Actor) -> DesignationRecord:
    """A second person approves the present version, bound to its content."""
    with store.begin(book, actor) as uow:
        record = _last(uow, relationship_id)
        body = uow.document(DOCUMENT, relationship_id)
        if record is None or body is None:
            raise RuleBroken("designation_approval", relationship_id, Message("designations.none"))
        if record.approved_by:
            shown = {"name": record.approved_by}
            raise RuleBroken("designation_approval", relationship_id, Message("designations.approved_already", shown))
        if record.recorded_by == actor.name:
            shown = {"name": actor.name}
            raise RuleBroken("designation_approval", relationship_id, Message("designations.approver_recorded", shown))
        uow.accounting.approve_designation(relationship_id, record.version, record.digest)
        uow.audit.append("designation.approved", relationship_id, {"version": record.version, "digest": record.digest})
        return uow.accounting.designations(relationship_id)[-1]


@dataclass(frozen=True, slots=True)
class EffectivenessReport:
    """One relationship's effectiveness, three ways: cumulative amounts of instrument and item with reserve and ineffective
    part, their dollar offset, the regression of their changes, and the critical terms. `gated` says whether its rule set
    makes hedge accounting depend on it, `effective` whether it passes."""

    relationship_id: str
    rule_set: str
    as_of: date | None
    instrument: Decimal
    item: Decimal
    reserve: Decimal
    ineffective: Decimal
    dollar_offset: Decimal | None
    within_80_125: bool
    regression: Regression
    critical_terms: tuple[TermCompared, ...]
    gated: bool
    effective: bool
    history: tuple[Measured, ...]


def effectiveness_reports(
    store: Store, book: BookId, through: date, ledger: Ledger, products: ProductTable
) -> tuple[list[EffectivenessReport], tuple[RuleBroken, ...]]:
    """The report of every relationship up to a day, and the problems that stopped the measurement, if any."""
    with store.read(book) as uow:
        measured = measured_book(uow, through, ledger)
    found = []
    for relationship in measured.relationships:
        state = measured.measured.state.hedges.get(relationship.relationship_id)
        history = state.history if state is not None else ()
        last = history[-1] if history else None
        instrument, item = (last.instrument, last.item) if last is not None else (Decimal(0), Decimal(0))
        figures = effectiveness(instrument, item)
        found.append(
            EffectivenessReport(
                relationship.relationship_id,
                relationship.rule_set.value,
                last.day if last is not None else None,
                instrument,
                item,
                figures.reserve,
                figures.ineffective,
                figures.dollar_offset,
                figures.within_80_125,
                regression(history),
                tuple(_terms(measured, relationship, products)),
                TERMS[relationship.rule_set].effectiveness_gate,
                highly_effective(history),
                history,
            )
        )
    return found, measured.posted.problems


def _terms(measured: MeasuredBook, relationship: HedgeRelationship, products: ProductTable) -> list[TermCompared]:
    """Of the instruments that were designated at the start, as the days show them."""
    days = {lot.lot_id: lot for facts in reversed(measured.days) for lot in facts.lots}
    quantity, commodities, signs = Decimal(0), set(), set()
    for share in relationship.instruments:
        lot = days.get(share.lot_id)
        if lot is None or share.from_day != relationship.designated_on:
            continue
        product = products.of_instrument(lot.instrument, lot.trading_day)
        if product is None:
            continue
        quantity += share.lots * product.multiplier
        commodities.add(product.commodity)
        signs.add(1 if lot.lot_id.endswith("/buy") else -1)
    if len(commodities) != 1 or len(signs) != 1:
        return []
    return critical_terms(relationship, commodities.pop(), quantity, signs.pop())


def _back_dated(uow: UnitOfWork, relationship: HedgeRelationship) -> list[RuleBroken]:
    name, day = relationship.relationship_id, relationship.designated_on
    period = f"{day:%Y-%m}"
    known = [record for record in uow.accounting.designations(name) if record.designated_on == day]
    if period in uow.accounting.closed_periods() and not known:
        shown: dict[str, object] = {"day": day, "period": period}
        return [RuleBroken("designation_backdated", name, Message("designations.closed_period", shown))]
    entries = [s.voucher.posting_date for s in uow.results.vouchers() if s.voucher.relationship == name]
    if entries and min(entries) < day:
        dates: dict[str, object] = {"entry": min(entries), "day": day}
        return [RuleBroken("designation_backdated", name, Message("designations.moved", dates))]
    return []


def _last(uow: UnitOfWork, relationship_id: str) -> DesignationRecord | None:
    records = uow.accounting.designations(relationship_id)
    return records[-1] if records else None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
