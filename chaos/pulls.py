"""Two pulls at once from ERPs that cut, lie slow and die, by workers that are killed: no gap and no repeat in what is stored.

The pulls are jobs, as a schedule makes them; one that failed (three workers died over it, five times out of reach) is made
again, as the schedule would. Meanwhile users go on writing orders. At the end a last pull runs in peace, and what we keep is
compared with the lines in the stand-ins' own books.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from adapters.storage import upgrade_database
from adapters.storage.engine import make_engine
from adapters.storage.schema import CONTRACT_LINES, RAW_RECORDS
from chaos.company import BOOK, MAKER, company, settings
from chaos.crew import ODD, Crew, Post
from chaos.own_servers import own_postgres
from chaos.postings import ROLE
from chaos.stand_ins import StandIn
from chaos.tally import NotInTime, Tally, until
from hedge_core.errors import PlatformError
from hedge_core.ports.jobs import ENDED, Job, JobState
from hedge_core.use_cases.schedule import add_job
from mapping import ValueMap, dump_spec, load_spec
from worker.bootstrap import SPEC_DOCUMENT, App
from worker.jobs import KINDS
from worker.systems import system

JOB_LEASE = 4
TROUBLE = ("cut_connection=0.06@reads", "slow=0.10@reads:0.3", "stall=0.03@reads:5", "error_500_before=0.03@reads")
FULL = {"SIGKILL of a worker during a pull": 10, "SIGKILL of an ERP stand-in": 6, "orders written meanwhile": 12}
SHORT = {"SIGKILL of a worker during a pull": 2, "SIGKILL of an ERP stand-in": 1, "orders written meanwhile": 2}

_COMMODITIES = {"1.01.CU01": "copper", "1.01.CU02": "copper", "1.02.AL01": "aluminium", "1.02.AL02": "aluminium"}
_ORDER = {
    "FBillTypeID": "XSDD01_SYS", "FDate": "2026-03-12", "FSaleOrgId": "100", "FCustId": "C001",
    "FSettleCurrId": "PRE001", "FDocumentStatus": "C", "FCloseStatus": "A", "FCancelStatus": "A",
}  # fmt: skip
_LINE = {
    "FMaterialId": "1.01.CU01", "FUnitID": "t", "FPriceUnitId": "t", "FTaxPrice": "79800", "FEntryTaxRate": "13",
    "FDeliveryDate": "2026-04-20", "FStockOrgId": "100", "FMrpCloseStatus": "A", "F_HB_Pricing": "P",
    "F_HB_RefMonth": "", "F_HB_Premium": "0", "F_HB_Hedge": "",
}  # fmt: skip


def run(faults: Mapping[str, int], seed: int) -> Tally:
    """The whole run; the tally says what happened. CannotRun without PostgreSQL."""
    tally = Tally("two pulls at once, PostgreSQL, two workers", seed)
    dice = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hb-chaos-")))
        folder.chmod(0o755)
        postgres = stack.enter_context(own_postgres(folder / "postgres"))
        url = postgres.create("hedgebridge", ROLE)
        upgrade_database(url, grant_to=ROLE)
        usual = (f"--seed={seed}", *(f"--fault={one}" for one in TROUBLE))
        sites = [StandIn(name, folder, usual) for name in ("kingdee", "odoo")]
        for site in sites:
            stack.callback(site.stop)
        chosen = settings(postgres.url_of("hedgebridge", ROLE), folder, call_seconds=3, worker_threads=2)
        app = stack.enter_context(company(chosen, sites, {site.name: {"page_rows": "7"} for site in sites}))
        for site in sites:
            _map_materials(app, site.name)
        posts = [Post((*ODD, "jobs"), {"CHAOS_JOB_LEASE": str(JOB_LEASE)}) for _ in range(2)]
        crew = stack.enter_context(Crew(chosen, posts, tally, folder / "workers.log"))
        order = [name for name, times in faults.items() for _ in range(times)]
        dice.shuffle(order)
        for number, name in enumerate(order):
            _wait_for_records(app, sites, crew, tally, dice.randint(5, 40), name)
            if name.startswith("orders"):
                _write_order(sites[0], number)
            elif "worker" in name:
                crew.kill_one(dice)
            else:
                site = dice.choice(sites)
                _note_fired(tally, site)
                site.kill()
                site.start()
            tally.injected[name] += 1
        for site in sites:
            _note_fired(tally, site)
            site.clear()
        _last_pull(app, sites, crew, tally)
        tally.came["workers asked to stop ended with"] = sorted(crew.rest(60))
        _compare(app, url, sites, tally)
    return tally


def _jobs(app: App) -> list[Job]:
    try:
        with app.store.read(BOOK) as uow:
            return uow.jobs.jobs(limit=1000)
    except PlatformError:
        return []


def _order_pulls(app: App, sites: list[StandIn], found: list[Job]) -> None:
    """One pull per connection is always under way."""
    busy = {str(job.params["connection"]) for job in found if job.state not in ENDED}
    for site in sites:
        if site.name not in busy:
            with app.store.begin(BOOK, MAKER) as uow:
                add_job(uow, KINDS, "pull", {"connection": site.name, "what": "contracts"})


def _wait_for_records(app: App, sites: list[StandIn], crew: Crew, tally: Tally, more: int, name: str) -> None:
    """Until so many further records were read while a pull runs, whoever reads them."""
    begun = _read(_jobs(app))

    def enough() -> bool:
        found = _jobs(app)
        _order_pulls(app, sites, found)
        crew.keep()
        return _read(found) >= begun + more and any(job.state is JobState.RUNNING for job in found)

    until(enough, f"{more} further records, for “{name}”", 240)


def _read(found: list[Job]) -> int:
    return sum(job.done for job in found)


def _last_pull(app: App, sites: list[StandIn], crew: Crew, tally: Tally) -> None:
    """What is under way ends; then one pull of everything changed since, in peace."""
    try:
        until(lambda: all(job.state in ENDED for job in _jobs(app)), "the pulls end", 240, crew.keep)
        before = {job.id for job in _jobs(app)}
        _order_pulls(app, sites, [])
        last = lambda: [job for job in _jobs(app) if job.id not in before]  # noqa: E731
        until(lambda: all(job.state in ENDED for job in last()), "the last pulls end", 240, crew.keep)
        tally.require({job.state for job in last()} == {JobState.DONE}, "the last pull did not end well")
    except NotInTime as late:
        tally.broken.append(f"not in time: {late}")
    found = _jobs(app)
    ends = Counter(job.state.value for job in found)
    tally.came["pulls by their end"] = ", ".join(f"{times} {state}" for state, times in sorted(ends.items()))
    why = Counter(str(job.error) for job in found if job.state is JobState.FAILED and job.error is not None)
    if why:
        tally.came["pulls that failed, and why"] = "; ".join(f"{times} × {one}" for one, times in why.items())
    unexplained = [job.id for job in found if job.state is JobState.FAILED and not _is_explained(job)]
    tally.require(not unexplained, f"pulls failed for a reason that nobody injected: {unexplained}")
    tally.came["attempts of pulls, takeovers after a death included"] = sum(job.attempts for job in found)


def _is_explained(job: Job) -> bool:
    """Three deaths over one job, or the ERP out of reach five times: both were made here."""
    return job.error is not None and job.error.id in ("job.poison", "error.unavailable")


def _compare(app: App, owner: str, sites: list[StandIn], tally: Tally) -> None:
    """Gaps: lines in the books that we do not keep. Repeats: a line kept twice as current, or the same bytes twice."""
    engine = make_engine(owner)
    try:
        with engine.connect() as connection:
            raw = connection.execute(
                select(*(RAW_RECORDS.c[name] for name in ("connection", "kind", "key", "digest", "is_current")))
            ).all()
            mapped = connection.execute(
                select(*(CONTRACT_LINES.c[name] for name in ("connection", "kind", "key")))
            ).all()
    finally:
        engine.dispose()
    with app.store.read(BOOK) as uow:
        held = {(entry.ref.connection, entry.ref.kind, entry.ref.key) for entry in uow.records.quarantine()}
    there = {(site.name, *line) for site in sites for line in site.lines()}
    current = Counter((row.connection, row.kind, row.key) for row in raw if row.is_current)
    bodies = Counter((row.connection, row.kind, row.key, row.digest) for row in raw)
    places = Counter((row.connection, row.kind, row.key) for row in mapped)
    gaps, more = there - set(current), set(current) - there
    repeats = sum(times - 1 for one in (current, bodies, places) for times in one.values())
    unplaced = set(current) - set(places) - held
    tally.came |= {
        "lines in the ERPs' books": len(there), "kept raw": len(current), "mapped": len(places), "quarantined": len(held),
        "gaps": len(gaps), "repeats": repeats,
    }  # fmt: skip
    tally.require(not gaps, f"{len(gaps)} lines are missing, such as {sorted(gaps)[:3]}")
    tally.require(not more, f"{len(more)} lines are not in the books, such as {sorted(more)[:3]}")
    tally.require(repeats == 0, f"{repeats} repeats")
    tally.require(not unplaced, f"{len(unplaced)} lines are neither mapped nor quarantined")


def _map_materials(app: App, name: str) -> None:
    """What the company's steward would have filled in: the commodity of each material."""
    kind = system(name)
    known = ValueMap("commodities", tuple(_COMMODITIES.items()))
    with app.store.begin(BOOK, MAKER) as uow:
        for one in kind.spec_names:
            spec = load_spec(kind.default_spec(one), "yaml", name=f"{name}/{one}")
            maps = tuple(known if held.name == "commodities" else held for held in spec.value_maps)
            body = dump_spec(replace(spec, value_maps=maps), "yaml")
            uow.save_document(SPEC_DOCUMENT, f"{name}/{one}", body)


def _write_order(site: StandIn, number: int) -> None:
    """A new sales order of three lines, changed just now by the site's own clock."""
    stamp = f"2026-07-{1 + number // 24:02d}T{number % 24:02d}:00:00"
    head = {**_ORDER, "FBillNo": f"XSDD9{number:05d}", "FCreateDate": stamp, "FModifyDate": stamp}
    lines = [{**_LINE, "FQty": str(20 + place + number)} for place in range(3)]
    site.control("records", {"form": "SAL_SaleOrder", "values": head, "lines": lines})


def _note_fired(tally: Tally, site: StandIn) -> None:
    """The faults of a stand-in so far; its own count dies with it."""
    for name, times in site.fired().items():
        tally.injected[f"{name} ({site.name})"] += times
