"""The invented ERP's records in SQLite: each a JSON text with exact numbers, its place in the list and its time of change."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.company.erp import CUSTOMERS, LEDGER_ACCOUNTS, STANDARD_WAREHOUSE, SUPPLIERS, Order, OrderLine, company
from sandbox.company.facts import MATERIALS, ORG

LISTS = ("sale-lines", "purchase-orders", "stock", "materials", "partners", "accounts")
_STATES = {"draft": "DRAFT", "created": "DRAFT", "submitted": "DRAFT", "approved": "OPEN"}
_PRICING = {"P": "FIXED", "F": "FLOATING"}


@dataclass(frozen=True, slots=True)
class Row:
    """A record: its internal id, JSON text, and time of change (ISO 8601, UTC)."""

    id: int
    body: str
    updated: str


class Books:
    """One company's records. Thread-safe."""

    def __init__(self, path: str = ":memory:") -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, "
            "body TEXT NOT NULL, updated TEXT NOT NULL)"
        )
        if not self._db.execute("SELECT 1 FROM records").fetchone():
            self._load()

    def close(self) -> None:
        """Close the books."""
        self._db.close()

    def rows(self, name: str) -> list[Row]:
        """A list in the order of its internal ids."""
        with self._lock:
            found = self._db.execute("SELECT id, body, updated FROM records WHERE list = ? ORDER BY id", (name,))
            return [Row(*row) for row in found.fetchall()]

    def add(self, name: str, value: Any, updated: str = "2026-03-12T02:30:00Z") -> int:
        """Add a record; `id` and `updatedAt` are written into an object. Answers the id."""
        with self._lock, self._db:
            cursor = self._db.execute("INSERT INTO records (list, body, updated) VALUES (?, '', ?)", (name, updated))
            number = int(cursor.lastrowid or 0)
            if isinstance(value, dict):
                value = {"id": number, **value, "updatedAt": updated}
            self._db.execute("UPDATE records SET body = ? WHERE id = ?", (exact_json(value), number))
        return number

    def change(self, number: int, old: str, new: str, updated: str) -> None:
        """Replace a piece of a record's text, as a user's edit would, with a new time of change."""
        with self._lock, self._db:
            body, before = self._db.execute("SELECT body, updated FROM records WHERE id = ?", (number,)).fetchone()
            if body.count(old) != 1:
                raise ValueError(f"{old!r} stands {body.count(old)} times in record {number}")
            body = body.replace(old, new).replace(before, updated)
            self._db.execute("UPDATE records SET body = ?, updated = ? WHERE id = ?", (body, updated, number))

    def delete(self, number: int) -> None:
        """Delete a record for good."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM records WHERE id = ?", (number,))

    def _load(self) -> None:
        known = company()
        for order in known.orders:
            updated = order.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            if order.side == "sale":
                for number, line in enumerate(order.lines, 1):
                    self.add("sale-lines", {**_head(order, "customer"), **_line(number, line)}, updated)
            else:
                lines = [_line(number, line) for number, line in enumerate(order.lines, 1)]
                self.add("purchase-orders", {**_head(order, "supplier"), "lines": lines}, updated)
        for lot in known.stock:
            self.add(
                "stock",
                {
                    "warehouse": lot.warehouse, "material": {"code": lot.material}, "lot": lot.lot,
                    "owner": None if lot.owner == ORG else lot.owner, "quantity": lot.quantity, "unit": "t",
                    "warrant": lot.warehouse == STANDARD_WAREHOUSE,
                },
            )  # fmt: skip
        for row in MATERIALS:
            self.add("materials", {"code": row[0], "name": row[1], "unit": row[3], "blocked": False})
        for role, partners in (("customer", CUSTOMERS), ("supplier", SUPPLIERS)):
            for code, name in partners:
                self.add("partners", {"code": code, "name": name, "role": role, "blocked": False})
        for account in LEDGER_ACCOUNTS:
            self.add("accounts", {"code": account.number, "name": account.name, "blocked": account.forbidden})


def now() -> str:
    """The present moment as the records write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_json(value: Any) -> str:
    """JSON text whose numbers have exactly the digits of their Decimals."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{exact_json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(exact_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _head(order: Order, partner: str) -> dict[str, Any]:
    state = "CANCELLED" if order.cancelled else "CLOSED" if order.closed else _STATES[order.state]
    return {
        "orderNo": order.number, partner: {"code": order.partner}, "state": state, "currency": "CNY",
        "orderDate": order.order_date and order.order_date.isoformat(), "tags": ["demo"],
    }  # fmt: skip


def _line(number: int, line: OrderLine) -> dict[str, Any]:
    return {
        "lineNo": number, "material": {"code": line.material}, "unit": line.unit, "quantity": line.quantity,
        "delivered": line.delivered, "returned": line.returned,
        "deliveryDate": line.delivery_date and line.delivery_date.isoformat(),
        "pricing": {"kind": _PRICING[line.pricing], "unit": line.price_unit, "taxPrice": line.tax_price,
                    "premium": line.premium, "month": line.reference_month or None, "taxPercent": line.tax_rate},
    }  # fmt: skip
