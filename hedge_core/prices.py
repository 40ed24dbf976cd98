"""Which prices a day needs and does not have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from hedge_core.errors import RuleBroken
from hedge_core.model.futures import SettlementPrice
from messages import Message


def missing_prices(
    required: Iterable[tuple[str, date]], given: Iterable[SettlementPrice], kind: str = "settlement"
) -> list[RuleBroken]:
    """A `RuleBroken("price_missing", subject, …)` for every (subject, trading day) without a price of that kind, sorted.

    Returned, not raised: the day stays open and the person sees all that is missing at once."""
    known = {(price.subject, price.trading_day) for price in given if price.kind == kind}
    return [
        RuleBroken(
            "price_missing", subject, Message("price_file.missing", {"kind": kind, "subject": subject, "day": day})
        )
        for subject, day in sorted(set(required) - known)
    ]
