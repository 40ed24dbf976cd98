"""Finding our own vouchers again in Cosmic: the ledger's query by date, searched for the references in the lines.

`Idempotency-Key` travels in a header and comes back nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from adapters.erp.cosmic.read import Lists
from adapters.erp.cosmic.vendor import STAGE_OF_STATUS, CosmicOptions
from adapters.erp.ledger_windows import Ledger, WindowLookup
from connectors.cosmic.envelope import values
from hedge_core.model.vouchers import Stage

_HEAD_WORDS = ("id", "number", "date", "book", "status", "lines")


class VoucherLookup(WindowLookup):
    """Looks vouchers up by reference; those of other books of the organisation are passed over. `now` answers aware UTC time."""

    def __init__(self, lists: Lists, options: CosmicOptions, system: str, now: Callable[[], datetime]) -> None:
        name = options.name

        def stage(record: Mapping[str, Any]) -> Stage:
            posted = _yes(record, name("found.posted"))
            return Stage.POSTED if posted else STAGE_OF_STATUS[str(record[name("found.status")])]

        def has_effect(record: Mapping[str, Any]) -> bool:
            return not _yes(record, name("found.void"))

        def ours(record: Mapping[str, Any]) -> bool:
            return record.get(name("found.book")) in (None, options.account_book)

        ledger = Ledger(lists.vouchers, options.path("vouchers"), name, values, _HEAD_WORDS, stage, has_effect, ours)
        super().__init__(ledger, system, options.lookup_months, options.zone, now)


def _yes(record: Mapping[str, Any], field: str) -> bool:
    """A flag that is a boolean, a digit or a letter, depending on the interface."""
    return str(record.get(field)).upper() in ("TRUE", "1", "Y")
