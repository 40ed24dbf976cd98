"""`hedgebridge recalc` from the database to stored, hashed days: the command as people run it, and where its time goes.

Invented fills of 20 accounts in 200 instruments over 500 days stand in the database as statement imports leave them (a
column block per account and day). The command reads them, computes results by key and day, hashes and chains the days and
stores the proposed run. Its wall time (start of the interpreter included) and its largest memory are taken from outside;
the parts come from the same function in this process. Without a PostgreSQL server on the usual port only SQLite is measured.

    python -m benchmarks.whole_recalculation_speed [FILLS] [FILLS…]      default 10,000 100,000 1,000,000 3,000,000
"""

from __future__ import annotations

import gc
import hashlib
import os
import resource
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import psycopg
from sqlalchemy.engine import make_url

from adapters.clock import SystemClock
from adapters.reference import load_products
from adapters.storage import SqlStore, open_store, upgrade_database
from benchmarks.recalculation_speed import DAYS, stream
from hedge_core.canonical import canonical_bytes
from hedge_core.model.futures import SPLITS_TODAY, SettlementPrice
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.column_blocks import StoredBlock
from hedge_core.ports.storage import Book
from hedge_core.recalculation.blocks import COLUMNS, MAGIC
from hedge_core.use_cases.recalculate import STAGES, propose

BOOK, ACTOR = BookId("bench"), Actor("bench")
FIRST = date(2024, 1, 1)
ACCOUNTS = 20
SIZES = (10_000, 100_000, 1_000_000, 3_000_000)
SERVER = os.environ.get("HEDGEBRIDGE_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def instruments() -> list[str]:
    """Two hundred instruments of real products, all of exchanges that do not tell today's lots apart."""
    known = [p for p in load_products() if p.effective_from <= FIRST]
    products = sorted({(p.exchange, p.code) for p in known if p.exchange not in SPLITS_TODAY | {"CFFEX"}})
    named = [f"{exchange}.{code}26{month:02d}" for exchange, code in products for month in range(1, 13)]
    return [name for name in named if "_" not in name][:200]


def fill(store: SqlStore, fills: int) -> None:
    """The book with its blocks and settlement prices."""
    columns, terms = stream(fills)
    names = instruments()
    store.add_book(Book(BOOK, "benchmark", "CNY", {}), ACTOR)
    account = columns.key // 400
    code = columns.day * ACCOUNTS + account
    order = np.argsort(code, kind="stable")
    bounds = np.searchsorted(code[order], np.arange(DAYS * ACCOUNTS + 1))
    instrument, long = columns.key[order] // 2 % 200, columns.key[order] % 2 == 0
    lots, price, opens = columns.lots[order], columns.price[order], columns.opens[order]
    side = np.where(long == opens, 1, -1)
    blocks = []
    for number in range(DAYS * ACCOUNTS):
        part = slice(bounds[number], bounds[number + 1])
        rows = int(part.stop - part.start)
        used, place = np.unique(instrument[part], return_inverse=True)
        day, name = FIRST + timedelta(days=number // ACCOUNTS), f"8001{number % ACCOUNTS:04d}"
        header = canonical_bytes(
            {
                "account": name, "currency": "CNY", "trading_day": day,
                "instruments": [names[at] for at in used.tolist()], "price_places": 0, "fee_places": 2,
                "columns": list(COLUMNS), "rows": rows,
            }
        )  # fmt: skip
        zero = np.zeros(rows, np.int64)
        values = (place, side[part], zero + 1, opens[part], zero, lots[part], price[part], lots[part] * 151)
        body = b"".join(
            [MAGIC, len(header).to_bytes(4, "little"), header, *(v.astype("<i8").tobytes() for v in values)]
        )
        blocks.append(StoredBlock(name, "CNY", day, 1, rows, hashlib.sha256(body).hexdigest(), body))
    prices = [
        SettlementPrice("settlement", names[row], FIRST + timedelta(days=day), Decimal(units), "CNY", "list")
        for row, values in enumerate(terms.settlement.tolist())
        for day, units in enumerate(values)
    ]
    with store.begin(BOOK, ACTOR) as uow:
        uow.columns.add_blocks(blocks)
        uow.broker.save_prices(prices)


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall seconds and this process's CPU seconds: on a busy machine the second says more, and what the first has beyond
    it is waiting for the disk or the database server."""

    wall: float
    cpu: float


def parts(store: SqlStore) -> dict[str, Spent]:
    """What each stage of one run in this process takes."""
    begun: list[tuple[str, float, float]] = []

    def told(stage: str, done: int, of: int) -> None:
        if not begun or begun[-1][0] != stage:
            begun.append((stage, perf_counter(), process_time()))

    proposed = propose(store, BOOK, FIRST, load_products(), ACTOR, SystemClock(), progress=told)
    assert proposed.run, proposed.broken
    ends = [*begun[1:], ("", perf_counter(), process_time())]
    spent = {
        stage: Spent(end - at, cpu_end - cpu) for (stage, at, cpu), (_, end, cpu_end) in zip(begun, ends, strict=True)
    }
    return {stage: spent[stage] for stage in STAGES if stage in spent}


def command(url: str, folder: Path) -> tuple[Spent, float]:
    """Time and largest memory in MB of the command in a process of its own."""
    environment = {**os.environ, "HEDGEBRIDGE_DATABASE": url, "HEDGEBRIDGE_KEY_FILE": str(folder / "key")}
    environment.pop("HEDGEBRIDGE_CONFIG", None)
    script = (
        "import resource, sys; from cli.main import main; code = main(sys.argv[1:]); "
        "sys.stderr.write(f'\\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}'); sys.exit(code)"
    )
    line = [sys.executable, "-c", script, "recalc", "--from", FIRST.isoformat(), "--book", BOOK, "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = perf_counter()
    done = subprocess.run(line, env=environment, capture_output=True, text=True, cwd=Path.cwd(), check=False)
    wall = perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, cpu), int(done.stderr.rsplit("peak ", 1)[1]) / 1024


@contextmanager
def databases(folder: Path, number: int) -> Iterator[dict[str, str]]:
    """Empty databases by name; the PostgreSQL one goes away afterwards."""
    found = {"SQLite": f"sqlite:///{folder}/{number}.db"}
    name = f"hb_bench_{secrets.token_hex(4)}"
    try:
        with psycopg.connect(SERVER, autocommit=True, connect_timeout=3) as server:
            server.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        found["PostgreSQL"] = make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    except psycopg.OperationalError:
        sys.stderr.write("no PostgreSQL server: SQLite only\n")
    try:
        yield found
    finally:
        if "PostgreSQL" in found:
            with psycopg.connect(SERVER, autocommit=True) as server:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


def measure(*sizes: int) -> list[dict[str, Any]]:
    """Of the whole command by database and size: fills per second, processor seconds per million fills beyond those of the
    smallest size (linear: the same at every size), largest memory; and the parts in this process."""
    rows: list[dict[str, Any]] = []
    smallest: dict[str, tuple[int, Spent]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, fills in enumerate(sorted(sizes or SIZES)):
            with databases(folder, number) as found:
                for database, url in found.items():
                    upgrade_database(url)
                    store = open_store(url, SystemClock())
                    fill(store, fills)
                    gc.collect()
                    spent = parts(store)
                    store.close()
                    taken, memory = command(url, folder)
                    least, base = smallest.setdefault(database, (fills, taken))
                    rows += _rows(f"recalc of {fills:,} fills, {database}", fills, spent, taken, memory)
                    if fills > least:
                        rows.append({
                            "name": f"recalc, {database}: processor time per million fills from {least:,} to {fills:,}",
                            "value": (taken.cpu - base.cpu) / (fills - least) * 1_000_000, "unit": "s",
                        })  # fmt: skip
    return rows


def _rows(name: str, fills: int, spent: dict[str, Spent], taken: Spent, memory: float) -> list[dict[str, Any]]:
    shown = ", ".join(f"{stage} {part.wall:.2f} ({part.cpu:.2f})" for stage, part in spent.items())
    inside = Spent(sum(part.wall for part in spent.values()), sum(part.cpu for part in spent.values()))
    return [
        {
            "name": f"{name}, whole command ({shown} s in process, of the processor in brackets)",
            "value": round(fills / taken.wall), "unit": "fills/s",
            "peers": {
                "in process, without start-up": {
                    "value": round(fills / inside.wall), "ratio": round(inside.wall / taken.wall, 2)},
                "by processor time": {
                    "value": round(fills / taken.cpu), "ratio": round(taken.cpu / taken.wall, 2)},
            },
        },
        {"name": f"{name}: largest memory", "value": round(memory), "unit": "MB"},
    ]  # fmt: skip


if __name__ == "__main__":
    for row in measure(*(int(text) for text in sys.argv[1:])):
        sys.stdout.write(f"{row}\n")
