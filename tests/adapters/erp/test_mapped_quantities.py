"""From a mapped row to the exposure: tolerance, shipped, invoiced, closed rest, priced quantity, holder and goods in transit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.erp.records import Mapper, contract_line, inventory_lot
from hedge_core.exposure import Exposure, exposure
from hedge_core.exposure_views import goods_by_owner
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.model.records import Mapped, Quarantined
from hedge_core.quantity_chain import broken_chain, quantity_chain
from mapping import SCHEMAS, MappingSpec, Row, compile_spec, load_spec
from messages import Message

ROOT = Path(__file__).resolve().parents[3]
VAT = {"copper": Decimal("0.13")}
TEXTS = {
    "contract_no": "C1", "line_no": "1", "partner": "P", "material": "M", "commodity": "copper", "contract_date": "2026-03-02",
    "delivery_month": "2026-05", "unit": "t", "status": "open", "currency": "CNY", "vat_rate": "0.13", "returned": "0",
    "delivered": "0",
}  # fmt: skip
LOT = {"material": "M", "commodity": "copper", "warehouse": "W1", "kind": "non_standard", "unit": "t", "ours": "TRUE"}
QUANTITIES = ("ordered", "delivered", "returned", "priced", "closed_rest", "tolerance", "shipped", "invoiced")


def outcome(kind: str, fixed: dict[str, str], from_erp: tuple[str, ...], row: dict[str, Any]) -> Any:
    """A row whose columns bear the targets' names, mapped by a spec that takes `from_erp` from it and the rest as given."""
    rows = [Row(name, name, default=fixed.get(name, "")) for name in from_erp]
    rows += [Row(name, default=value) for name, value in fixed.items() if name not in from_erp]
    schema = SCHEMAS[kind]
    spec = compile_spec(MappingSpec("quantities", 1, kind, "", tuple(rows)), schema, "UTC")
    build: Any = contract_line if kind == "contract_line" else inventory_lot
    return Mapper(spec, build).read(ExternalRef("erp", kind, row.get("key", "1")), row)


def line(side: str, pricing: str, **row: Any) -> ContractLine:
    price = {"price": "61000"} if pricing == "priced" else {}
    number = {"contract_no": f"{side}-{pricing}"}
    found = outcome("contract_line", {**TEXTS, "side": side, "pricing": pricing, **price, **number}, QUANTITIES, row)
    assert isinstance(found, Mapped), found
    return found.item  # type: ignore[no-any-return]


def lot(**row: Any) -> InventoryLot:
    found = outcome(
        "inventory_lot", LOT, ("quantity", "holder", "transit_line", "owner", "ours"), {"ours": True, **row}
    )
    assert isinstance(found, Mapped), found
    return found.item  # type: ignore[no-any-return]


def total(lines: list[ContractLine], lots: list[InventoryLot]) -> Any:
    found: Exposure = exposure(BookId("cu01"), lines, lots, [], {}, VAT)
    assert found.broken == ()
    (row,) = found.totals
    return row


PURCHASE = {
    "ordered": 1000, "delivered": 500, "returned": 20, "priced": 300, "closed_rest": 100, "tolerance": "0.05", "shipped": 700,
    "invoiced": 400,
}  # fmt: skip


def test_the_chain_of_a_mapped_purchase() -> None:
    """1,000 ± 5 %: 500 received, 20 sent back, 100 closed: 420 open; 200 on the way; 80 not invoiced; 300 of 900 priced."""
    chain = quantity_chain(line("purchase", "floating", **PURCHASE))
    assert (chain.least, chain.most, chain.open, chain.delivered) == (950, 1050, 420, 480)
    assert (chain.in_transit, chain.delivered_not_invoiced, chain.closed_rest) == (200, 80, 100)
    assert (chain.priced, chain.unpriced) == (300, 600)


def test_the_exposure_of_mapped_quantities_counts_everything_once() -> None:
    """Purchase: 300 priced, however much has arrived. Sale of 600: 200 delivered, 60 more on their way and still ours. Stock:
    480 ours, 50 of it at a processor; 200 on the water are on the purchase; 30 belong to somebody else."""
    buy, sell = (
        line("purchase", "floating", **PURCHASE),
        line("sale", "priced", ordered=600, delivered=200, shipped=260),
    )
    own, away = lot(key="1", quantity=430), lot(key="2", quantity=50, holder="S009")
    water = lot(key="3", quantity=200, transit_line=str(buy.ref))
    theirs = lot(key="4", quantity=30, owner="C004", ours=False)
    row = total([buy, sell], [own, away, water, theirs])
    assert (row.inventory, row.at_processors, row.in_transit, row.others_goods) == (540, 50, 260, 30)
    assert (row.arrived_unpriced, row.unpriced_purchases, row.priced_purchases, row.priced_sales) == (180, 420, 0, 400)
    assert row.exposure == 540 - 180 - 400 == -40
    assert row.exposure == 300 + 60 - 400
    held = {(goods.owner, goods.holder): goods.quantity for goods in goods_by_owner([own, away, water, theirs])}
    assert held[("", "S009")] == 50
    assert held[("C004", "")] == 30


@pytest.mark.parametrize(
    ("change", "exposed"),
    [({"invoiced": 480}, 300), ({"shipped": 900}, 300), ({"tolerance": "0.1"}, 300), ({"closed_rest": 520}, 300),
     ({"priced": 350}, 350), ({"priced": 900}, 900), ({"delivered": 900, "shipped": 900}, 300)],
)  # fmt: skip
def test_only_pricing_moves_the_exposure_of_a_floating_purchase(change: dict[str, Any], exposed: int) -> None:
    """With the goods that arrived in stock: invoice, shipment, tolerance, closing and receipt leave it as it is."""
    row = {**PURCHASE, **change}
    arrived = lot(quantity=row["delivered"] - row["returned"])
    assert total([line("purchase", "floating", **row)], [arrived]).exposure == exposed


def test_what_the_erp_does_not_say_stays_unsaid() -> None:
    bare = line("sale", "priced", ordered=10)
    assert (bare.priced, bare.shipped, bare.invoiced) == (None, None, None)
    assert (bare.closed_rest, bare.tolerance) == (0, 0)
    assert (lot(quantity=1).holder, lot(quantity=1).transit_line) == ("", "")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [("shipped", -1, "below_minimum"), ("invoiced", -1, "below_minimum"), ("priced", -1, "below_minimum"),
     ("closed_rest", -1, "below_minimum"), ("tolerance", -1, "below_minimum"), ("tolerance", 5, "record.tolerance")],
)  # fmt: skip
def test_quantities_below_zero_and_a_tolerance_in_percent_wait_in_quarantine(field: str, value: int, rule: str) -> None:
    found = outcome(
        "contract_line", {**TEXTS, "side": "sale", "pricing": "floating"}, QUANTITIES, {"ordered": 10, field: value}
    )
    assert isinstance(found, Quarantined)
    assert found.column == field
    problem = found.reason.params.get("problem", found.reason)
    assert isinstance(problem, Message)
    assert rule in problem.id


def test_a_line_delivered_beyond_its_mapped_tolerance_is_told() -> None:
    beyond = line("purchase", "floating", ordered=100, delivered=106, tolerance="0.05")
    assert [one.rule for one in broken_chain(beyond)] == ["chain_over_delivered"]
    assert broken_chain(replace(beyond, tolerance=Decimal("0.06"))) == ()


# --- the packaged mappings --------------------------------------------------------------------------------------------


def packaged(system: str, name: str, row: dict[str, Any]) -> dict[str, Any]:
    spec = load_spec(ROOT / "adapters" / "erp" / system / "specs" / f"{name}.yaml")
    maps = {one.name: dict(one.entries) for one in spec.value_maps}
    assert maps["commodities"] == {"EXAMPLE-MATERIAL": "copper"}
    return compile_spec(spec, SCHEMAS[spec.kind], "Asia/Shanghai")(row)


def test_kingdee_says_what_came_to_the_gate_and_who_keeps_the_stock() -> None:
    order = {
        "FBillNo": "CG1", "FPOOrderEntry_FSeq": 1, "FSupplierId.FNumber": "S1", "FMaterialId.FNumber": "EXAMPLE-MATERIAL",
        "FDate": "2026-03-02", "FDeliveryDate": "2026-05-02", "FUnitId.FNumber": "kg", "FQty": Decimal(50000),
        "FStockInQty": Decimal(20000), "FReceiveQty": Decimal(25000), "FMrbQty": Decimal(0), "FDocumentStatus": "C",
        "FTaxPrice": Decimal("68.93"), "FEntryTaxRate": Decimal(13), "FPriceUnitId.FNumber": "kg",
        "FSettleCurrId.FNumber": "PRE001",
    }  # fmt: skip
    mapped = packaged("kingdee", "purchase_line", order)
    assert (mapped["ordered"], mapped["delivered"], mapped["shipped"]) == (50, 20, 25)
    assert (mapped["priced"], mapped["invoiced"]) == (None, None)
    stock = {
        "FMaterialId.FNumber": "EXAMPLE-MATERIAL", "FStockId.FNumber": "CK01", "FLot.FNumber": "L1", "FOwnerId.FNumber": "100",
        "FOwnerTypeId": "BD_OwnerOrg", "FBaseQty": Decimal(5), "FBaseUnitId.FNumber": "t", "FStockOrgId.FNumber": "100",
    }  # fmt: skip
    assert packaged("kingdee", "stock", {**stock, "FKeeperId.FNumber": "100"})["holder"] is None
    assert packaged("kingdee", "stock", {**stock, "FKeeperId.FNumber": "S009"})["holder"] == "S009"


def test_odoo_says_what_is_invoiced() -> None:
    line_of_order = {
        "order.name": "SO1", "id": 7, "partner.ref": "C1", "product.default_code": "EXAMPLE-MATERIAL",
        "order.date_order": "2026-03-02 00:00:00", "product_uom_qty": Decimal(50), "product_uom_id": "Ton",
        "qty_delivered": Decimal(20), "qty_invoiced": Decimal(15), "order.state": "sale", "price_unit": Decimal(61000),
        "tax.included": False, "tax.percent": Decimal(13), "order.currency_id": "CNY", "write_date": "2026-03-02 01:00:00",
    }  # fmt: skip
    assert packaged("odoo", "sale_line", line_of_order)["invoiced"] == 15
    bought = {
        **line_of_order, "product_qty": Decimal(50), "qty_received": Decimal(20), "order.state": "purchase",
        "date_planned": "2026-05-02 00:00:00",
    }  # fmt: skip
    assert packaged("odoo", "purchase_line", bought)["invoiced"] == 15


@pytest.mark.parametrize(
    ("special", "owner", "ours", "holder"),
    [("", None, True, None), ("K", "S1", False, None), ("B", "C1", False, None), ("O", None, True, "S1"),
     ("W", None, True, "C1")],
)  # fmt: skip
def test_sap_tells_goods_of_others_here_from_ours_elsewhere(
    special: str, owner: str | None, ours: bool, holder: str | None
) -> None:
    party = {"K": {"Supplier": "S1"}, "O": {"Supplier": "S1"}, "B": {"Customer": "C1"}, "W": {"Customer": "C1"}}
    row = {
        "Material": "EXAMPLE-MATERIAL", "StorageLocation": "0001", "Batch": "B1", "InventorySpecialStockType": special,
        "MatlWrhsStkQtyInMatlBaseUnit": "5", "MaterialBaseUnit": "TO", "Supplier": "", "Customer": "", **party.get(special, {}),
    }  # fmt: skip
    mapped = packaged("sap", "stock", row)
    assert (mapped["owner"], mapped["ours"], mapped["holder"]) == (owner, ours, holder)
