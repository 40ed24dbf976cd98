"""What terms may say before anybody computes with them: a table of small rules by kind of term, and the sentences that name
what is wrong. Rules that need other records (is there such a line) are the use case's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

from hedge_core.instruments import parse_instrument
from hedge_core.model.terms import (
    BasisBand,
    ContractTemplate,
    CurrencyRate,
    CustomCommodity,
    FundingRate,
    HedgePlan,
    LineTerms,
    MaterialYield,
    OptionDelta,
    PlannedVolume,
    PremiumRow,
    PriceVersion,
    PromptForward,
    Terms,
)
from hedge_core.plausible_days import is_plausible
from messages import Message

Problem = tuple[str, Message]
"""(field, sentence)"""

_Rule = Callable[[Any], bool]
_ASPECTS: Final = ("brand", "grade", "place")
_STAGES: Final = ("provisional", "final")


def _above_zero(value: Decimal) -> bool:
    return value > 0


def _not_below_zero(value: Decimal) -> bool:
    return value >= 0


def _share(value: Decimal) -> bool:
    return 0 <= value <= 1


def _share_below_one(value: Decimal) -> bool:
    return 0 <= value < 1


def _part(value: Decimal) -> bool:
    return 0 < value <= 1


def _delta(value: Decimal) -> bool:
    return -1 <= value <= 1


def _instrument(code: str) -> bool:
    """One future or option with a month of the calendar; empty where the field may be."""
    parts = parse_instrument(code)
    return not code or (parts is not None and 1 <= int(parts.month[5:]) <= 12)


def _option(code: str) -> bool:
    parts = parse_instrument(code)
    return parts is not None and parts.is_option


def _month(text: str) -> bool:
    year, _, month = text.partition("-")
    return len(text) == 7 and year.isdecimal() and month.isdecimal() and 1 <= int(month) <= 12


def _aspect(text: str) -> bool:
    return text in _ASPECTS


def _stage(text: str) -> bool:
    return text in _STAGES


def _day(day: date) -> bool:
    return is_plausible(day)


RULES: Final[dict[type[Terms], dict[str, _Rule]]] = {
    LineTerms: {
        "instrument": _instrument, "first_day": _day, "last_day": _day, "provisional": _above_zero,
        "stop_price": _above_zero, "tolerance": _share_below_one, "closed_rest": _not_below_zero,
        "pricing_days": _not_below_zero,
    },
    ContractTemplate: {"window_days": _not_below_zero, "pricing_days": _not_below_zero, "tolerance": _share_below_one},
    MaterialYield: {"factor": _above_zero, "content": _part, "recovery": _part},
    PremiumRow: {"aspect": _aspect},
    CurrencyRate: {"rate": _above_zero},
    FundingRate: {"rate": _share, "year_days": _above_zero},
    PromptForward: {"instrument": _instrument, "quantity": _above_zero, "price": _above_zero, "prompt": _day},
    PlannedVolume: {"month": _month, "quantity": _above_zero, "weight": _share},
    CustomCommodity: {"ratio": _above_zero, "vat_rate": _share_below_one},
    BasisBand: {"stale_days": _not_below_zero},
    PriceVersion: {"stage": _stage, "price": _above_zero, "vat_rate": _share_below_one},
    OptionDelta: {"instrument": _option, "delta": _delta},
    HedgePlan: {"first_day": _day, "last_day": _day},
}  # fmt: skip
"""What a field has to be; a field that says nothing (None) is right."""

_SAID: Final[dict[_Rule, str]] = {
    _above_zero: "above_zero",
    _not_below_zero: "not_below_zero",
    _share: "share",
    _share_below_one: "share_below_one",
    _part: "part",
    _delta: "delta",
    _instrument: "instrument",
    _option: "option",
    _month: "month",
    _aspect: "aspect",
    _stage: "stage",
    _day: "day",
}
"""The sentence of a rule (`terms.wrong_…`)."""

ORDERED: Final[dict[type[Terms], tuple[str, str]]] = {BasisBand: ("low", "high")}
"""Pairs of which the first is not above the second."""


def problems(terms: Terms) -> Iterator[Problem]:
    """Every field that cannot be meant, as (field, sentence)."""
    for name, holds in RULES.get(type(terms), {}).items():
        value = getattr(terms, name)
        if value is not None and not holds(value):
            shown = {"field": name, "value": value if str(value) else "-"}
            yield name, Message(f"terms.wrong_{_SAID[holds]}", shown)
    if type(terms) in ORDERED:
        low, high = ORDERED[type(terms)]
        if getattr(terms, low) > getattr(terms, high):
            shown = {"low": getattr(terms, low), "high": getattr(terms, high)}
            yield low, Message("terms.wrong_order", shown)
