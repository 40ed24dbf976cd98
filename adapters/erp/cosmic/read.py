"""Reading Cosmic: orders as documents with lines, stock and masters as whole lists; each row kept raw and mapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import msgspec

from adapters.erp.cosmic.vendor import ORDERS, CosmicOptions
from adapters.erp.date_windows import Document, DocumentPage, Window, flat, head_and_line
from adapters.erp.row_keys import keyless, row_key
from connectors.cosmic import CosmicClient, Page
from connectors.cosmic.envelope import values
from hedge_core.errors import ContractViolation

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw] | None)
_encode = msgspec.json.Encoder().encode


def fields(body: bytes) -> dict[str, Any]:
    """Field name to value of a raw record; of an order line with `head.` and `line.` before the names."""
    return flat(values(body))


class Lists:
    """Asks the site's queries for pages."""

    def __init__(self, client: CosmicClient, options: CosmicOptions) -> None:
        self._client = client
        self._options = options

    def orders(self, kind: str, window: Window, page: int, found_by: Mapping[str, str] | None = None) -> DocumentPage:
        """One page of orders dated in the window; `found_by` are further conditions."""
        prefix = ORDERS[kind]
        answer = self._page(prefix, self.conditions(prefix, window, found_by or {}), page)
        return DocumentPage([self._order(prefix, raw) for raw in answer.rows], answer.total)

    def vouchers(self, _kind: str, window: Window, page: int) -> DocumentPage:
        """One page of vouchers booked in the window; a voucher is one part."""
        answer = self._page("vouchers", self.conditions("vouchers", window), page)
        return DocumentPage([self._voucher(raw) for raw in answer.rows], answer.total)

    def conditions(
        self, prefix: str, window: Window, found_by: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Any]:
        """The body of a query without its paging: conditions as parameters or as one expression."""
        name, first, last = self._options.name, f"{window.first} 00:00:00", f"{window.last} 23:59:59"
        since = window.changed_since
        if self._options.filter_in == "data":
            data = {name(f"{prefix}.from"): first, name(f"{prefix}.to"): last}
            return {"data": {**data, **({name(f"{prefix}.since"): since} if since else {}), **found_by}}
        day = name("found.date" if prefix == "vouchers" else f"{prefix}.date")
        text = f"{day} >= '{first}' and {day} <= '{last}'" + "".join(f" and {n} = '{v}'" for n, v in found_by.items())
        return {"data": {}, "filter": text + (f" and {name(f'{prefix}.changed')} >= '{since}'" if since else "")}

    def snapshot(self, word: str) -> Callable[[int], tuple[list[bytes], int | None]]:
        """Asks for a page of stock (which takes `params`) or of a master list (which takes `data`)."""
        asked: dict[str, Any] = {"data": {}}
        if word == "stock":
            asked = {"params": {self._options.name("stock.org"): self._options.org}}

        def ask(page: int) -> tuple[list[bytes], int | None]:
            answer = self._page(word, asked, page)
            return answer.rows, answer.total

        return ask

    def stock_key(self, raw: bytes) -> str:
        """The identifying fields of a stock row; empty ones count, a material without batches has no lot."""
        row = fields(raw)
        return "|".join(str(row.get(name) or "") for name in self._options.stock_key)

    def master_key(self, raw: bytes) -> str:
        """The key of a master record; one that lacks it is known by its content."""
        return row_key(fields(raw), (self._options.name("master.id"),)) or keyless(raw)

    def _page(self, word: str, asked: Mapping[str, Any], page: int) -> Page:
        """Page number and size stand beside the conditions, never among them: the site refuses that."""
        body = {**asked, "pageNo": page, "pageSize": self._options.page_rows}
        return self._client.read_page(self._options.path(word), body)

    def _order(self, prefix: str, raw: bytes) -> Document:
        name = self._options.name
        entry = name(f"{prefix}.lines")
        try:
            members = _object.decode(raw)
            lines = [bytes(line) for line in _array.decode(members.pop(entry, msgspec.Raw(b"null"))) or []]
            head = b"{" + b",".join(_encode(key) + b":" + bytes(value) for key, value in members.items()) + b"}"
            read = values(head)
            keys = [values(line).get(name(f"{prefix}.line")) for line in lines]
            key, day = read.get(name(f"{prefix}.id")), date.fromisoformat(str(read.get(name(f"{prefix}.date")))[:10])
        except (msgspec.DecodeError, AttributeError, ValueError) as error:
            reason = f"an order without {entry} or {name(f'{prefix}.date')}: set names"
            raise ContractViolation(self._options.path(prefix), reason, system=self._client.system) from error
        if not key or not all(keys):
            reason = f"an order without {name(f'{prefix}.id')}, or a line without {name(f'{prefix}.line')}: set names"
            raise ContractViolation(self._options.path(prefix), reason, system=self._client.system)
        parts = tuple((str(one), head_and_line(head, line)) for one, line in zip(keys, lines, strict=True))
        return Document(str(key), day, str(read.get(name(f"{prefix}.changed")) or ""), parts)

    def _voucher(self, raw: bytes) -> Document:
        name = self._options.name
        try:
            record = values(raw)
            key, day = record[name("found.id")], date.fromisoformat(str(record[name("found.date")])[:10])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            reason = f"a voucher without {name('found.id')} or {name('found.date')}: set names"
            raise ContractViolation(self._options.path("vouchers"), reason, system=self._client.system) from error
        return Document(str(key), day, "", (("", raw),))
