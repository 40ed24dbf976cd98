"""What settled days bring to accounting: lots and options as settled, fees, money moved, item prices, and what designation
files say of the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.accounting.inputs import CashFlow, CashKind, DayFacts, FeeCharge, LotDay
from hedge_core.accounting.option_value import TimeValue
from hedge_core.accounting.posting import month_end
from hedge_core.accounting.relationships import (
    HedgeRelationship,
    HedgeStop,
    ItemMovement,
    Rebalance,
    ReserveLoss,
)
from hedge_core.cash_kinds import MovementKind, movement_kind
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import AccountStatement, Fill
from hedge_core.model.vouchers import SourceRef
from hedge_core.ports.storage import StoredSnapshot, UnitOfWork
from hedge_core.settlement import LotResult
from hedge_core.settlement.figures import Figures
from hedge_core.snapshot import decode
from hedge_core.use_cases.option_days import option_days, with_exercised
from hedge_core.use_cases.settle import vat_rates
from messages import Message

POSTED_AS: Final[Mapping[MovementKind, CashKind]] = {
    MovementKind.TRANSFER: CashKind.TRANSFER,
    MovementKind.INTEREST: CashKind.INTEREST,
    MovementKind.PENALTY: CashKind.PENALTY,
    MovementKind.DELIVERY: CashKind.DELIVERY,
}
"""How a money movement is posted; a rebate is a negative fee."""

_TRANSLATE: Final = "translate"
_LEAVE_OUT: Final = "leave_out"
FOREIGN: Final = "foreign_accounts"
"""Setting: `translate` books accounts in other currencies at the rates of `terms import --kind currency`; `leave_out` where
another ledger books them."""

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
class BookDays:
    """Settled days in order: those of the book's own currency, and by currency those of foreign accounts, with what every
    account had when it went live."""

    own: tuple[DayFacts, ...]
    foreign: Mapping[str, tuple[DayFacts, ...]]
    openings: tuple[AccountOpening, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountOpening:
    """A foreign account at the start of its first settled day, in its currency: balance by the statement, floating result of
    futures in it, and the value of options besides it."""

    account: str
    currency: str
    first_day: date
    balance: Decimal
    floating: Decimal
    options: Decimal


def accounting_days(
    uow: UnitOfWork, through: date, designations: Sequence[Designation]
) -> tuple[BookDays, list[RuleBroken]]:
    """The facts of every final settled day up to `through`. With `foreign_accounts = leave_out` accounts in other currencies
    than the ledger's are kept elsewhere."""
    finals = [s for s in uow.results.snapshots() if s.status == "final" and s.trading_day <= through]
    finals.sort(key=lambda s: s.trading_day)
    problems: list[RuleBroken] = []
    own: list[DayFacts] = []
    foreign: dict[str, list[DayFacts]] = {}
    openings: dict[tuple[str, str], AccountOpening] = {}
    chosen = uow.book.settings.get(FOREIGN, _TRANSLATE)
    if chosen not in (_TRANSLATE, _LEAVE_OUT):
        shown = {"value": chosen, "allowed": f"{_TRANSLATE}, {_LEAVE_OUT}"}
        problems.append(RuleBroken("book_setting", FOREIGN, Message("accounting.setting_unknown", shown)))
    left_out = chosen == _LEAVE_OUT
    for snapshot in finals:
        full = uow.results.snapshot(snapshot.trading_day, snapshot.version)
        if full is None:
            raise LookupError(f"snapshot of {snapshot.trading_day} disappeared")
        figures, ends = decode(full.body).figures, _ends_month(snapshot, finals, through)
        own.append(_day(uow, figures, snapshot.trading_day, uow.book.currency, designations, ends, problems))
        for row in () if left_out else figures.funds():
            if row.currency == uow.book.currency:
                continue
            days = foreign.setdefault(row.currency, [])
            if not days or days[-1].trading_day < snapshot.trading_day:
                days.append(_day(uow, figures, snapshot.trading_day, row.currency, (), ends, problems))
            if (row.account, row.currency) not in openings:
                options = options_at_start(days[-1].lots, row.account)
                openings[row.account, row.currency] = AccountOpening(
                    row.account, row.currency, snapshot.trading_day, row.balance_before, row.floating_before, options
                )
    by_currency = {currency: tuple(days) for currency, days in sorted(foreign.items())}
    return BookDays(tuple(own), by_currency, tuple(openings.values())), problems


def options_at_start(lots: Sequence[LotDay], account: str) -> Decimal:
    """What the options held at the start of an account's first day were worth."""
    held = [lot for lot in lots if lot.account == account and lot.is_option]
    return sum((lot.floating_start + lot.premium_of(lot.lots_start) for lot in held), Decimal(0))


def _ends_month(snapshot: StoredSnapshot, finals: Sequence[StoredSnapshot], through: date) -> bool:
    end = month_end(snapshot.trading_day)
    later = any(snapshot.trading_day < other.trading_day <= end for other in finals)
    return not later and through >= end


def _day(
    uow: UnitOfWork,
    figures: Figures,
    day: date,
    currency: str,
    designations: Sequence[Designation],
    ends_month: bool,
    problems: list[RuleBroken],
) -> DayFacts:
    commodities = {designation.relationship.item.commodity for designation in designations}
    quoted = figures.quoted()
    statements = [stored.statement for stored in uow.statements.on_day(day)]
    statements = [statement for statement in statements if statement.funds.currency == currency]
    rebates, flows = _cash(statements, uow.book.settings, problems)
    fills = [fill for fill in uow.statements.fills(day, day) if fill.currency == currency]
    settled = {name: price.price for name, price in uow.broker.prices("settlement", day).items()}
    options, brought = option_days(figures, day, statements, settled)
    lots = [*(with_exercised(_lot_day(row, day), brought) for row in figures.lots()), *options]
    return DayFacts(
        trading_day=day,
        lots=tuple(lot for lot in lots if quoted[lot.account, lot.instrument] == currency),
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
