"""Sample vouchers and matches for the cases; nothing in them belongs to a real company."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.model.identity import ExternalRef, book_id
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.vouchers import PostingLine, Voucher

EXACT_AMOUNTS: Final = ("0.01", "0.29", "70619.47", "1234567.89", "900719925474.09")
"""Amounts that binary floating point likes to spoil, up to fourteen digits: what every ERP's amount column holds."""


def sample_voucher(
    number: int,
    amount: Decimal,
    posting_date: date,
    *,
    debit: str,
    credit: str,
    dimensions: tuple[tuple[str, str], ...] = (),
    currency: str = "CNY",
) -> Voucher:
    """A voucher of two lines over `amount`; `dimensions` stand on the debit line."""
    lines = (
        PostingLine("futures", debit, amount, Decimal(0), f"持仓盯市盈亏 {number}", dimensions),
        PostingLine("result", credit, Decimal(0), amount, f"持仓盯市盈亏 {number}"),
    )
    return Voucher(book_id("demo"), f"C{number:05d}", 1, "mark_to_market", posting_date, currency, "盯市", lines)


def sample_match(leg: ExternalRef, spot: str, futures: str) -> HedgeMatch:
    """A match of that line against an invented fill."""
    return HedgeMatch(
        match_id=f"M-{spot}-{futures}",
        leg=leg,
        lot_id="80010001:20260304:1",
        account="80010001",
        instrument="SHFE.cu2606",
        commodity="copper",
        spot_quantity=Decimal(spot),
        futures_quantity=Decimal(futures),
        matched_on=date(2026, 3, 31),
        method="fifo",
        why="match.fifo",
    )
