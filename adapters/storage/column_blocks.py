"""Fills as columns, recalculations with their results by day, and requests to reopen a settled day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import and_, func, select

from adapters.storage.codec import decode_open, encode_open
from adapters.storage.schema import STATEMENTS
from adapters.storage.schema.column_blocks import DAY_REOPENINGS, FILL_BLOCKS, RECALCULATIONS, RESULT_DAYS
from adapters.storage.scope import Scope
from hedge_core.model.futures import Fill
from hedge_core.ports.column_blocks import Recalculation, Reopening, ResultDay, StoredBlock
from hedge_core.recalculation.blocks import encode_block

_BLOCK: Final = ("account", "currency", "trading_day", "version", "fills", "digest", "body")
_DAY: Final = ("trading_day", "digest", "previous_digest", "body")
_DAYS_AT_A_TIME: Final = 16


class ColumnBlocks:
    """`hedge_core.ports.column_blocks.ColumnBlockStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    # --- fills --------------------------------------------------------------------------------------------------------

    def add_blocks(self, blocks: Iterable[StoredBlock]) -> None:
        """The database refuses a second block of a statement version."""
        self._scope.insert(FILL_BLOCKS, ({name: getattr(block, name) for name in _BLOCK} for block in blocks))

    def list_fills(self, account: str, currency: str, trading_day: date, fills: Sequence[Fill]) -> None:
        """The day's fills as they stand now, as the next version of its block."""
        table = FILL_BLOCKS
        mine = (table.c.account == account, table.c.currency == currency, table.c.trading_day == trading_day)
        newest = self._scope.select(table, func.max(table.c.version)).where(*mine)
        version = (self._scope.connection.execute(newest).scalar_one() or 0) + 1
        body = encode_block(account, currency, trading_day, fills)
        digest = hashlib.sha256(body).hexdigest()
        self.add_blocks([StoredBlock(account, currency, trading_day, version, len(fills), digest, body)])

    def blocks(self, last: date | None = None) -> list[StoredBlock]:
        table = FILL_BLOCKS
        order = (table.c.trading_day, table.c.account, table.c.currency, table.c.version)
        query = self._scope.select(table, *(table.c[name] for name in _BLOCK)).order_by(*order)
        if last is not None:
            query = query.where(table.c.trading_day <= last)
        current: dict[tuple[date, str, str], Any] = {}
        for row in self._scope.connection.execute(query):
            current[row[2], row[0], row[1]] = row
        return [StoredBlock(*row) for row in current.values()]

    def without_block(self) -> list[tuple[str, str, date]]:
        table, block = STATEMENTS, FILL_BLOCKS
        names = ("book_id", "account", "currency", "trading_day")
        daily = self._scope.select(table, *(table.c[name] for name in names)).where(table.c.form.in_(("mtm", "trade")))
        stated = daily.distinct().subquery()
        same = [stated.c[name] == block.c[name] for name in names]
        query = (
            select(stated.c.account, stated.c.currency, stated.c.trading_day)
            .select_from(stated.outerjoin(block, and_(*same)))
            .where(block.c.book_id.is_(None))
            .order_by(stated.c.trading_day, stated.c.account, stated.c.currency)
        )
        return [(row.account, row.currency, row.trading_day) for row in self._scope.rows(query)]

    def settlement_price_texts(self, first: date, last: date) -> Sequence[tuple[str, date, str]]:
        """Straight from the driver: a hundred thousand prices need no object each."""
        connection = self._scope.connection
        postgres = connection.dialect.name == "postgresql"
        shown, mark = ("price::text", "%s") if postgres else ("price", "?")
        statement = (
            f"SELECT subject, trading_day, {shown} FROM prices WHERE book_id = {mark} AND kind = 'settlement' "  # noqa: S608
            f"AND trading_day BETWEEN {mark} AND {mark}"
        )
        bounds = (first, last) if postgres else (first.isoformat(), last.isoformat())
        rows = connection.exec_driver_sql(statement, (self._scope.book, *bounds)).cursor.fetchall()
        if postgres:
            return rows
        days = {text: date.fromisoformat(text) for text in {row[1] for row in rows}}
        return [(row[0], days[row[1]], row[2]) for row in rows]

    # --- recalculations -----------------------------------------------------------------------------------------------

    def add_recalculation(self, recalculation: Recalculation, days: Iterable[ResultDay]) -> None:
        self._scope.insert(
            RECALCULATIONS,
            [
                {
                    "run": recalculation.run,
                    "from_day": recalculation.from_day,
                    "through_day": recalculation.through_day,
                    "status": recalculation.status,
                    "input_digest": recalculation.input_digest,
                    "keys": recalculation.keys,
                    "summary": encode_open(dict(recalculation.summary)),
                    "made_at": recalculation.made_at,
                    "made_by": recalculation.made_by,
                    "decided_at": recalculation.decided_at,
                    "decided_by": recalculation.decided_by,
                    "reason": recalculation.reason,
                }
            ],
        )
        page: list[dict[str, Any]] = []
        for day in days:
            page.append({"run": recalculation.run, **{name: getattr(day, name) for name in _DAY}})
            if len(page) == _DAYS_AT_A_TIME:
                self._scope.insert(RESULT_DAYS, page)
                page = []
        self._scope.insert(RESULT_DAYS, page)

    def recalculation(self, run: int) -> Recalculation | None:
        found = self._scope.first(self._scope.select(RECALCULATIONS).where(RECALCULATIONS.c.run == run))
        return None if found is None else _recalculation(found)

    def recalculations(self) -> list[Recalculation]:
        query = self._scope.select(RECALCULATIONS).order_by(RECALCULATIONS.c.run)
        return [_recalculation(row) for row in self._scope.rows(query)]

    def decide_recalculation(self, run: int, status: str, reason: str) -> None:
        """KeyError when there is no such run."""
        table = RECALCULATIONS
        decided = {"decided_at": self._scope.clock.now(), "decided_by": self._scope.actor.name}
        changed = self._scope.update(table).where(table.c.run == run).values(status=status, reason=reason, **decided)
        if not self._scope.run(changed):
            raise KeyError(run)

    def result_day(self, run: int, trading_day: date) -> ResultDay | None:
        table = RESULT_DAYS
        query = self._scope.select(table, *(table.c[name] for name in _DAY))
        found = self._scope.first(query.where(table.c.run == run, table.c.trading_day == trading_day))
        return None if found is None else ResultDay(*found)

    def result_days(self, run: int) -> Iterator[ResultDay]:
        table = RESULT_DAYS
        query = self._scope.select(table, *(table.c[name] for name in _DAY)).where(table.c.run == run)
        for row in self._scope.connection.execute(query.order_by(table.c.trading_day)):
            yield ResultDay(*row)

    # --- reopening ----------------------------------------------------------------------------------------------------

    def ask_reopening(self, trading_day: date, reason: str) -> Reopening:
        numbers = [row.number for row in self.reopenings() if row.trading_day == trading_day]
        asked = Reopening(
            trading_day, max(numbers, default=0) + 1, "asked", reason, self._scope.clock.now(), self._scope.actor.name
        )
        names = ("trading_day", "number", "status", "reason", "asked_at", "asked_by", "decided_at", "decided_by")
        self._scope.insert(DAY_REOPENINGS, [{name: getattr(asked, name) for name in names}])
        return asked

    def reopenings(self) -> list[Reopening]:
        table = DAY_REOPENINGS
        columns = [column for column in table.c if column.name != "book_id"]
        query = self._scope.select(table, *columns).order_by(table.c.trading_day, table.c.number)
        return [Reopening(*row) for row in self._scope.rows(query)]

    def decide_reopening(self, trading_day: date, number: int, status: str) -> None:
        table = DAY_REOPENINGS
        decided = {"decided_at": self._scope.clock.now(), "decided_by": self._scope.actor.name, "status": status}
        chosen = self._scope.update(table).where(table.c.trading_day == trading_day, table.c.number == number)
        if not self._scope.run(chosen.values(**decided)):
            raise KeyError(f"{trading_day}/{number}")


def _recalculation(row: Any) -> Recalculation:
    return Recalculation(
        run=row.run,
        from_day=row.from_day,
        through_day=row.through_day,
        status=row.status,
        input_digest=row.input_digest,
        keys=row.keys,
        summary=decode_open(row.summary),
        made_at=row.made_at,
        made_by=row.made_by,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
    )
