"""Codes of contracts on exchanges abroad: `NYMEX.CL2612`, `COMEX.HG2703C450`: exchange, root, four-digit delivery month.

Abroad a month is a letter (`CLZ6` is December 2026) and the year may have one digit; the decade is the one that brings the
delivery month nearest to the day of the document, from one year back to nine years ahead.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.instruments import MAX_CODE
from messages import Message

FOREIGN_EXCHANGES: Final = ("COMEX", "NYMEX", "CBOT", "CME", "LME", "ICEEU", "ICEUS", "SGX", "BMD", "TOCOM")
"""Exchanges abroad that the product table may list; others' codes are read all the same, and their products are unknown."""

MONTH_LETTERS: Final = "FGHJKMNQUVXZ"
_NAMES: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LETTER_FORM = re.compile(rf"(?P<root>[A-Z0-9]{{1,5}}?)(?P<month>[{MONTH_LETTERS}])(?P<year>[0-9]{{1,2}})")
_NAMED_MONTH = re.compile(rf"\b(?P<month>{'|'.join(_NAMES)}) ?'?(?P<year>[0-9]{{2}})\b")
_CANONICAL = re.compile(
    r"(?P<exchange>[A-Z]{2,8})\.[A-Z0-9]{1,5}[0-9]{2}(?P<month>[0-9]{2})(?:[CP][0-9]{1,7}(?:\.[0-9]{1,4})?)?"
)


def foreign_instrument(exchange: str, root: str, year: int, month: int, right: str = "", strike: str = "") -> str:
    """The canonical code. `right` is `C` or `P` for an option with its `strike`. `RuleBroken("instrument", …)` for parts
    that no code has."""
    place, name = exchange.strip().upper(), root.strip().upper()
    price = format(Decimal(strike).normalize(), "f") if right else ""
    code = f"{place}.{name}{year % 100:02d}{month:02d}{right}{price}"
    if not _CANONICAL.fullmatch(code) or not 1 <= month <= 12:
        raise _unknown(code, exchange)
    return code


def parse_foreign(text: str, exchange: str, day: date) -> str:
    """The canonical code of `CLZ6`, `CLZ26`, `CL2612` or `NYMEX.CL2612` on an exchange abroad, on the document's `day`."""
    code = text.strip().upper()
    place = exchange.strip().upper()
    whole = code if not place or code.startswith(f"{place}.") else f"{place}.{code}"
    if (known := _CANONICAL.fullmatch(whole)) and 1 <= int(known["month"]) <= 12:
        return whole
    match = _LETTER_FORM.fullmatch(code)
    if match is None or not place:
        raise _unknown(text, exchange)
    month = MONTH_LETTERS.index(match["month"]) + 1
    return foreign_instrument(place, match["root"], full_year(match["year"], month, day), month)


def delivery_of(symbol: str, description: str, day: date) -> tuple[int, int] | None:
    """(year, month) of delivery from a symbol with a month letter, else from a description such as `CL DEC26`."""
    match = _LETTER_FORM.fullmatch(symbol.strip().upper())
    if match is not None:
        month = MONTH_LETTERS.index(match["month"]) + 1
        return full_year(match["year"], month, day), month
    named = _NAMED_MONTH.search(description.upper())
    if named is not None:
        return 2000 + int(named["year"]), _NAMES.index(named["month"]) + 1
    return None


def full_year(year: str, month: int, day: date) -> int:
    """`6` or `26` as 2026: of all decades the delivery month from 12 months before to 107 months after `day`'s."""
    if len(year) == 2:
        return 2000 + int(year)
    ahead = (int(year) * 12 + month - (day.year % 10 * 12 + day.month) + 12) % 120 - 12
    return (day.year * 12 + day.month - 1 + ahead) // 12


def _unknown(text: str, exchange: str) -> RuleBroken:
    shown = {"text": text[:MAX_CODE], "exchange": exchange[:MAX_CODE] or "-"}
    return RuleBroken("instrument", text[:MAX_CODE], Message("statement_file.unknown_foreign_code", shown))
