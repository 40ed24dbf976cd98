"""Reading YonBIP: order lines by key range, stock as one array; each row kept raw, with every digit, and mapped.

Order lists have one flat row per line. They are read in the order of the document ids by ranges of ids, never by page numbers:
what is deleted or inserted meanwhile cannot make another row slip through. The last document of a page may be cut, so it is
asked for again on its own. A server that ignores the range is noticed, not followed in circles.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import msgspec

from adapters.erp.configured_notes import NoteCall
from adapters.erp.paged_snapshot import AskPage
from adapters.erp.records import Mapper
from adapters.erp.row_keys import keyless, row_key
from adapters.erp.yonbip.vendor import (
    ACCOUNT_FIELDS,
    MASTER_PATHS,
    ORDER_PATHS,
    PLAIN_LISTS,
    STOCK_PATH,
    YonBipOptions,
)
from connectors.yonbip import YonBipClient
from connectors.yonbip.envelope import values
from hedge_core.errors import ContractViolation, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.model.records import Cursor, Pulled, PullScope, RawRecord, Seen

_CURSOR_VERSION: Final = 1
_ATTEMPTS: Final = 3
_STAMP: Final = "%Y-%m-%d %H:%M:%S"


class Place(msgspec.Struct, frozen=True):
    """How far a pull of one list got: changes since when, the newest change when it began, the last document read whole."""

    since: str = ""
    newest: str = ""
    after: str = ""


class OrderCursor(msgspec.Struct, frozen=True):
    """The cursor of a pull, as text for everybody else: finished points by kind, and the running place."""

    v: int = _CURSOR_VERSION
    done: dict[str, str] = {}
    kind: str = ""
    at: Place = Place()


@dataclass(frozen=True, slots=True)
class Row:
    """A row as received, with its document and the reference it stands for."""

    ref: ExternalRef
    document: str
    body: bytes


def flat(body: bytes) -> dict[str, Any]:
    """Field name to value of a raw row; what is nested gets a dotted name (`orderPrices.currency`)."""
    return dict(_flattened(values(body), ""))


def _flattened(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, dict):
            yield from _flattened(part, f"{prefix}{name}.")
        elif not isinstance(part, list):
            yield prefix + name, part


def _condition(name: str, op: str, value: str) -> dict[str, str]:
    return {"field": name, "op": op, "value1": value}


class OrderReader:
    """Pulls the lines of both order lists as one stream."""

    def __init__(
        self,
        client: YonBipClient,
        connection: str,
        mappers: Mapping[str, Mapper[ContractLine]],
        options: YonBipOptions,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._connection = connection
        self._mappers = mappers
        self._options = options
        self._now = now

    def pull(self, since: Cursor | None, scope: PullScope) -> Iterator[Pulled[ContractLine]]:
        """All lines of the scope, list after list. A cursor counts for the scope CHANGED only. OPEN reads every line:
        which states are open is for the mapping to say."""
        cursor = OrderCursor()
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=OrderCursor)
        for kind in ORDER_PATHS:
            if cursor.kind and cursor.kind != kind:
                continue
            resumed = cursor.kind == kind
            begun = cursor if resumed else self._beginning(kind, cursor, scope)
            reached = yield from self._list(kind, begun, scope)
            if resumed and reached is begun:  # nothing follows any more: no item would ever carry the end of this pull
                reached = yield from self._list(kind, self._beginning(kind, cursor, scope), scope)
            cursor = OrderCursor(done=reached.done)

    def lines(self, _call: NoteCall, leg: ExternalRef) -> dict[str, bytes]:
        """Every line of the document that a line belongs to, by the key of its reference."""
        rows = self._document(leg.kind, [], leg.key.partition("/")[0])
        return {row.ref.key: row.body for row in rows}

    def probe(self, kind: str) -> tuple[int, dict[str, Any]]:
        """How many rows a list has, and one of them, for a check."""
        page = self._client.read_page(ORDER_PATHS[kind], self._asked([], "id", "asc", 1))
        return page.record_count, flat(page.rows[0]) if page.rows else {}

    def _beginning(self, kind: str, cursor: OrderCursor, scope: PullScope) -> OrderCursor:
        """Where a pull starts. The newest change is asked for before anything is read, because the next pull begins there:
        a document that is changed while this pull runs is newer, however long the pull takes."""
        if scope is not PullScope.CHANGED:
            return OrderCursor(done=cursor.done, kind=kind)
        since = cursor.done.get(kind, "")
        changed = self._options.changed_field
        page = self._client.read_page(ORDER_PATHS[kind], self._asked(self._changed(since), changed, "desc", 1))
        newest = str(flat(page.rows[0]).get(changed) or "") if page.rows else ""
        return OrderCursor(done=cursor.done, kind=kind, at=Place(since, newest))

    def _changed(self, since: str) -> list[dict[str, str]]:
        return [_condition(self._options.changed_field, "egt", since)] if since else []

    def _list(
        self, kind: str, cursor: OrderCursor, scope: PullScope
    ) -> Generator[Pulled[ContractLine], None, OrderCursor]:
        """The lines of one list from the cursor on; returns the cursor behind them."""
        rows = self._page(kind, cursor.at)
        while rows:
            behind = msgspec.structs.replace(cursor.at, after=rows[-1].document)
            following = self._page(kind, behind)
            if following:
                after = OrderCursor(done=cursor.done, kind=kind, at=behind)
            else:
                after = OrderCursor(done={**cursor.done, kind: self._finished(cursor.at)})
            yield from self._items(kind, rows, cursor, after, scope)
            rows, cursor = following, after
        return cursor

    def _page(self, kind: str, place: Place) -> list[Row]:
        """The documents after the place, the last of them whole."""
        conditions = self._changed(place.since)
        after = [_condition("id", "gt", place.after)] if place.after else []
        page = self._client.read_page(
            ORDER_PATHS[kind], self._asked([*conditions, *after], "id", "asc", self._options.page_rows)
        )
        rows = [self._row(kind, raw) for raw in page.rows]
        if page.record_count > len(rows) and not rows:
            raise ContractViolation(ORDER_PATHS[kind], "rows are counted and none is shown", system=self._client.system)
        if page.record_count > len(rows):
            cut = rows[-1].document
            rows = [row for row in rows if row.document != cut] + self._document(kind, conditions, cut)
        self._check_order(kind, rows, place.after)
        return rows

    def _document(self, kind: str, conditions: Sequence[dict[str, str]], document: str) -> list[Row]:
        """Every line of one document."""
        for _ in range(_ATTEMPTS):
            rows: list[Row] = []
            while True:
                asked = self._asked(
                    [*conditions, _condition("id", "eq", document)], "id", "asc", self._options.page_rows
                )
                asked["pageIndex"] = len(rows) // self._options.page_rows + 1
                page = self._client.read_page(ORDER_PATHS[kind], asked)
                rows += [self._row(kind, raw) for raw in page.rows]
                if len(rows) >= page.record_count or not page.rows:
                    break
            if len({row.ref for row in rows}) == page.record_count:
                return rows
        raise Unavailable("an order keeps changing while it is read; try again later", system=self._client.system)

    def _check_order(self, kind: str, rows: Sequence[Row], after: str) -> None:
        """Every document once, none that was asked to be left out, no line twice."""
        documents = list(dict.fromkeys(row.document for row in rows))
        switches = sum(one.document != two.document for one, two in pairwise(rows))
        if after in documents or (rows and switches != len(documents) - 1):
            reason = "rows are not in the order or range of ids that was asked for"
            raise ContractViolation(ORDER_PATHS[kind], reason, system=self._client.system)
        if len({row.ref for row in rows}) != len(rows):
            reason = f"two rows of a document have the same {self._options.line_field}: check the option line_field"
            raise ContractViolation(ORDER_PATHS[kind], reason, system=self._client.system)

    def _row(self, kind: str, raw: bytes) -> Row:
        fields = values(raw)
        document = str(fields.get("id") or "") if isinstance(fields, dict) else ""
        line = fields.get(self._options.line_field) if document else None
        if line is None or not document.isdigit():
            reason = f"a row without id or {self._options.line_field}"
            raise ContractViolation(ORDER_PATHS[kind], reason, system=self._client.system)
        return Row(ExternalRef(self._connection, kind, f"{document}/{line}"), document, raw)

    def _asked(self, conditions: Sequence[dict[str, str]], by: str, direction: str, rows: int) -> dict[str, Any]:
        """`isSum` false is what makes a list answer one row per line."""
        return {
            "pageIndex": 1,
            "pageSize": rows,
            "isSum": False,
            "simpleVOs": list(conditions),
            "queryOrders": [{"field": by, "order": direction}],
        }

    def _items(
        self, kind: str, rows: Sequence[Row], before: OrderCursor, after: OrderCursor, scope: PullScope
    ) -> Iterator[Pulled[ContractLine]]:
        """The items of a page. Only its last one carries the cursor behind the page: who stops earlier reads it again."""
        now = self._now()
        for number, row in enumerate(rows, 1):
            ends = number == len(rows)
            cursor = Cursor(msgspec.json.encode(after if ends else before).decode())
            if scope is PullScope.KEYS:
                yield Pulled(row.ref, Seen(), None, cursor, ends)
            else:
                raw = RawRecord.of(row.ref, row.body, now)
                yield Pulled(row.ref, self._mappers[kind].read(row.ref, flat(row.body)), raw, cursor, ends)

    def _finished(self, place: Place) -> str:
        """Where the next pull begins: the newest change when this one began, less the overlap. A time that cannot be read
        counts as none: the next pull then reads everything again."""
        try:
            newest = datetime.strptime(place.newest[:19], _STAMP)  # noqa: DTZ007 - the site's own wall clock
        except ValueError:
            return place.since
        return (newest - timedelta(minutes=self._options.overlap_minutes)).strftime(_STAMP)


class StockReader:
    """Pulls the whole stock: one call, one array."""

    def __init__(
        self, client: YonBipClient, connection: str, mapper: Mapper[InventoryLot], options: YonBipOptions,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._client = client
        self._connection = connection
        self._mapper = mapper
        self._key = options.stock_key
        self._now = now

    def pull(self) -> Iterator[Pulled[InventoryLot]]:
        """Every row once. Two rows that the key fields cannot tell apart would hide each other, so they stop the pull."""
        found: dict[str, bytes] = {}
        for raw in self._client.read_array(STOCK_PATH, {}):
            fields = flat(raw)
            key = "|".join(str(fields.get(name) or "") for name in self._key)
            if found.setdefault(key, raw) is not raw:
                reason = f"two rows are {key}: name one more field in the option stock_key"
                raise ContractViolation(STOCK_PATH, reason, system=self._client.system)
        now = self._now()
        for number, (key, raw) in enumerate(found.items(), 1):
            ref = ExternalRef(self._connection, "stock", key)
            outcome = self._mapper.read(ref, flat(raw))
            yield Pulled(ref, outcome, RawRecord.of(ref, raw, now), Cursor(""), number == len(found))

    def probe(self) -> int:
        """How many rows there are, for a check."""
        return len(self._client.read_array(STOCK_PATH, {}))


class MasterLists:
    """Asks for pages of master data: materials, customers, suppliers and accounts each have a list of their own."""

    def __init__(self, client: YonBipClient, options: YonBipOptions) -> None:
        self._client = client
        self._options = options

    def pages(self, word: str) -> AskPage:
        """Asks for a page of one list, from 1."""
        path = self._options.master_paths.get(word, MASTER_PATHS[word])
        fields = {"fields": list(ACCOUNT_FIELDS)} if word == "account" else {}

        def ask(number: int) -> tuple[list[bytes], int | None]:
            asked = {**fields, "pageIndex": number, "pageSize": self._options.page_rows}
            if word in PLAIN_LISTS:
                return self._client.read_array(path, asked), None
            page = self._client.read_page(path, asked)
            return page.rows, page.record_count

        return ask

    @staticmethod
    def key(raw: bytes) -> str:
        """The id of a master record; one that lacks it is known by its content and goes to quarantine."""
        return row_key(flat(raw), ("id",)) or keyless(raw)
