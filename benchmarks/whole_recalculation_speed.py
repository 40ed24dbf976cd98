"""`hedgebridge recalc` from the database to stored, hashed days: the command as people run it, and where its time goes.

Invented fills of 20 accounts in 200 instruments over 500 days stand in the database as statement imports leave them (a
column block per account and day). The command reads them, computes results by key and day, hashes and chains the days and
stores the proposed run. Its wall time (start of the interpreter included) and its largest memory are taken from outside;
the parts come from the same function in this process. Without a PostgreSQL server on the usual port only SQLite is measured.

    python -m benchmarks.whole_recalculation_speed [FILLS] [FILLS…]      default 10,000 100,000 1,000,000
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
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


def parts(store: SqlStore) -> dict[str, float]:
    """Seconds by stage of one run in this process."""
    begun: list[tuple[str, float]] = []

    def told(stage: str, done: int, of: int) -> None:
        if not begun or begun[-1][0] != stage:
            begun.append((stage, perf_counter()))

    proposed = propose(store, BOOK, FIRST, load_products(), ACTOR, SystemClock(), progress=told)
    assert proposed.run, proposed.broken
    ends = [at for _, at in begun[1:]] + [perf_counter()]
    spent = {stage: end - at for (stage, at), end in zip(begun, ends, strict=True)}
    return {stage: spent[stage] for stage in STAGES if stage in spent}


def command(url: str, folder: Path) -> tuple[float, float]:
    """Wall seconds and largest memory in MB of the command in a process of its own."""
    environment = {**os.environ, "HEDGEBRIDGE_DATABASE": url, "HEDGEBRIDGE_KEY_FILE": str(folder / "key")}
    environment.pop("HEDGEBRIDGE_CONFIG", None)
    script = (
        "import resource, sys; from cli.main import main; code = main(sys.argv[1:]); "
        "sys.stderr.write(f'\\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}'); sys.exit(code)"
    )
    line = [sys.executable, "-c", script, "recalc", "--from", FIRST.isoformat(), "--book", BOOK, "--json"]
    begun = perf_counter()
    done = subprocess.run(line, env=environment, capture_output=True, text=True, cwd=Path.cwd(), check=False)
    wall = perf_counter() - begun
    assert done.returncode == 0, done.stderr[-2000:]
    return wall, int(done.stderr.rsplit("peak ", 1)[1]) / 1024


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
    """Fills per second of the whole command by database and size, its memory, and the parts in this process."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, fills in enumerate(sizes or (10_000, 100_000, 1_000_000)):
            with databases(folder, number) as found:
                for database, url in found.items():
                    upgrade_database(url)
                    store = open_store(url, SystemClock())
                    fill(store, fills)
                    spent = parts(store)
                    store.close()
                    wall, memory = command(url, folder)
                    shown = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in spent.items())
                    rows += [
                        {
                            "name": f"recalc of {fills:,} fills, {database}, whole command ({shown} s in process)",
                            "value": round(fills / wall), "unit": "fills/s",
                            "peers": {"in process, without start-up": {
                                "value": round(fills / sum(spent.values())),
                                "ratio": round(sum(spent.values()) / wall, 2)}},
                        },
                        {"name": f"recalc of {fills:,} fills, {database}: largest memory", "value": round(memory),
                         "unit": "MB"},
                    ]  # fmt: skip
    return rows


if __name__ == "__main__":
    for row in measure(*(int(text) for text in sys.argv[1:])):
        sys.stdout.write(f"{row}\n")
