"""How fast contract lines get from an ERP into the database: pull, map, keep raw, store, audit.

pull+map+store     the use case on the Kingdee stand-in, in pages of 2,000 rows, into SQLite (every transaction synced)
unchanged re-pull  the same again: every record's digest is known
download only      the same pages fetched and thrown away: the floor that the other side sets
pydantic + ORM     what a team writes first, on 12 of our 22 fields: a model and an ORM merge per row, no raw copy, no audit

python -m benchmarks.ingest_speed [COPIES]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from pydantic import BaseModel
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from adapters.clock import SystemClock
from adapters.erp.kingdee import KingdeeAdapter, KingdeeOptions
from adapters.erp.kingdee.adapter import SPEC_NAMES
from adapters.erp.kingdee.vendor import ORDER_FORMS
from adapters.storage import SqlStore, open_store, upgrade_database
from connectors.http import HttpTransport, Origin
from connectors.kingdee import KingdeeClient, KingdeeLogin
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.records import Cursor
from hedge_core.ports.storage import Book, Connection
from hedge_core.use_cases.pull import pull_contracts
from mapping import SCHEMAS, ValueMap, compile_spec, load_spec
from sandbox.company.erp import company
from sandbox.kingdee.command import SiteOptions, running_site
from sandbox.kingdee.demo import load_order
from worker.systems import system

BOOK = BookId("bench")
WHO = Actor("bench")
COMMODITIES = ValueMap(
    "commodities",
    (("1.01.CU01", "copper"), ("1.01.CU02", "copper"), ("1.02.AL01", "aluminium"), ("1.02.AL02", "aluminium")),
)


def measure(copies: int = 25) -> list[dict[str, Any]]:
    """Rows per second of each way; the company's 400 lines are multiplied by `copies` orders."""
    with running_site(SiteOptions()) as site, tempfile.TemporaryDirectory() as scratch:
        _multiply(site, copies)
        adapter, client = _adapter(site)
        store = _store(Path(scratch))
        rows, ours = _timed(lambda: pull_contracts(store, BOOK, "k3", adapter, WHO, SystemClock()).read)
        again, unchanged = _timed(lambda: _forget_cursor(store, adapter))
        floor_rows, floor = _timed(lambda: _download(client))
        loop_rows, loop = _timed(lambda: _plain_loop(client, Path(scratch)))
    rate, floor_rate, loop_rate = rows / ours, floor_rows / floor, loop_rows / loop
    return [
        {
            "name": f"pull+map+store, {rows} contract lines, SQLite", "value": round(rate), "unit": "rows/s",
            "peers": {
                "download only": {"value": round(floor_rate), "ratio": round(rate / floor_rate, 3)},
                "pydantic + ORM loop, 12 fields": {"value": round(loop_rate), "ratio": round(rate / loop_rate, 3)},
            },
        },
        {
            "name": f"unchanged re-pull, {again} contract lines, SQLite", "value": round(again / unchanged),
            "unit": "rows/s",
            "peers": {"download only": {"value": round(floor_rate), "ratio": round(again / unchanged / floor_rate, 3)}},
        },
    ]  # fmt: skip


def _timed(run: Callable[[], int]) -> tuple[int, float]:
    started = perf_counter()
    count = run()
    return count, perf_counter() - started


def _multiply(site: Any, copies: int) -> None:
    """More of the same orders, straight into the stand-in's books."""
    books = site.site.books
    with books.transaction():
        for copy in range(1, copies):
            for order in company().orders:
                load_order(books, replace(order, number=f"{order.number}-{copy}"))


def _adapter(site: Any) -> tuple[KingdeeAdapter, KingdeeClient]:
    who = site.credentials
    client = KingdeeClient(
        HttpTransport(Origin(site.url), "Kingdee"),
        KingdeeLogin(who.acct_id, who.user, who.app_id, who.app_secret, org="100"),
        now=lambda: datetime.now(UTC).timestamp(),
        wait=lambda seconds: None,
    )
    specs = {}
    for name in SPEC_NAMES:
        spec = load_spec(system("kingdee").default_spec(name), "yaml", name)
        maps = tuple(COMMODITIES if known.name == "commodities" else known for known in spec.value_maps)
        spec = replace(spec, value_maps=maps)
        specs[name] = compile_spec(spec, SCHEMAS[spec.kind], "Asia/Shanghai")
    options = KingdeeOptions(account_book="001", org="100")
    return KingdeeAdapter("k3", client, specs, options, lambda: datetime.now(UTC)), client


def _store(folder: Path) -> SqlStore:
    url = f"sqlite:///{folder / 'bench.db'}"
    upgrade_database(url)
    store = open_store(url, SystemClock())
    store.add_book(Book(BOOK, "bench", "CNY"), WHO)
    with store.begin(BOOK, WHO) as uow:
        uow.save_connection(Connection("k3", BOOK, "kingdee", {}, {}))
    return store


def _forget_cursor(store: SqlStore, adapter: KingdeeAdapter) -> int:
    with store.begin(BOOK, WHO) as uow:
        uow.records.save_cursor("k3", "contracts", Cursor('{"v":1,"done":{}}'))
    return pull_contracts(store, BOOK, "k3", adapter, WHO, SystemClock()).read


def _every_page(client: KingdeeClient) -> Iterator[list[bytes]]:
    for form in ORDER_FORMS:
        start = 0
        while page := client.query_rows(form.form, _FIELDS[form.kind], "", "FID ASC", start, 2000):
            yield page
            start += len(page)


_FIELDS = {
    "sale_line": ["FID", "FSaleOrderEntry_FEntryID", "FBillNo", "FDate", "FCustId.FNumber", "FMaterialId.FNumber",
                  "FQty", "FUnitID.FNumber", "FTaxPrice", "FEntryTaxRate", "FDeliveryDate", "FDocumentStatus"],
    "purchase_line": ["FID", "FPOOrderEntry_FEntryID", "FBillNo", "FDate", "FSupplierId.FNumber",
                      "FMaterialId.FNumber", "FQty", "FUnitId.FNumber", "FTaxPrice", "FEntryTaxRate", "FDeliveryDate",
                      "FDocumentStatus"],
}  # fmt: skip


def _download(client: KingdeeClient) -> int:
    return sum(len(page) for page in _every_page(client))


class _Line(BaseModel):
    key: str
    number: str
    ordered_on: date | None
    partner: str | None
    material: str | None
    quantity: Decimal
    unit: str | None
    price: Decimal
    tax: Decimal
    delivery: date | None
    status: str


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    __tablename__ = "lines"
    key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    ordered_on: Mapped[str]
    partner: Mapped[str]
    material: Mapped[str]
    quantity: Mapped[str]
    unit: Mapped[str]
    price: Mapped[str]
    tax: Mapped[str]
    delivery: Mapped[str]
    status: Mapped[str]


def _plain_loop(client: KingdeeClient, folder: Path) -> int:
    engine = create_engine(f"sqlite:///{folder / 'loop.db'}")
    _Base.metadata.create_all(engine)
    names = list(_Line.model_fields)
    count = 0
    with Session(engine) as session:
        for page in _every_page(client):
            for raw in page:
                values = msgspec.json.decode(raw)
                days = [value[:10] if isinstance(value, str) and "T" in value else value for value in values]
                line = _Line.model_validate(dict(zip(names, [f"{values[0]}/{values[1]}", *days[2:]], strict=True)))
                session.merge(_Row(**{name: str(getattr(line, name)) for name in names}))
                count += 1
            session.commit()
    engine.dispose()
    return count


if __name__ == "__main__":
    for row in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 25):
        sys.stdout.write(f"{row}\n")
