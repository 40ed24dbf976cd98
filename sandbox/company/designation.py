"""The fair-value hedge of copper stock as the accountant keeps it: designation, the sale of a part, the end of the relationship.

Quantities are tonnes, prices and carrying amounts yuan per tonne excluding VAT unless the key says otherwise.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.company.broker import HEDGE, AccountDay, Fill, to_fen
from sandbox.company.facts import COPPER_HEDGE, PRODUCTS, UNIT_COST, VAT, spot_price
from sandbox.company.price_files import ex_vat
from sandbox.company.statement_text import money
from sandbox.company.trading import COPPER_ACCOUNT, month


def copper_hedge() -> dict[str, Any]:
    """The designation record, ready for JSON: amounts as text, lots as integers, dates as ISO text."""
    days = {settled.day: settled for settled in month()[COPPER_ACCOUNT]}
    facts = COPPER_HEDGE
    tonnes, sold = Decimal(facts.tonnes), Decimal(facts.sold_tonnes)
    cost = UNIT_COST[facts.material]
    return {
        "relationship_id": facts.relationship_id,
        "hedge_type": "fair_value",
        "approved_on": facts.approved_on.isoformat(),
        "approved_by": facts.approved_by,
        "designated_on": facts.designated_on.isoformat(),
        "commodity": "copper",
        "material": facts.material,
        "quantity": str(tonnes),
        "unit": "t",
        "carrying_amount": money(cost),
        "carrying_amount_total": money(cost * tonnes),
        "spot_price_ex_vat": _spot_ex_vat(facts.designated_on),
        "currency": "CNY",
        "instruments": _legs(days[facts.designated_on]),
        "sales": [
            {
                "sold_on": facts.sold_on.isoformat(),
                "quantity": str(sold),
                "unit": "t",
                "spot_price_ex_vat": _spot_ex_vat(facts.sold_on),
                "closing_fills": _legs(days[facts.sold_on]),
            }
        ],
        "discontinued": {
            "discontinued_on": facts.discontinued_on.isoformat(),
            "reason": "instrument_closed",
            "quantity": str(tonnes - sold),
            "unit": "t",
            "spot_price_ex_vat": _spot_ex_vat(facts.discontinued_on),
            "closing_fills": _legs(days[facts.discontinued_on]),
        },
    }


def _legs(settled: AccountDay) -> list[dict[str, Any]]:
    """The day's hedge fills in the hedge's own contract month."""
    chosen = [fill for fill in settled.fills if (fill.instrument, fill.flag) == (COPPER_HEDGE.instrument, HEDGE)]
    return [_leg(settled, fill) for fill in chosen]


def _leg(settled: AccountDay, fill: Fill) -> dict[str, Any]:
    return {
        "account": settled.account,
        "trading_day": settled.day.isoformat(),
        "exchange": PRODUCTS["copper"][0],
        "fill_id": str(fill.fill_id),
        "direction": fill.side,
        "lots": fill.lots,
    }


def _spot_ex_vat(day: date) -> str:
    return money(to_fen(ex_vat(spot_price("copper", day), VAT)))
