"""Whole lists of U8: numbered pages read until they are all there, and counted.

Pages are numbered and no order is promised, so what comes or goes meanwhile may move a row past the reader. A list therefore
counts only when as many different rows were seen as it says it has; else it is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connectors.u8openapi import U8Client
from hedge_core.errors import ContractViolation, Unavailable

_ATTEMPTS: Final = 3


def whole_list(
    client: U8Client, resource: str, given: Mapping[str, str], rows: int, key: Callable[[bytes], str], hint: str
) -> dict[str, bytes]:
    """Every row of a list by its key. Raises `Unavailable` when the list keeps changing, `ContractViolation` with `hint` when
    two rows of one page share a key: they would hide each other."""
    for _ in range(_ATTEMPTS):
        found = _attempt(client, resource, given, rows, key, hint)
        if found is not None:
            return found
    raise Unavailable(f"{resource} keeps changing while it is read; try again later", system=client.system)


def _attempt(
    client: U8Client, resource: str, given: Mapping[str, str], rows: int, key: Callable[[bytes], str], hint: str
) -> dict[str, bytes] | None:
    """The list, or None when the count does not agree at the end."""
    found: dict[str, bytes] = {}
    index = 1
    while True:
        page = client.page(resource, given, index, rows)
        keyed = [(key(row), row) for row in page.rows]
        if len(dict(keyed)) != len(keyed):
            twice = next(one for one, _ in keyed if [name for name, _ in keyed].count(one) > 1)
            raise ContractViolation(resource, f"two rows are {twice}: {hint}", system=client.system)
        before = len(found)
        found.update(keyed)
        if page.row_count is not None and len(found) >= page.row_count:
            return found if len(found) == page.row_count else None
        if not page.rows or len(found) == before or (page.page_count is not None and index >= page.page_count):
            return found if page.row_count is None else None
        index += 1
