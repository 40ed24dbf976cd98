"""Approvals, reversals, periods and designation records: `hedge_core.ports.accounting.AccountingStore` of one book."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func

from adapters.storage.schema.accounting import (
    ACCOUNTING_PERIODS,
    DESIGNATION_APPROVALS,
    DESIGNATION_RECORDS,
    VOUCHER_APPROVALS,
    VOUCHER_REVERSALS,
)
from adapters.storage.scope import Scope
from hedge_core.ports.accounting import DesignationRecord, PeriodChange, VoucherApproval, VoucherReversal


class Accounting:
    """See `hedge_core.ports.accounting.AccountingStore`. The actor and the time are those of the unit of work."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    # --- approvals ---

    def approve_voucher(self, voucher_id: str, revision: int, content_hash: str) -> None:
        self._approval(voucher_id, revision, True, content_hash, "")

    def send_back_voucher(self, voucher_id: str, revision: int, reason: str) -> None:
        self._approval(voucher_id, revision, False, "", reason)

    def voucher_approvals(self, voucher_id: str, revision: int) -> list[VoucherApproval]:
        table = VOUCHER_APPROVALS
        query = self._scope.select(table).where(table.c.voucher_id == voucher_id, table.c.revision == revision)
        counted: list[VoucherApproval] = []
        for row in self._scope.rows(query.order_by(table.c.number)):
            if row.given:
                counted.append(VoucherApproval(row.actor, row.content_hash, row.at))
            else:
                counted.clear()
        return counted

    def _approval(self, voucher_id: str, revision: int, given: bool, content_hash: str, reason: str) -> None:
        table = VOUCHER_APPROVALS
        query = self._scope.select(table, func.count().label("known")).where(
            table.c.voucher_id == voucher_id, table.c.revision == revision
        )
        known = self._scope.rows(query)[0].known
        row = {
            "voucher_id": voucher_id, "revision": revision, "number": known + 1, "given": given,
            "content_hash": content_hash, "reason": reason, **self._signed(),
        }  # fmt: skip
        self._scope.insert(table, [row])

    # --- reversals ---

    def add_reversal(self, voucher_id: str, red_id: str, blue_id: str, reason: str) -> None:
        signed = self._signed()
        row = {
            "voucher_id": voucher_id, "red_id": red_id, "blue_id": blue_id, "reason": reason,
            "made_by": signed["actor"], "at": signed["at"],
        }  # fmt: skip
        self._scope.insert(VOUCHER_REVERSALS, [row])

    def reversals(self) -> list[VoucherReversal]:
        table = VOUCHER_REVERSALS
        rows = self._scope.rows(self._scope.select(table).order_by(table.c.voucher_id))
        return [
            VoucherReversal(row.voucher_id, row.red_id, row.blue_id, row.reason, row.made_by, row.at) for row in rows
        ]

    # --- periods ---

    def change_period(self, period: str, closed: bool, reason: str, approved_by: str = "") -> None:
        number = sum(change.period == period for change in self.periods()) + 1
        row = {"period": period, "number": number, "closed": closed, "reason": reason, "approved_by": approved_by}
        self._scope.insert(ACCOUNTING_PERIODS, [{**row, **self._signed()}])

    def periods(self) -> list[PeriodChange]:
        table = ACCOUNTING_PERIODS
        rows = self._scope.rows(self._scope.select(table).order_by(table.c.period, table.c.number))
        return [PeriodChange(row.period, row.closed, row.reason, row.actor, row.approved_by, row.at) for row in rows]

    def closed_periods(self) -> frozenset[str]:
        last = {change.period: change.closed for change in self.periods()}
        return frozenset(period for period, closed in last.items() if closed)

    # --- designations ---

    def record_designation(self, relationship_id: str, version: int, digest: str, designated_on: date) -> None:
        if any(known.version == version for known in self.designations(relationship_id)):
            return
        row = {
            "relationship_id": relationship_id, "version": version, "digest": digest, "designated_on": designated_on,
        }  # fmt: skip
        self._scope.insert(DESIGNATION_RECORDS, [{**row, **self._signed()}])

    def approve_designation(self, relationship_id: str, version: int, digest: str) -> None:
        row = {"relationship_id": relationship_id, "version": version, "digest": digest}
        self._scope.insert(DESIGNATION_APPROVALS, [{**row, **self._signed()}])

    def designations(self, relationship_id: str | None = None) -> list[DesignationRecord]:
        table, given = DESIGNATION_RECORDS, DESIGNATION_APPROVALS
        approvals = {(row.relationship_id, row.version): row for row in self._scope.rows(self._scope.select(given))}
        query = self._scope.select(table).order_by(table.c.relationship_id, table.c.version)
        if relationship_id is not None:
            query = query.where(table.c.relationship_id == relationship_id)
        found = []
        for row in self._scope.rows(query):
            approval = approvals.get((row.relationship_id, row.version))
            name, at = ("", None) if approval is None else (approval.actor, approval.at)
            found.append(
                DesignationRecord(
                    row.relationship_id, row.version, row.digest, row.designated_on, row.actor, row.at, name, at
                )
            )
        return found

    def _signed(self) -> dict[str, object]:
        return {"actor": self._scope.actor.name, "at": self._scope.clock.now()}
