"""Reading Kingdee: orders by key range, stock as one checked snapshot, masters; each row kept raw and mapped.

Order lines are read by key ranges in the order of the internal ids, never by offsets: rows that are deleted or inserted
meanwhile cannot make another one slip through. Kingdee limits rows, not documents, so the rest of a page's last document is
asked for on its own. A pull ends when nothing comes, never because a page was short: the site's own row limit may be lower
than ours.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from adapters.erp.kingdee.vendor import INVENTORY_FORM, MasterForm, OrderForm
from adapters.erp.records import Mapper
from connectors.kingdee import KingdeeClient
from hedge_core.errors import ContractViolation, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, Master
from hedge_core.model.records import Cursor, Mapped, Pulled, PulledLater, PullScope, Quarantined, RawRecord, Seen

T = TypeVar("T")

_CURSOR_VERSION: Final = 2
_SNAPSHOT_ATTEMPTS: Final = 3
_decoder = msgspec.json.Decoder(list[Any], float_hook=Decimal)
_body = msgspec.json.Decoder(dict[str, list[Any]], float_hook=Decimal)
_encoder = msgspec.json.Encoder()


class Place(msgspec.Struct, frozen=True):
    """How far a pull of one form got: changes since when, the newest change there was when it began, and the last document
    that has been read whole."""

    since: str = ""
    newest: str = ""
    from_id: int = 0


class OrderCursor(msgspec.Struct, frozen=True):
    """The cursor of an incremental pull, as text for everybody else: finished points by form, and the running place."""

    v: int
    done: dict[str, str]
    kind: str = ""
    at: Place = Place()


@dataclass(frozen=True, slots=True)
class Row:
    """A row as received, decoded, with the reference it stands for."""

    ref: ExternalRef
    body: bytes
    values: list[Any]


def encode_body(names: Sequence[str], row: bytes) -> bytes:
    """The raw record: the field names asked for and the row's bytes exactly as they came."""
    return b'{"names":' + _encoder.encode(list(names)) + b',"row":' + row + b"}"


def body_fields(body: bytes) -> dict[str, Any]:
    """Field name to value of a raw record."""
    kept = _body.decode(body)
    return dict(zip(kept["names"], kept["row"], strict=True))


def map_body(mapper: Mapper[T], ref: ExternalRef, body: bytes) -> Mapped[T] | Quarantined:
    """Map a raw record (now, or again later with another spec)."""
    return mapper.read(ref, body_fields(body))


class OrderReader:
    """Pulls the lines of all order forms as one stream."""

    def __init__(
        self,
        client: KingdeeClient,
        connection: str,
        forms: Sequence[tuple[OrderForm, Mapper[ContractLine]]],
        *,
        page_rows: int,
        overlap: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._connection = connection
        self._forms = forms
        self._page_rows = page_rows
        self._overlap = overlap
        self._now = now

    def pull(self, since: Cursor | None, scope: PullScope) -> Iterator[Pulled[ContractLine]]:
        """All lines of the scope, form after form. A cursor counts for the scope CHANGED only: the others start anew."""
        cursor = OrderCursor(_CURSOR_VERSION, {})
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=OrderCursor)
        if cursor.v != _CURSOR_VERSION:  # the running place of another version is not understood: begin that pull again
            cursor = OrderCursor(_CURSOR_VERSION, cursor.done)
        for form, mapper in self._forms:
            if cursor.kind and cursor.kind != form.kind:
                continue
            resumed = cursor.kind == form.kind
            place = cursor.at if resumed else self._beginning(form, cursor, scope)
            begun = _at(cursor, form, place)
            reached = yield from self._form(form, mapper, begun, scope)
            if resumed and reached is begun:
                # Nothing follows this place any more, so no item would ever carry the end of the pull that began there.
                anew = _at(cursor, form, self._beginning(form, cursor, scope))
                reached = yield from self._form(form, mapper, anew, scope)
            cursor = OrderCursor(_CURSOR_VERSION, reached.done)

    def _beginning(self, form: OrderForm, cursor: OrderCursor, scope: PullScope) -> Place:
        """Where a pull starts. The newest change is asked for before anything is read, because the next pull begins there:
        a document that is changed behind our back while this pull runs is newer, however long the pull takes."""
        if scope is not PullScope.CHANGED:
            return Place()
        since = cursor.done.get(form.kind, "")
        found = self._client.query_rows(form.form, ["FModifyDate"], _changed(since), "FModifyDate DESC", 0, 1)
        newest = _values(form.form, ["FModifyDate"], found[0])[0] if found else None
        return Place(since, str(newest or ""))

    def _form(
        self, form: OrderForm, mapper: Mapper[ContractLine], cursor: OrderCursor, scope: PullScope
    ) -> Generator[Pulled[ContractLine], None, OrderCursor]:
        """The lines of one form from the cursor on; returns the cursor behind them."""
        names = ["FID", form.entry_id, "FModifyDate"]
        if scope is not PullScope.KEYS:
            names += [name for name in mapper.spec.fields if name not in names]
        rows = self._page(form, names, cursor.at, scope)
        while rows:
            after = _at(cursor, form, msgspec.structs.replace(cursor.at, from_id=rows[-1].values[0]))
            following = self._page(form, names, after.at, scope)
            if not following:
                after = OrderCursor(_CURSOR_VERSION, {**cursor.done, form.kind: self._finished(cursor.at)})
            yield from self._items(mapper, rows, cursor, after, scope)
            rows, cursor = following, after
        return cursor

    def _page(self, form: OrderForm, names: list[str], place: Place, scope: PullScope) -> list[Row]:
        """The documents after the place, the last of them whole. No page is taken for the last one because it is short.
        An order whose lines are all deleted still has a row, without a line's id: there is nothing to read in it."""
        conditions = [form.open_filter] if scope is PullScope.OPEN else []
        conditions += [_changed(place.since)] if place.since else []
        from_id = place.from_id
        while rows := self._rows(form, names, [*conditions, f"FID>{from_id}"]):
            part = rows
            while part:
                from_id, entry = rows[-1].values[:2]
                part = self._rows(form, names, [*conditions, f"FID={from_id}", f"{form.entry_id}>{entry or 0}"])
                rows = rows + part
            if lines := [row for row in rows if row.values[1]]:
                return lines
        return []

    def _rows(self, form: OrderForm, names: list[str], conditions: list[str]) -> list[Row]:
        order = f"FID ASC,{form.entry_id} ASC"
        rows = []
        for raw in self._client.query_rows(form.form, names, " and ".join(conditions), order, 0, self._page_rows):
            values = _values(form.form, names, raw)
            if not isinstance(values[0], int) or not isinstance(values[1], int | None):
                raise ContractViolation(form.form, "a row without internal ids", system=self._client.system)
            ref = ExternalRef(self._connection, form.kind, f"{values[0]}/{values[1]}")
            rows.append(Row(ref, encode_body(names, raw), values))
        return rows

    def _items(
        self, mapper: Mapper[ContractLine], rows: list[Row], before: OrderCursor, after: OrderCursor, scope: PullScope
    ) -> Iterator[Pulled[ContractLine]]:
        """The items of a page. Only its last one carries the cursor behind the page: who stops earlier reads it again."""
        now = self._now()
        inside, behind = _text(before), _text(after)
        for number, row in enumerate(rows, 1):
            ends = number == len(rows)
            cursor = behind if ends else inside
            if scope is PullScope.KEYS:
                yield Pulled(row.ref, Seen(), None, cursor, ends)
            else:
                raw = RawRecord.of(row.ref, row.body, now)
                yield PulledLater(row.ref, mapper.spec.identity, partial(map_body, mapper), raw, cursor, ends)

    def _finished(self, place: Place) -> str:
        """Where the next pull of this form begins: the newest change when this one began, less the overlap."""
        if not place.newest:
            return place.since
        newest = datetime.fromisoformat(place.newest) - self._overlap  # the ERP's own wall clock, compared with itself
        return newest.strftime("%Y-%m-%d %H:%M:%S")


def _at(cursor: OrderCursor, form: OrderForm, place: Place) -> OrderCursor:
    return OrderCursor(_CURSOR_VERSION, cursor.done, form.kind, place)


def _text(cursor: OrderCursor) -> Cursor:
    return Cursor(msgspec.json.encode(cursor).decode())


def _changed(since: str) -> str:
    return f"FModifyDate>='{since}'" if since else ""


def _values(form: str, names: Sequence[str], raw: bytes) -> list[Any]:
    """A row's values, as many as fields were asked for."""
    values = _decoder.decode(raw)
    if len(values) != len(names):
        raise ContractViolation(form, f"a row with {len(values)} values for {len(names)} fields")
    return values


class SnapshotReader:
    """Pulls the whole stock. Pages overlap by one row; when the overlap does not agree, stock moved while it was read and
    the snapshot starts again: a half-true snapshot would turn stock to zero that is still there. Two rows that the key
    fields cannot tell apart would hide each other, so they stop the pull and ask for one more key field."""

    def __init__(
        self, client: KingdeeClient, connection: str, mapper: Mapper[InventoryLot], key: Sequence[str], page_rows: int,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._client = client
        self._connection = connection
        self._mapper = mapper
        self._key = key
        self._page_rows = page_rows
        self._now = now

    def pull(self) -> Iterator[Pulled[InventoryLot]]:
        """Every stock row once. The iterator ends only when the snapshot is complete."""
        names = [*self._key, *(name for name in self._mapper.spec.fields if name not in self._key)]
        rows = self._whole(names)
        now = self._now()
        for number, (key, row) in enumerate(rows.items(), 1):
            ref = ExternalRef(self._connection, "stock", key)
            raw = RawRecord.of(ref, encode_body(names, row), now)
            ends = number == len(rows) or number % 1000 == 0
            read = partial(map_body, self._mapper)
            yield PulledLater(ref, self._mapper.spec.identity, read, raw, Cursor(""), ends)

    def _whole(self, names: list[str]) -> dict[str, bytes]:
        for _ in range(_SNAPSHOT_ATTEMPTS):
            rows = self._attempt(names)
            if rows is not None:
                return rows
        raise Unavailable("stock keeps changing while it is read; try again later", system=self._client.system)

    def _attempt(self, names: list[str]) -> dict[str, bytes] | None:
        found: dict[str, bytes] = {}
        order = ",".join(f"{name} ASC" for name in self._key)
        last = ""
        while True:
            start = max(0, len(found) - 1)
            page = self._client.query_rows(INVENTORY_FORM, names, "", order, start, self._page_rows)
            rows = [(self._key_of(names, raw), raw) for raw in page]
            if found and (not rows or rows.pop(0)[0] != last):
                return None
            if not rows:
                return found
            for key, raw in rows:
                if found.setdefault(key, raw) is not raw:
                    reason = f"two rows are {key}: name one more field in the option stock_key"
                    raise ContractViolation(INVENTORY_FORM, reason, system=self._client.system)
            last = rows[-1][0]

    def _key_of(self, names: list[str], raw: bytes) -> str:
        return "|".join(str(part) for part in _values(INVENTORY_FORM, names, raw)[: len(self._key)])


class MasterReader:
    """Pulls one kind of master data, whole each time: masters are few."""

    def __init__(self, client: KingdeeClient, connection: str, page_rows: int, now: Callable[[], datetime]) -> None:
        self._client = client
        self._connection = connection
        self._page_rows = page_rows
        self._now = now

    def pull(self, form: MasterForm, mapper: Mapper[Master]) -> Iterator[Pulled[Master]]:
        """Every record of the form."""
        names = [form.id_field, *(name for name in mapper.spec.fields if name != form.id_field)]
        start = 0
        while True:
            page = self._client.query_rows(form.form, names, "", f"{form.id_field} ASC", start, self._page_rows)
            now = self._now()
            for number, raw in enumerate(page, 1):
                ref = ExternalRef(self._connection, form.spec, str(_values(form.form, names, raw)[0]))
                record = RawRecord.of(ref, encode_body(names, raw), now)
                read = partial(map_body, mapper)
                yield PulledLater(ref, mapper.spec.identity, read, record, Cursor(""), number == len(page))
            if not page:
                return
            start += len(page)
