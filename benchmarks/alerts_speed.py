"""From a changed position to a raised alert, in one process: a fill is stored, limits are checked, the alert is in the database.

python -m benchmarks.alerts_speed [LINES] [ALREADY]      default 10,000 contract lines, 2,000 fills of the day
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

from adapters.clock import SystemClock
from adapters.reference import load_products
from adapters.storage import open_store, upgrade_database
from benchmarks.exposure_speed import invented_lines
from hedge_core.model.futures import Direction, Fill, HedgeFlag, Offset
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.limits import LimitKind, LimitRule, Moment, View
from hedge_core.ports.broker_queries import PositionsAnswer, Road
from hedge_core.ports.storage import Book, Connection
from hedge_core.use_cases.limits import check_limits, import_limits

BOOK, WHO, ACCOUNT = BookId("bench"), Actor("bench"), "80010001"
_ZERO = Decimal(0)


def _fill(number: int, day: date, at: datetime) -> Fill:
    return Fill(
        ACCOUNT, "SHFE", str(number), day, "SHFE.cu2705", Direction.SELL, Offset.OPEN, HedgeFlag.HEDGE, 1,
        Decimal(69000), Decimal(345000), _ZERO, _ZERO, traded_at=at,
    )  # fmt: skip


def measure(lines: int = 10_000, already: int = 2_000) -> list[dict[str, Any]]:
    """Seconds from the fill to the alert, each time a new one; the alert is looked for before anything is reported."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        upgrade_database(url)
        store = open_store(url, clock)
        store.add_book(Book(BOOK, "Benchmark", "CNY", {"vat_rate": "0.13"}), WHO)
        now, today = clock.now(), clock.now().date()
        with store.begin(BOOK, WHO) as uow:
            uow.save_connection(Connection("ctp", BOOK, "ctp", {"user": ACCOUNT}, {}))
            named = [replace(line, commodity="copper") for line in invented_lines(lines)]
            uow.physical.save_contract_lines(named)
            uow.broker_queries.save_fills("ctp", [_fill(n, today, now) for n in range(already)], Road.PUSH, now)
            started_on = datetime(now.year, now.month, now.day, tzinfo=UTC)
            uow.broker_queries.save_positions("ctp", PositionsAnswer(ACCOUNT, today, started_on, ()))
        rules = [LimitRule("ratio", LimitKind.HEDGE_RATIO, high=Decimal(10**9), view=View.PHYSICAL)]
        rules += [LimitRule(f"month-{n}", LimitKind.LOTS, high=Decimal(10**9), month="*") for n in range(50)]
        import_limits(store, BOOK, [(today, rule) for rule in rules], WHO)
        times = []
        for turn in range(5):
            rule = LimitRule(f"copper-{turn}", LimitKind.LOTS, high=Decimal(already + turn), commodity="copper")
            import_limits(store, BOOK, [(today, rule)], WHO)
            fill = _fill(already + turn, today, clock.now())
            started = perf_counter()
            with store.begin(BOOK, WHO) as uow:
                uow.broker_queries.save_fills("ctp", [fill], Road.PUSH, clock.now())
            check_limits(store, BOOK, load_products(), WHO, clock, Moment.DAY)
            times.append(perf_counter() - started)
            with store.read(BOOK) as uow:
                assert rule.rule_id in {alert.breach.rule_id for alert in uow.limits.open_alerts()}
        store.close()
    name = f"fill to alert in process, {lines:,} contract lines, {already:,} fills, {len(rules):,} limits"
    return [{"name": name, "value": round(statistics.median(times), 3), "unit": "s"}]


if __name__ == "__main__":
    for row in measure(*(int(text) for text in sys.argv[1:])):
        sys.stdout.write(f"{row}\n")
