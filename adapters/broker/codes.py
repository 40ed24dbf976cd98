"""Canonical instrument codes as the exchanges' own trading systems write them, for what we send."""

from __future__ import annotations

import re
from typing import Final

_THREE_DIGITS: Final = frozenset({"CZCE"})
_DECADE = re.compile(r"(?<=[A-Za-z])[0-9](?=[0-9]{3}(?![0-9]))")


def exchange_code(instrument: str) -> tuple[str, str]:
    """(exchange, code) of a canonical instrument: `CZCE.SR2605` -> `("CZCE", "SR605")`. ValueError without an exchange."""
    exchange, dot, code = instrument.partition(".")
    if not dot or not code:
        raise ValueError(f"{instrument!r} is not a canonical code")
    return exchange, _DECADE.sub("", code) if exchange in _THREE_DIGITS else code
