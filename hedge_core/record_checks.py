"""Rules that a mapped record must keep before anything computes with it: a list of small functions, one rule each."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from hedge_core.model.physical import ContractLine, InventoryLot, LineStatus, PricingKind
from messages import Message

Problem = tuple[str, Message]
"""(field, sentence)"""

_QUANTITIES: Final = ("ordered", "delivered", "returned", "priced", "closed_rest", "shipped", "invoiced")


def _no_negative_quantity(line: ContractLine) -> Problem | None:
    for name in _QUANTITIES:
        value: Decimal | None = getattr(line, name)
        if value is not None and value < 0:
            return name, Message("record.negative_quantity", {"field": name, "value": value})
    return None


def _ordered_is_positive(line: ContractLine) -> Problem | None:
    if line.ordered == 0:
        return "ordered", Message("record.zero_quantity", {"field": "ordered"})
    return None


def _priced_line_has_a_price(line: ContractLine) -> Problem | None:
    if (
        line.pricing is PricingKind.PRICED
        and line.status is LineStatus.OPEN
        and (line.price is None or line.price <= 0)
    ):
        return "price", Message("record.priced_without_price", {"value": "-" if line.price is None else line.price})
    return None


def _vat_rate_is_a_rate(line: ContractLine) -> Problem | None:
    if not 0 <= line.vat_rate < 1:
        return "vat_rate", Message("record.vat_rate", {"value": line.vat_rate})
    return None


def _tolerance_is_a_share(line: ContractLine) -> Problem | None:
    if not 0 <= line.tolerance < 1:
        return "tolerance", Message("record.tolerance", {"value": line.tolerance})
    return None


def _month_is_known(line: ContractLine) -> Problem | None:
    if line.status is LineStatus.OPEN and not line.delivery_month:
        return "delivery_month", Message("record.no_month")
    return None


CONTRACT_LINE_RULES: Final[tuple[Callable[[ContractLine], Problem | None], ...]] = (
    _no_negative_quantity,
    _ordered_is_positive,
    _priced_line_has_a_price,
    _vat_rate_is_a_rate,
    _tolerance_is_a_share,
    _month_is_known,
)


def check_contract_line(line: ContractLine) -> Problem | None:
    """The first rule that `line` breaks, or None."""
    for rule in CONTRACT_LINE_RULES:
        problem = rule(line)
        if problem is not None:
            return problem
    return None


def check_inventory_lot(lot: InventoryLot) -> Problem | None:
    """Stock below zero is a posting error in the ERP and is never exposure."""
    if lot.quantity < 0:
        return "quantity", Message("record.negative_quantity", {"field": "quantity", "value": lot.quantity})
    return None
