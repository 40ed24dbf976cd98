"""The short text that goes back onto an ERP document: which futures hedge this line."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from hedge_core.canonical import decimal_text
from hedge_core.model.matches import HedgeMatch

NOTE_LENGTH: Final = 200
"""Characters: fits a text field of an order line in every ERP we write to."""


def hedge_note(matches: Sequence[HedgeMatch]) -> str:
    """The whole current text of a line's hedges, summed by instrument: `HB cu2605 现货25/期货25; …`. Empty when there are
    none. A text that would be too long names what fits and says how many more there are."""
    totals: dict[str, tuple[Decimal, Decimal]] = {}
    for match in matches:
        spot, futures = totals.get(match.instrument, (Decimal(0), Decimal(0)))
        totals[match.instrument] = (spot + match.spot_quantity, futures + match.futures_quantity)
    parts = [
        f"{instrument.partition('.')[2] or instrument} 现货{decimal_text(spot)}/期货{decimal_text(futures)}"
        for instrument, (spot, futures) in sorted(totals.items())
    ]
    if not parts:
        return ""
    text, shown = "HB " + parts[0], 1
    for part in parts[1:]:
        if len(text) + len(part) + 8 > NOTE_LENGTH:
            return f"{text}; +{len(parts) - shown}"
        text, shown = f"{text}; {part}", shown + 1
    return text
