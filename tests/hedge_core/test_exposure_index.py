"""The exposure kept up to date by changed records is the one computed from all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core.exposure import Exposure, Handover, exposure
from hedge_core.exposure_index import ExposureIndex, Record
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, LineStatus, LotKind, PricingKind, Side

BOOK = BookId("jinhe")
VAT = {"copper": Decimal("0.13")}
CU = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
BC = Product("INE", "bc", "copper", 5, Decimal(10), "t", date(2020, 1, 1), vat_included=False)
PRODUCTS = {"SHFE.cu2605": CU, "INE.bc2605": BC, "SHFE.cu2605C70000": CU}
DELTAS = {"SHFE.cu2605C70000": Decimal("0.4")}
KINDS = (ContractLine, InventoryLot, PositionLot, Handover)

amounts = st.decimals(0, 900, places=2, allow_nan=False)
lines = st.builds(
    ContractLine,
    ref=st.integers(0, 4).map(lambda n: ExternalRef("k3", "contract_line", str(n))),
    contract_no=st.just("HT1"),
    line_no=st.just(1),
    side=st.sampled_from(Side),
    partner=st.just("P1"),
    material=st.just("CU01"),
    commodity=st.sampled_from(("copper", "aluminium")),
    contract_date=st.just(date(2026, 3, 1)),
    delivery_date=st.none(),
    delivery_month=st.sampled_from(("2026-05", "2026-06")),
    unit=st.sampled_from(("t", "t", "t", "t", "t", "kg")),
    ordered=amounts,
    delivered=st.decimals(-1, 500, places=1, allow_nan=False),
    returned=st.just(Decimal(0)),
    status=st.sampled_from(LineStatus),
    pricing=st.sampled_from((PricingKind.PRICED, PricingKind.FLOATING)),
    price=st.none(),
    premium=st.none(),
    reference=st.none(),
    currency=st.just("CNY"),
    vat_rate=st.just(Decimal("0.13")),
    modified_at=st.none(),
    shipped=st.one_of(st.none(), amounts),
)
stocks = st.builds(
    InventoryLot,
    ref=st.integers(0, 3).map(lambda n: ExternalRef("k3", "stock", str(n))),
    material=st.just("CU01"),
    commodity=st.just("copper"),
    warehouse=st.just("W1"),
    lot_no=st.just("L1"),
    owner=st.just(""),
    ours=st.booleans(),
    kind=st.sampled_from(LotKind),
    unit=st.just("t"),
    quantity=amounts,
)
lots = st.builds(
    PositionLot,
    lot_id=st.integers(0, 4).map(str),
    account=st.just("8001"),
    instrument=st.sampled_from((*PRODUCTS, "SHFE.zz2605")),
    direction=st.sampled_from(Direction),
    hedge_flag=st.just(HedgeFlag.HEDGE),
    open_date=st.just(date(2026, 3, 2)),
    open_price=st.just(Decimal(70000)),
    lots=st.integers(1, 40),
)
handed = st.builds(Handover, st.sampled_from(("a", "b")), st.just("copper"), st.just("2026-05"), st.just("t"), amounts)
steps = st.lists(st.tuples(st.one_of(lines, stocks, lots, handed), st.booleans()), max_size=25)


def name(record: Record) -> tuple[str, str]:
    known = getattr(record, "ref", None) or getattr(record, "lot_id", None) or getattr(record, "record", "")
    return type(record).__name__, str(known)


def in_full(records: list[Record]) -> Exposure:
    split = [[one for one in records if isinstance(one, kind)] for kind in KINDS]
    return exposure(BOOK, split[0], split[1], split[2], PRODUCTS, VAT, deltas=DELTAS, virtual={"1"}, internal=split[3])  # type: ignore[arg-type]


def named(found: Exposure) -> list[tuple[str, str]]:
    return [(rule.rule, rule.record) for rule in found.broken]


@settings(max_examples=200, deadline=None)
@any_of(steps)
def test_after_any_changes_it_is_the_full_computation(changes: list[tuple[Record, bool]]) -> None:
    index = ExposureIndex(BOOK, PRODUCTS, VAT, deltas=DELTAS, virtual={"1"})
    records: dict[tuple[str, str], Record] = {}
    for record, gone in changes:
        if gone and name(record) in records:
            index.remove([record])
            del records[name(record)]
        else:
            index.put([record])
            records[name(record)] = record
        ours, full = index.exposure(), in_full(list(records.values()))
        assert ours.rows == full.rows
        assert ours.totals == full.totals
        assert named(ours) == named(full)


def test_a_changed_line_moves_the_total_by_its_difference() -> None:
    """Facts 3.1: 500 t of priced purchases; the line grows to 600 t, so the exposure does by 100 t."""
    index = ExposureIndex(BOOK, PRODUCTS, VAT)
    line = ContractLine(
        ExternalRef("k3", "contract_line", "1"), "HT1", 1, Side.PURCHASE, "P1", "CU01", "copper", date(2026, 3, 1), None,
        "2026-05", "t", Decimal(500), Decimal(0), Decimal(0), LineStatus.OPEN, PricingKind.PRICED, Decimal(61000), None,
        None, "CNY", Decimal("0.13"), None,
    )  # fmt: skip
    index.put([line])
    assert index.exposure().totals[0].exposure == 500
    index.put([replace(line, ordered=Decimal(600))])
    assert index.exposure().totals[0].exposure == 600
    index.remove([line])
    assert index.exposure().totals == ()
    with pytest.raises(KeyError):
        index.remove([line])
