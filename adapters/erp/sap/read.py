"""Reading SAP: orders and contracts by key range with their items, stock as one counted snapshot, masters by key range.

A page of documents starts after the last key of the page before, so nothing that is inserted or deleted meanwhile can make a
later one slip through, and a page is never taken for the last because it was short: a pull ends when a page is empty. What is
kept of a record is its fields as received; `__metadata` and deferred links are left out, because they name the host that
happened to answer and would make every record look changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

import msgspec

from adapters.erp.records import Mapper
from adapters.erp.sap.selection import Reading, all_rows
from adapters.erp.sap.vendor import CONTRACT_SOURCES, ORDER_SOURCES, STOCK_KEY, STOCK_SET, Source
from connectors.sap import literal, moment_of
from connectors.sap.literals import readable
from connectors.sap.odata import Entity
from hedge_core.errors import ContractViolation, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, Master
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord, Seen

T = TypeVar("T")
Fields = dict[str, Any]

_SNAPSHOT_ATTEMPTS: Final = 3
_ORDERS_PER_QUERY: Final = 20
_MOVEMENT_SET: Final = "A_MaterialDocumentItem"
_MOVEMENT_FIELDS: Final = (
    "MaterialDocumentYear",
    "MaterialDocument",
    "MaterialDocumentItem",
    "PurchaseOrder",
    "PurchaseOrderItem",
    "GoodsMovementType",
    "QuantityInEntryUnit",
    "EntryUnit",
)
_encoder = msgspec.json.Encoder(order="sorted")
_body = msgspec.json.Decoder(dict[str, Any])


class Place(msgspec.Struct, frozen=True):
    """How far a pull of one source got: the changes it covers, when it began, the newest change seen, the last key read."""

    since: str = ""
    started: str = ""
    newest: str = ""
    after: str = ""


class OrderCursor(msgspec.Struct, frozen=True):
    """The cursor of an incremental pull, as text for everybody else: finished points by source, and the running place."""

    v: int
    done: dict[str, str]
    source: str = ""
    at: Place = Place()


# --- records ----------------------------------------------------------------------------------------------------------


def body_fields(body: bytes) -> Fields:
    """Spec field to value of a raw record: the record's own fields plain, the rest with the prefixes of `Source`."""
    kept = _body.decode(body)
    flat = {name: readable(value) for name, value in kept["own"].items()}
    flat |= {f"header.{name}": readable(value) for name, value in kept.get("header", {}).items()}
    flat |= {f"receipt.{name}": value for name, value in kept.get("receipt", {}).items()}
    prefix = kept.get("prefix", "")
    children = kept.get("children", [])
    for name in dict.fromkeys(name for one in children for name in one):
        values = [readable(one[name]) for one in children if one.get(name) is not None]
        flat[f"{prefix}.{name}"] = (_first(values) if prefix == "text" else _together(values)) if values else None
    return flat


def map_body(mapper: Mapper[T], ref: ExternalRef, body: bytes) -> Mapped[T] | Quarantined:
    """Map a raw record (now, or again later with another spec)."""
    return mapper.read(ref, body_fields(body))


def spec_of(ref: ExternalRef) -> str:
    """The name of the spec that reads a record: outline agreements are told from orders by their key."""
    source = CONTRACT_SOURCES.get(ref.key.partition("/")[0])
    return source.spec if source else ref.kind


def _first(values: Sequence[Any]) -> Any:
    return values[0]


def _together(values: Sequence[Any]) -> Any:
    """Schedule lines of one item as one value: the earliest date, or the sum of the quantities."""
    if all(isinstance(value, date) for value in values):
        return min(values)
    try:
        return sum((Decimal(str(value)) for value in values), Decimal(0))
    except InvalidOperation:
        return min(str(value) for value in values)  # dates of V4 are text in an order that sorts


def _plain(entity: Entity, names: Mapping[str, str]) -> Fields:
    """The fields of an entity by their spec names; `names` maps names on the wire to those of the spec."""
    return {
        names.get(name, name): value
        for name, value in entity.items()
        if not name.startswith(("__", "@")) and not isinstance(value, dict | list)
    }


def _children(entity: Entity, navigation: str) -> list[Entity]:
    found = entity.get(navigation)
    if isinstance(found, dict):
        found = found.get("results")
    return [one for one in found or [] if isinstance(one, dict)]


# --- contracts --------------------------------------------------------------------------------------------------------


class OrderReader:
    """Pulls the lines of all configured sources as one stream."""

    def __init__(
        self, reading: Reading, sources: Sequence[tuple[Source, Mapper[ContractLine]]], overlap: timedelta
    ) -> None:
        self._reading = reading
        self._sources = sources
        self._overlap = overlap

    def pull(self, since: Cursor | None, scope: PullScope) -> Iterator[Pulled[ContractLine]]:
        """All lines of the scope, source after source. A cursor counts for the scope CHANGED only."""
        cursor = OrderCursor(1, {})
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=OrderCursor)
        if cursor.source not in {source.name for source, _ in self._sources}:
            cursor = OrderCursor(1, cursor.done)  # the source it stopped in is not pulled any more
        for source, mapper in self._sources:
            if cursor.source and cursor.source != source.name:
                continue
            place = cursor.at if cursor.source == source.name else self._start(source, cursor)
            nothing = True
            for pulled, reached in self._source(source, mapper, OrderCursor(1, cursor.done, source.name, place), scope):
                yield pulled
                cursor, nothing = reached, False
            if nothing and place.after:
                # an interrupted pull that had read everything: without an item nothing can carry the finished cursor,
                # so it begins again instead of waiting at its end for a document that may never come
                again = OrderCursor(1, cursor.done, source.name, self._start(source, cursor))
                for pulled, reached in self._source(source, mapper, again, scope):
                    yield pulled
                    cursor = reached
            cursor = OrderCursor(1, cursor.done)

    def _start(self, source: Source, cursor: OrderCursor) -> Place:
        return Place(cursor.done.get(source.name, ""), self._reading.now().isoformat())

    def _source(
        self, source: Source, mapper: Mapper[ContractLine], cursor: OrderCursor, scope: PullScope
    ) -> Iterator[tuple[Pulled[ContractLine], OrderCursor]]:
        """Pages of one source. A page waits until the next is known: the last one carries the finished cursor."""
        begun = cursor
        waiting: tuple[list[tuple[ExternalRef, bytes]], OrderCursor] = ([], cursor)
        place = cursor.at
        while True:
            documents = self._page(source, mapper, place, scope)
            if not documents:
                ended = OrderCursor(1, {**cursor.done, source.name: self._finished(place)})
                yield from self._items(mapper, waiting[0], begun, ended, scope)
                return
            lines = self._lines(source, mapper, documents, scope)
            place = _after(source, place, documents)
            if lines:
                yield from self._items(mapper, waiting[0], begun, waiting[1], scope)
                begun, waiting = waiting[1], (lines, OrderCursor(1, cursor.done, source.name, place))

    def _page(self, source: Source, mapper: Mapper[ContractLine], place: Place, scope: PullScope) -> list[Entity]:
        selection = self._reading.selection(source, mapper)
        version = self._reading.options.service(source.service).version
        conditions = self._reading.company_filter(source)
        if scope is PullScope.OPEN and source.open_filter:
            conditions.append(source.open_filter)
        if scope is PullScope.CHANGED and place.since and source.stamp:
            conditions.append(f"{source.stamp} ge {literal(datetime.fromisoformat(place.since), version)}")
        if scope is PullScope.KEYS:
            return self._reading.documents(
                source, selection.keys_select, selection.keys_expand, conditions, place.after
            )
        return self._reading.documents(source, selection.select, selection.expand, conditions, place.after)

    def _lines(
        self, source: Source, mapper: Mapper[ContractLine], documents: Sequence[Entity], scope: PullScope
    ) -> list[tuple[ExternalRef, bytes]]:
        selection = self._reading.selection(source, mapper)
        wants_receipts = selection.receipts and scope is not PullScope.KEYS and self._reading.options.goods_receipts
        receipts = self._receipts([str(one[source.key]) for one in documents]) if wants_receipts else {}
        found = []
        for document in documents:
            header = _plain(document, {})
            for item in _children(document, source.items):
                number, position = str(document[source.key]), str(item.get(source.item_key) or "")
                if not position:
                    raise ContractViolation(source.item_set, f"an item without {source.item_key}")
                key = f"{number}/{position}" if source.name in ORDER_SOURCES else f"{source.name}/{number}/{position}"
                body: Fields = {
                    "header": header,
                    "own": _plain(item, selection.wire_names),
                    "prefix": source.child_prefix,
                    "children": [_plain(one, {}) for one in _children(item, source.children)],
                }
                if wants_receipts:
                    body["receipt"] = receipts.get((number, position), {"delivered": "0", "returned": "0"})
                ref = ExternalRef(self._reading.connection, source.kind, key)
                found.append((ref, _encoder.encode(body)))
        return found

    def _receipts(self, orders: Sequence[str]) -> dict[tuple[str, str], dict[str, str]]:
        """Goods received and sent back by order item, from the material documents: no purchase order service shows them.
        A quantity in more than one unit is told as text, so that the mapping stops at it instead of adding apples to
        pears."""
        options = self._reading.options
        signs = {
            **dict.fromkeys(options.receipts, ("delivered", 1)),
            **dict.fromkeys(options.reversed_receipts, ("delivered", -1)),
            **dict.fromkeys(options.returns, ("returned", 1)),
            **dict.fromkeys(options.reversed_returns, ("returned", -1)),
        }
        sums: dict[tuple[str, str], dict[str, dict[str, Decimal]]] = {}
        for first in range(0, len(orders), _ORDERS_PER_QUERY):
            for row in self._movements(orders[first : first + _ORDERS_PER_QUERY]):
                what, sign = signs.get(str(row.get("GoodsMovementType")), ("", 0))
                if not what:
                    continue
                key = (str(row["PurchaseOrder"]), str(row["PurchaseOrderItem"]))
                by_unit = sums.setdefault(key, {}).setdefault(what, {})
                unit = str(row.get("EntryUnit"))
                by_unit[unit] = by_unit.get(unit, Decimal(0)) + sign * Decimal(str(row["QuantityInEntryUnit"]))
        return {key: {what: _told(found.get(what, {})) for what in ("delivered", "returned")} | {
            "unit": "+".join(sorted({unit for by_unit in found.values() for unit in by_unit}))
        } for key, found in sums.items()}  # fmt: skip

    def _movements(self, orders: Sequence[str]) -> Iterator[Entity]:
        service = self._reading.options.service("goods_movements")
        where = " or ".join(f"PurchaseOrder eq {literal(one, service.version)}" for one in orders)
        order = "MaterialDocumentYear,MaterialDocument,MaterialDocumentItem"
        yield from all_rows(self._reading, service_name="goods_movements", entity_set=_MOVEMENT_SET,
                             select=_MOVEMENT_FIELDS, where=where, order=order)  # fmt: skip

    def _items(
        self,
        mapper: Mapper[ContractLine],
        lines: Sequence[tuple[ExternalRef, bytes]],
        begun: OrderCursor,
        ended: OrderCursor,
        scope: PullScope,
    ) -> Iterator[tuple[Pulled[ContractLine], OrderCursor]]:
        """The lines of a page. Only the last carries the cursor after the page: resuming from another repeats the page."""
        now = self._reading.now()
        for count, (ref, body) in enumerate(lines, 1):
            ends = count == len(lines)
            reached = ended if ends else begun
            text = Cursor(msgspec.json.encode(reached).decode())
            if scope is PullScope.KEYS:
                yield Pulled(ref, Seen(), None, text, ends), reached
            else:
                yield Pulled(ref, map_body(mapper, ref, body), RawRecord.of(ref, body, now), text, ends), reached

    def _finished(self, place: Place) -> str:
        """Where the next pull begins: the newest change seen, but not after this pull began (what changed behind its back
        is read again), less the overlap for clocks that differ."""
        if not place.newest:
            return place.since
        newest = min(datetime.fromisoformat(place.newest), datetime.fromisoformat(place.started))
        return (newest - self._overlap).astimezone(UTC).isoformat()


def _told(by_unit: Mapping[str, Decimal]) -> str:
    if len(by_unit) > 1:
        return " + ".join(f"{quantity} {unit}" for unit, quantity in sorted(by_unit.items()))
    return format(sum(by_unit.values(), Decimal(0)), "f")


def _after(source: Source, place: Place, documents: Sequence[Entity]) -> Place:
    newest = place.newest
    for one in documents:
        try:
            stamp = moment_of(str(one[source.stamp])).isoformat()
        except (KeyError, ValueError):
            continue  # a record without a readable stamp does not move the watermark
        newest = max(
            newest, stamp, key=lambda text: datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
        )
    return msgspec.structs.replace(place, newest=newest, after=str(documents[-1][source.key]))


# --- stock ------------------------------------------------------------------------------------------------------------


class SnapshotReader:
    """Pulls the whole stock. The rows read are counted against the system's own count; when they differ, stock was opened or
    closed while it was read and the snapshot starts again: a half-true one would turn stock to zero that is still there."""

    def __init__(self, reading: Reading, mapper: Mapper[InventoryLot]) -> None:
        self._reading = reading
        self._mapper = mapper

    def pull(self) -> Iterator[Pulled[InventoryLot]]:
        """Every stock row once. The iterator ends only when the snapshot is complete."""
        rows = self._whole()
        now = self._reading.now()
        for count, (key, row) in enumerate(rows.items(), 1):
            ref = ExternalRef(self._reading.connection, "stock", key)
            body = _encoder.encode({"own": _plain(row, {})})
            ends = count == len(rows) or count % 1000 == 0
            yield Pulled(ref, map_body(self._mapper, ref, body), RawRecord.of(ref, body, now), Cursor(""), ends)

    def _whole(self) -> dict[str, Entity]:
        select = [*STOCK_KEY, *(name for name in self._mapper.spec.fields if name not in STOCK_KEY)]
        plants = " or ".join(f"Plant eq {literal(one, 2)}" for one in self._reading.options.plants)
        for _ in range(_SNAPSHOT_ATTEMPTS):
            found = {
                "|".join(str(row.get(part) or "") for part in STOCK_KEY): row
                for row in all_rows(
                    self._reading, service_name="stock", entity_set=STOCK_SET, select=select, where=plants,
                    order=",".join(STOCK_KEY),
                )
            }  # fmt: skip
            service = self._reading.options.service("stock")
            if self._reading.client.count(service, STOCK_SET, plants) == len(found):
                return found
        raise Unavailable("stock keeps changing while it is read; try again later", system=self._reading.client.system)


# --- masters ----------------------------------------------------------------------------------------------------------


class MasterReader:
    """Pulls one kind of master data, whole each time: masters are few."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def pull(self, source: Source, mapper: Mapper[Master]) -> Iterator[Pulled[Master]]:
        """Every record of the source."""
        selection = self._reading.selection(source, mapper)
        conditions = self._reading.company_filter(source)
        after = ""
        while True:
            page = self._reading.documents(source, selection.select, selection.expand, conditions, after)
            now = self._reading.now()
            for count, entity in enumerate(page, 1):
                texts = sorted(_children(entity, source.children), key=self._preference)
                body = _encoder.encode(
                    {
                        "own": _plain(entity, selection.wire_names),
                        "prefix": source.child_prefix,
                        "children": [_plain(one, {}) for one in texts],
                    }
                )
                ref = ExternalRef(self._reading.connection, source.kind, str(entity[source.key]))
                yield Pulled(
                    ref, map_body(mapper, ref, body), RawRecord.of(ref, body, now), Cursor(""), count == len(page)
                )
            if not page:
                return
            after = str(page[-1][source.key])

    def _preference(self, text: Entity) -> tuple[bool, str]:
        language = str(text.get("Language") or "")
        return language != self._reading.options.text_language, language
