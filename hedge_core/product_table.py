"""The table of futures products: contract size, unit and commodity by exchange, code and date; exchanges of bare codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from hedge_core.errors import RuleBroken
from hedge_core.foreign_instruments import FOREIGN_EXCHANGES, parse_foreign
from hedge_core.instruments import MAX_CODE, canonical_instrument, leading_letters, parse_instrument
from hedge_core.model.futures import EXCHANGES, Product
from messages import Message


class ProductTable:
    """An effective-dated table of products. Of several rows for one product the latest that holds on a day counts.

    Codes are compared without regard to case, as brokers upper-case them. Two rows with the same exchange, code and date
    are a ValueError."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._rows: dict[tuple[str, str], list[Product]] = {}
        self._exchanges: dict[str, set[str]] = {}
        for product in products:
            rows = self._rows.setdefault((product.exchange, product.code.casefold()), [])
            if any(row.effective_from == product.effective_from for row in rows):
                raise ValueError(f"{product.exchange} {product.code} has two rows from {product.effective_from}")
            rows.append(product)
            rows.sort(key=lambda row: row.effective_from, reverse=True)
            if product.exchange in EXCHANGES:
                self._exchanges.setdefault(product.code.casefold(), set()).add(product.exchange)

    def __iter__(self) -> Iterator[Product]:
        return (row for rows in self._rows.values() for row in reversed(rows))

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def find(self, exchange: str, code: str, day: date) -> Product | None:
        """The product as it stood on `day`; None if unknown then."""
        rows = self._rows.get((exchange, code.casefold()), [])
        return next((row for row in rows if row.effective_from <= day), None)

    def of_instrument(self, instrument: str, day: date) -> Product | None:
        """The product of a canonical code, options included; None if unknown, or a spread. An option has its
        underlying's contract size, save index options, which stand in the table under their own codes."""
        parts = parse_instrument(instrument)
        return self.find(parts.exchange, parts.product, day) if parts else None

    def exchange_of(self, code: str) -> str | None:
        """The one Chinese exchange that lists a product code (any case); None if none or several do. Codes abroad never
        stand alone: COMEX silver and GFEX silicon are both `SI`."""
        exchanges = self._exchanges.get(code.casefold(), set())
        return next(iter(exchanges)) if len(exchanges) == 1 else None

    def canonical(self, text: str, day: date, exchange: str = "") -> str:
        """The canonical code of `SHFE.cu2605`, `cu2605` or `CU2605`; a bare code gets the exchange that lists its product. On
        an exchange abroad also `COMEX.HGZ6`.

        Raises `RuleBroken("instrument", …)` for a code that cannot be understood."""
        prefix, dot, rest = text.strip().partition(".")
        place = exchange or (prefix if dot and prefix.isalpha() else "") or self.exchange_of(leading_letters(text))
        if not place:
            shown = text[:MAX_CODE]
            raise RuleBroken("instrument", shown, Message("instrument.exchange_unclear", {"text": shown}))
        if place.strip().upper() in FOREIGN_EXCHANGES:
            return parse_foreign(rest if dot and prefix.strip().upper() == place.strip().upper() else text, place, day)
        return canonical_instrument(place, text, day)
