"""Matches of spot legs against futures: (spot leg, opening fill, spot quantity, futures quantity)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hedge_core.model.identity import ExternalRef


@dataclass(frozen=True, slots=True)
class SpotLeg:
    """Something physical to be hedged: stock or an open priced line. `quantity` is signed (+ long price risk), base unit."""

    ref: ExternalRef
    kind: str
    commodity: str
    month: str
    dated: date
    quantity: Decimal
    vat_rate: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class HedgeMatch:
    """One row of the matching (期现匹配). Quantities are positive, in the commodity's base unit; `why` is a message id."""

    match_id: str
    leg: ExternalRef
    lot_id: str
    account: str
    instrument: str
    commodity: str
    spot_quantity: Decimal
    futures_quantity: Decimal
    matched_on: date
    method: str
    why: str
