"""Contract lines, inventory lots with the time they were first seen, and masters, each as mapped last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, Table, bindparam

from adapters.storage.bulk import WORTH, upsert_columns
from adapters.storage.codec import decode, encode
from adapters.storage.records import Records
from adapters.storage.schema import CONTRACT_LINES, INVENTORY_LOTS, MASTERS
from adapters.storage.scope import Scope, pages
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind


class Physical:
    """`hedge_core.ports.storage.PhysicalStore` of one book."""

    def __init__(self, scope: Scope, records: Records) -> None:
        self._scope = scope
        self._records = records

    def save_contract_lines(self, lines: Sequence[ContractLine]) -> None:
        if len(lines) < WORTH:
            self._scope.upsert(CONTRACT_LINES, ({**_where(line.ref), "payload": encode(line)} for line in lines))
            return
        last = {line.ref: line for line in lines}
        columns: dict[str, Sequence[Any]] = {
            "connection": [ref.connection for ref in last],
            "kind": [ref.kind for ref in last],
            "key": [ref.key for ref in last],
            "payload": list(map(encode, last.values())),
        }
        upsert_columns(self._scope, CONTRACT_LINES, columns)

    def each_contract_line(self) -> Iterator[ContractLine]:
        """All of the book in no order, a page at a time: a book may have more lines than memory."""
        query = self._scope.select(CONTRACT_LINES, CONTRACT_LINES.c.payload).execution_options(yield_per=1000)
        for row in self._scope.connection.execute(query):
            yield decode(row.payload, ContractLine)

    def contract_lines(self) -> list[ContractLine]:
        """All of the book, by reference."""
        return [decode(row.payload, ContractLine) for row in self._scope.rows(self._in_order(CONTRACT_LINES))]

    def contract_line(self, ref: ExternalRef) -> ContractLine | None:
        table = CONTRACT_LINES
        query = self._scope.select(table, table.c.payload).where(
            table.c.connection == ref.connection, table.c.kind == ref.kind, table.c.key == ref.key
        )
        found = self._scope.first(query)
        return None if found is None else decode(found.payload, ContractLine)

    def remove_contract_lines(self, refs: Sequence[ExternalRef]) -> None:
        """The lines are no longer business of the book; their raw records stay."""
        table = CONTRACT_LINES
        one = self._scope.delete(table).where(
            table.c.connection == bindparam("a"), table.c.kind == bindparam("b"), table.c.key == bindparam("c")
        )
        for page in pages(refs):
            self._scope.run(one, [{"a": ref.connection, "b": ref.kind, "c": ref.key} for ref in page])

    def save_inventory(self, lots: Sequence[InventoryLot], seen_at: datetime) -> None:
        self._scope.upsert(
            INVENTORY_LOTS,
            (
                {
                    **_where(lot.ref),
                    "quantity": lot.quantity,
                    "first_seen": seen_at,
                    "last_seen": seen_at,
                    "payload": encode(lot),
                }
                for lot in lots
            ),
            keep=["first_seen"],
        )

    def zero_vanished(self, connection: str, seen: set[str], at: datetime) -> list[ExternalRef]:
        """Lots that had a quantity and are not among the keys `seen`. Their raw records are marked gone at the same time:
        a lot that comes back exactly as it was would else pass for unchanged and stay at zero."""
        table = INVENTORY_LOTS
        query = self._in_order(table).where(table.c.connection == connection, table.c.quantity != Decimal(0))
        lots = [decode(row.payload, InventoryLot) for row in self._scope.rows(query)]
        gone = [replace(lot, quantity=Decimal(0)) for lot in lots if lot.ref.key not in seen and lot.quantity != 0]
        self._scope.upsert(
            table,
            (
                {
                    **_where(lot.ref),
                    "quantity": lot.quantity,
                    "first_seen": at,
                    "last_seen": at,
                    "payload": encode(lot),
                }
                for lot in gone
            ),
            keep=["first_seen", "last_seen"],
        )
        refs = [lot.ref for lot in gone]
        self._records.mark_gone(refs, at)
        return refs

    def inventory(self) -> list[InventoryLot]:
        """All of the book, by reference, those with quantity zero included."""
        return [decode(row.payload, InventoryLot) for row in self._scope.rows(self._in_order(INVENTORY_LOTS))]

    def inventory_first_seen(self) -> dict[str, datetime]:
        table = INVENTORY_LOTS
        query = self._scope.select(table, table.c.connection, table.c.kind, table.c.key, table.c.first_seen)
        return {str(ExternalRef(*row[:3])): row.first_seen for row in self._scope.rows(query)}

    def save_masters(self, masters: Sequence[Master]) -> None:
        self._scope.upsert(
            MASTERS,
            ({**_where(master.ref), "master_kind": master.kind.value, "payload": encode(master)} for master in masters),
        )

    def masters(self, kind: MasterKind) -> list[Master]:
        """Those of one kind, by reference."""
        query = self._in_order(MASTERS).where(MASTERS.c.master_kind == kind.value)
        return [decode(row.payload, Master) for row in self._scope.rows(query)]

    def _in_order(self, table: Table) -> Select[Any]:
        return self._scope.select(table, table.c.payload).order_by(table.c.connection, table.c.kind, table.c.key)


def _where(ref: ExternalRef) -> dict[str, str]:
    return {"connection": ref.connection, "kind": ref.kind, "key": ref.key}
