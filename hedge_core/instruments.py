"""Canonical instrument codes: `SHFE.cu2605`, `CZCE.SR2605`, `DCE.i2609-P-750`; any spelling of a code in, one spelling out.

Every exchange writes its codes its own way, and brokers' reports upper-case all of them. The canonical form is the exchange's
own spelling behind its name, except that Zhengzhou's three-digit months are completed: the missing decade is the one whose
delivery month lies nearest to the day of the document, from one year back to nine years ahead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from messages import Message

MAX_CODE: Final = 64
"""No contract code, not even a spread of two options, is longer."""

_UPPER: Final = frozenset({"CZCE", "CFFEX"})
_HYPHENS: Final = frozenset({"DCE", "GFEX", "CFFEX"})
_EXAMPLE: Final = {
    "SHFE": "cu2605",
    "INE": "sc2606",
    "DCE": "m2609",
    "CZCE": "SR605",
    "CFFEX": "IF2606",
    "GFEX": "si2606",
}
_SINGLE = re.compile(
    r"(?P<product>[A-Z]{1,2})(?P<month>[0-9]{3,4})"
    r"(?:(?P<average>F)|-?(?P<series>MS)?-?(?P<right>[CP])-?(?P<strike>[0-9]{1,7}(?:\.[0-9]{1,4})?))?",
    re.IGNORECASE,
)
_SPREAD = re.compile(r"(?P<kind>[A-Z]{2,4}) +(?P<near>[^ &]+)&(?P<far>[^ &]+)", re.IGNORECASE)
_CANONICAL = re.compile(
    r"(?P<exchange>[A-Z]{3,5})\.(?P<product>[A-Za-z]{1,4})(?P<month>[0-9]{4})"
    r"(?:(?P<average>F)|-?(?P<series>MS)?-?(?P<right>[CP])-?(?P<strike>[0-9]+(?:\.[0-9]+)?))?"
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """The parts of a canonical code. `month` is `YYYY-MM`; `right` is `C`, `P` or empty; `strike` is None for futures.

    Month-average futures (`DCE.l2602F`) are a product of their own, written `l_f` as CTP does."""

    exchange: str
    product: str
    month: str
    right: str = ""
    strike: Decimal | None = None

    @property
    def is_option(self) -> bool:
        return self.right != ""


def canonical_instrument(exchange: str, text: str, day: date) -> str:
    """The canonical code of `text` as written by `exchange`, its broker, or in capitals throughout.

    `day` is the date of the document; it completes a three-digit month. Spreads (`SPD MA509&MA601`) keep their kind and
    complete both legs. Raises `RuleBroken("instrument", …)` for an unknown exchange or a code it does not write.
    """
    code = text.strip()
    place = exchange.strip().upper()
    if place not in _EXAMPLE:
        raise RuleBroken("instrument", code[:MAX_CODE], Message("instrument.unknown_exchange", {"text": exchange}))
    prefix, dot, rest = code.partition(".")
    if dot and prefix.upper() == place:
        code = rest
    spread = _SPREAD.fullmatch(code) if len(code) <= MAX_CODE else None
    if spread is None:
        return f"{place}.{_single(place, code, day)}"
    near, far = (_single(place, spread[leg], day) for leg in ("near", "far"))
    return f"{place}.{spread['kind'].upper()} {near}&{far}"


def parse_instrument(code: str) -> Instrument | None:
    """The parts of a canonical code of one future or option; None for a spread or anything else."""
    match = _CANONICAL.fullmatch(code)
    if match is None:
        return None
    product = match["product"] + ("_f" if match["average"] else "")
    strike = Decimal(match["strike"]) if match["strike"] else None
    month = f"20{match['month'][:2]}-{match['month'][2:]}"
    return Instrument(match["exchange"], product, month, match["right"] or "", strike)


def leading_letters(text: str) -> str:
    """The product letters a code starts with (`CU2605` -> `CU`), for looking up the exchange of a bare code."""
    match = re.match(r"[A-Za-z]{1,2}(?=[0-9])", text.strip())
    return match[0] if match else ""


def _single(exchange: str, code: str, day: date) -> str:
    match = _SINGLE.fullmatch(code) if len(code) <= MAX_CODE else None
    if match is None or (len(match["month"]) == 3 and exchange != "CZCE"):
        shown = {"text": code[:MAX_CODE], "exchange": exchange, "example": _EXAMPLE[exchange]}
        raise RuleBroken("instrument", code[:MAX_CODE], Message("instrument.unknown_form", shown))
    if not 1 <= int(match["month"][-2:]) <= 12:
        raise RuleBroken("instrument", code, Message("instrument.unknown_month", {"text": code}))
    month = match["month"] if len(match["month"]) == 4 else _four_digits(match["month"], day)
    product = match["product"].upper() if exchange in _UPPER else match["product"].lower()
    if match["average"]:
        return f"{product}{month}F"
    if not match["right"]:
        return f"{product}{month}"
    parts = [f"{product}{month}", match["series"].upper() if match["series"] else "", match["right"].upper()]
    return ("-" if exchange in _HYPHENS else "").join([*(part for part in parts if part), match["strike"]])


def _four_digits(month: str, day: date) -> str:
    """`605` -> `2605`: of all decades the delivery month from 12 months before to 107 months after `day`'s."""
    ahead = (int(month[0]) * 12 + int(month[1:]) - (day.year % 10 * 12 + day.month) + 12) % 120 - 12
    years = (day.year * 12 + day.month - 1 + ahead) // 12
    return f"{years % 100:02d}{month[1:]}"
