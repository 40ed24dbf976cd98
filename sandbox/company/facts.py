"""The demo company's fixed facts, shared by the stand-in ERP and the stand-in broker so that both tell one story.

Everything is invented: names, hosts, numbers. Prices are yuan per tonne; futures quotes include 13 % VAT.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

COMPANY = "锦禾金属贸易有限公司"
COMPANY_EN = "Jinhe Metals Trading Co., Ltd."
ORG = "100"
ACCOUNT_BOOK = "001"
VAT = Decimal("0.13")

OPENING_DAY = date(2026, 3, 3)
"""The last trading day before go-live: its statements are the opening state."""

TRADING_DAYS = tuple(
    date(2026, 3, day) for day in (4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 30, 31)
)

BROKER_ACCOUNTS = (
    ("80010001", "华岳期货有限公司", "short"),
    ("66880002", "远信期货有限公司", "long"),
)
"""(account, broker, statement layout). The first trades copper, the second aluminium."""

MATERIALS = (
    # number, name, commodity, base unit, kg of the base unit
    ("1.01.CU01", "阴极铜 Cu-CATH-1", "copper", "t", 1000),
    ("1.01.CU02", "阴极铜 Cu-CATH-2", "copper", "t", 1000),
    ("1.02.AL01", "铝锭 AL99.70", "aluminium", "t", 1000),
    ("1.02.AL02", "铝锭 AL99.85", "aluminium", "t", 1000),
)

CONTRACT_MONTHS = {"copper": ("2604", "2605", "2606"), "aluminium": ("2604", "2605", "2606")}
PRODUCTS = {"copper": ("SHFE", "cu", 5, Decimal(10)), "aluminium": ("SHFE", "al", 5, Decimal(5))}
"""commodity -> (exchange, product code, tonnes per lot, tick)."""


def settlement_prices() -> dict[tuple[str, date], Decimal]:
    """Settlement price by (instrument as printed, trading day), from the opening day on; the same on every run."""
    dice = random.Random(20260303)  # noqa: S311 - reproducible, not secret
    start = {"copper": Decimal(79500), "aluminium": Decimal(20600)}
    step = {"copper": 90, "aluminium": 20}
    prices: dict[tuple[str, date], Decimal] = {}
    for commodity, (_, code, _, tick) in PRODUCTS.items():
        level = start[commodity]
        for day in (OPENING_DAY, *TRADING_DAYS):
            for place, month in enumerate(CONTRACT_MONTHS[commodity]):
                prices[f"{code}{month}", day] = level + place * tick * 4
            level += tick * dice.randint(-step[commodity] // 2, step[commodity] // 2 + 3)
    return prices


def spot_price(commodity: str, day: date) -> Decimal:
    """Market quote incl. VAT of the standard grade: the near month less a basis that drifts a little."""
    _, code, _, tick = PRODUCTS[commodity]
    near = settlement_prices()[f"{code}{CONTRACT_MONTHS[commodity][0]}", day]
    return near - tick * (3 + day.day % 5)


@dataclass(frozen=True)
class StockHedge:
    """A hedge of goods on hand: who approved it and when, what it covers, and when it ends."""

    relationship_id: str
    material: str
    tonnes: int
    approved_on: date
    approved_by: str
    designated_on: date
    instrument: str
    sold_on: date
    sold_tonnes: int
    discontinued_on: date


COPPER_HEDGE = StockHedge(
    relationship_id="FVH-CU-2026-01",
    material="1.01.CU01",
    tonnes=500,
    approved_on=date(2026, 3, 4),
    approved_by="周琳",
    designated_on=date(2026, 3, 5),
    instrument="cu2606",
    sold_on=date(2026, 3, 18),
    sold_tonnes=200,
    discontinued_on=date(2026, 3, 31),
)
"""The fair-value hedge of copper stock: 100 short lots opened on the designation day, 40 closed with the sale of 200 t,
the rest closed at the month's end."""

UNIT_COST = {
    "1.01.CU01": Decimal("69850.00"),
    "1.01.CU02": Decimal("69620.00"),
    "1.02.AL01": Decimal("18090.00"),
    "1.02.AL02": Decimal("18165.00"),
}
"""Carrying cost per tonne excluding VAT at go-live, by material."""
