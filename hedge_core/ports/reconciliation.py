"""The port to differences, bank transfers, deliveries under way and pledged receipts of one book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from hedge_core.delivery import DeliveryCase, PledgedReceipt
from hedge_core.reconciliation.rows import ReconciliationRow
from hedge_core.reconciliation.transfers import BankTransfer


@dataclass(frozen=True, slots=True)
class ReconciliationRun:
    """The latest comparison of a trading day, and which sources took part (`ours`, `query`, `statement`, `bank`, `erp`)."""

    trading_day: date
    ran_at: datetime
    ran_by: str
    sources: tuple[str, ...]


class ReconciliationStore(Protocol):
    """Differences by day, and what else the daily comparison rests on."""

    def save_day(self, run: ReconciliationRun, rows: Sequence[ReconciliationRow]) -> None:
        """The day's comparison with all its rows, in place of an earlier one of that day."""
        ...

    def run(self, trading_day: date) -> ReconciliationRun | None: ...
    def last_run(self, before: date | None = None) -> ReconciliationRun | None: ...
    def rows(self, trading_day: date) -> list[ReconciliationRow]:
        """By account, subject and key."""
        ...

    def save_row(self, row: ReconciliationRow) -> None:
        """A row that a person has changed; KeyError when the day has no such row."""
        ...

    def save_transfers(self, transfers: Sequence[BankTransfer]) -> int:
        """Bank transfers by their number; answers how many are new."""
        ...

    def transfers(self) -> list[BankTransfer]: ...
    def save_delivery(self, case: DeliveryCase) -> None: ...
    def delivery(self, delivery_id: str) -> DeliveryCase | None: ...
    def deliveries(self) -> list[DeliveryCase]: ...
    def save_receipt(self, receipt: PledgedReceipt) -> None: ...
    def receipts(self) -> list[PledgedReceipt]: ...
