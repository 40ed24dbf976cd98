"""Writing: refused, with what to do instead."""

from __future__ import annotations

from collections.abc import Sequence

from hedge_core.errors import PlatformError, Rejected
from hedge_core.model.vouchers import Voucher
from messages import Message, say

_SYSTEM = "HedgeBridge"


def refusal(what: str) -> Rejected:
    """Why nothing is sent."""
    return Rejected("pull-only", say(Message(f"generic_json.{what}")), system=_SYSTEM)


def push(batch: Sequence[Voucher]) -> list[PlatformError]:
    """One refusal per voucher."""
    return [refusal("no_vouchers") for _ in batch]
