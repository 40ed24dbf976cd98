"""Whole lists of NC Cloud, of which neither order nor end is promised: read until nothing new comes, and counted.

A list that says how many there are counts when as many were seen. One that does not say counts when one page held it all, or
when two readings in a row saw the same keys: a row that moved between two pages would be missing in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from adapters.erp.nccloud.vendor import NcCloudOptions
from connectors.nccloud import NcCloudClient
from hedge_core.errors import ContractViolation, Unavailable

_ATTEMPTS: Final = 4


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its rows as received, and how many there are in all where it says so."""

    rows: list[bytes]
    total: int | None


class ListReader:
    """Reads lists as this installation pages them."""

    def __init__(self, client: NcCloudClient, options: NcCloudOptions) -> None:
        self._client = client
        self._options = options

    def page(self, path: str, asked: Mapping[str, Any], index: int, size: int) -> Page:
        """Page `index`, from 1."""
        options = self._options
        return self._split(path, self._client.read(path, {**asked, options.page_index: index, options.page_size: size}))

    def master_page(self, path: str, asked: Mapping[str, Any], index: int, size: int) -> Page:
        """Page `index`, from 1, of a list of master data. Public programs wrap these queries, count pages from 0 and send figures
        as text; the option `master_envelope` asks without."""
        options = self._options
        if options.master_envelope == "plain":
            return self.page(path, asked, index, size)
        pages = {options.page_index: str(index - 1), options.page_size: str(size)}
        wrapped = {"ufinterface": {"sender": "default", "data": dict(asked), "pageInfo": pages}}
        return self._split(path, self._client.read(path, wrapped))

    def _split(self, path: str, data: bytes) -> Page:
        options = self._options
        try:
            if data.lstrip()[:1] == b"{":
                members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
                total = (
                    msgspec.json.decode(members[options.total], type=int | None, strict=False)
                    if options.total in members
                    else None
                )
                data = bytes(members[options.rows])
            else:
                total = None
            rows = msgspec.json.decode(data, type=list[msgspec.Raw] | None) or []
        except (KeyError, msgspec.DecodeError) as error:
            reason = f"neither a list nor an object with {options.rows}"
            raise ContractViolation(path, reason, system=self._client.system) from error
        return Page([bytes(row) for row in rows], total)

    def whole(self, path: str, asked: Mapping[str, Any], key: Callable[[bytes], str], hint: str) -> dict[str, bytes]:
        """Every row by its key. Raises `Unavailable` when the list keeps changing, `ContractViolation` with `hint` when two
        rows of one page share a key: they would hide each other."""
        before: set[str] | None = None
        for _ in range(_ATTEMPTS):
            found, sure = self._once(path, asked, key, hint)
            if sure or (sure is None and set(found) == before):
                return found
            before = set(found)
        raise Unavailable(f"{path} keeps changing while it is read; try again later", system=self._client.system)

    def _once(
        self, path: str, asked: Mapping[str, Any], key: Callable[[bytes], str], hint: str
    ) -> tuple[dict[str, bytes], bool | None]:
        """The list as one reading shows it, and whether it is whole; None where one reading cannot tell."""
        found: dict[str, bytes] = {}
        index = 1
        while True:
            page = self.page(path, asked, index, self._options.page_rows)
            keyed = [(key(row), row) for row in page.rows]
            names = [name for name, _ in keyed]
            if len(set(names)) != len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise ContractViolation(path, f"two rows are {twice}: {hint}", system=self._client.system)
            before = len(found)
            found.update(keyed)
            if page.total is not None and len(found) >= page.total:
                return found, len(found) == page.total
            if (
                len(found) == before
            ):  # an empty page, or one that was seen: a server that does not page says all at once
                counted = page.total is not None
                return found, False if counted else True if index <= 2 else None
            index += 1
