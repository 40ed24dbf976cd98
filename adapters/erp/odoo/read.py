"""Reading Odoo: order lines by key range, stock as one snapshot, masters; each row kept with the records it needs.

Lines are read in the order of their id, each page from the last id on, so that rows inserted or deleted meanwhile cannot make
another one slip through (Odoo's offsets would). A line counts as changed when it or its order was written since; `write_date`
is the *start* of the writing transaction, so an overlap is read again, and what has not changed costs nothing: its digest is
the same. The next pull begins at what was the newest change when this one began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, TypeVar

import msgspec

from adapters.erp.odoo.rows import encode_body, flat_record, many2one_id
from adapters.erp.odoo.site import ARCHIVED_TOO, Site
from adapters.erp.odoo.vendor import OdooOptions, Source
from adapters.erp.records import Mapper
from connectors.odoo import OdooClient
from hedge_core.errors import ContractViolation
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, Master
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord, Seen

T = TypeVar("T")

_TAX: Final = "tax_ids"
_PAGE_OF_STOCK: Final = 1000


class Place(msgspec.Struct, frozen=True):
    """How far a pull of one kind got: the period it covers, the newest change when it began, the last id read."""

    since: str = ""
    newest: str = ""
    last_id: int = 0


class LineCursor(msgspec.Struct, frozen=True):
    """The cursor of an incremental pull, as text for everybody else: where each kind begins next, and the running place."""

    v: int
    done: dict[str, str]
    kind: str = ""
    at: Place = Place()


def map_body(mapper: Mapper[T], ref: ExternalRef, body: bytes) -> Mapped[T] | Quarantined:
    """Map a raw record (now, or again later with another spec)."""
    return mapper.read(ref, flat_record(body))


class Assembler:
    """Completes rows of one source with their parts and taxes. One per pull: what it has read, it does not read again."""

    def __init__(self, site: Site, source: Source, spec_fields: Sequence[str]) -> None:
        self._site = site
        self._source = source
        self._models = {"": source.model, **{part.prefix: part.model for part in source.parts}}
        self._wanted = self._fields(spec_fields)
        self._known: dict[str, dict[int, dict[str, Any]]] = {part.prefix: {} for part in source.parts}
        self._taxes: dict[int, Mapping[str, Any]] = {}

    @property
    def row_fields(self) -> list[str]:
        """What to ask for of the row itself."""
        return self._wanted[""]

    def missing(self) -> list[str]:
        """Fields of the mapping that this database does not have."""
        return self._missing

    def bodies(self, rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """A raw record for each row."""
        found: list[dict[str, Mapping[str, Any]]] = [{"": row} for row in rows]
        for part in self._source.parts:
            holder, _, link = part.via.rpartition(".")
            link = self._site.field(self._models[holder], link) or link
            ids = [many2one_id(each.get(holder, {}).get(link)) for each in found]
            known = self._known[part.prefix] if part.kept else {}
            new = sorted({one for one in ids if one is not None and one not in known})
            if new:
                known.update(self._site.related(part.model, new, self._wanted[part.prefix]))
            for each, one in zip(found, ids, strict=True):
                if one is not None and one in known:
                    each[part.prefix] = known[one]
        return [self._body(each) for each in self._with_taxes(found)]

    def _body(self, found: tuple[dict[str, Mapping[str, Any]], list[Mapping[str, Any]]]) -> bytes:
        parts, taxes = found
        return encode_body(
            parts[""], {prefix: values for prefix, values in parts.items() if prefix}, taxes, self._booleans
        )

    def _with_taxes(
        self, found: Sequence[dict[str, Mapping[str, Any]]]
    ) -> Iterator[tuple[dict[str, Mapping[str, Any]], list[Mapping[str, Any]]]]:
        name = self._site.field(self._source.model, _TAX)
        name = name if name in self.row_fields else None
        ids = {one for each in found for one in (each[""].get(name) or [] if name else [])}
        if new := ids - self._taxes.keys():
            self._taxes.update(self._site.taxes(new))
        for each in found:
            yield each, [self._taxes[one] for one in (each[""].get(name) or [] if name else []) if one in self._taxes]

    def _fields(self, spec_fields: Sequence[str]) -> dict[str, list[str]]:
        """The spec's fields by part, as far as this database has them, and the links that lead from part to part."""
        asked: dict[str, set[str]] = {prefix: set() for prefix in self._models}
        for path in spec_fields:
            head, dot, rest = path.partition(".")
            if head == "tax" and dot:
                asked[""].add(_TAX)
            elif dot and head in asked:
                asked[head].add(rest.removesuffix(".id"))
            else:
                asked[""].add(path.removesuffix(".id"))
        for part in self._source.parts:
            holder, _, link = part.via.rpartition(".")
            asked[holder].add(link)
        self._missing = []
        self._booleans: list[str] = []
        wanted: dict[str, list[str]] = {}
        for prefix, names in asked.items():
            wanted[prefix] = []
            for name in sorted(names - {"id"}):
                here = self._site.field(self._models[prefix], name)
                path = f"{prefix}.{name}" if prefix else name
                if here is None:
                    self._missing.append(path)
                    continue
                wanted[prefix].append(here)
                if self._site.fields(self._models[prefix])[here].get("type") == "boolean":
                    self._booleans.append(f"{prefix}.{here}" if prefix else here)
        return wanted


class LineReader:
    """Pulls the lines of all orders as one stream."""

    def __init__(
        self,
        client: OdooClient,
        site: Site,
        connection: str,
        sources: Sequence[tuple[Source, Mapper[ContractLine]]],
        options: OdooOptions,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._site = site
        self._connection = connection
        self._sources = sources
        self._options = options
        self._now = now

    def pull(self, since: Cursor | None, scope: PullScope) -> Iterator[Pulled[ContractLine]]:
        """All lines of the scope, kind after kind. A cursor counts for the scope CHANGED only: the others start anew."""
        cursor = LineCursor(1, {})
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=LineCursor)
        for source, mapper in self._sources:
            if cursor.kind and cursor.kind != source.kind:
                continue
            if cursor.kind == source.kind:
                place = cursor.at
            else:
                place = Place(since=cursor.done.get(source.kind, ""), newest=self._newest(source))
            done = {**cursor.done, source.kind: self._next_since(place)}
            yield from self._kind(source, mapper, LineCursor(1, cursor.done, source.kind, place), done, scope)
            cursor = LineCursor(1, done)

    def _kind(
        self, source: Source, mapper: Mapper[ContractLine], cursor: LineCursor, done: dict[str, str], scope: PullScope
    ) -> Iterator[Pulled[ContractLine]]:
        keys_only = scope is PullScope.KEYS
        assembler = Assembler(self._site, source, () if keys_only else mapper.spec.fields)
        place, more = cursor.at, True
        while more:
            rows, more = self._page(source, assembler, place, scope)
            if not rows:
                return
            begun = _text(LineCursor(1, cursor.done, source.kind, place))
            place = msgspec.structs.replace(place, last_id=int(rows[-1]["id"]))
            reached = _text(LineCursor(1, cursor.done, source.kind, place) if more else LineCursor(1, done))
            bodies = [b""] * len(rows) if keys_only else assembler.bodies(rows)
            now = self._now()
            for number, (row, body) in enumerate(zip(rows, bodies, strict=True), 1):
                ref = ExternalRef(self._connection, source.kind, str(row["id"]))
                ends = number == len(rows)
                at = reached if ends else begun  # from inside a page the whole page is read again
                if keys_only:
                    yield Pulled(ref, Seen(), None, at, ends)
                else:
                    yield Pulled(ref, map_body(mapper, ref, body), RawRecord.of(ref, body, now), at, ends)

    def _page(
        self, source: Source, assembler: Assembler, place: Place, scope: PullScope
    ) -> tuple[list[dict[str, Any]], bool]:
        """(rows, whether there are more): one row more than a page is asked for, to know it."""
        domain: list[Any] = [("id", ">", place.last_id), ("company_id", "=", self._options.company_id), *source.domain]
        if self._site.field(source.model, "is_downpayment"):
            domain.append(("is_downpayment", "=", False))
        if scope is PullScope.OPEN:
            domain.append(("state", "in", list(source.open_states)))
        if scope is PullScope.CHANGED and place.since:
            domain += ["|", ("write_date", ">=", place.since), ("order_id.write_date", ">=", place.since)]
        fields = ["id"] if scope is PullScope.KEYS else assembler.row_fields
        size = self._options.page_rows
        rows = self._client.search_read(source.model, domain, fields, limit=size + 1)
        _require_order(source.model, rows, place.last_id)
        return rows[:size], len(rows) > size

    def _newest(self, source: Source) -> str:
        """The newest change of a line or an order at this moment, in the server's own time."""
        found = [
            _newest_change(self._client, model, [("company_id", "=", self._options.company_id)])
            for model in (source.model, source.parts[0].model)
        ]
        return max(found)

    def _next_since(self, place: Place) -> str:
        if not place.newest:
            return place.since
        newest = datetime.strptime(place.newest, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - compared with itself only
        return (newest - timedelta(minutes=self._options.overlap_minutes)).strftime("%Y-%m-%d %H:%M:%S")


class StockReader:
    """Pulls the whole stock in one call: Odoo has no limit of its own, and one call is one transaction, so the snapshot is true
    by itself. Pages could show goods that move between them twice or not at all. Quants of one place are added up."""

    def __init__(
        self, client: OdooClient, site: Site, connection: str, source: Source, mapper: Mapper[InventoryLot],
        options: OdooOptions, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._client = client
        self._site = site
        self._connection = connection
        self._source = source
        self._mapper = mapper
        self._now = now
        self._domain = [*source.domain, ("company_id", "=", options.company_id)]

    def pull(self) -> Iterator[Pulled[InventoryLot]]:
        """Every place with stock, once. The iterator ends only when the snapshot is complete."""
        assembler = Assembler(self._site, self._source, (*self._mapper.spec.fields, "quantity", "lot_id", "owner_id"))
        lots = _added_up(self._client.search_read(self._source.model, self._domain, assembler.row_fields))
        keys = list(lots)
        now = self._now()
        for first in range(0, len(keys), _PAGE_OF_STOCK):
            page = keys[first : first + _PAGE_OF_STOCK]
            for number, (key, body) in enumerate(zip(page, assembler.bodies([lots[k] for k in page]), strict=True), 1):
                ref = ExternalRef(self._connection, self._source.kind, key)
                outcome = map_body(self._mapper, ref, body)
                yield Pulled(ref, outcome, RawRecord.of(ref, body, now), Cursor(""), number == len(page))


class MasterReader:
    """Pulls one kind of master data, whole each time, archived records included."""

    def __init__(
        self, client: OdooClient, site: Site, connection: str, options: OdooOptions, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._site = site
        self._connection = connection
        self._page_rows = options.page_rows
        self._context = {**ARCHIVED_TOO, "lang": options.names_lang}
        self._now = now

    def pull(self, source: Source, mapper: Mapper[Master]) -> Iterator[Pulled[Master]]:
        """Every record of the source."""
        assembler = Assembler(self._site, source, mapper.spec.fields)
        last_id, more = 0, True
        while more:
            domain = [("id", ">", last_id), *source.domain]
            rows = self._client.search_read(
                source.model, domain, assembler.row_fields, limit=self._page_rows + 1, context=self._context
            )
            _require_order(source.model, rows, last_id)
            more = len(rows) > self._page_rows
            rows = rows[: self._page_rows]
            if not rows:
                return
            last_id = int(rows[-1]["id"])
            now = self._now()
            for number, (row, body) in enumerate(zip(rows, assembler.bodies(rows), strict=True), 1):
                ref = ExternalRef(self._connection, source.kind, str(row["id"]))
                outcome = map_body(mapper, ref, body)
                yield Pulled(ref, outcome, RawRecord.of(ref, body, now), Cursor(""), number == len(rows))


def _added_up(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows by what makes a lot the same lot tomorrow: product, location, lot, owner. Odoo keeps several quants of one such
    place for a while and merges them later, so their ids come and go; ours is the sum."""
    lots: dict[str, dict[str, Any]] = {}
    for row in rows:
        parts = (row.get(name) for name in ("product_id", "location_id", "lot_id", "owner_id"))
        key = "|".join(str(many2one_id(part) or "") for part in parts)
        if key in lots:
            lots[key]["quantity"] = Decimal(lots[key]["quantity"]) + Decimal(row["quantity"])
        else:
            lots[key] = {name: value for name, value in row.items() if name != "id"}
    return lots


def _text(cursor: LineCursor) -> Cursor:
    return Cursor(msgspec.json.encode(cursor).decode())


def _newest_change(client: OdooClient, model: str, domain: Sequence[Any]) -> str:
    rows = client.search_read(model, domain, ["write_date"], order="write_date desc", limit=1)
    return str(rows[0]["write_date"] or "") if rows else ""


def _require_order(model: str, rows: Sequence[Mapping[str, Any]], last_id: int) -> None:
    """A page that goes back, or does not ascend, would make us skip or loop."""
    ids = [last_id, *(int(row["id"]) for row in rows)]
    if any(later <= earlier for earlier, later in pairwise(ids)):
        raise ContractViolation(f"{model}.search_read", "rows are not in the order of their ids")
