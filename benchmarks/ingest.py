"""How fast nested order lines get from an ERP into the database: pull, map, keep raw, quarantine, store, audit.

pull+map+store     the use case through the generic JSON adapter: pages of 1,000 lines, the packaged mapping, every record kept
                   raw (packed by page), one audit event and one transaction per page
unchanged re-pull  the same again from the beginning: every record's digest is known
with 50 ms         the same pull from a server that takes 50 ms for every page
plain loop         what a team writes first: requests, a pydantic model, an ORM merge per line, a commit per page; the same
                   25 fields, no raw copy, no audit, no quarantine
dlt                a generator over the same pages, merged by key with the upsert strategy. Not a dependency: make it an
                   environment of its own with `python -m venv DIR && DIR/bin/pip install 'dlt[postgres]' requests pydantic
                   sqlalchemy 'psycopg[binary]'` and name its interpreter in HEDGEBRIDGE_BENCH_DLT_PYTHON; else it says so

Each figure comes from a process of its own, so that its memory is its own. Parts are CPU time of the ingest process.

Last figures, 50,000 lines into PostgreSQL on two cores with a load of 4, dlt 1.31 and the plain loop in the same run: first pull
4,894 rows/s, 1.6 times dlt (3,083) and 12.5 times the plain loop (390); unchanged re-pull 130,212 rows/s, 27 times our own first
pull, 42 times dlt, 334 times the plain loop. Processor time of this process, us/row: 87 (decode 12, map and check 26,
store and the rest 44, download 5) against 250 and 1,587; PostgreSQL's own is 49 to 78 beside it. 157 MiB; 200,000 lines
into SQLite took 182 MiB. With 50 ms of latency a page 4,205 rows/s.

    python -m benchmarks.ingest [LINES] [sqlite|postgresql]      20,000 by default; 200,000 is the full run
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

LINES = 20_000
PEER_LINES = 20_000
"""What the peers are given at most: they are slow, and no faster with more."""
DATABASES = ("sqlite", "postgresql")
ADMIN = os.environ.get("HEDGEBRIDGE_BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1/test")
"""A PostgreSQL where a database may be made and dropped."""


def measure(lines: int = LINES, databases: tuple[str, ...] = DATABASES) -> list[dict[str, Any]]:
    """Rows per second of each way, the parts and the memory."""
    rows = []
    for database in databases:
        with ExitStack() as stack:
            url = stack.enter_context(_database(database))
            ours = _run("ours", url, lines)
            slow = _run("slow", url, lines)
            plain = _run("plain", url, min(PEER_LINES, max(2000, lines // 20)))
            dlt = _run("dlt", url, min(lines, PEER_LINES))
        rate = ours["rate"]
        peers = {"plain requests + pydantic + ORM loop": _peer(plain["rate"], rate)}
        peers["dlt"] = _peer(dlt["rate"], rate) if "rate" in dlt else {"value": dlt["skipped"], "ratio": ""}
        named = f"{lines} nested order lines, {database}"
        rows.append({"name": f"pull+map+store, {named}", "value": rate, "unit": "rows/s", "peers": peers})
        again = {key: _peer(value["value"], ours["again"]) for key, value in peers.items() if value["ratio"]}
        again["our own first pull"] = _peer(rate, ours["again"])
        again["CPU of our own first pull, us/row"] = {
            "value": ours["cpu"],
            "ratio": round(ours["cpu"] / ours["again_cpu"], 1),
        }
        rows.append({"name": f"unchanged re-pull, {named}", "value": ours["again"], "unit": "rows/s", "peers": again})
        hidden = {"without latency": _peer(rate, slow["rate"])}
        rows.append({"name": f"50 ms per page, {named}", "value": slow["rate"], "unit": "rows/s", "peers": hidden})
        parts = {name: {"value": value, "ratio": ""} for name, value in ours["parts"].items()}
        rows.append(
            {"name": f"CPU of the ingest process, {named}", "value": ours["cpu"], "unit": "us/row", "peers": parts}
        )
        memory = {"plain loop": {"value": plain["memory"], "ratio": ""}}
        if "memory" in dlt:
            memory["dlt"] = {"value": dlt["memory"], "ratio": ""}
        used = {"plain loop": {"value": plain["cpu"], "ratio": round(ours["cpu"] / plain["cpu"], 3)}}
        if "cpu" in dlt:
            used["dlt"] = {"value": dlt["cpu"], "ratio": round(ours["cpu"] / dlt["cpu"], 3)}
        rows.append({"name": f"CPU beside others, {named}", "value": ours["cpu"], "unit": "us/row", "peers": used})
        rows.append({"name": f"peak memory, {named}", "value": ours["memory"], "unit": "MiB", "peers": memory})
    return rows


def _peer(theirs: float, ours: float) -> dict[str, Any]:
    return {"value": theirs, "ratio": round(ours / theirs, 2)}


def _run(way: str, url: str, lines: int) -> dict[str, Any]:
    python = os.environ.get("HEDGEBRIDGE_BENCH_DLT_PYTHON", sys.executable) if way == "dlt" else sys.executable
    command = [python, "-m", "benchmarks.ingest", f"--{way}", url, str(lines)]
    quiet = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=quiet)
    return dict(json.loads(done.stdout))


class _database:
    """An empty database of a kind, gone afterwards."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._folder = tempfile.TemporaryDirectory()
        self._name = f"hb_bench_{os.getpid()}"

    def __enter__(self) -> str:
        if self._kind == "sqlite":
            return f"sqlite:///{Path(self._folder.name) / 'bench.db'}"
        self._admin(f"CREATE DATABASE {self._name}")
        return f"{ADMIN.rpartition('/')[0]}/{self._name}"

    def __exit__(self, *_: object) -> None:
        if self._kind == "postgresql":
            self._admin(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
        self._folder.cleanup()

    def _admin(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(ADMIN, autocommit=True) as connection:
            connection.execute(statement.encode())


# --- one way, in a process of its own ---------------------------------------------------------------------------------


def _ours(url: str, lines: int, latency_ms: int = 0) -> dict[str, Any]:
    from adapters.clock import SystemClock
    from benchmarks.ingest_orders import serving
    from hedge_core.model.identity import Actor, BookId
    from hedge_core.model.records import Cursor
    from hedge_core.use_cases.pull import pull_contracts

    book, who = BookId(f"b{lines % 10**6}{latency_ms}"), Actor("bench")
    with serving(lines, latency_ms) as address, tempfile.TemporaryDirectory():
        store = _store(url, book)
        adapter = _adapter(address)
        first, cpu, result = _timed(lambda: pull_contracts(store, book, "erp", adapter, who, SystemClock()))
        assert (result.read, result.stored, result.quarantined) == (lines, lines, 0), result
        with store.begin(book, who) as uow:
            uow.records.save_cursor("erp", "contracts", Cursor('{"v":1,"done":{}}'))
        again, again_cpu, result = _timed(lambda: pull_contracts(store, book, "erp", adapter, who, SystemClock()))
        assert (result.read, result.unchanged) == (lines, lines), result
        memory = _memory()
        parts = {} if latency_ms else _parts(address, min(lines, LINES), cpu / lines * 1e6)
        store.close()
    return {
        "rate": round(lines / first), "again": round(lines / again), "cpu": round(cpu / lines * 1e6, 1),
        "again_cpu": again_cpu / lines * 1e6, "memory": memory, "parts": parts,
    }  # fmt: skip


def _parts(address: str, lines: int, whole: float) -> dict[str, float]:
    """CPU per row of what happens before the database, each step by itself; storing is what is left of the whole."""
    adapter = _adapter(address)
    source = adapter._options.kinds["purchase_line"]
    client = adapter._reader._client
    from benchmarks.ingest_orders import LINES_PER_ORDER
    from connectors.json_pages import ChosenFields
    from connectors.json_pages import pages as read_pages

    bodies: list[bytes] = []
    wait = _cpu(lambda: [bodies.append(row) for page in read_pages(client, source, {}) for row in page.rows])
    wait = wait * lines / (len(bodies) * LINES_PER_ORDER)
    bodies = bodies[: lines // LINES_PER_ORDER]
    count = len(bodies) * LINES_PER_ORDER
    records: list[Any] = []
    mapper = adapter._lines["purchase_line"]
    chosen = ChosenFields([*source.id, source.modified, *mapper.spec.fields], source.lines)
    decode = _cpu(lambda: records.extend(zip(*chosen.columns_of(bodies), strict=True)))
    from hashlib import sha256

    from hedge_core.model.identity import ExternalRef

    ref = ExternalRef("erp", "purchase_line", "1/1")
    digest = _cpu(lambda: [sha256(body).hexdigest() for body, _ in records])
    flats, refs = [flat for _, flat in records], [ref] * len(records)
    mapped = _cpu(lambda: mapper.read_all(refs, flats))
    steps = {"download and split": wait, "decode": decode, "digest": digest, "map and check": mapped}
    each = {name: round(cpu / count * 1e6, 1) for name, cpu in steps.items()}
    each["store, and what holds it together"] = round(whole - sum(each.values()), 1)
    return each


def _cpu(work: Callable[[], object]) -> float:
    started = process_time()
    work()
    return process_time() - started


def _timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    started, cpu = perf_counter(), process_time()
    result = work()
    return perf_counter() - started, process_time() - cpu, result


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _store(url: str, book: Any) -> Any:
    from adapters.clock import SystemClock
    from adapters.storage import open_store, upgrade_database
    from hedge_core.model.identity import Actor
    from hedge_core.ports.storage import Book, Connection

    upgrade_database(url)
    store = open_store(url, SystemClock())
    store.add_book(Book(book, "bench", "CNY"), Actor("bench"))
    with store.begin(book, Actor("bench")) as uow:
        uow.save_connection(Connection("erp", book, "generic_json", {}, {}))
    return store


def _adapter(address: str) -> Any:
    from datetime import UTC, datetime

    from adapters.erp.generic_json import SPEC_NAMES, GenericJsonAdapter, GenericJsonOptions
    from connectors.http import HttpTransport, Origin
    from connectors.json_pages import Access, Envelope, JsonClient, PageStyle, Source
    from mapping import SCHEMAS, ValueMap, compile_spec, load_spec

    materials = ValueMap(
        "commodities",
        (("1.01.CU01", "copper"), ("1.01.CU02", "copper"), ("1.02.AL01", "aluminium"), ("1.02.AL02", "aluminium")),
    )
    specs = {}
    for name in SPEC_NAMES:
        spec = load_spec(f"adapters/erp/generic_json/specs/{name}.yaml")
        maps = tuple(materials if one.name == "commodities" else one for one in spec.value_maps)
        specs[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    source = Source(
        path="orders", id=("id", "lines.lineNo"), lines="lines", pages=PageStyle.KEYSET, key="id", page_rows=250,
        modified="updatedAt",
    )  # fmt: skip
    client = JsonClient(HttpTransport(Origin(address), "JSON"), Access(), Envelope(), wait=lambda seconds: None)
    options = GenericJsonOptions(kinds={"purchase_line": source})
    return GenericJsonAdapter("erp", client, specs, options, lambda: datetime.now(UTC))


def main(arguments: list[str]) -> int:
    if arguments and arguments[0].startswith("--"):
        way, url, lines = arguments[0][2:], arguments[1], int(arguments[2])
        if way in ("ours", "slow"):
            told = _ours(url, lines, 50 if way == "slow" else 0)
        else:
            from benchmarks import ingest_peers

            told = getattr(ingest_peers, way)(url, lines)
        sys.stdout.write(json.dumps(told))
        return 0
    lines = int(arguments[0]) if arguments else LINES
    for row in measure(lines, tuple(arguments[1:]) or DATABASES):
        sys.stdout.write(f"{row['name']}: {row['value']} {row['unit']}\n")
        for peer, found in row["peers"].items():
            sys.stdout.write(f"    {peer}: {found['value']}  {found['ratio']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
