"""Pulling from an ERP: pages of records, each kept raw, mapped or quarantined, saved with its cursor in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, Final

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Gone, Mapped, Pulled, PullScope, Seen
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.record_pages import PullsPages
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.use_cases.open_connection import over_an_open_connection
from hedge_core.use_cases.pull_pages import Progress as Progress
from hedge_core.use_cases.pull_pages import PullResult as PullResult
from hedge_core.use_cases.pull_pages import Repeats, pull_in_pages, record_stored
from hedge_core.use_cases.read_ahead import read_ahead
from messages import Message

LINE_KINDS: Final = ("sale_line", "purchase_line")
_FEW: Final = 10


@over_an_open_connection
def pull_contracts(
    store: Store,
    book: BookId,
    connection: str,
    adapter: ErpAdapter,
    actor: Actor,
    clock: Clock,
    scope: PullScope = PullScope.CHANGED,
    progress: Progress | None = None,
    accept_removals: bool = False,
) -> PullResult:
    """Pull contract lines. CHANGED goes on from the stored cursor; OPEN reads every open line again, because a delivery
    may leave the modification date as it was; KEYS finds lines that no longer exist (most of them at once is refused
    unless `accept_removals`: a lost right looks the same as a deletion)."""
    with store.begin(book, actor) as uow:
        since = uow.records.cursor(connection, "contracts") if scope is PullScope.CHANGED else None
        keys = LINE_KINDS if scope is PullScope.KEYS else ()
        before = {kind: uow.records.keys(connection, kind) for kind in keys}
    if scope is PullScope.KEYS:
        pages = _told(_pages(adapter.pull_contracts(since, scope)), progress)
        swept = _sweep(store, book, connection, actor, clock, before, pages, accept_removals)
        if swept.gone:  # a line that took a deleted one's number was held as its duplicate
            retry_quarantine(store, book, connection, adapter, actor)
        return swept
    result = PullResult("contracts")
    repeats = Repeats()
    if isinstance(adapter, PullsPages):
        pull_in_pages(store, book, connection, adapter, actor, clock, scope, since, result, repeats, progress)
        return result
    items = adapter.pull_contracts(since, scope)
    with closing(read_ahead(_pages(items))) as ahead:
        for page in _told(ahead, progress):
            with store.begin(book, actor) as uow:
                _save_page(uow, connection, page, result, clock, repeats)
                if scope is PullScope.CHANGED:
                    uow.records.save_cursor(connection, "contracts", page[-1].cursor)
    return result


@over_an_open_connection
def pull_inventory(
    store: Store,
    book: BookId,
    connection: str,
    adapter: ErpAdapter,
    actor: Actor,
    clock: Clock,
    progress: Progress | None = None,
    accept_removals: bool = False,
) -> PullResult:
    """Pull the whole stock in one transaction. A lot that the snapshot no longer shows becomes zero; most of the stock
    at once is refused unless `accept_removals`."""
    result = PullResult("inventory")
    pages = list(_told(_pages(adapter.pull_inventory(None)), progress))
    seen = {item.ref.key for page in pages for item in page}
    with store.begin(book, actor) as uow:
        held = {lot.ref.key for lot in uow.physical.inventory() if lot.ref.connection == connection and lot.quantity}
        _refuse_mass_removal(connection, len(held), len(held - seen), accept_removals)
        for page in pages:
            _save_page(uow, connection, page, result, clock)
        result.refs_gone = uow.physical.zero_vanished(connection, seen, clock.now())
        result.gone = len(result.refs_gone)
        if result.refs_gone:
            uow.audit.append("inventory.vanished", connection, {"keys": [ref.key for ref in result.refs_gone]})
    return result


@over_an_open_connection
def pull_masters(
    store: Store, book: BookId, connection: str, adapter: ErpAdapter, actor: Actor, clock: Clock, kind: MasterKind
) -> PullResult:
    """Pull one kind of master data, whole."""
    result = PullResult(kind.value)
    for page in _pages(adapter.pull_masters(kind, None)):
        with store.begin(book, actor) as uow:
            _save_page(uow, connection, page, result, clock)
    return result


def retry_quarantine(store: Store, book: BookId, connection: str, adapter: ErpAdapter, actor: Actor) -> PullResult:
    """Map every quarantined record again, from its raw form, with the specs that are live now."""
    result = PullResult("quarantine")
    with store.begin(book, actor) as uow:
        repeats = Repeats()
        for entry in uow.records.quarantine(connection):
            result.read += 1
            pulled: Pulled[Any] = Pulled(entry.ref, adapter.remap(entry.raw), entry.raw, Cursor(""), True)
            pulled = repeats.refused(uow, pulled)
            uow.records.save_raw([pulled])
            _save_items(uow, [pulled], entry.raw.received_at)
            stored = isinstance(pulled.outcome, Mapped)
            result.stored += stored
            result.quarantined += not stored
        if result.read:
            uow.audit.append(
                "quarantine.retried", connection, {"released": result.stored, "still_held": result.quarantined}
            )
    return result


def _pages(items: Iterable[Pulled[Any]]) -> Iterator[list[Pulled[Any]]]:
    """Items up to each page end. What follows the last page end counts only if the pull came to its end: after a failure
    it is not saved and will be read again."""
    page: list[Pulled[Any]] = []
    for item in items:
        page.append(item)
        if item.page_end:
            yield page
            page = []
    if page:
        yield page


def _told(pages: Iterable[list[Pulled[Any]]], progress: Progress | None) -> Iterator[list[Pulled[Any]]]:
    """The same pages; each is told once it has been dealt with."""
    for page in pages:
        yield page
        if progress is not None:
            progress(len(page))


def _save_page(
    uow: UnitOfWork,
    connection: str,
    page: Sequence[Pulled[Any]],
    result: PullResult,
    clock: Clock,
    repeats: Repeats | None = None,
) -> None:
    """Only what is new or changed is mapped, checked and stored; digests are looked at first."""
    result.read += len(page)
    removed = [item.ref for item in page if item.raw is None and isinstance(item.outcome, Gone)]
    _forget(uow, connection, removed, result, clock)
    changed = _changed(uow, connection, page)
    result.unchanged += len(page) - len(changed) - len(removed)
    if not changed:
        return
    if repeats is not None:
        changed = [repeats.refused(uow, item) for item in changed]
    uow.records.save_raw(changed)
    held = len(changed) - _save_items(uow, changed, clock.now())
    digests = [item.raw.digest for item in changed if item.raw is not None]
    record_stored(uow, connection, result, digests, held)


def _forget(uow: UnitOfWork, connection: str, refs: Sequence[ExternalRef], result: PullResult, clock: Clock) -> None:
    """Records deleted on the other side; their raw form stays readable."""
    if not refs:
        return
    uow.records.mark_gone(refs, clock.now())
    uow.physical.remove_contract_lines([ref for ref in refs if ref.kind in LINE_KINDS])
    uow.audit.append("records.gone", connection, {"keys": [str(ref) for ref in refs]})
    result.refs_gone += refs
    result.gone += len(refs)


def _changed(uow: UnitOfWork, connection: str, page: Sequence[Pulled[Any]]) -> list[Pulled[Any]]:
    """The items whose content or mapping differs from what is stored; a repeat inside the page counts once."""
    by_kind: dict[str, dict[str, Pulled[Any]]] = {}
    for item in page:
        by_kind.setdefault(item.ref.kind, {})[item.ref.key] = item
    changed = []
    for kind, items in by_kind.items():
        known = uow.records.known(connection, kind, list(items))
        for key, item in items.items():
            if item.raw is not None and item.spec is not None and known.get(key) != (item.raw.digest, item.spec):
                changed.append(item)
    return changed


def _save_items(uow: UnitOfWork, items: Sequence[Pulled[Any]], seen_at: datetime) -> int:
    """Store what was mapped; answers how many that were."""
    mapped = [outcome.item for item in items if isinstance(outcome := item.outcome, Mapped)]
    if lines := [item for item in mapped if isinstance(item, ContractLine)]:
        uow.physical.save_contract_lines(lines)
    if lots := [item for item in mapped if isinstance(item, InventoryLot)]:
        uow.physical.save_inventory(lots, seen_at)
    if masters := [item for item in mapped if isinstance(item, Master)]:
        uow.physical.save_masters(masters)
    return len(mapped)


def _refuse_mass_removal(connection: str, before: int, gone: int, accepted: bool) -> None:
    """More than half of what we know gone at once is more likely a lost right or a wrong filter than the truth."""
    if gone > _FEW and gone * 2 > before and not accepted:
        reason = Message("record.mass_removal", {"gone": gone, "before": before})
        raise RuleBroken("mass_removal", connection, reason)


def _sweep(
    store: Store,
    book: BookId,
    connection: str,
    actor: Actor,
    clock: Clock,
    before: dict[str, set[str]],
    pages: Iterable[Sequence[Pulled[Any]]],
    accept_removals: bool,
) -> PullResult:
    """Compare the keys stored before the sweep with the keys seen by it. Only a complete sweep may find deletions."""
    result = PullResult("contract keys")
    seen: dict[str, set[str]] = {kind: set() for kind in LINE_KINDS}
    for page in pages:
        result.read += len(page)
        for item in page:
            if isinstance(item.outcome, Seen):
                seen[item.ref.kind].add(item.ref.key)
    missing = {kind: sorted(before[kind] - seen[kind]) for kind in LINE_KINDS}
    for kind, keys in missing.items():
        _refuse_mass_removal(connection, len(before[kind]), len(keys), accept_removals)
    with store.begin(book, actor) as uow:
        refs = [ExternalRef(connection, kind, key) for kind, keys in missing.items() for key in keys]
        _forget(uow, connection, refs, result, clock)
    return result
