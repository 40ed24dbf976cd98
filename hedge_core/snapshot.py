"""Snapshots (快照): a settled day as canonical bytes, their hash, reading them back, and two of them line by line.

Layout (docs/snapshot-format.md): the eight bytes `HBSNAP01`, the length of the header as little-endian unsigned 64-bit,
the header as canonical JSON (`hedge_core.canonical`), then every column as little-endian int64 in the header's order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import numpy as np

from hedge_core.canonical import canonical_bytes, decimal_text
from hedge_core.errors import ContractViolation
from hedge_core.model.identity import BookId
from hedge_core.settlement.engine import Settlement
from hedge_core.settlement.figures import FLAGS, Figures, Header, PriceUsed, Table
from hedge_core.settlement.inputs import MARGIN_BY_EQUITY

MAGIC: Final = b"HBSNAP01"
SECTIONS: Final = ("lots", "closes", "funds", "exposure")
SECTIONS_AT_NEED: Final = ("options", "deposits")
"""Sections that are there only on days that have such rows."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A decoded snapshot: its figures and the SHA-256 (hex) of all its bytes, by which the next day refers to it."""

    figures: Figures
    hash: str

    @property
    def header(self) -> Header:
        return self.figures.header


@dataclass(frozen=True, slots=True)
class SnapshotChange:
    """One line of a comparison: where, and the value on both sides (None: the row or entry is not there)."""

    section: str
    key: str
    column: str
    before: object
    after: object


def encode(settlement: Settlement) -> bytes:
    """The snapshot's bytes; the same settlement always gives the same ones."""
    return encode_figures(settlement.figures)


def encode_figures(figures: Figures) -> bytes:
    """Header and columns as bytes (see the module's first lines)."""
    head = figures.header
    sections = []
    columns = []
    for name in (*SECTIONS, *(name for name in SECTIONS_AT_NEED if name in figures.tables)):
        table = figures.tables[name]
        sections.append({"name": name, "keys": [list(key) for key in table.keys], "columns": list(table.columns)})
        columns += [np.ascontiguousarray(values, dtype="<i8").tobytes() for values in table.columns.values()]
    definition = {} if head.risk_degree == MARGIN_BY_EQUITY else {"risk_degree": head.risk_degree}
    text = canonical_bytes(
        {
            **definition,
            "book": head.book,
            "trading_day": head.trading_day,
            "version": head.version,
            "previous_hash": head.previous_hash,
            "inputs": [list(pair) for pair in head.inputs],
            "prices": [[getattr(price, f.name) for f in fields(price)] for price in head.prices],
            "accounts": list(head.accounts),
            "currencies": list(head.currencies),
            "instruments": list(head.instruments),
            "multipliers": list(head.multipliers),
            "price_places": list(head.price_places),
            "money_places": head.money_places,
            "quantity_places": head.quantity_places,
            "units": [list(pair) for pair in head.units],
            "hedge_flags": list(FLAGS),
            "matches": head.matches,
            "matches_digest": head.matches_digest,
            "sections": sections,
        }
    )
    return b"".join([MAGIC, len(text).to_bytes(8, "little"), text, *columns])


def snapshot_hash(body: bytes) -> str:
    """SHA-256 over header and columns, in hex."""
    return hashlib.sha256(body).hexdigest()


def decode(body: bytes) -> Snapshot:
    """Read a snapshot back. Bytes that are not exactly one snapshot raise `ContractViolation`."""
    try:
        figures = _figures(body)
        unchanged = encode_figures(figures) == body
    except (KeyError, TypeError, ValueError) as problem:
        raise ContractViolation("snapshot", f"{type(problem).__name__}: {problem}", system="HedgeBridge") from problem
    if not unchanged:
        raise ContractViolation("snapshot", "not in canonical form", system="HedgeBridge")
    return Snapshot(figures, snapshot_hash(body))


def diff(before: Snapshot, after: Snapshot) -> list[SnapshotChange]:
    """Every line that differs between two snapshots: inputs and prices first, then rows by section and key. Values are
    compared as figures, so another scale alone is no difference; book, day, version and chain are not compared."""
    changes: list[SnapshotChange] = []
    for section, left, right in (
        ("inputs", dict(before.header.inputs), dict(after.header.inputs)),
        ("prices", _prices(before.header), _prices(after.header)),
        ("matches", {"digest": before.header.matches_digest}, {"digest": after.header.matches_digest}),
    ):
        for key in sorted(left.keys() | right.keys()):
            if left.get(key) != right.get(key):
                changes.append(SnapshotChange(section, key, "", left.get(key), right.get(key)))
    for section in (*SECTIONS, *SECTIONS_AT_NEED):
        old, new = _rows(before.figures, section), _rows(after.figures, section)
        for key in sorted(old.keys() | new.keys()):
            changes.extend(_row_changes(section, key, old.get(key, {}), new.get(key, {})))
    return changes


def _row_changes(
    section: str, key: str, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[SnapshotChange]:
    for name in old or new:
        if old.get(name) != new.get(name):
            yield SnapshotChange(section, key, name, old.get(name), new.get(name))


def _rows(figures: Figures, section: str) -> dict[str, dict[str, object]]:
    """The rows of a section by the text of their key, each as field -> value."""
    rows: list[Any] = getattr(figures, section)()
    found: dict[str, dict[str, object]] = {}
    if section not in figures.tables:
        return found
    for key, row in zip(figures.tables[section].keys, rows, strict=True):
        if not is_dataclass(row):
            raise TypeError(section)
        found[" ".join(key)] = {f.name: getattr(row, f.name) for f in fields(row)}
    return found


def _prices(head: Header) -> dict[str, str]:
    return {f"{p.instrument} {p.kind} {p.source}": decimal_text(p.price) for p in head.prices}


def _figures(body: bytes) -> Figures:
    if body[:8] != MAGIC:
        raise ValueError("does not start as a snapshot")
    start = 16 + int.from_bytes(body[8:16], "little")
    head = json.loads(body[16:start])
    tables = {}
    place = start
    for section in head["sections"]:
        keys = tuple(tuple(key) for key in section["keys"])
        columns = {}
        for name in section["columns"]:
            columns[name] = np.frombuffer(body, dtype="<i8", count=len(keys), offset=place)
            place += 8 * len(keys)
        tables[section["name"]] = Table(keys, columns)
    if head["hedge_flags"] != list(FLAGS)[: len(head["hedge_flags"])]:
        raise ValueError("hedge flags in another order")
    return Figures(_header(head), tables)


def _header(head: Mapping[str, Any]) -> Header:
    return Header(
        BookId(head["book"]),
        date.fromisoformat(head["trading_day"]),
        head["version"],
        head["previous_hash"],
        _pairs(head["inputs"]),
        tuple(
            PriceUsed(instrument, kind, Decimal(price), currency, source, date.fromisoformat(day))
            for instrument, kind, price, currency, source, day in head["prices"]
        ),
        tuple(head["accounts"]),
        tuple(head["currencies"]),
        tuple(head["instruments"]),
        tuple(head["multipliers"]),
        tuple(head["price_places"]),
        head["money_places"],
        head["quantity_places"],
        _pairs(head["units"]),
        head["matches"],
        head["matches_digest"],
        head.get("risk_degree", MARGIN_BY_EQUITY),
    )


def _pairs(rows: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in rows)
