"""Differences of each day with their state, bank transfers, deliveries and pledged receipts, as one book has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Any, Final

from adapters.storage.codec import decode, encode
from adapters.storage.schema import (
    BANK_TRANSFERS,
    DELIVERIES,
    PLEDGED_RECEIPTS,
    RECONCILIATION_ROWS,
    RECONCILIATION_RUNS,
)
from adapters.storage.scope import Scope
from hedge_core.delivery import DeliveryCase, PledgedReceipt
from hedge_core.ports.reconciliation import ReconciliationRun
from hedge_core.reconciliation.rows import ReconciliationRow
from hedge_core.reconciliation.transfers import BankTransfer

_TRANSFER: Final = tuple(field.name for field in fields(BankTransfer))
"""Every field of a bank transfer is a column of the same name."""


class Reconciliation:
    """`hedge_core.ports.reconciliation.ReconciliationStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def save_day(self, run: ReconciliationRun, rows: Sequence[ReconciliationRow]) -> None:
        self._scope.upsert(
            RECONCILIATION_RUNS,
            [
                {
                    "trading_day": run.trading_day,
                    "ran_at": run.ran_at,
                    "ran_by": run.ran_by,
                    "sources": " ".join(run.sources),
                }
            ],
        )
        table = RECONCILIATION_ROWS
        self._scope.run(self._scope.delete(table).where(table.c.trading_day == run.trading_day))
        self._scope.insert(table, (_row(row) for row in rows))

    def run(self, trading_day: date) -> ReconciliationRun | None:
        table = RECONCILIATION_RUNS
        return _run(self._scope.first(self._scope.select(table).where(table.c.trading_day == trading_day)))

    def last_run(self, before: date | None = None) -> ReconciliationRun | None:
        """The comparison of the latest day (earlier than `before`)."""
        table = RECONCILIATION_RUNS
        query = self._scope.select(table).order_by(table.c.trading_day.desc()).limit(1)
        return _run(self._scope.first(query if before is None else query.where(table.c.trading_day < before)))

    def rows(self, trading_day: date) -> list[ReconciliationRow]:
        table = RECONCILIATION_ROWS
        query = self._scope.select(table, table.c.payload).where(table.c.trading_day == trading_day)
        found = [decode(row.payload, ReconciliationRow) for row in self._scope.rows(query)]
        return sorted(found, key=lambda row: row.identity)

    def save_row(self, row: ReconciliationRow) -> None:
        table = RECONCILIATION_ROWS
        statement = self._scope.update(table).where(
            table.c.trading_day == row.trading_day, table.c.row_id == row.row_id
        )
        if not self._scope.run(statement.values(**_row(row))):
            raise KeyError(row.row_id)

    def save_transfers(self, transfers: Sequence[BankTransfer]) -> int:
        known = {one.transfer_id for one in self.transfers()}
        new = {one.transfer_id: one for one in transfers if one.transfer_id not in known}
        self._scope.insert(BANK_TRANSFERS, ({name: getattr(one, name) for name in _TRANSFER} for one in new.values()))
        return len(new)

    def transfers(self) -> list[BankTransfer]:
        """By day and number."""
        table = BANK_TRANSFERS
        query = self._scope.select(table).order_by(table.c.moved_on, table.c.transfer_id)
        return [BankTransfer(**{name: getattr(row, name) for name in _TRANSFER}) for row in self._scope.rows(query)]

    def save_delivery(self, case: DeliveryCase) -> None:
        row = {"delivery_id": case.delivery_id, "account": case.account, "payload": encode(case)}
        self._scope.upsert(DELIVERIES, [row])

    def delivery(self, delivery_id: str) -> DeliveryCase | None:
        query = self._scope.select(DELIVERIES, DELIVERIES.c.payload).where(DELIVERIES.c.delivery_id == delivery_id)
        found = self._scope.first(query)
        return None if found is None else decode(found.payload, DeliveryCase)

    def deliveries(self) -> list[DeliveryCase]:
        """By id."""
        query = self._scope.select(DELIVERIES, DELIVERIES.c.payload).order_by(DELIVERIES.c.delivery_id)
        return [decode(row.payload, DeliveryCase) for row in self._scope.rows(query)]

    def save_receipt(self, receipt: PledgedReceipt) -> None:
        row = {"receipt_no": receipt.receipt_no, "account": receipt.account, "payload": encode(receipt)}
        self._scope.upsert(PLEDGED_RECEIPTS, [row])

    def receipts(self) -> list[PledgedReceipt]:
        """By number."""
        table = PLEDGED_RECEIPTS
        query = self._scope.select(table, table.c.payload).order_by(table.c.receipt_no)
        return [decode(row.payload, PledgedReceipt) for row in self._scope.rows(query)]


def _row(row: ReconciliationRow) -> dict[str, Any]:
    return {
        "trading_day": row.trading_day,
        "row_id": row.row_id,
        "account": row.account,
        "state": row.state.value,
        "owner": row.owner,
        "payload": encode(row),
    }


def _run(row: Any | None) -> ReconciliationRun | None:
    if row is None:
        return None
    return ReconciliationRun(row.trading_day, row.ran_at, row.ran_by, tuple(row.sources.split()))
