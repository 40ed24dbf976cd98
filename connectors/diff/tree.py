"""The business tree: RFC 7386 merge patches of one message applied together, and numbers read as they may be written.

The gateway's writer lets a bare NaN through, and its documentation allows "-" for a price that is not known yet; both are
absent here, never zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from hedge_core.errors import ContractViolation

SYSTEM: Final = "DIFF"
Tree = dict[str, Any]
_DEEPEST: Final = 64


def decoded(frame: str | bytes) -> Tree:
    """One message. Numbers with a point are Decimals, NaN and Infinity are None; ContractViolation for anything else."""
    try:
        found = json.loads(frame, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise ContractViolation("websocket frame", f"not JSON: {error}", system=SYSTEM) from None
    if not isinstance(found, dict) or not isinstance(found.get("aid"), str):
        raise ContractViolation("websocket frame", "no object with an aid", system=SYSTEM)
    return found


def applied(tree: Tree, patches: Iterable[Any]) -> Tree:
    """A new tree with all patches, or ContractViolation and the old one untouched: a message is a transaction."""
    for patch in patches:
        if not isinstance(patch, dict):
            raise ContractViolation("rtn_data", "a patch is not an object", system=SYSTEM)
        tree = _merged(tree, patch, 0)
    return tree


def _merged(target: Any, patch: Mapping[str, Any], depth: int) -> Tree:
    if depth > _DEEPEST:
        raise ContractViolation("rtn_data", f"nested deeper than {_DEEPEST}", system=SYSTEM)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merged(merged.get(name), value, depth + 1)
        else:
            merged[name] = value
    return merged


def number(given: Any) -> Decimal | None:
    """A JSON number, or a text that is one; None for what is absent, NaN or a dash."""
    if isinstance(given, bool) or given is None:
        return None
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def whole(given: Any) -> int:
    """A count of lots. ContractViolation for a part of one; absent is none."""
    value = number(given)
    if value is None:
        return 0
    if value != value.to_integral_value():
        raise ContractViolation("lots", f"{given} is not a whole number", system=SYSTEM)
    return int(value)
