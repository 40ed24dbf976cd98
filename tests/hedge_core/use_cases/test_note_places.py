"""Which order lines get a hedge note: those whose connection has a place for it, by its options or by what its system is."""

from __future__ import annotations

from typing import Any

import pytest

from hedge_core.model.identity import book_id
from hedge_core.ports.storage import Connection
from hedge_core.use_cases.match import NOTED_KINDS, kinds_with_place

BOTH = frozenset(NOTED_KINDS)


@pytest.mark.parametrize(
    ("system", "options", "kinds"),
    [
        ("kingdee", {}, frozenset()),
        ("kingdee", {"hedge_fields": {"sale_line": "F_HB_Hedge"}}, frozenset({"sale_line"})),
        ("yonbip", {"hedge_note": {"purchase_line": {"field": "define10"}}}, frozenset({"purchase_line"})),
        ("yonbip", {"hedge_note": {"sale_line": {"field": "define10"}}, "notes_folder": "/srv/notes"}, BOTH),
        ("u8cloud", {"hedge_note": {}}, frozenset()),
        ("odoo", {}, BOTH),
        ("sap", {}, frozenset()),
        ("sap", {"hedge_texts": {"sale_line": "0001"}}, frozenset({"sale_line"})),
        ("file_drop", {}, BOTH),
        ("odoo", {"hedge_notes": False}, frozenset()),
        ("acme", {"hedge_notes": True}, BOTH),
        ("acme", {}, frozenset()),
    ],
)
def test_the_kinds_whose_notes_a_connection_takes(system: str, options: dict[str, Any], kinds: frozenset[str]) -> None:
    assert kinds_with_place(Connection("erp", book_id("cu01"), system, options, {})) == kinds
