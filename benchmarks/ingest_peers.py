"""What ingest is compared with, on the same pages from the same server: the loop a team writes first, and dlt."""

from __future__ import annotations

import importlib.util
import resource
from datetime import date, datetime
from decimal import Decimal
from time import perf_counter, process_time
from typing import Any

import requests
from pydantic import BaseModel
from sqlalchemy import Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.ingest_orders import serving


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Line(BaseModel):
    """25 fields of an order line."""

    key: str
    order_no: str
    line_no: int
    supplier: str
    supplier_name: str
    buyer: str
    department: str
    state: str
    currency: str
    ordered_on: date
    updated_at: datetime
    material: str
    material_name: str
    grade: str
    material_group: str
    unit: str
    quantity: Decimal
    delivered: Decimal
    returned: Decimal
    delivery: date
    warehouse: str
    pricing: str
    tax_price: Decimal
    tax_percent: Decimal
    batch: str


class Base(DeclarativeBase):
    """The tables of the plain loop."""


class Row(Base):
    """One line; exact values as text, as SQLite wants them."""

    __tablename__ = "plain_lines"
    key: Mapped[str] = mapped_column(primary_key=True)


for _name in Line.model_fields:
    if _name != "key":
        setattr(Row, _name, mapped_column(_name, Text))


def plain(url: str, lines: int) -> dict[str, Any]:
    """requests, a model per line, `merge` per line, a commit per page."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(engine)
    with serving(lines) as address:
        started, cpu = perf_counter(), process_time()
        count, after = 0, 0
        http = requests.Session()
        with Session(engine) as session:
            while page := http.get(f"{address}orders?after={after}", timeout=30).json(parse_float=Decimal):
                for order in page:
                    for line in order["lines"]:
                        model = Line.model_validate(_flat(order, line))
                        session.merge(Row(**{name: str(value) for name, value in model}))
                        count += 1
                session.commit()
                session.expunge_all()
                after = page[-1]["id"]
        took, used = perf_counter() - started, process_time() - cpu
    engine.dispose()
    assert count == lines, (count, lines)
    return {"rate": round(count / took), "cpu": round(used / count * 1e6, 1), "memory": _memory()}


def _flat(order: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": f"{order['id']}/{line['lineNo']}", "order_no": order["orderNo"], "line_no": line["lineNo"],
        "supplier": order["supplier"]["code"], "supplier_name": order["supplier"]["name"], "buyer": order["buyer"]["code"],
        "department": order["department"]["code"], "state": order["state"], "currency": order["currency"],
        "ordered_on": order["orderDate"], "updated_at": order["updatedAt"], "material": line["material"]["code"],
        "material_name": line["material"]["name"], "grade": line["material"]["grade"],
        "material_group": line["material"]["group"]["code"], "unit": line["unit"], "quantity": line["quantity"],
        "delivered": line["delivered"], "returned": line["returned"], "delivery": line["deliveryDate"],
        "warehouse": line["warehouse"]["code"], "pricing": line["pricing"]["kind"],
        "tax_price": line["pricing"]["taxPrice"], "tax_percent": line["pricing"]["taxPercent"],
        "batch": line["quality"]["batch"],
    }  # fmt: skip


def dlt(url: str, lines: int) -> dict[str, Any]:
    """dlt with the same 25 fields as one flat table, merged by key with the upsert strategy; PostgreSQL only, because dlt has
    no SQLite destination of its own."""
    if importlib.util.find_spec("dlt") is None:
        return {"skipped": "not installed"}
    if not url.startswith("postgresql"):
        return {"skipped": "no SQLite destination"}
    url = url.replace("://postgres@", "://postgres:unused@")  # it insists on a password, even where none is asked for
    import dlt as loader

    with serving(lines) as address:

        @loader.resource(
            name="lines", primary_key="key", write_disposition={"disposition": "merge", "strategy": "upsert"}
        )
        def orders() -> Any:
            http, after = requests.Session(), 0
            while page := http.get(f"{address}orders?after={after}", timeout=30).json(parse_float=Decimal):
                yield [_flat(order, line) for order in page for line in order["lines"]]
                after = page[-1]["id"]

        started, cpu = perf_counter(), process_time()
        pipeline = loader.pipeline(
            "hedgebridge_bench", destination=loader.destinations.postgres(url), dataset_name="bench"
        )
        pipeline.run(orders())
        took, used = perf_counter() - started, process_time() - cpu
    return {"rate": round(lines / took), "cpu": round(used / lines * 1e6, 1), "memory": _memory()}
