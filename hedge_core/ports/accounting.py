"""The port to what accounting keeps beside its vouchers: approvals, reversals, periods, designation records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VoucherApproval:
    """One person's approval of one revision, bound to its content."""

    actor: str
    content_hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VoucherReversal:
    """A voucher taken back: the red-letter voucher, the blue one that replaces it (empty: none), why and by whom."""

    voucher_id: str
    red_id: str
    blue_id: str
    reason: str
    made_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """A month (`2026-03`) closed or opened again."""

    period: str
    closed: bool
    reason: str
    actor: str
    approved_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DesignationRecord:
    """One version of a designation file: when it came in and from whom; who approved exactly this content, if anybody."""

    relationship_id: str
    version: int
    digest: str
    designated_on: date
    recorded_by: str
    recorded_at: datetime
    approved_by: str = ""
    approved_at: datetime | None = None


class AccountingStore(Protocol):
    """Rows are only ever added; the database refuses changes."""

    def approve_voucher(self, voucher_id: str, revision: int, content_hash: str) -> None: ...
    def send_back_voucher(self, voucher_id: str, revision: int, reason: str) -> None:
        """Earlier approvals count no more."""
        ...

    def voucher_approvals(self, voucher_id: str, revision: int) -> list[VoucherApproval]:
        """Those that count, in order."""
        ...

    def add_reversal(self, voucher_id: str, red_id: str, blue_id: str, reason: str) -> None: ...
    def reversals(self) -> list[VoucherReversal]: ...
    def change_period(self, period: str, closed: bool, reason: str, approved_by: str = "") -> None: ...
    def periods(self) -> list[PeriodChange]:
        """Every change, by period and order."""
        ...

    def closed_periods(self) -> frozenset[str]: ...
    def record_designation(self, relationship_id: str, version: int, digest: str, designated_on: date) -> None:
        """Nothing happens when this version is recorded already."""
        ...

    def approve_designation(self, relationship_id: str, version: int, digest: str) -> None: ...
    def designations(self, relationship_id: str | None = None) -> Sequence[DesignationRecord]:
        """By relationship and version."""
        ...
