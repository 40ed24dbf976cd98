"""Which calendar days can be meant: no exchange here is older than 1990, no contract reaches beyond 2100. A day outside is a
slip of the pen, and would otherwise be a record that nothing ever looks at."""

from __future__ import annotations

from datetime import date
from typing import Final

FIRST_DAY: Final = date(1990, 1, 1)
LAST_DAY: Final = date(2100, 12, 31)


def is_plausible(day: date) -> bool:
    """Whether a day lies between them."""
    return FIRST_DAY <= day <= LAST_DAY
