"""What the packaged mappings of the Yonyou family and Kingdee Cosmic fill: every kind of record that an ERP keeps, on each.

Vouchers are no mapping: the adapter writes them, and the conformance suite (E04 to E16) proves it for the same systems.
"""

from __future__ import annotations

import pytest

from mapping.files import SpecFormat, load_spec
from mapping.spec import MappingSpec
from worker.systems import system

SYSTEMS = ("yonbip", "u8cloud", "u8openapi", "nccloud", "cosmic")
RECORDS = {
    "sale_line": "contract_line",
    "purchase_line": "contract_line",
    "stock": "inventory_lot",
    "material": "material",
    "account": "account",
}
PARTNERS = dict.fromkeys(SYSTEMS, ("customer", "supplier")) | {"u8cloud": ("partner",)}
"""U8 Cloud keeps customers and suppliers in one list and says by a field what each of them is."""


def packaged(name: str, record: str) -> MappingSpec:
    return load_spec(system(name).default_spec(record), SpecFormat.YAML, record)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_kind_of_record_has_a_mapping(name: str) -> None:
    assert {record: packaged(name, record).kind for record in system(name).spec_names} == {
        **RECORDS,
        **dict.fromkeys(PARTNERS[name], "partner"),
    }


@pytest.mark.parametrize("record", ["sale_line", "purchase_line"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_orders_tell_what_was_delivered_and_what_came_back_from_the_erp(name: str, record: str) -> None:
    told = {row.target for row in packaged(name, record).rows if row.source}
    assert {"ordered", "delivered", "returned", "contract_date", "partner", "material", "status", "vat_rate"} <= told
    assert "price" in told


@pytest.mark.parametrize("name", SYSTEMS)
def test_stock_tells_material_quantity_and_place(name: str) -> None:
    told = {row.target for row in packaged(name, "stock").rows if row.source}
    assert {"material", "quantity", "warehouse"} <= told


@pytest.mark.parametrize("name", SYSTEMS)
def test_masters_tell_code_and_name_and_partners_what_they_are(name: str) -> None:
    for record in ("material", "account", *PARTNERS[name]):
        rows = packaged(name, record).rows
        assert {"code", "name"} <= {row.target for row in rows if row.source}
        assert record not in PARTNERS[name] or "role" in {row.target for row in rows}
