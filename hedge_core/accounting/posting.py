"""Events to vouchers: dated, grouped, summed by product, split at 50 lines, named, and resolved to account codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from hedge_core.accounting.charts import AccountMap
from hedge_core.accounting.entries import Entry, entries_of
from hedge_core.accounting.events import AccountingEvent
from hedge_core.accounting.foreign import ForeignPlan, Revaluation, translated
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, Post
from hedge_core.accounting.summaries import Labels, summary_text
from hedge_core.accounting.templates import ATTACHMENTS, TEMPLATES, Timing, VoucherKind
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.model.vouchers import BookedBy, PostingLine, SourceRef, Voucher, idempotency_key

MAX_LINES: Final = 50
"""Lines of one voucher; more are split into several, each balanced."""


OWN_SUB_ACCOUNT: Final = {AccountRole.RAW_MATERIAL: AccountRole.RAW_MATERIAL_ADJUSTMENT}
"""What we book on material goes to a sub-account of its own: the ERP's stock module keeps the account of the goods."""


@dataclass(frozen=True, slots=True)
class PostingPlan:
    """How one book posts: its settings, its account map, the names that summaries use, and how other currencies are
    translated; without `foreign` every event is in the book's currency."""

    book: BookId
    settings: BookSettings
    accounts: AccountMap
    labels: Labels = field(default_factory=Labels)
    currency: str = "CNY"
    foreign: ForeignPlan | None = None


@dataclass(frozen=True, slots=True)
class ExpectedEntry:
    """An entry that the ERP's own modules are expected to book; compared, never pushed. Lines: (role, account code or
    empty when unmapped, debit, credit)."""

    expectation_id: str
    posting_date: date
    kind: str
    relationship: str | None
    lines: tuple[tuple[str, str, Decimal, Decimal], ...]
    sources: tuple[SourceRef, ...]

    @property
    def payload(self) -> dict[str, object]:
        """The entry as plain values (Decimals kept), for storage and for canonical bytes."""
        return {
            "kind": self.kind,
            "relationship": self.relationship,
            "lines": [
                {"role": role, "account": account, "debit": debit, "credit": credit}
                for role, account, debit, credit in self.lines
            ],
            "sources": [{"kind": source.kind, "key": source.key} for source in self.sources],
        }


@dataclass(frozen=True, slots=True)
class Posted:
    """Vouchers ours to push, entries expected of the ERP, and the rules that kept a voucher from being made."""

    vouchers: tuple[Voucher, ...]
    expected: tuple[ExpectedEntry, ...]
    problems: tuple[RuleBroken, ...]


def month_end(day: date) -> date:
    """The last calendar day of the month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def dated(events: Iterable[AccountingEvent], settings: BookSettings) -> list[tuple[date, AccountingEvent]]:
    """Every event with its posting date, in the given order.

    Posting by day: the event's own day; what a monthly measurement found, on the month's last calendar day. Posting by
    month: see `Timing`; a hedge's measurements go with the relationship's next own-day event of the month, so that cost
    and reserve released there are complete. The dates of a month are therefore final once its events are complete."""
    known = list(events)
    hedge_days: dict[str, list[date]] = {}
    for event in known:
        if event.relationship is not None and TEMPLATES[event.kind].timing is Timing.OWN_DAY:
            hedge_days.setdefault(event.relationship, []).append(event.day)

    def posting_date(event: AccountingEvent) -> date:
        timing = TEMPLATES[event.kind].timing
        last = month_end(event.day)
        if event.period_end:
            return last
        if settings.post is Post.DAY or timing is Timing.OWN_DAY:
            return event.day
        if timing is Timing.WITH_HEDGE_EVENT:
            later = [day for day in hedge_days.get(event.relationship or "", ()) if event.day <= day <= last]
            return min(later, default=last)
        return last

    return [(posting_date(event), event) for event in known]


def post_events(events: Iterable[AccountingEvent], plan: PostingPlan) -> Posted:
    """Vouchers and expectations of the given events, in the order of date, kind, broker account or relationship.

    The result depends on the events' content only, not on their order, so that the same period gives the same vouchers
    and keys. Hand over all events of the months concerned. A role without an account keeps its whole voucher back."""
    vouchers: list[Voucher] = []
    expected: list[ExpectedEntry] = []
    problems: dict[tuple[str, str], RuleBroken] = {}
    try:
        groups = list(_groups(events, plan))
    except RuleBroken as missing:  # a rate
        return Posted((), (), (missing,))
    for (on, kind, subject, currency), blocks in groups:
        broken: list[RuleBroken] = []
        made = _vouchers(on, kind, subject, currency, blocks, plan, broken)
        expected += _expected(on, subject, blocks, plan)
        if broken:
            problems.update({(problem.rule, problem.record): problem for problem in broken})
        else:
            vouchers += made
    return Posted(tuple(vouchers), tuple(expected), tuple(problems.values()))


_Group = tuple[date, VoucherKind, str, str]
"""What one voucher is about: date, kind, broker account or relationship, and its currency if not the book's."""


def _groups(events: Iterable[AccountingEvent], plan: PostingPlan) -> Iterator[tuple[_Group, list[AccountingEvent]]]:
    """Events by voucher, summed into blocks and translated; each complete month's end followed by what the rates did."""
    groups: dict[_Group, list[AccountingEvent]] = {}
    for on, event in dated(events, plan.settings):
        kind = TEMPLATES[event.kind].voucher
        subject = event.relationship or "" if kind is VoucherKind.HEDGE else event.account
        groups.setdefault((on, kind, subject, event.currency), []).append(event)
    foreign = plan.foreign
    if foreign is None:
        for group in sorted(groups):
            yield group, _blocks(groups[group], group[1])
        return
    revaluation = Revaluation(foreign, plan.settings, plan.currency)
    waiting = sorted(foreign.month_ends)
    for group in sorted(groups):
        while waiting and waiting[0] < group[0]:
            yield from _exchange(revaluation, waiting.pop(0))
        blocks = [
            translated(block, group[0], foreign.rate, plan.currency) for block in _blocks(groups[group], group[1])
        ]
        revaluation.book(blocks)
        yield group, blocks
    for end in waiting:
        yield from _exchange(revaluation, end)


def _exchange(revaluation: Revaluation, on: date) -> Iterator[tuple[_Group, list[AccountingEvent]]]:
    moved: dict[_Group, list[AccountingEvent]] = {}
    for event in revaluation.differences(on):
        moved.setdefault((on, VoucherKind.EXCHANGE, event.account, event.currency), []).append(event)
    yield from moved.items()


def account_balances(vouchers: Iterable[Voucher]) -> dict[str, Decimal]:
    """Debit − credit per account code over vouchers: a trial balance whose values add up to zero."""
    balances: dict[str, Decimal] = {}
    for voucher in vouchers:
        for line in voucher.lines:
            balances[line.account] = balances.get(line.account, Decimal(0)) + line.debit - line.credit
    return balances


def _blocks(events: Sequence[AccountingEvent], kind: VoucherKind) -> list[AccountingEvent]:
    """Events of one voucher summed by product, broker account and kind; money movements stay single, since the bank's
    own list has them one by one."""
    parts: dict[tuple[str, str, int, str], list[AccountingEvent]] = {}
    for event in sorted(events, key=lambda one: (one.day, one.sources_key, one.amounts, one.lots)):
        single = event.sources_key if kind is VoucherKind.CASH else ""
        parts.setdefault((event.product, event.account, event.kind.order, single), []).append(event)
    return [_sum(parts[key]) for key in sorted(parts)]


def _sum(events: Sequence[AccountingEvent]) -> AccountingEvent:
    """Events of one kind, account and product as one."""
    totals: dict[str, Decimal] = {}
    for event in events:
        for name, amount in event.amounts:
            totals[name] = totals.get(name, Decimal(0)) + amount
    return replace(
        events[0],
        amounts=tuple(totals.items()),
        lots=sum(event.lots for event in events),
        sources=tuple(dict.fromkeys(source for event in events for source in event.sources)),
    )


def _vouchers(
    on: date,
    kind: VoucherKind,
    subject: str,
    currency: str,
    blocks: Sequence[AccountingEvent],
    plan: PostingPlan,
    broken: list[RuleBroken],
) -> list[Voucher]:
    drawn: list[tuple[AccountingEvent, list[PostingLine]]] = []
    for block in blocks:
        lines = [
            line
            for entry in entries_of(block, plan.settings)
            if entry.booked_by is BookedBy.HEDGEBRIDGE
            for line in _lines(on, entry, block, plan, broken)
        ]
        if lines:
            drawn.append((block, lines))
    made: list[Voucher] = []
    for number, part in enumerate(_packed(drawn), start=1):
        voucher_id = f"{plan.book}.{kind.value}.{on:%Y%m%d}.{_about(subject, currency)}.{number}"
        key = idempotency_key(plan.book, voucher_id, 1)
        monthly = plan.settings.post is Post.MONTH and kind not in (VoucherKind.CASH, VoucherKind.HEDGE)

        def text(events: Sequence[AccountingEvent], key: str = key, monthly: bool = monthly) -> str:
            return summary_text(kind, on, monthly, subject, events, plan.labels, key)

        if broken:
            break
        made.append(
            Voucher(
                book=plan.book,
                voucher_id=voucher_id,
                revision=1,
                kind=kind.value,
                posting_date=on,
                currency=plan.currency,
                summary=text([block for block, _ in part]),
                lines=tuple(replace(line, summary=text([block])) for block, lines in part for line in lines),
                attachments=len(ATTACHMENTS[kind]),
                relationship=subject if kind is VoucherKind.HEDGE else None,
            )
        )
    return made


def _about(subject: str, currency: str) -> str:
    """Part of an id: a broker account may have several currencies."""
    return f"{subject or '-'}-{currency}" if currency else subject or "-"


def _packed(
    drawn: Sequence[tuple[AccountingEvent, list[PostingLine]]],
) -> list[list[tuple[AccountingEvent, list[PostingLine]]]]:
    """Blocks in their order, as many whole ones into a voucher as fit: each block balances, so each voucher does."""
    parts: list[list[tuple[AccountingEvent, list[PostingLine]]]] = []
    room = 0
    for block, lines in drawn:
        if len(lines) > room:
            parts.append([])
            room = MAX_LINES
        parts[-1].append((block, lines))
        room -= len(lines)
    return parts


def _lines(
    on: date, entry: Entry, block: AccountingEvent, plan: PostingPlan, broken: list[RuleBroken]
) -> list[PostingLine]:
    lines: list[PostingLine] = []
    for line in entry.lines:
        role = OWN_SUB_ACCOUNT.get(line.role, line.role)
        target = plan.accounts.resolve(
            role, on, broker_account=block.account, product=block.product, rule_set=block.rule_set
        )
        if isinstance(target, RuleBroken):
            broken.append(target)
            continue
        lines.append(
            PostingLine(
                role=line.role.value,
                account=target.account,
                debit=line.debit,
                credit=line.credit,
                summary="",
                dimensions=target.dimensions,
                cash_flow_item=target.cash_flow_item,
                quantity=Decimal(block.lots) if target.unit and block.lots else None,
                unit=target.unit if target.unit and block.lots else None,
                rate_type=target.rate_type,
                sources=block.sources,
                foreign=line.foreign,
            )
        )
    return lines


def _expected(on: date, subject: str, blocks: Sequence[AccountingEvent], plan: PostingPlan) -> list[ExpectedEntry]:
    found: list[ExpectedEntry] = []
    for block in blocks:
        for entry in entries_of(block, plan.settings):
            if entry.booked_by is not BookedBy.ERP:
                continue
            lines: list[tuple[str, str, Decimal, Decimal]] = []
            for line in entry.lines:
                target = plan.accounts.resolve(
                    line.role, on, broker_account=block.account, product=block.product, rule_set=block.rule_set
                )
                code = "" if isinstance(target, RuleBroken) else target.account
                lines.append((line.role.value, code, line.debit, line.credit))
            found.append(
                ExpectedEntry(
                    f"{plan.book}.expected.{on:%Y%m%d}.{_about(subject, block.currency)}.{block.kind.value}.{block.product}",
                    on,
                    block.kind.value,
                    block.relationship,
                    tuple(lines),
                    block.sources,
                )
            )
    return found
