"""The table of systems and kinds: what each packaged system maps of contracts, deliveries and returns, stock and masters.

Vouchers have no spec: which account and dimension a line gets is the account map's business, and where they go is options."""

from __future__ import annotations

from typing import Any

import pytest

from mapping import SCHEMAS, compile_spec, load_spec
from worker.systems import system

KINDS = {
    "sales": ("sale_line",),
    "purchases": ("purchase_line",),
    "stock": ("stock",),
    "materials": ("material",),
    "partners": ("partner",),
    "accounts": ("account",),
}
OTHERWISE = {
    ("kingdee", "partners"): ("customer", "supplier"),
    ("sap", "partners"): ("customer", "supplier"),
}
"""Systems that keep customers and suppliers apart."""
SYSTEMS = ("kingdee", "odoo", "sap", "file_drop", "generic_json")
NET_OF_RETURNS = {
    ("odoo", "sale_line"): "qty_delivered is net of returns",
    ("odoo", "purchase_line"): "qty_received is net of returns",
    ("sap", "sale_line"): "a return is an order of its own",
}


def spec(name: str, kind: str) -> Any:
    return load_spec(system(name).default_spec(kind), "yaml", name=kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SYSTEMS)
def test_each_kind_has_a_spec_that_compiles(name: str, kind: str) -> None:
    for one in OTHERWISE.get((name, kind), KINDS[kind]):
        assert one in system(name).spec_names
        made = spec(name, one)
        assert compile_spec(made, SCHEMAS[made.kind], "Asia/Shanghai").fields


@pytest.mark.parametrize("kind", ["sale_line", "purchase_line"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_deliveries_and_returns_are_read_or_it_is_said_why_not(name: str, kind: str) -> None:
    read = {row.target for row in spec(name, kind).rows if row.source or row.formula}
    assert "delivered" in read
    assert ("returned" in read) != ((name, kind) in NET_OF_RETURNS)


def test_sap_has_contracts_of_both_kinds_beside_its_orders() -> None:
    assert {"sale_contract", "purchase_contract"} <= set(system("sap").spec_names)
