"""The kinds of record a mapping can make, with their fields (those of `hedge_core.model.physical` that a steward maps).

The reference of a record (connection, kind, key) is not here: the adapter makes it, whatever the mapping says.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.model.physical import LineStatus, LotKind, PricingKind, Side
from mapping.schema import FieldType, TargetField, TargetSchema


def _text(name: str, required: bool = True) -> TargetField:
    return TargetField(name, FieldType.TEXT, required)


def _choice(name: str, values: type[StrEnum]) -> TargetField:
    return TargetField(name, FieldType.CHOICE, choices=tuple(value.value for value in values))


_ZERO: Final = Decimal(0)

CONTRACT_LINE: Final = TargetSchema(
    "contract_line",
    (
        _text("contract_no"),
        TargetField("line_no", FieldType.INTEGER),
        _choice("side", Side),
        _text("partner"),
        _text("material"),
        _text("commodity"),
        TargetField("contract_date", FieldType.DATE),
        TargetField("delivery_date", FieldType.DATE, required=False),
        TargetField("delivery_month", FieldType.MONTH),
        _text("unit"),
        TargetField("ordered", FieldType.DECIMAL, minimum=_ZERO),
        TargetField("delivered", FieldType.DECIMAL, minimum=_ZERO),
        TargetField("returned", FieldType.DECIMAL, minimum=_ZERO),
        _choice("status", LineStatus),
        _choice("pricing", PricingKind),
        TargetField("price", FieldType.DECIMAL, required=False),
        TargetField("premium", FieldType.DECIMAL, required=False),
        _text("reference", required=False),
        _text("currency"),
        TargetField("vat_rate", FieldType.DECIMAL, minimum=_ZERO),
        TargetField("modified_at", FieldType.DATETIME, required=False),
        # what few ERPs know of themselves; `hedge_core.quantity_chain` says what each of them does
        TargetField("priced", FieldType.DECIMAL, required=False, minimum=_ZERO),
        TargetField("closed_rest", FieldType.DECIMAL, required=False, minimum=_ZERO),
        TargetField("tolerance", FieldType.DECIMAL, required=False, minimum=_ZERO),
        TargetField("shipped", FieldType.DECIMAL, required=False, minimum=_ZERO),
        TargetField("invoiced", FieldType.DECIMAL, required=False, minimum=_ZERO),
    ),
)

INVENTORY_LOT: Final = TargetSchema(
    "inventory_lot",
    (
        _text("material"),
        _text("commodity"),
        _text("warehouse"),
        _text("lot_no", required=False),
        _text("owner", required=False),
        TargetField("ours", FieldType.BOOLEAN),
        _choice("kind", LotKind),
        _text("unit"),
        TargetField("quantity", FieldType.DECIMAL),
        _text("holder", required=False),
        _text("transit_line", required=False),
    ),
)


def _master(kind: str, *attributes: str) -> TargetSchema:
    """Code, name and active flag, and optional text fields that become the master's `attributes`."""
    fixed = (_text("code"), _text("name"), TargetField("active", FieldType.BOOLEAN))
    return TargetSchema(kind, (*fixed, *(_text(name, required=False) for name in attributes)))


MATERIAL: Final = _master("material", "base_unit", "commodity", "group", "specification")
PARTNER: Final = _master("partner", "group", "role", "short_name", "tax_number")
ACCOUNT: Final = _master("account", "currency", "dimensions", "direction", "group", "posting")

SCHEMAS: Final = {schema.kind: schema for schema in (CONTRACT_LINE, INVENTORY_LOT, MATERIAL, PARTNER, ACCOUNT)}
"""Target schema by kind."""
