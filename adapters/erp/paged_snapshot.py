"""Reading a whole list that has page numbers and no order: believed only when counts or two readings agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

from adapters.erp.records import Mapper
from hedge_core.errors import ContractViolation, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.records import Cursor, Mapped, Pulled, PulledLater, Quarantined, RawRecord

T = TypeVar("T")
AskPage = Callable[[int], tuple[list[bytes], int | None]]
"""Page number from 1 -> its rows as received, and how many there are in all, where the answer says so."""

_ATTEMPTS: Final = 3


def whole_list(ask: AskPage, key_of: Callable[[bytes], str], where: str, system: str) -> dict[str, bytes]:
    """Key to row of the whole list. Two rows of one page that have the same key would hide each other: they stop the pull.
    A key that comes again on a later page says that rows moved meanwhile, and the reading starts again; half a list would turn
    to zero what is still there. Without a count, a list of several pages is read until two readings agree."""
    before: dict[str, bytes] | None = None
    for _ in range(_ATTEMPTS):
        found, pages, total, moved = _reading(ask, key_of, where, system)
        if moved or (total is not None and total != len(found)):
            continue
        agreed = before is not None and before.keys() == found.keys()
        if total is not None or pages <= 1 or agreed:
            return found
        before = found
    raise Unavailable(f"{where} keeps changing while it is read; try again later", system=system)


def _reading(
    ask: AskPage, key_of: Callable[[bytes], str], where: str, system: str
) -> tuple[dict[str, bytes], int, int | None, bool]:
    found: dict[str, bytes] = {}
    total: int | None = None
    number = 0
    while True:
        rows, told = ask(number + 1)
        total = told if told is not None else total
        page: dict[str, bytes] = {}
        for row in rows:
            if page.setdefault(key_of(row), row) is not row:
                reason = f"two rows are {key_of(row)}: name one more field in the option stock_key"
                raise ContractViolation(where, reason, system=system)
        new = {key: row for key, row in page.items() if key not in found}
        if not new:
            return found, number, total, False
        if len(new) != len(page):
            return found, number, total, True
        found |= new
        number += 1
        if total is not None and len(found) >= total:
            return found, number, total, False


class SnapshotReader:
    """Pulls a list whole each time: stock, and masters, which are few."""

    def __init__(
        self, connection: str, system: str, fields: Callable[[bytes], dict[str, Any]], now: Callable[[], datetime]
    ) -> None:
        self._connection = connection
        self._system = system
        self._fields = fields
        self._now = now

    def pull(self, kind: str, ask: AskPage, key_of: Callable[[bytes], str], mapper: Mapper[T]) -> Iterator[Pulled[T]]:
        """Every row once, mapped only when somebody asks what became of it. The iterator ends only when the list is
        complete."""

        def read(ref: ExternalRef, row: bytes) -> Mapped[T] | Quarantined:
            return mapper.read(ref, self._fields(row))

        rows = whole_list(ask, key_of, kind, self._system)
        now = self._now()
        for number, (key, row) in enumerate(rows.items(), 1):
            ref = ExternalRef(self._connection, kind, key)
            raw = RawRecord.of(ref, row, now)
            yield PulledLater(ref, mapper.spec.identity, read, raw, Cursor(""), number == len(rows))
