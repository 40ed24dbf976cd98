"""The embedded mode on a disk that is full again and again: SQLite may grow by a few pages, then by none, then again.

The limit is SQLite's own (`max_page_count`), set on every connection of the worker's process. The ERP goes on booking while
nothing can be written down here; when there is room again every voucher has to be there once.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from adapters.storage import upgrade_database
from chaos.company import company, ended, prove_posted, queue, settings
from chaos.crew import ODD, Crew, Post
from chaos.stand_ins import StandIn
from chaos.tally import NotInTime, Tally, until

TROUBLE = ("lose_answer_after_commit=0.06@writes", "error_500_after_commit=0.03@writes")
ROOM = 1
"""Pages that the file may still grow by when the disk is nearly full."""


def run(vouchers: int, times: int, seed: int) -> Tally:
    """The disk is full `times` times; the worker is killed each second time while it is."""
    tally = Tally(f"{vouchers} vouchers, embedded mode (SQLite, one process), disk full", seed)
    dice = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hb-chaos-")))
        site = StandIn("kingdee", folder, (f"--seed={seed}", *(f"--fault={one}" for one in TROUBLE)))
        stack.callback(site.stop)
        file, limit = folder / "hedgebridge.db", folder / "pages"
        upgrade_database(f"sqlite:///{file}")
        chosen = settings(
            f"sqlite:///{file}", folder, lease_seconds=6, call_seconds=2, settle_seconds=2, worker_threads=3
        )
        app = stack.enter_context(company(chosen, [site], {"kingdee": {"batch": "2"}}))
        sent = {"kingdee": queue(app, "kingdee", 0, vouchers)}
        log = folder / "workers.log"
        crew = stack.enter_context(Crew(chosen, [Post((*ODD, "deliveries"), {"CHAOS_PAGES": str(limit)})], tally, log))
        for number in range(times):
            due = (number + dice.random()) * 0.5 * vouchers / times
            until(lambda due=due: ended(app) >= due, f"{due:.0f} deliveries", also=crew.keep)  # type: ignore[misc]
            seen = _refusals(log)
            limit.write_text(str(_pages(file) + ROOM), encoding="ascii")
            until(lambda seen=seen: _refusals(log) > seen, "the database refuses to grow", also=crew.keep)  # type: ignore[misc]
            tally.injected["disk full (SQLite page limit)"] += 1
            if number % 2:
                crew.kill_one(dice)
                tally.injected["SIGKILL of the worker while the disk was full"] += 1
            limit.write_text("0", encoding="ascii")
        site_faults = site.fired()
        site.clear()
        try:
            until(lambda: ended(app) == vouchers, "every row in a final state", 300, crew.keep)
        except NotInTime as late:
            tally.broken.append(f"not in time: {late}")
        tally.injected.update(Counter({f"{name} (ERP stand-in)": count for name, count in site_faults.items()}))
        tally.came["times the database said that it is full"] = _refusals(log)
        tally.came["workers asked to stop ended with"] = sorted(crew.rest(60))
        prove_posted(app, [site], sent, tally)
    return tally


def _refusals(log: Path) -> int:
    return log.read_text(encoding="utf-8", errors="replace").count("is full") if log.exists() else 0


def _pages(file: Path) -> int:
    with sqlite3.connect(file, timeout=30) as database:
        return int(database.execute("PRAGMA page_count").fetchone()[0])
