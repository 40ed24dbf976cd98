"""Vouchers (凭证): balanced journal entries with an idempotency key. One that does not balance cannot be constructed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.canonical import canonical_bytes, canonical_hash
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import BookId
from messages import Message

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def idempotency_key(book: BookId, voucher_id: str, revision: int) -> str:
    """`HB` and 14 Crockford base-32 characters of SHA-256(book, voucher, revision): 16 in all, the shortest reference
    field that has to carry it (SAP)."""
    digest = hashlib.sha256(canonical_bytes([book, voucher_id, revision])).digest()
    number = int.from_bytes(digest[:9], "big") >> 2  # 70 of the 72 bits
    return "HB" + "".join(CROCKFORD[(number >> shift) & 31] for shift in range(65, -1, -5))


class BookedBy(StrEnum):
    """Who posts a line: we, or the ERP's own sales, purchase and stock modules. Only ours are pushed."""

    HEDGEBRIDGE = "hedgebridge"
    ERP = "erp"


class Stage(StrEnum):
    """How far a document got in the ERP (已保存、已提交、已审核、已过账)."""

    SAVED = "saved"
    SUBMITTED = "submitted"
    AUDITED = "audited"
    POSTED = "posted"


STAGE_ORDER: Final = (Stage.SAVED, Stage.SUBMITTED, Stage.AUDITED, Stage.POSTED)


class VoucherStatus(StrEnum):
    """Our side of a voucher's life."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    QUEUED = "queued"
    DELIVERED = "delivered"
    REVERSED = "reversed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where an amount comes from: kind (fill, statement, contract_line, snapshot, …) and its key."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class ForeignAmount:
    """What a line is worth in another currency, on the line's side and never negative, and the book's currency for one unit
    of it. Zero where only the rate moved. `kept`: the account is kept in that currency (外币核算); elsewhere it is a note."""

    currency: str
    amount: Decimal
    rate: Decimal
    kept: bool = True


@dataclass(frozen=True, slots=True)
class PostingLine:
    """One line of a voucher (分录). Exactly one of `debit` and `credit` is non-zero; both are in the book's currency.

    `role` is the account role of the template; `account`, `dimensions` and `cash_flow_item` are the ERP's codes,
    resolved from the role by the book's configuration."""

    role: str
    account: str
    debit: Decimal
    credit: Decimal
    summary: str
    dimensions: tuple[tuple[str, str], ...] = ()
    cash_flow_item: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    sources: tuple[SourceRef, ...] = ()
    rate_type: str | None = None
    foreign: ForeignAmount | None = None

    def mirrored(self) -> PostingLine:
        """The same line with debit and credit exchanged."""
        return replace(self, debit=self.credit, credit=self.debit)


@dataclass(frozen=True, slots=True)
class Voucher:
    """A balanced journal entry of one book. Constructing an unbalanced one raises `RuleBroken("voucher_balance")`."""

    book: BookId
    voucher_id: str
    revision: int
    kind: str
    posting_date: date
    currency: str
    summary: str
    lines: tuple[PostingLine, ...]
    attachments: int = 0
    reverses: str | None = None
    relationship: str | None = None

    def __post_init__(self) -> None:
        problem = _problem(self.lines)
        if problem is not None:
            raise RuleBroken("voucher_balance", self.voucher_id, problem)

    @property
    def key(self) -> str:
        """The idempotency key: the reference that the ERP's document carries."""
        return idempotency_key(self.book, self.voucher_id, self.revision)

    @property
    def content_hash(self) -> str:
        """SHA-256 over the canonical content: no status, actor or time in it."""
        return canonical_hash(
            {
                "book": self.book,
                "posting_date": self.posting_date,
                "currency": self.currency,
                "summary": self.summary,
                "lines": [
                    {
                        "account": line.account,
                        "dimensions": [list(pair) for pair in line.dimensions],
                        "debit": line.debit,
                        "credit": line.credit,
                        "quantity": line.quantity,
                    }
                    | _in_currency(line.foreign)
                    for line in self.lines
                ],
            }
        )

    @property
    def total(self) -> Decimal:
        """Sum of the debits (= sum of the credits)."""
        return sum((line.debit for line in self.lines), Decimal(0))

    @property
    def in_currencies(self) -> bool:
        """Whether an account that is kept in another currency is posted to."""
        return any(line.foreign is not None and line.foreign.kept for line in self.lines)

    def reversal(self, voucher_id: str, posting_date: date, summary: str) -> Voucher:
        """The voucher that cancels this one: every line mirrored; the reversal of a reversal has the original's lines."""
        return replace(
            self,
            voucher_id=voucher_id,
            revision=1,
            posting_date=posting_date,
            summary=summary,
            lines=tuple(line.mirrored() for line in self.lines),
            reverses=self.voucher_id,
        )


def _in_currency(foreign: ForeignAmount | None) -> dict[str, object]:
    """Part of the content only where there is one: the hash of every other voucher stays what it was."""
    if foreign is None:
        return {}
    return {"foreign": {"currency": foreign.currency, "amount": foreign.amount, "rate": foreign.rate}}


def _problem(lines: tuple[PostingLine, ...]) -> Message | None:
    if len(lines) < 2:
        return Message("voucher.too_few_lines")
    for line in lines:
        if line.debit.is_signed() or line.credit.is_signed() or (line.debit == 0) == (line.credit == 0):
            return Message("voucher.line_sides", {"account": line.account or line.role})
    debits = sum((line.debit for line in lines), Decimal(0))
    credits_ = sum((line.credit for line in lines), Decimal(0))
    if debits != credits_:
        return Message("voucher.unbalanced", {"debit": debits, "credit": credits_, "difference": debits - credits_})
    return None


@dataclass(frozen=True, slots=True)
class PostingReceipt:
    """What the ERP answered: its own number and internal id, the stage reached, and the posting date it really has. `accounts`
    are debit − credit by account code as they stand there, where a look-up tells."""

    key: str
    number: str
    external_id: str
    stage: Stage
    posting_date: date | None = None
    total: Decimal | None = None
    found_by_lookup: bool = False
    vendor_text: str = ""
    accounts: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class HedgeNote:
    """The hedge text found on an ERP document."""

    text: str
