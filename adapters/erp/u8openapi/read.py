"""Reading U8: order lines document by document, stock and masters as whole lists; every row kept raw with every digit.

The order lists name documents without their lines, so each document is asked for on its own, in the order of its number. The
list offers no confirmed time of change: every pull reads every document, and what has not changed is dropped by its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from adapters.erp.configured_notes import NoteCall
from adapters.erp.order_lines import flat, joined
from adapters.erp.records import Mapper
from adapters.erp.u8openapi.pages import whole_list
from adapters.erp.u8openapi.vendor import MATERIALS, ORDER_KINDS, PARTNERS, STOCK, OrderKind, U8Options
from connectors.u8openapi import U8Client, values
from hedge_core.errors import ContractViolation
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Pulled, PullScope, RawRecord, Seen

_CURSOR_VERSION: Final = 1
_LINES: Final = "entry"


class OrderCursor(msgspec.Struct, frozen=True):
    """The cursor of a pull, as text for everybody else: the kind that is being read, and the last document read whole.
    Without a kind the pull was finished, and the next one begins from the front."""

    v: int = _CURSOR_VERSION
    kind: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line as received, with the reference it stands for."""

    ref: ExternalRef
    body: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """An order with its lines, and the number of the one before it."""

    kind: OrderKind
    code: str
    after: str
    rows: list[Row]


class OrderReader:
    """Pulls the lines of both kinds of order as one stream."""

    def __init__(
        self, client: U8Client, connection: str, mappers: Mapping[str, Mapper[ContractLine]], options: U8Options,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._client = client
        self._connection = connection
        self._mappers = mappers
        self._options = options
        self._now = now

    def pull(self, since: Cursor | None, scope: PullScope) -> Iterator[Pulled[ContractLine]]:
        """All lines, kind after kind. A cursor inside a pull goes on there; the cursor of a finished one begins anew. OPEN reads
        every line: which states are open is for the mapping to say."""
        cursor = OrderCursor()
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=OrderCursor)
        waiting: Document | None = None
        for document in self._documents(cursor):
            if waiting is not None:
                yield from self._items(waiting, scope, last=False)
            waiting = document
        if waiting is not None:
            yield from self._items(waiting, scope, last=True)
        elif cursor.kind:  # nothing follows any more: no item would ever carry the end of this pull
            yield from self.pull(None, scope)

    def lines(self, _call: NoteCall, leg: ExternalRef) -> dict[str, bytes]:
        """Every line of the document that a line belongs to, by the key of its reference."""
        kind = next(one for one in ORDER_KINDS if one.kind == leg.kind)
        return {row.ref.key: row.body for row in self._lines(kind, leg.key.partition("/")[0])}

    def probe(self, kind: OrderKind) -> tuple[int, dict[str, Any]]:
        """How many documents a list has, and the first line of one of them, for a check."""
        page = self._client.page(kind.list_resource, {}, 1, 1)
        if not page.rows:
            return 0, {}
        rows = self._lines(kind, _code(kind, self._client.system, page.rows[0]))
        return page.row_count or len(page.rows), flat(rows[0].body) if rows else {}

    def _documents(self, cursor: OrderCursor) -> Iterator[Document]:
        """The documents behind a cursor that have lines, kind after kind, in the order of their numbers."""
        kinds = [one.kind for one in ORDER_KINDS]
        system = self._client.system
        hint = "a document number must be unique"
        for kind in ORDER_KINDS[kinds.index(cursor.kind) if cursor.kind else 0 :]:
            after = cursor.after if cursor.kind == kind.kind else ""
            given = dict(self._options.conditions.get(kind.kind, {})) | ({"code_begin": after} if after else {})
            listed = whole_list(
                self._client, kind.list_resource, given, self._options.page_rows, partial(_code, kind, system), hint
            )
            for code in sorted(one for one in listed if one > after):
                rows = self._lines(kind, code)
                if rows:
                    yield Document(kind, code, after, rows)
                    after = code

    def _items(self, document: Document, scope: PullScope, *, last: bool) -> Iterator[Pulled[ContractLine]]:
        """The lines of a document. Only the last one carries the cursor behind it: who stops earlier reads it again."""
        kind = document.kind
        behind = OrderCursor() if last else OrderCursor(kind=kind.kind, after=document.code)
        now = self._now()
        for place, row in enumerate(document.rows, 1):
            ends = place == len(document.rows)
            cursor = Cursor(_text(behind if ends else OrderCursor(kind=kind.kind, after=document.after)))
            if scope is PullScope.KEYS:
                yield Pulled(row.ref, Seen(), None, cursor, ends)
            else:
                raw = RawRecord.of(row.ref, row.body, now)
                yield Pulled(row.ref, self._mappers[kind.kind].read(row.ref, flat(row.body)), raw, cursor, ends)

    def _lines(self, kind: OrderKind, code: str) -> list[Row]:
        """The lines of one document, each together with the document's head, byte for byte as received."""
        members = dict(self._client.document(kind.resource, code))
        entries = members.pop(_LINES, b"[]")
        name = self._options.line_field(kind)
        rows: dict[str, Row] = {}
        try:
            for raw in msgspec.json.decode(entries, type=list[msgspec.Raw] | None) or []:
                line = str(values(bytes(raw)).get(name) or "").strip()
                if not line or line in rows:
                    raise ContractViolation(
                        kind.resource, f"{code}: lines are not told apart by {name}: set line_fields"
                    )
                rows[line] = Row(
                    ExternalRef(self._connection, kind.kind, f"{code}/{line}"), joined(members, bytes(raw))
                )
        except (msgspec.DecodeError, AttributeError) as error:
            raise ContractViolation(
                kind.resource, f"{code}: lines that cannot be read", system=self._client.system
            ) from error
        return list(rows.values())


class ListReader:
    """Pulls stock and masters: lists that are read whole."""

    def __init__(
        self, client: U8Client, connection: str, mappers: Mapping[str, Mapper[Any]], options: U8Options,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._client = client
        self._connection = connection
        self._mappers = mappers
        self._options = options
        self._now = now

    def stock(self) -> Iterator[Pulled[InventoryLot]]:
        """Every stock row once."""
        names = self._options.stock_key
        return self._list(STOCK, "stock", names, "name one more field in the option stock_key")

    def masters(self, kind: MasterKind) -> Iterator[Pulled[Master]]:
        """Every material, every customer and supplier, or every account."""
        if kind is MasterKind.MATERIAL:
            yield from self._list(MATERIALS, "material", ("code",), "a code must be unique")
        elif kind is MasterKind.ACCOUNT and self._options.accounts_resource:
            yield from self._list(self._options.accounts_resource, "account", ("code",), "a code must be unique")
        elif kind is MasterKind.PARTNER:
            for resource, spec in PARTNERS:
                yield from self._list(resource, spec, ("code",), "a code must be unique")

    def probe(self, resource: str) -> tuple[int, dict[str, Any]]:
        """How many rows a list has, and one of them, for a check."""
        page = self._client.page(resource, {}, 1, 1)
        return page.row_count or len(page.rows), flat(page.rows[0]) if page.rows else {}

    def _list(self, resource: str, kind: str, names: tuple[str, ...], hint: str) -> Iterator[Pulled[Any]]:
        def key(raw: bytes) -> str:
            fields = flat(raw)
            return "|".join(str(fields.get(name) or "").strip() for name in names).rstrip("|")

        rows = whole_list(self._client, resource, {}, self._options.page_rows, key, hint)
        now = self._now()
        for number, (found, raw) in enumerate(rows.items(), 1):
            ref = ExternalRef(self._connection, kind, found)
            outcome = self._mappers[kind].read(ref, flat(raw))
            yield Pulled(ref, outcome, RawRecord.of(ref, raw, now), Cursor(""), number == len(rows))


def _text(cursor: OrderCursor) -> str:
    return msgspec.json.encode(cursor).decode()


def _code(kind: OrderKind, system: str, raw: bytes) -> str:
    fields = values(raw)
    code = str(fields.get("code") or "").strip() if isinstance(fields, dict) else ""
    if not code:
        raise ContractViolation(kind.list_resource, "a row without code", system=system)
    return code
