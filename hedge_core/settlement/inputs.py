"""What a settlement is computed from: one book, one trading day, and nothing that is not an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter, itemgetter
from typing import Any, Final

from hedge_core.canonical import canonical_hash, canonical_text
from hedge_core.model.futures import AccountStatement, Fill, PositionLot, Product, SettlementPrice
from hedge_core.model.identity import BookId
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot

MARGIN_BY_EQUITY: Final = "margin/equity"
EQUITY_BY_MARGIN: Final = "equity/margin"
"""The two definitions of the risk degree in use; most brokers publish the first."""


@dataclass(frozen=True, slots=True)
class OpeningFunds:
    """An account's funds carried from the day before: mark-to-market balance (期末结存) and pledge, in `currency`."""

    account: str
    currency: str
    balance: Decimal
    pledge: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SettlementInput:
    """Everything one settlement depends on.

    `lots` and `funds` come from the previous snapshot (or the opening state). `prices` are today's settlement prices,
    `previous_prices` those of the previous trading day, both with `subject` = instrument. `products` is keyed by
    instrument (`hedge_core.products`). `statements` has one mark-to-market statement per account for this day.
    `vat_rates` is by commodity, 0 where the hedge is quoted net. `digests` names the raw inputs with their SHA-256;
    they stand in the snapshot's header beside the digests of what was computed from (`input_digests`).
    """

    book: BookId
    trading_day: date
    version: int = 1
    previous_hash: str | None = None
    lots: Sequence[PositionLot] = ()
    funds: Sequence[OpeningFunds] = ()
    fills: Sequence[Fill] = ()
    prices: Sequence[SettlementPrice] = ()
    previous_prices: Sequence[SettlementPrice] = ()
    products: Mapping[str, Product] = field(default_factory=dict)
    statements: Sequence[AccountStatement] = ()
    lines: Sequence[ContractLine] = ()
    inventory: Sequence[InventoryLot] = ()
    vat_rates: Mapping[str, Decimal] = field(default_factory=dict)
    matches: Sequence[HedgeMatch] = ()
    digests: Sequence[tuple[str, str]] = ()
    expiries: Mapping[str, date] = field(default_factory=dict)
    """Last day of options by instrument; what is left then expires."""
    marked_options: Sequence[str] = ()
    """Options that are marked to market like futures; all others pay and receive premium."""
    deltas: Mapping[str, Decimal] = field(default_factory=dict)
    """Deltas by option; the exposure counts options that have one."""
    risk_degree: str = MARGIN_BY_EQUITY
    """Which quotient the book calls its risk degree (风险度); it stands in the snapshot's header."""


_IDENTITY: Final = frozenset({"book", "trading_day", "version", "previous_hash", "digests"})
_LATER: Final = frozenset({"deltas", "expiries", "marked_options", "risk_degree"})
"""Added after days had been settled: left out of the digests where they say nothing, as they were then."""


def input_digests(given: SettlementInput) -> tuple[tuple[str, str], ...]:
    """(name, SHA-256) of each input as it is used, sorted by name, then the caller's own digests: equal digests mean
    that settling again changes nothing. The order in which rows arrive does not count."""
    found = [(f.name, _digest(getattr(given, f.name))) for f in fields(given) if f.name not in _IDENTITY | _LATER]
    found += [
        (name, _digest(value)) for name in ("deltas", "expiries", "marked_options") if (value := getattr(given, name))
    ]
    if given.risk_degree != MARGIN_BY_EQUITY:
        found.append(("risk_degree", canonical_hash(given.risk_degree)))
    return tuple(sorted(found)) + tuple(sorted((f"source:{name}", digest) for name, digest in given.digests))


def digest_of_rows(rows: Iterable[object]) -> str:
    """SHA-256 over dataclass rows, in whatever order they come."""
    return canonical_hash(sorted([_lot_digest(row) if type(row) is PositionLot else _row_digest(row) for row in rows]))


def _row_digest(row: object) -> str:
    return sha256(_text(row).encode()).hexdigest()


@lru_cache(maxsize=131072)
def _lot_digest(lot: PositionLot) -> str:
    """Lots are carried from day to day, and mostly as they were."""
    return _row_digest(lot)


def _digest(value: Mapping[str, object] | Sequence[object]) -> str:
    if isinstance(value, Mapping):
        members = [f"{canonical_text(name)}:{_text(value[name])}" for name in sorted(value, key=_utf16)]
        return sha256(("{" + ",".join(members) + "}").encode()).hexdigest()
    return digest_of_rows(value)


def _utf16(name: str) -> bytes:
    """The order of member names in canonical bytes."""
    return name.encode("utf-16-be", "surrogatepass")


def _text(value: Any) -> str:
    """A value as canonical text: a leaf, a list, or a dataclass as an object of its fields by name. A field at its default
    is left out, so that a field added later does not change the digest of what was stored before.

    Written straight from the fields: digests of the rows of a day were two fifths of a settlement otherwise."""
    kind = type(value)
    write = _TEXTS.get(kind)
    return write(value) if write is not None else _first_time(kind)(value)


def _first_time(kind: type) -> Callable[[Any], str]:
    """How values of a type met for the first time are written."""
    if issubclass(kind, Enum):
        members = {member: canonical_text(member) for member in kind}
        _TEXTS[kind] = members.__getitem__
    elif issubclass(kind, list | tuple):
        _TEXTS[kind] = lambda value: "[" + ",".join([_text(item) for item in value]) + "]"
    elif is_dataclass(kind):
        _TEXTS[kind] = _row_writer(kind)
    else:
        _TEXTS[kind] = canonical_text
    return _TEXTS[kind]


def _row_writer(kind: type) -> Callable[[Any], str]:
    shown = sorted(((f.name, f.default) for f in fields(kind)), key=itemgetter(0))
    names = [f"{canonical_text(name)}:" for name, _ in shown]
    defaults = [default for _, default in shown]
    take = attrgetter(*(name for name, _ in shown)) if len(shown) > 1 else None
    only = shown[0][0]

    def write(row: Any) -> str:
        values = take(row) if take is not None else (getattr(row, only),)
        parts = [
            name + _text(value)
            for name, default, value in zip(names, defaults, values, strict=True)
            if default is MISSING or value != default
        ]
        return "{" + ",".join(parts) + "}"

    return write


_TEXTS: Final[dict[type, Callable[[Any], str]]] = {}
"""How a type is written, found out once."""
