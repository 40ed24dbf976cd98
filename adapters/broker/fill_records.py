"""Fills as pulled records: each with its raw form, once per answer, in quarantine where it cannot be understood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from hedge_core.errors import PlatformError
from hedge_core.model.futures import Fill
from hedge_core.model.identity import ExternalRef
from hedge_core.model.records import Cursor, Mapped, Pulled, Quarantined, RawRecord

KIND: Final = "fill"
_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")


def pulled_fills(
    connection: str,
    rows: Iterable[tuple[str, dict[str, Any]]],
    read: Callable[[dict[str, Any]], Fill],
    spec: str,
    cursor: Cursor,
    now: Callable[[], datetime],
) -> Iterator[Pulled[Fill]]:
    """One record per (key, row). `read` makes the fill or raises what it does not understand; `spec` names the table that
    reads it. A key that comes twice in one answer comes once; the last one ends the page."""
    wanted = list(dict(rows).items())
    for place, (key, row) in enumerate(wanted, 1):
        ref = ExternalRef(connection, KIND, key)
        raw = RawRecord.of(ref, _encoder.encode(row), now())
        outcome: Mapped[Fill] | Quarantined
        try:
            outcome = Mapped(read(row), spec)
        except PlatformError as error:
            outcome = Quarantined(spec, "fill", getattr(error, "rule", ""), error.message, key)
        yield Pulled(ref, outcome, raw, cursor, place == len(wanted))


def fill_key(account: str, trading_day: str, exchange: str, fill_id: str, direction: str) -> str:
    """The text under which a raw fill is kept, readable or not."""
    return "/".join((account, trading_day, exchange, fill_id, direction))
