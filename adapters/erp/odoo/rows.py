"""The raw record of a row and its parts, and the flat record that mapping specs read: pure, so that it can be done again.

A raw record is JSON: `row` (the row as received, by its own field names), one object per part, `taxes`, and `booleans` (the
paths whose `false` means no; elsewhere Odoo writes `false` for "empty"). In the flat record a many2one gives its display
name under the field's name and its id under `<field>.id`; a part's fields carry its prefix (`order.name`); date-times, which
Odoo writes in UTC without saying so, are aware; `tax.percent` is the sum of the line's percentages and `tax.included` whether
the price contains them. Fields have their newest names, whatever the release calls them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from adapters.erp.odoo.vendor import ALIASES, TURNED

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_NEWEST: Final = {old: new for new, names in ALIASES.items() for old in names}
_OWN: Final = ("row", "rows", "taxes", "booleans")


def encode_body(
    row: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    taxes: Sequence[Mapping[str, Any]] = (),
    booleans: Iterable[str] = (),
) -> bytes:
    """The bytes of a raw record."""
    return _encoder.encode({"row": row, **parts, "taxes": list(taxes), "booleans": sorted(booleans)})


def flat_record(body: bytes) -> dict[str, Any]:
    """The flat record of a raw one."""
    kept = _decoder.decode(body)
    booleans = frozenset(kept["booleans"])
    record: dict[str, Any] = {}
    for prefix, values in (("", kept["row"]), *((f"{k}.", v) for k, v in kept.items() if k not in _OWN)):
        for name, value in values.items():
            _put(record, prefix, name, value, f"{prefix}{name}" in booleans)
    record["tax.percent"], record["tax.included"] = _tax(kept["taxes"])
    return record


def _put(record: dict[str, Any], prefix: str, name: str, value: Any, boolean: bool) -> None:
    path = prefix + _NEWEST.get(name, name)
    if boolean:
        record[path] = (not value) if name in TURNED else bool(value)
    elif value is False or value is None:
        record[path] = None
    elif isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], int) and isinstance(value[1], str):
            record[path], record[f"{path}.id"] = value[1], Decimal(value[0])
    elif isinstance(value, bool):
        record[path] = value
    elif isinstance(value, int):
        record[path] = Decimal(value)
    elif isinstance(value, str) and _MOMENT.fullmatch(value):
        record[path] = datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    else:
        record[path] = value


def _tax(taxes: Sequence[Mapping[str, Any]]) -> tuple[Decimal | None, bool]:
    """(percent, included in the price). A tax that is no percentage, or a mixture, gives no percentage at all."""
    included = {bool(tax.get("price_include")) for tax in taxes}
    if any(tax.get("amount_type") != "percent" for tax in taxes) or len(included) > 1:
        return None, False
    return sum((Decimal(tax["amount"]) for tax in taxes), Decimal(0)), included == {True}


def many2one_id(value: Any) -> int | None:
    """The id of a many2one as received, or None when it is empty."""
    return int(value[0]) if isinstance(value, list) and value else None
