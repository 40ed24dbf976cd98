"""From settled days to vouchers: measure every day since go-live, post, and keep what is new as drafts.

The whole history is measured again each time, so the result never depends on when somebody last asked. A voucher that is
still a draft follows its inputs; one that has been approved or delivered is never touched: where its inputs now say
something else, that is a difference for a person, with the reversal as the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.accounting.charts import AccountMap
from hedge_core.accounting.events import EventKind
from hedge_core.accounting.inputs import CashFlow, CashKind, DayFacts, FeeCharge, LotDay
from hedge_core.accounting.measurement import DayMeasured, measure_days
from hedge_core.accounting.option_value import TimeValue
from hedge_core.accounting.posting import Posted, PostingPlan, month_end, post_events
from hedge_core.accounting.relationships import (
    HedgeRelationship,
    HedgeStop,
    ItemMovement,
    Rebalance,
    ReserveLoss,
)
from hedge_core.accounting.rule_sets import BookSettings
from hedge_core.accounting.state import MeasureState
from hedge_core.accounting.summaries import Labels
from hedge_core.cash_kinds import MovementKind, movement_kind
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import AccountStatement, Fill
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import SourceRef, Voucher
from hedge_core.ports.storage import Store, StoredSnapshot, UnitOfWork
from hedge_core.settlement import FundsResult, LotResult
from hedge_core.snapshot import decode
from hedge_core.use_cases.keep_vouchers import keep_vouchers
from hedge_core.use_cases.settle import vat_rates
from messages import Message

POSTED_AS: Final[Mapping[MovementKind, CashKind]] = {
    MovementKind.TRANSFER: CashKind.TRANSFER,
    MovementKind.INTEREST: CashKind.INTEREST,
    MovementKind.PENALTY: CashKind.PENALTY,
    MovementKind.DELIVERY: CashKind.DELIVERY,
}
"""How a money movement is posted; a rebate is a negative fee."""

CHARGE: Final = "statement_charge"
"""The source of a fee that stands in a statement's summary only."""


@dataclass(frozen=True, slots=True)
class Designation:
    """A designation file: the relationship, what left the hedged item since, when hedge accounting ended, rebalancing, the
    value by day of an element left out, and the documentation's texts by member."""

    relationship: HedgeRelationship
    movements: tuple[ItemMovement, ...] = ()
    stops: tuple[HedgeStop, ...] = ()
    rebalances: tuple[Rebalance, ...] = ()
    losses: tuple[ReserveLoss, ...] = ()
    excluded: Mapping[date, TimeValue] = field(default_factory=dict)
    documentation: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a book's accounting needs besides its settings: how documents are read, and the names summaries use."""

    read_accounts: Callable[[bytes], AccountMap]
    read_designation: Callable[[bytes], Designation]
    usual_accounts: Callable[[BookSettings], AccountMap]
    labels: Labels = field(default_factory=Labels)


@dataclass(frozen=True, slots=True)
class Accounted:
    """Drafts made, drafts that followed their inputs, drafts withdrawn, vouchers whose inputs changed after approval,
    the entries expected of the ERP, and the rules that kept something from being booked."""

    made: tuple[Voucher, ...]
    renewed: int = 0
    withdrawn: int = 0
    outdated: tuple[str, ...] = ()
    expected: int = 0
    problems: tuple[RuleBroken, ...] = ()


def account(store: Store, book: BookId, through: date, ledger: Ledger, actor: Actor) -> Accounted:
    """Make the vouchers of every settled day up to `through` (a posting date; a monthly voucher needs its whole month).
    Nothing is kept when a rule is broken."""
    with store.begin(book, actor) as uow:
        posted = measured_book(uow, through, ledger).posted
        if posted.problems:
            return Accounted((), problems=posted.problems)
        ours = [voucher for voucher in posted.vouchers if voucher.posting_date <= through]
        result = keep_vouchers(uow, ours, through, actor)
        for entry in posted.expected:
            if entry.posting_date <= through:
                uow.results.add_expectation(entry.expectation_id, entry.posting_date, entry.payload)
        if result.made or result.renewed or result.withdrawn:
            uow.audit.append(
                "vouchers.made",
                through.isoformat(),
                {
                    "made": [voucher.voucher_id for voucher in result.made], "renewed": result.renewed,
                    "withdrawn": result.withdrawn, "outdated": list(result.outdated),
                },
            )  # fmt: skip
        expected = sum(entry.posting_date <= through for entry in posted.expected)
        return Accounted(result.made, result.renewed, result.withdrawn, result.outdated, expected, result.problems)


@dataclass(frozen=True, slots=True)
class MeasuredBook:
    """A book's accounting up to a day: settings, designations, the facts of each day, events and state, and what is posted.
    Any problem stands in `posted.problems`, and then nothing is posted."""

    settings: BookSettings
    designations: tuple[Designation, ...]
    days: tuple[DayFacts, ...]
    measured: DayMeasured
    posted: Posted

    @property
    def relationships(self) -> list[HedgeRelationship]:
        return [designation.relationship for designation in self.designations]


def measured_book(uow: UnitOfWork, through: date, ledger: Ledger) -> MeasuredBook:
    """Measure every settled day up to `through` from the stored snapshots and documents, and post; nothing is kept."""
    settings = BookSettings.read(uow.book.settings)
    problems = [*settings.problems(uow.book.book), *_booked_by(settings)]
    designations = [ledger.read_designation(_document(uow, "designation", n)) for n in uow.documents("designation")]
    problems += unapproved(uow, designations)
    days, day_problems = _days(uow, through, designations)
    problems += day_problems

    def result(measured: DayMeasured, posted: Posted) -> MeasuredBook:
        return MeasuredBook(settings, tuple(designations), tuple(days), measured, posted)

    nothing = DayMeasured((), MeasureState())
    if problems:
        return result(nothing, Posted((), (), tuple(problems)))
    relationships = [designation.relationship for designation in designations]
    measured = measure_days(days, settings, relationships, currency=uow.book.currency)
    if measured.problems:
        return result(measured, Posted((), (), measured.problems))
    accounts = account_map(uow, settings, ledger)
    plan = PostingPlan(uow.book.book, settings, accounts, ledger.labels, uow.book.currency)
    return result(measured, post_events(measured.events, plan))


def account_map(uow: UnitOfWork, settings: BookSettings, ledger: Ledger) -> AccountMap:
    """The book's own map, else the usual codes of its rule set."""
    chart = uow.document("accounts", "map")
    return ledger.read_accounts(chart) if chart else ledger.usual_accounts(settings)


def unapproved(uow: UnitOfWork, designations: Sequence[Designation]) -> list[RuleBroken]:
    """Designations that a second person has not approved, where the book asks for it (`designation_approval = person`)."""
    if uow.book.settings.get("designation_approval", "file") != "person":
        return []
    last = {record.relationship_id: record for record in uow.accounting.designations()}
    names = [designation.relationship.relationship_id for designation in designations]
    return [
        RuleBroken("designation_approval", name, Message("designations.not_approved", {"name": name}))
        for name in names
        if name not in last or not last[name].approved_by
    ]


def _booked_by(settings: BookSettings) -> list[RuleBroken]:
    known = {kind.value for kind in EventKind}
    return [
        RuleBroken("book_setting", f"booked_by.{name}", Message("accounting.booked_by_unknown", {"name": name}))
        for name, _ in settings.booked_by
        if name not in known
    ]


def _document(uow: UnitOfWork, kind: str, name: str) -> bytes:
    body = uow.document(kind, name)
    if body is None:
        raise LookupError(f"document {kind}/{name} disappeared")
    return body


# --- what the days bring ----------------------------------------------------------------------------------------------


def _days(
    uow: UnitOfWork, through: date, designations: Sequence[Designation]
) -> tuple[list[DayFacts], list[RuleBroken]]:
    finals = [s for s in uow.results.snapshots() if s.status == "final" and s.trading_day <= through]
    finals.sort(key=lambda s: s.trading_day)
    problems: list[RuleBroken] = []
    commodities = {designation.relationship.item.commodity for designation in designations}
    days = [_day(uow, s, designations, commodities, _ends_month(s, finals, through), problems) for s in finals]
    return days, problems


def _ends_month(snapshot: StoredSnapshot, finals: Sequence[StoredSnapshot], through: date) -> bool:
    end = month_end(snapshot.trading_day)
    later = any(snapshot.trading_day < other.trading_day <= end for other in finals)
    return not later and through >= end


def _day(
    uow: UnitOfWork,
    snapshot: StoredSnapshot,
    designations: Sequence[Designation],
    commodities: set[str],
    ends_month: bool,
    problems: list[RuleBroken],
) -> DayFacts:
    day = snapshot.trading_day
    full = uow.results.snapshot(day, snapshot.version)
    if full is None:
        raise LookupError(f"snapshot of {day} disappeared")
    figures = decode(full.body).figures
    own = uow.book.currency
    problems += _foreign(uow.book.settings, figures.funds(), own)
    quoted = figures.quoted()
    statements = [stored.statement for stored in uow.statements.on_day(day)]
    statements = [statement for statement in statements if statement.funds.currency == own]
    rebates, flows = _cash(statements, uow.book.settings, problems)
    fills = [fill for fill in uow.statements.fills(day, day) if fill.currency == own]
    return DayFacts(
        trading_day=day,
        lots=tuple(_lot_day(row, day) for row in figures.lots() if quoted[row.account, row.instrument] == own),
        fees=(*_fees(fills), *_charges(statements), *rebates),
        cash=tuple(flows),
        item_prices=_item_prices(uow, day, commodities),
        movements=tuple(m for d in designations for m in d.movements if m.day == day),
        stops=tuple(s for d in designations for s in d.stops if s.day == day),
        rebalances=tuple(r for d in designations for r in d.rebalances if r.day == day),
        losses=tuple(one for d in designations for one in d.losses if one.day == day),
        excluded={d.relationship.relationship_id: d.excluded[day] for d in designations if day in d.excluded},
        month_end=ends_month,
    )


def _lot_day(row: LotResult, day: date) -> LotDay:
    return LotDay(
        lot_id=row.lot_id,
        account=row.account,
        instrument=row.instrument,
        trading_day=day,
        opened_today=row.opened,
        lots_start=row.start,
        lots_closed=row.closed,
        lots_end=row.end,
        realised_trade=row.realised_trade,
        realised_mtm=row.realised_mtm,
        holding_mtm=row.holding_mtm,
        floating_end=row.floating,
        floating_start=row.floating_before,
    )


def _foreign(settings: Mapping[str, str], funds: Sequence[FundsResult], own: str) -> list[RuleBroken]:
    """Accounts in another currency than the ledger's: their results are no amounts of this ledger. A book says that it
    keeps them elsewhere with `foreign_accounts = leave_out`."""
    if settings.get("foreign_accounts", "refuse") == "leave_out":
        return []
    return [
        RuleBroken(
            "foreign_account",
            row.account,
            Message("account.foreign", {"account": row.account, "currency": row.currency, "own": own}),
        )
        for row in funds
        if row.currency != own
    ]


def _charges(statements: Sequence[AccountStatement]) -> list[FeeCharge]:
    """Fees of deliveries and exercises, which the summary states and no fill does."""
    found = []
    for statement in statements:
        amount = statement.funds.delivery_fee + statement.funds.exercise_fee
        if amount:
            day = statement.trading_day
            source = SourceRef(CHARGE, f"{statement.account}:{day.isoformat()}:delivery_and_exercise")
            found.append(FeeCharge(statement.account, "", day, amount, (source,)))
    return found


def _fees(fills: Sequence[Fill]) -> list[FeeCharge]:
    """Fees by account and instrument, with the fills they were charged for."""
    grouped: dict[tuple[str, str], list[Fill]] = {}
    for fill in fills:
        if fill.fee:
            grouped.setdefault((fill.account, fill.instrument), []).append(fill)
    return [
        FeeCharge(
            name,
            instrument,
            charged[0].trading_day,
            sum((fill.fee for fill in charged), Decimal(0)),
            tuple(SourceRef("fill", fill.key) for fill in charged),
        )
        for (name, instrument), charged in sorted(grouped.items())
    ]


def _cash(
    statements: Sequence[AccountStatement], settings: Mapping[str, str], problems: list[RuleBroken]
) -> tuple[list[FeeCharge], list[CashFlow]]:
    """Money movements sorted by what they are; a fee rebate is a negative fee, whatever column it came in."""
    rebates: list[FeeCharge] = []
    flows: list[CashFlow] = []
    for statement in statements:
        for number, row in enumerate(statement.cash, 1):
            name = f"{statement.account}:{statement.trading_day.isoformat()}:cash:{number}"
            source = (SourceRef("statement_cash", name),)
            amount = row.amount_in - row.amount_out
            kind = movement_kind(row, settings)
            if kind is MovementKind.REBATE:
                rebates.append(FeeCharge(statement.account, "", statement.trading_day, -amount, source))
            elif kind is not None and (posted := POSTED_AS.get(kind)) is not None:
                flows.append(CashFlow(statement.account, row.moved_on, posted, amount, source))
            else:
                reason = Message("account.cash_kind", {"kind": row.kind, "amount": amount, "note": row.note})
                problems.append(RuleBroken("cash_kind_unknown", name, reason))
    return rebates, flows


def _item_prices(uow: UnitOfWork, day: date, commodities: set[str]) -> dict[str, Decimal]:
    """Spot prices without VAT of the commodities that are hedged items; a missing one is reported by the measurement."""
    rates = vat_rates(uow.book, commodities)
    spot = uow.broker.prices("spot", day)
    return {name: spot[name].without_vat(rates[name]) for name in sorted(commodities) if name in spot}
