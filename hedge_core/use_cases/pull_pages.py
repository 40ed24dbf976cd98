"""Pulling whole pages: what came before exactly as it is now is not read, the rest is mapped while the page before is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from hedge_core.known_lines import ACCEPT, REPEATED_LINES, KnownLines
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.physical import ContractLine
from hedge_core.model.record_pages import KnownPage, PageToKeep, RecordPage
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined
from hedge_core.ports.clock import Clock
from hedge_core.ports.record_pages import PullsPages
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.use_cases.read_ahead import batches_ahead

Progress = Callable[[int], None]
"""Called with the number of records read since the last call."""

AHEAD: Final = 4
TOGETHER: Final = 4
"""Pages read ahead, and pages stored in one transaction with the cursor behind the last of them: both bound the memory."""

_Page = RecordPage[ContractLine] | KnownPage[ContractLine]


@dataclass(slots=True)
class PullResult:
    """What a pull found: records read, new or changed ones stored, unchanged, quarantined, gone on the other side."""

    kind: str
    read: int = 0
    stored: int = 0
    unchanged: int = 0
    quarantined: int = 0
    gone: int = 0
    refs_gone: list[ExternalRef] = field(default_factory=list)


def record_stored(uow: UnitOfWork, connection: str, result: PullResult, digests: Sequence[str], held: int) -> None:
    """A page's new and changed records are counted and become one audit event: SHA-256 over their digests in order."""
    result.quarantined += held
    result.stored += len(digests) - held
    whole = hashlib.sha256("".join(digests).encode("ascii")).hexdigest()
    details = {"records": len(digests), "quarantined": held, "digest": whole}
    uow.audit.append("records.pulled", f"{connection}:{result.kind}", details)


def pull_in_pages(
    store: Store,
    book: BookId,
    connection: str,
    adapter: PullsPages,
    actor: Actor,
    clock: Clock,
    scope: PullScope,
    since: Cursor | None,
    result: PullResult,
    repeats: Repeats,
    progress: Progress | None,
) -> None:
    """Read, map and store page after page into `result`. A cursor is saved with the pages it is behind."""
    with store.read(book) as uow:
        known = uow.record_pages.known(connection)
    news = _News()
    pages = news.mapped_ahead(adapter.pull_contract_pages(since, scope, known))
    with closing(batches_ahead(pages, AHEAD, TOGETHER)) as batches:
        for batch in batches:
            before = result.read
            with store.begin(book, actor) as uow:
                for recognised, run in groupby(batch, lambda page: isinstance(page, KnownPage)):
                    same: list[Any] = list(run)
                    read = _not_as_known(uow, connection, same, result) if recognised else same
                    for together in _apart(read):
                        stored = _save_pages(uow, connection, together, result, repeats)
                        news.told(stored, sum(map(len, together)))
                if scope is PullScope.CHANGED:
                    uow.records.save_cursor(connection, "contracts", batch[-1].after)
            if progress is not None:
                progress(result.read - before)


def _not_as_known(
    uow: UnitOfWork, connection: str, pages: Sequence[KnownPage[ContractLine]], result: PullResult
) -> list[RecordPage[ContractLine]]:
    """Nothing, for pages that say nothing new. All of them to be read after all, if a record of one changed since we looked:
    the others may have it too, and the last page counts."""
    unchanged = uow.record_pages.unchanged(connection, [page.token for page in pages])
    if any(page.token not in unchanged for page in pages):
        return [page.again() for page in pages]
    count = sum(unchanged[page.token] for page in pages)
    result.read += count
    result.unchanged += count
    return []


class _News:
    """Whether pages bring much that is new. While they do they are mapped where they are read, beside the storing; a list that
    is known is not worth it."""

    def __init__(self) -> None:
        self._much = True

    def told(self, changed: int, records: int) -> None:
        self._much = changed * 2 > records

    def mapped_ahead(self, pages: Iterator[_Page]) -> Iterator[_Page]:
        for page in pages:
            if self._much and isinstance(page, RecordPage):
                page.map_ahead()
            yield page


def _apart(pages: Sequence[RecordPage[ContractLine]]) -> Iterator[list[RecordPage[ContractLine]]]:
    """The pages together; one by one where a record comes twice, for then the later one counts."""
    if len({(page.kind, key) for page in pages for key in page.keys}) == sum(map(len, pages)):
        if pages:
            yield list(pages)
        return
    for page in pages:
        last = {key: place for place, key in enumerate(page.keys)}
        yield [page if len(last) == len(page) else page.only(list(last.values()))]


def _save_pages(
    uow: UnitOfWork, connection: str, pages: Sequence[RecordPage[ContractLine]], result: PullResult, repeats: Repeats
) -> int:
    """Only what is new or changed is mapped, checked and stored; how many that were. No record comes twice in these pages."""
    to_keep: list[PageToKeep] = []
    lines: list[ContractLine] = []
    stored = 0
    for page, places in zip(pages, _changed(uow, pages), strict=True):
        result.read += len(page)
        result.unchanged += len(page) - len(places)
        if not places:
            continue
        held: list[tuple[int, Quarantined]] = []
        for place, outcome in zip(places, page.read(places), strict=True):
            if isinstance(outcome, Mapped):
                outcome = repeats.checked(uow, outcome)
            if isinstance(outcome, Mapped):
                lines.append(outcome.item)
            else:
                held.append((place, outcome))
        to_keep.append(PageToKeep(page, places, held))
        record_stored(uow, connection, result, [page.digests[place] for place in places], len(held))
        stored += len(places)
    if to_keep:
        uow.record_pages.keep(to_keep)
    if lines:
        uow.physical.save_contract_lines(lines)
    uow.record_pages.remember(pages)
    return stored


def _changed(uow: UnitOfWork, pages: Sequence[RecordPage[ContractLine]]) -> list[list[int]]:
    """Of each page the places of the records whose content or mapping differs from what is stored."""
    asked: dict[tuple[str, str], list[str]] = {}
    for page in pages:
        asked.setdefault((page.connection, page.kind), []).extend(page.keys)
    known = {source: uow.records.known(*source, keys) for source, keys in asked.items()}
    found = []
    for page in pages:
        stored, spec = known[page.connection, page.kind], page.spec
        if not stored:
            found.append(list(range(len(page))))
            continue
        pairs = zip(page.keys, page.digests, strict=True)
        found.append([place for place, (key, digest) in enumerate(pairs) if stored.get(key) != (digest, spec)])
    return found


class Repeats:
    """Two records that are the same contract line, by number or by content: the later one is quarantined, never counted
    twice. The lines of the book are read when the first record is new or changed, not before."""

    def __init__(self) -> None:
        self._known: KnownLines | None = None

    def refused(self, uow: UnitOfWork, item: Pulled[Any]) -> Pulled[Any]:
        """The item, or the same held back."""
        outcome = item.outcome
        if not isinstance(outcome, Mapped) or not isinstance(outcome.item, ContractLine):
            return item
        checked = self.checked(uow, outcome)
        return item if checked is outcome else Pulled(item.ref, checked, item.raw, item.cursor, item.page_end)

    def checked(self, uow: UnitOfWork, outcome: Mapped[ContractLine]) -> Mapped[ContractLine] | Quarantined:
        """The outcome, or why it is held back."""
        if self._known is None:
            accepted = uow.book.settings.get(REPEATED_LINES) == ACCEPT
            self._known = KnownLines(uow.physical.each_contract_line(), accepted)
        line = outcome.item
        refused = self._known.refusal(line)
        if refused is None:
            return outcome
        field_name, reason = refused
        return Quarantined(outcome.spec, "check", field_name, reason, f"{line.contract_no}/{line.line_no}")
