"""From settled days to vouchers: measure every day since go-live, post, and keep what is new as drafts.

The whole history is measured again each time, so the result never depends on when somebody last asked. A voucher that is
still a draft follows its inputs; one that has been approved or delivered is never touched: where its inputs now say
something else, that is a difference for a person, with the reversal as the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from hedge_core.accounting.charts import AccountMap
from hedge_core.accounting.events import EventKind
from hedge_core.accounting.foreign import ForeignPlan
from hedge_core.accounting.inputs import DayFacts
from hedge_core.accounting.measurement import DayMeasured, measure_days
from hedge_core.accounting.posting import Posted, PostingPlan, post_events
from hedge_core.accounting.relationships import HedgeRelationship
from hedge_core.accounting.rule_sets import BookSettings
from hedge_core.accounting.state import MeasureState
from hedge_core.accounting.summaries import Labels
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import Voucher
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.use_cases.accounting_days import Designation, accounting_days
from hedge_core.use_cases.foreign_accounts import foreign_hedges, foreign_plan, with_foreign
from hedge_core.use_cases.keep_vouchers import keep_vouchers
from messages import Message


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
    Events of foreign accounts name their currency; their days stand in `foreign`. Any problem stands in `posted.problems`,
    and then nothing is posted."""

    settings: BookSettings
    designations: tuple[Designation, ...]
    days: tuple[DayFacts, ...]
    measured: DayMeasured
    posted: Posted
    foreign: Mapping[str, tuple[DayFacts, ...]] = field(default_factory=dict)
    plan: ForeignPlan | None = None

    @property
    def relationships(self) -> list[HedgeRelationship]:
        return [designation.relationship for designation in self.designations]


def measured_book(uow: UnitOfWork, through: date, ledger: Ledger) -> MeasuredBook:
    """Measure every settled day up to `through` from the stored snapshots and documents, and post; nothing is kept."""
    settings = BookSettings.read(uow.book.settings)
    problems = [*settings.problems(uow.book.book), *_booked_by(settings)]
    designations = [ledger.read_designation(_document(uow, "designation", n)) for n in uow.documents("designation")]
    problems += unapproved(uow, designations)
    days, day_problems = accounting_days(uow, through, designations)
    problems += day_problems
    problems += foreign_hedges(days, designations)

    def result(measured: DayMeasured, posted: Posted, foreign: ForeignPlan | None = None) -> MeasuredBook:
        return MeasuredBook(settings, tuple(designations), days.own, measured, posted, days.foreign, foreign)

    nothing = DayMeasured((), MeasureState())
    if problems:
        return result(nothing, Posted((), (), tuple(problems)))
    relationships = [designation.relationship for designation in designations]
    measured = measure_days(days.own, settings, relationships, currency=uow.book.currency)
    measured = with_foreign(measured, days, settings)
    if measured.problems:
        return result(measured, Posted((), (), measured.problems))
    accounts = account_map(uow, settings, ledger)
    try:
        foreign = foreign_plan(uow, days, settings) if days.foreign else None
    except RuleBroken as missing:  # a rate of the day an account went live
        return result(measured, Posted((), (), (missing,)))
    plan = PostingPlan(uow.book.book, settings, accounts, ledger.labels, uow.book.currency, foreign)
    return result(measured, post_events(measured.events, plan), foreign)


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
