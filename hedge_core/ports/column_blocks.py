"""The port to fills as columns, recalculations of history and requests to reopen a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from hedge_core.model.futures import Fill


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """The fills of one account and day, listed for the `version`-th time, as a block (`hedge_core.recalculation.blocks`);
    `digest` is its SHA-256."""

    account: str
    currency: str
    trading_day: date
    version: int
    fills: int
    digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ResultDay:
    """One day's results by key as columns (`hedge_core.recalculation.result_days`), chained by hash."""

    trading_day: date
    digest: str
    previous_digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Recalculation:
    """A run over history. `status` is proposed, accepted or rejected. `keys` are the canonical bytes that say what the
    columns of its days are about; `summary` what it came to (days, versions of proposed snapshots, changes)."""

    run: int
    from_day: date
    through_day: date
    status: str
    input_digest: str
    keys: bytes
    summary: Mapping[str, object]
    made_at: datetime
    made_by: str
    decided_at: datetime | None = None
    decided_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reopening:
    """Somebody's request to reopen a settled day: `status` is asked, approved or refused."""

    trading_day: date
    number: int
    status: str
    reason: str
    asked_at: datetime
    asked_by: str
    decided_at: datetime | None = None
    decided_by: str = ""


class ColumnBlockStore(Protocol):
    """Blocks of fills, recalculations with their days, and requests to reopen a day, of one book."""

    def add_blocks(self, blocks: Iterable[StoredBlock]) -> None: ...
    def blocks(self, last: date | None = None) -> list[StoredBlock]:
        """The newest block of each account, currency and day up to `last`, by day, account, currency."""
        ...

    def list_fills(self, account: str, currency: str, trading_day: date, fills: Sequence[Fill]) -> None:
        """The day's fills as they stand now, as the next version of its block. Storing a statement does this by itself."""
        ...

    def without_block(self) -> list[tuple[str, str, date]]:
        """(account, currency, day) of daily statements stored before there were blocks."""
        ...

    def settlement_price_texts(self, first: date, last: date) -> Sequence[tuple[str, date, str]]:
        """(instrument, trading day, price as text) of every settlement price, by day: many, and without an object each."""
        ...

    def add_recalculation(self, recalculation: Recalculation, days: Iterable[ResultDay]) -> None: ...
    def recalculation(self, run: int) -> Recalculation | None: ...
    def recalculations(self) -> list[Recalculation]:
        """Every run, the first one first."""
        ...

    def decide_recalculation(self, run: int, status: str, reason: str) -> None:
        """Accept or reject a proposed run; the database refuses a second decision."""
        ...

    def result_day(self, run: int, trading_day: date) -> ResultDay | None: ...
    def result_days(self, run: int) -> Iterator[ResultDay]:
        """By day."""
        ...

    def ask_reopening(self, trading_day: date, reason: str) -> Reopening: ...
    def reopenings(self) -> list[Reopening]:
        """By day and number."""
        ...

    def decide_reopening(self, trading_day: date, number: int, status: str) -> None: ...
