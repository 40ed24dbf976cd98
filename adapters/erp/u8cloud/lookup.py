"""Finding our own vouchers again in U8 Cloud: the ledger's list by date, searched for the references in the lines' free item.

`uniquekey` travels in a header and is not known to come back in any list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from adapters.erp.ledger_windows import Ledger, WindowLookup
from adapters.erp.u8cloud.read import Lists
from adapters.erp.u8cloud.vendor import U8CloudOptions
from connectors.u8cloud.envelope import values
from hedge_core.model.vouchers import Stage

_HEAD_WORDS = ("id", "number", "date", "lines")


class VoucherLookup(WindowLookup):
    """Looks vouchers up by reference. `now` answers aware UTC time."""

    def __init__(self, lists: Lists, options: U8CloudOptions, system: str, now: Callable[[], datetime]) -> None:
        name = options.name

        def stage(record: Mapping[str, Any]) -> Stage:
            posted, audited = (bool(record.get(name(f"found.{word}"))) for word in ("posted_by", "audited_by"))
            return Stage.POSTED if posted else Stage.AUDITED if audited else Stage.SAVED

        def has_effect(record: Mapping[str, Any]) -> bool:
            return str(record.get(name("found.void")) or "N").upper() not in ("Y", "TRUE")

        ledger = Ledger(lists.vouchers, options.path("vouchers"), name, values, _HEAD_WORDS, stage, has_effect)
        super().__init__(ledger, system, options.lookup_months, options.zone, now)
