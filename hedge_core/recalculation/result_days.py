"""Results of a recalculation day by day: columns by key as canonical bytes, chained by their hashes, and two compared.

Layout (docs/snapshot-format.md): the eight bytes `HBDAYS01`, the length of the header as little-endian unsigned 32-bit, the
header as canonical JSON, each column of `COLUMNS` by key as little-endian int64, then the fees by account.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np

from hedge_core.canonical import canonical_bytes
from hedge_core.errors import ContractViolation, RuleBroken
from hedge_core.recalculation.columns import Ints
from hedge_core.recalculation.history import History, recalculate
from hedge_core.recalculation.stream import Key, Stream
from hedge_core.settlement.units import from_units
from messages import Message

MAGIC: Final = b"HBDAYS01"
COLUMNS: Final = ("lots", "realised_trade", "realised_mtm", "holding_mtm", "floating")
_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Results:
    """A day read back: `columns` [name of `COLUMNS`, key], `fees` by account, in the smallest units `keys` tells."""

    trading_day: date
    previous_hash: str
    keys_digest: str
    columns: Ints
    fees: Ints


@dataclass(frozen=True, slots=True)
class KeyNames:
    """What `Stream.keys_bytes` said: names and scales of the columns."""

    keys: tuple[Key, ...]
    accounts: tuple[str, ...]
    money_places: int
    fee_places: int


@dataclass(frozen=True, slots=True)
class ResultChange:
    """A figure that differs: by key (or account, for fees), with both values; None where a side has no such key."""

    key: str
    column: str
    before: Decimal | None
    after: Decimal | None


def history_of(stream: Stream) -> History | list[RuleBroken]:
    """Every result of a stream, named rules instead if one breaks: `close_without_open`, `settlement_price_missing`,
    `out_of_bounds`. Before an account went live nothing is a result."""
    found = recalculate(stream.fills, stream.terms)
    if isinstance(found, RuleBroken):
        return [_named(found, stream)]
    unpriced = stream.terms.settlement == 0
    if unpriced.any():
        # day-major beside day-major: both sides are read the way they lie in memory
        held = (found.lots.T != 0) & unpriced.T[:, stream.terms.instrument]
        missing = np.argwhere(held)
        if len(missing):
            pairs = sorted({(stream.days[day], stream.keys[key][1]) for day, key in missing[: 50 * _NAMED].tolist()})
            return [
                RuleBroken(
                    "settlement_price_missing", name, Message("settlement.settlement_price_missing", {"day": day})
                )
                for day, name in pairs[:_NAMED]
            ]
    for key in np.flatnonzero(stream.go_live >= 0).tolist():
        found.holding_mtm[key, : stream.go_live[key] + 1] = 0
    return found


def encode_days(
    stream: Stream, history: History, keys_digest: str, book: str, previous: str, first: date
) -> Iterator[tuple[date, str, str, bytes]]:
    """(day, digest, previous digest, body) of every day from `first` on; the same history gives the same bytes."""
    columns = [getattr(history, name).T for name in COLUMNS]
    fees = np.ascontiguousarray(stream.fees.T, dtype="<i8")
    for place, day in enumerate(stream.days):
        if day < first:
            continue
        header = canonical_bytes(
            {
                "book": book,
                "trading_day": day,
                "previous_hash": previous,
                "keys_digest": keys_digest,
                "columns": list(COLUMNS),
                "keys": len(stream.keys),
                "accounts": len(stream.accounts),
            }
        )
        parts = [np.ascontiguousarray(values[place], dtype="<i8").data for values in columns]
        body = b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *parts, fees[place].data])
        digest = hashlib.sha256(body).hexdigest()
        yield day, digest, previous, body
        previous = digest


def decode_day(body: bytes) -> Results:
    """Read a day; bytes that are none raise `ContractViolation`."""
    try:
        if body[:8] != MAGIC:
            raise ValueError("does not start as a day of results")
        start = 12 + int.from_bytes(body[8:12], "little")
        head = json.loads(body[12:start])
        if head["columns"] != list(COLUMNS):
            raise ValueError("other columns")
        figures = np.frombuffer(body, dtype="<i8", offset=start)
        cells = len(COLUMNS) * head["keys"]
        if len(figures) != cells + head["accounts"]:
            raise ValueError("another length than the header says")
        return Results(
            date.fromisoformat(head["trading_day"]),
            head["previous_hash"],
            head["keys_digest"],
            figures[:cells].reshape(len(COLUMNS), head["keys"]),
            figures[cells:],
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ContractViolation("result_day", f"{type(problem).__name__}: {problem}", system="HedgeBridge") from problem


def key_names(body: bytes) -> KeyNames:
    """Read what `Stream.keys_bytes` wrote."""
    head = json.loads(body)
    keys = tuple((row[0], row[1], row[2], row[3]) for row in head["keys"])
    return KeyNames(keys, tuple(head["accounts"]), head["money_places"], head["fee_places"])


def changed(before: Results, old: KeyNames, after: Results, new: KeyNames) -> list[ResultChange]:
    """Every figure that differs between two days, by key and column, fees last. A key only one side has counts where it
    has a figure other than zero."""
    if before.keys_digest == after.keys_digest and (before.columns == after.columns).all():
        places: list[Key] = []
    else:
        places = sorted({*old.keys, *new.keys})
    left, right = _by_name(before, old, places), _by_name(after, new, places)
    found = []
    for key in places:
        for place, name in enumerate(COLUMNS):
            one, other = left.get(key), right.get(key)
            was = None if one is None else _shown(one[place], name, old)
            now = None if other is None else _shown(other[place], name, new)
            if (was or 0) != (now or 0):
                found.append(ResultChange(" ".join(key), name, was, now))
    fees_before = dict(zip(old.accounts, before.fees.tolist(), strict=True))
    fees_after = dict(zip(new.accounts, after.fees.tolist(), strict=True))
    for account in sorted(fees_before.keys() | fees_after.keys()):
        was = from_units(fees_before[account], old.fee_places) if account in fees_before else None
        now = from_units(fees_after[account], new.fee_places) if account in fees_after else None
        if (was or 0) != (now or 0):
            found.append(ResultChange(account, "fee", was, now))
    return found


def _by_name(results: Results, names: KeyNames, wanted: Sequence[Key]) -> dict[Key, list[int]]:
    return dict(zip(names.keys, results.columns.T.tolist(), strict=True)) if wanted else {}


def _shown(units: int, name: str, names: KeyNames) -> Decimal:
    return Decimal(units) if name == "lots" else from_units(units, names.money_places)


def _named(broken: RuleBroken, stream: Stream) -> RuleBroken:
    """The kernel's rule with the names of its key and day."""
    if broken.rule != "close_without_open":
        return broken
    params = broken.reason.params
    key, day = stream.keys[int(str(params["key"]))], stream.days[int(str(params["day"]))]
    named = {"key": " ".join(key), "day": day, "missing": params["missing"]}
    return RuleBroken(broken.rule, " ".join(key), Message("recalculation.close_without_open", named))
