"""Reading NC Cloud: orders as whole documents, stock as one list; every line kept raw with every digit, and mapped.

No time of change is confirmed for the queries: every pull reads every document, and what has not changed is dropped by its
digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from adapters.erp.configured_notes import NoteCall
from adapters.erp.nccloud.pages import ListReader
from adapters.erp.nccloud.vendor import EMPTY, MASTER_KEYS, NcCloudOptions, OrderKind
from adapters.erp.order_lines import flat, joined
from adapters.erp.paged_snapshot import AskPage
from adapters.erp.records import Mapper
from adapters.erp.row_keys import keyless, row_key
from connectors.nccloud import NcCloudClient
from hedge_core.errors import ContractViolation
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.model.records import Cursor, Pulled, PullScope, RawRecord, Seen

_CURSOR_VERSION: Final = 1


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
    """An order with its lines, and the id of the one before it."""

    kind: OrderKind
    key: str
    after: str
    rows: list[Row]


class OrderReader:
    """Pulls the lines of both kinds of order as one stream."""

    def __init__(
        self, client: NcCloudClient, connection: str, mappers: Mapping[str, Mapper[ContractLine]], options: NcCloudOptions,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._client = client
        self._connection = connection
        self._mappers = mappers
        self._options = options
        self._kinds = options.order_kinds()
        self._lists = ListReader(client, options)
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

    def lines(self, call: NoteCall, leg: ExternalRef) -> dict[str, bytes]:
        """Every line of the document that a line belongs to, by the key of its reference. Where no parameter of the query names
        a document, all of them are read."""
        kind = next(one for one in self._kinds if one.kind == leg.kind)
        document = leg.key.partition("/")[0]
        asked = {**self._options.conditions.get(kind.kind, {}), **({call.find: document} if call.find else {})}
        hint = f"{kind.document_id} must be unique: set order_names"
        listed = self._lists.whole(kind.path, asked, partial(self._key, kind), hint)
        if call.find and set(listed) - {document}:
            raise ContractViolation(
                kind.path, f"the query ignores {call.find}: set find in hedge_note", system=self._client.system
            )
        rows = self._lines(kind, listed[document]) if document in listed else []
        return {row.ref.key: row.body for row in rows}

    def probe(self, kind: OrderKind) -> tuple[int, dict[str, Any]]:
        """How many documents the first page of a list has, and the first line of one of them, for a check."""
        page = self._lists.page(kind.path, self._options.conditions.get(kind.kind, {}), 1, 1)
        if not page.rows:
            return 0, {}
        rows = self._lines(kind, page.rows[0])
        return page.total or len(page.rows), flat(rows[0].body) if rows else {}

    def _documents(self, cursor: OrderCursor) -> Iterator[Document]:
        """The documents behind a cursor that have lines, kind after kind, in the order of their ids."""
        kinds = [one.kind for one in self._kinds]
        for kind in self._kinds[kinds.index(cursor.kind) if cursor.kind else 0 :]:
            after = cursor.after if cursor.kind == kind.kind else ""
            asked = self._options.conditions.get(kind.kind, {})
            hint = f"{kind.document_id} must be unique: set order_names"
            listed = self._lists.whole(kind.path, asked, partial(self._key, kind), hint)
            for key in sorted(one for one in listed if one > after):
                rows = self._lines(kind, listed[key])
                if rows:
                    yield Document(kind, key, after, rows)
                    after = key

    def _items(self, document: Document, scope: PullScope, *, last: bool) -> Iterator[Pulled[ContractLine]]:
        """The lines of a document. Only the last one carries the cursor behind it: who stops earlier reads it again."""
        kind = document.kind.kind
        behind = OrderCursor() if last else OrderCursor(kind=kind, after=document.key)
        inside = OrderCursor(kind=kind, after=document.after)
        now = self._now()
        for place, row in enumerate(document.rows, 1):
            ends = place == len(document.rows)
            cursor = Cursor(msgspec.json.encode(behind if ends else inside).decode())
            if scope is PullScope.KEYS:
                yield Pulled(row.ref, Seen(), None, cursor, ends)
            else:
                raw = RawRecord.of(row.ref, row.body, now)
                yield Pulled(row.ref, self._mappers[kind].read(row.ref, flat(row.body)), raw, cursor, ends)

    def _key(self, kind: OrderKind, raw: bytes) -> str:
        head, _ = self._parts(kind, raw)
        return self._text(head, kind.document_id, kind, "order_names")

    def _lines(self, kind: OrderKind, raw: bytes) -> list[Row]:
        """The lines of one document, each together with the document's head, byte for byte as received."""
        head, lines = self._parts(kind, raw)
        key = self._text(head, kind.document_id, kind, "order_names")
        found: dict[str, Row] = {}
        for line in lines:
            number = self._text(self._members(kind, line), kind.line_id, kind, "order_names")
            if number in found:
                reason = f"two lines are {number}: set order_names"
                raise ContractViolation(kind.path, reason, system=self._client.system)
            found[number] = Row(ExternalRef(self._connection, kind.kind, f"{key}/{number}"), joined(head, line))
        return list(found.values())

    def _parts(self, kind: OrderKind, raw: bytes) -> tuple[dict[str, bytes], list[bytes]]:
        """The members of a document's head, and its lines."""
        document = self._members(kind, raw)
        try:
            head = self._members(kind, document[kind.head])
            lines = msgspec.json.decode(document.get(kind.lines, b"[]"), type=list[msgspec.Raw] | None) or []
        except (KeyError, msgspec.DecodeError) as error:
            reason = f"a document without {kind.head} and {kind.lines}: set order_names"
            raise ContractViolation(kind.path, reason, system=self._client.system) from error
        return head, [bytes(line) for line in lines]

    def _members(self, kind: OrderKind, raw: bytes) -> dict[str, bytes]:
        try:
            found = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError as error:
            raise ContractViolation(kind.path, "a part that is no object", system=self._client.system) from error
        return {name: bytes(value) for name, value in found.items()}

    def _text(self, members: Mapping[str, bytes], name: str, kind: OrderKind, option: str) -> str:
        found = msgspec.json.decode(members[name]) if name in members else None
        if str(found) in EMPTY:
            raise ContractViolation(kind.path, f"a part without {name}: set {option}", system=self._client.system)
        return str(found).strip()


class StockReader:
    """Pulls the whole stock."""

    def __init__(
        self, client: NcCloudClient, connection: str, mapper: Mapper[InventoryLot], options: NcCloudOptions,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._lists = ListReader(client, options)
        self._connection = connection
        self._mapper = mapper
        self._options = options
        self._now = now

    def pull(self) -> Iterator[Pulled[InventoryLot]]:
        """Every row once. Two rows that the key fields cannot tell apart would hide each other, so they stop the pull."""
        hint = "name one more field in the option stock_key"
        asked = self._options.conditions.get("stock", {})
        rows = self._lists.whole(self._options.path("stock"), asked, self._key, hint)
        now = self._now()
        for number, (key, raw) in enumerate(rows.items(), 1):
            ref = ExternalRef(self._connection, "stock", key)
            yield Pulled(
                ref, self._mapper.read(ref, flat(raw)), RawRecord.of(ref, raw, now), Cursor(""), number == len(rows)
            )

    def probe(self) -> tuple[int, dict[str, Any]]:
        """How many rows the first page has, and one of them, for a check."""
        page = self._lists.page(self._options.path("stock"), self._options.conditions.get("stock", {}), 1, 1)
        return page.total or len(page.rows), flat(page.rows[0]) if page.rows else {}

    def _key(self, raw: bytes) -> str:
        fields = flat(raw)
        texts = [str(fields.get(name)) for name in self._options.stock_key]
        return "|".join("" if text in EMPTY else text for text in texts)


class MasterLists:
    """Asks for pages of master data: materials, customers, suppliers and accounts each have a query of their own."""

    def __init__(self, client: NcCloudClient, options: NcCloudOptions) -> None:
        self._lists = ListReader(client, options)
        self._options = options

    def pages(self, word: str) -> AskPage:
        """Asks for a page of one list, from 1."""

        def ask(number: int) -> tuple[list[bytes], int | None]:
            asked = self._options.conditions.get(word, {})
            page = self._lists.master_page(self._options.path(word), asked, number, self._options.page_rows)
            return page.rows, page.total

        return ask

    def key(self, word: str) -> Callable[[bytes], str]:
        """The key of a master record; one that lacks it is known by its content and goes to quarantine."""
        wanted = (self._options.master_keys.get(word, MASTER_KEYS[word]),)
        return lambda raw: row_key(flat(raw), wanted) or keyless(raw)
