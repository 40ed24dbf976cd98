"""Reading U8 Cloud: orders as documents with head and lines, stock and masters as whole lists; each row kept raw and mapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import msgspec

from adapters.erp.date_windows import Document, DocumentPage, Window, flat, head_and_line
from adapters.erp.row_keys import keyless, row_key
from adapters.erp.u8cloud.vendor import ORDERS, U8CloudOptions
from connectors.u8cloud import Listed, U8CloudClient
from connectors.u8cloud.envelope import values
from hedge_core.errors import ContractViolation


class _Bill(msgspec.Struct):
    parentvo: msgspec.Raw
    childrenvo: list[msgspec.Raw] | None = None


_bill = msgspec.json.Decoder(_Bill)


def fields(body: bytes) -> dict[str, Any]:
    """Field name to value of a raw record; of an order line with `head.` and `line.` before the names."""
    return flat(values(body))


class Lists:
    """Asks the site's lists for pages."""

    def __init__(self, client: U8CloudClient, options: U8CloudOptions) -> None:
        self._client = client
        self._options = options

    def orders(self, kind: str, window: Window, page: int, found_by: Mapping[str, str] | None = None) -> DocumentPage:
        """One page of orders dated in the window; `found_by` are further conditions."""
        name, prefix = self._options.name, ORDERS[kind]
        asked = {
            name("list.corp"): self._options.corp,
            name("list.from"): window.first.isoformat(),
            name("list.to"): window.last.isoformat(),
            **({name("list.changed"): window.changed_since} if window.changed_since else {}),
            **(found_by or {}),
        }
        answer = self._page(prefix, asked, page)
        return DocumentPage([self._order(prefix, raw) for raw in answer.rows], answer.total)

    def vouchers(self, _kind: str, window: Window, page: int) -> DocumentPage:
        """One page of vouchers of our book dated in the window; a voucher is one part."""
        name = self._options.name
        asked = {
            name("vouchers.corp"): self._options.corp,
            name("vouchers.book"): self._options.account_book,
            name("vouchers.from"): window.first.isoformat(),
            name("vouchers.to"): window.last.isoformat(),
        }
        answer = self._page("vouchers", asked, page)
        return DocumentPage([self._voucher(raw) for raw in answer.rows], answer.total)

    def snapshot(self, word: str) -> Callable[[int], tuple[list[bytes], int | None]]:
        """Asks for a page of stock or of a master list."""
        name = self._options.name
        asked = {name("list.corp"): self._options.corp}
        if word == "stock" and self._options.organisation:
            asked[name("list.organisation")] = self._options.organisation

        def ask(page: int) -> tuple[list[bytes], int | None]:
            answer = self._page(word, asked, page)
            return answer.rows, answer.total

        return ask

    def stock_key(self, raw: bytes) -> str:
        """The identifying fields of a stock row; empty ones count, a material without batches has no lot."""
        row = fields(raw)
        return "|".join(str(row.get(name) or "") for name in self._options.stock_key)

    def master_key(self, word: str) -> Callable[[bytes], str]:
        """The key of a master record; one that lacks it is known by its content and goes to quarantine."""
        wanted = (self._options.name(f"{word}.id"),)
        return lambda raw: row_key(fields(raw), wanted) or keyless(raw)

    def _page(self, word: str, asked: dict[str, Any], page: int) -> Listed:
        name = self._options.name
        paging = {name("list.page"): str(page), name("list.rows"): str(self._options.page_rows)}
        return self._client.read_list(self._options.path(word), {**asked, **paging})

    def _order(self, prefix: str, raw: bytes) -> Document:
        where, name = self._options.path(prefix), self._options.name
        try:
            bill = _bill.decode(raw)
            head = values(bytes(bill.parentvo))
            lines = [bytes(line) for line in bill.childrenvo or []]
            keys = [values(line).get(name(f"{prefix}.line")) for line in lines]
            key, day = head.get(name(f"{prefix}.id")), date.fromisoformat(str(head.get(name(f"{prefix}.date")))[:10])
        except (msgspec.DecodeError, AttributeError, ValueError) as error:
            reason = f"an order without head, lines or {name(f'{prefix}.date')}: set names"
            raise ContractViolation(where, reason, system=self._client.system) from error
        if not key or not all(keys):
            reason = f"an order without {name(f'{prefix}.id')}, or a line without {name(f'{prefix}.line')}: set names"
            raise ContractViolation(where, reason, system=self._client.system)
        parts = [(str(one), head_and_line(bytes(bill.parentvo), line)) for one, line in zip(keys, lines, strict=True)]
        return Document(str(key), day, str(head.get(name(f"{prefix}.changed")) or ""), tuple(parts))

    def _voucher(self, raw: bytes) -> Document:
        name = self._options.name
        try:
            record = values(raw)
            key, day = record[name("found.id")], date.fromisoformat(str(record[name("found.date")])[:10])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            reason = f"a voucher without {name('found.id')} or {name('found.date')}: set names"
            raise ContractViolation(self._options.path("vouchers"), reason, system=self._client.system) from error
        return Document(str(key), day, "", (("", raw),))
