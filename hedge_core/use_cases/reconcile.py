"""Do the books agree? Our vouchers against the ERP's documents, our lots and funds against the broker's statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.ports.erp import ErpAdapter, LooksBack
from hedge_core.ports.storage import Store, StoredVoucher, UnitOfWork
from hedge_core.reconciliation.rows import ReconciliationRow
from hedge_core.settlement.compare import compare
from hedge_core.snapshot import decode
from messages import Message


@dataclass(frozen=True, slots=True)
class Break:
    """One difference: what is compared (voucher, lots, funds, price), which one, and both values as a person reads them."""

    subject: str
    key: str
    ours: str
    theirs: str
    message: Message


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every difference found, what was compared, and how many documents stand in the ERP more than once."""

    breaks: tuple[Break, ...]
    vouchers_compared: int
    days_compared: int
    duplicates_in_erp: int


def reconcile(store: Store, book: BookId, adapter: ErpAdapter, actor: Actor) -> Reconciliation:
    """Compare by key, date and sum every voucher that left us and that the ERP can show, and by lot and figure every settled
    day."""
    with store.read(book) as uow:
        sent = [
            stored
            for stored in uow.results.vouchers()
            if stored.status in (VoucherStatus.QUEUED, VoucherStatus.DELIVERED, VoucherStatus.REVERSED)
        ]
        day_breaks, days = _days(uow)
    sent = in_sight(sent, adapter)
    found = adapter.find_vouchers([stored.voucher.key for stored in sent]) if sent else {}
    voucher_breaks: list[Break] = []
    for stored in sent:
        documents = found.get(stored.voucher.key, [])
        if documents or stored.status is not VoucherStatus.QUEUED:
            voucher_breaks += _voucher(stored.voucher, documents)
    duplicates = sum(len(documents) - 1 for documents in found.values())
    return Reconciliation((*voucher_breaks, *day_breaks), len(sent), days, duplicates)


def in_sight(sent: Sequence[StoredVoucher], adapter: ErpAdapter) -> list[StoredVoucher]:
    """Those that a look-up by key alone can find: where it reads recent vouchers only, not finding an older one proves
    nothing."""
    first = adapter.looks_back_to() if isinstance(adapter, LooksBack) else date.min
    return [stored for stored in sent if stored.voucher.posting_date >= first]


def _voucher(voucher: Voucher, documents: Sequence[PostingReceipt]) -> list[Break]:
    if len(documents) != 1:
        return [_break("voucher", voucher.voucher_id, "documents", "1", str(len(documents)))]
    document = documents[0]
    pairs = (("date", voucher.posting_date, document.posting_date), ("sum", voucher.total, document.total))
    return [_break("voucher", voucher.voucher_id, what, str(a), str(b)) for what, a, b in pairs if a != b]


def voucher_rows(
    sent: Sequence[StoredVoucher], found: Mapping[str, Sequence[PostingReceipt]], day: date
) -> list[ReconciliationRow]:
    """The same comparison as rows of a day: how many documents stand there, the sum, and the date as `yyyymmdd`. A voucher
    still on its way is left out."""
    rows: list[ReconciliationRow] = []
    for stored in sent:
        voucher, documents = stored.voucher, found.get(stored.voucher.key, [])
        if not documents and stored.status is VoucherStatus.QUEUED:
            continue
        if len(documents) != 1:
            pairs = [("documents", Decimal(1), Decimal(len(documents)))]
        else:
            theirs = documents[0]
            pairs = (
                [("date", _number(voucher.posting_date), _number(theirs.posting_date))] if theirs.posting_date else []
            )
            pairs += [("sum", voucher.total, theirs.total)] if theirs.total is not None else []
        rows += [
            ReconciliationRow("", day, f"voucher_{what}", voucher.voucher_id, "ours", "erp", a, b, b - a)
            for what, a, b in pairs
            if a != b
        ]
    return rows


def _number(day: date) -> Decimal:
    return Decimal(day.year * 10000 + day.month * 100 + day.day)


def _days(uow: UnitOfWork) -> tuple[list[Break], int]:
    found: list[Break] = []
    finals = [snapshot for snapshot in uow.results.snapshots() if snapshot.status == "final"]
    for listed in finals:
        stored = uow.results.snapshot(listed.trading_day, listed.version)
        if stored is None:
            raise LookupError(f"snapshot of {listed.trading_day} disappeared")
        figures = decode(stored.body).figures
        used = {kind: {p.instrument: p.price for p in figures.header.prices if p.kind == kind} for kind in _KINDS}
        statements = [kept.statement for kept in uow.statements.on_day(listed.trading_day)]
        rows = compare(
            figures.lots_after(), figures.funds(), used["settlement"], used["previous"], statements, figures.quoted()
        )
        for row in rows:
            key = f"{listed.trading_day.isoformat()} {row.account} {row.item}".strip()
            found.append(Break(row.subject, key, str(row.ours), str(row.theirs), row.message))
    return found, len(finals)


_KINDS = ("settlement", "previous")


def _break(subject: str, key: str, what: str, ours: str, theirs: str) -> Break:
    params = {"key": key, "what": what, "ours": ours, "theirs": theirs}
    return Break(f"{subject}_{what}", key, ours, theirs, Message("reconcile.voucher", params))
