"""The demo company's month: set up, go live, twenty business days, month end. Each step is what a person or a schedule
would do with the commands of the same name."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress, TaskID

from adapters.broker.ctp_statement import read_statements
from adapters.documents import read_account_map, read_designation
from adapters.market.price_file import read_prices
from adapters.secrets import create_key_file
from adapters.storage import upgrade_database
from cli.commands.vouchers import make, of_status
from cli.demo.standin import StandIn, write_statements
from cli.session import Session
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import PullScope
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import Book, Connection
from hedge_core.use_cases.match import match, release_breaks
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from hedge_core.use_cases.pull import pull_contracts, pull_inventory, pull_masters, retry_quarantine
from hedge_core.use_cases.settle import settle
from hedge_core.use_cases.statements import import_opening, import_prices, import_statements
from mapping import SpecFormat, ValueMap, dump_spec, load_spec
from messages import Message
from worker.bootstrap import SPEC_DOCUMENT, secret_context
from worker.runtime import Runtime
from worker.settings import Settings
from worker.systems import system

BOOK: Final = BookId("jinhe")
ERP: Final = "k3"
CLERK: Final = Actor("demo-clerk")
ACCOUNTANT: Final = Actor("demo-accountant")
MONTH_END: Final = datetime(2026, 3, 31)  # noqa: DTZ001 - a posting date, not a moment

DEFAULT_FAULTS: Final = ("lose_answer_after_commit=0.05@writes",)
"""The stand-in loses some answers after it has committed, so that the demo shows what happens then."""

BOOK_SETTINGS: Final = {
    "rule_set": "none",
    "variation": "sweep",
    "futures_cash": "margin",
    "post": "day",
    "item_carrying": "adjustment",
    "ledger": ERP,
    "label.80010001": "华岳*0001",
    "label.66880002": "远信*0002",
    "label.SHFE.cu": "铜",
    "label.SHFE.al": "铝",
    "label.copper": "铜",
    "label.aluminium": "铝",
}
COMMODITIES: Final = {
    "1.01.CU01": "copper",
    "1.01.CU02": "copper",
    "1.02.AL01": "aluminium",
    "1.02.AL02": "aluminium",
}
ACCOUNT_ROWS: Final = """role,account,dimensions
bank,1002,
margin_account,1012,broker_account={broker_account}
derivative,3101,broker_account={broker_account}
fair_value_result,6101,
investment_income,6111.01,broker_account={broker_account}
closing_result,6111.01,broker_account={broker_account}
fee,6111.02,broker_account={broker_account}
hedging_instrument,3201,broker_account={broker_account}
hedged_item,3202,
hedge_result,6102,
inventory,1405.99,
interest,6603,
penalty,6711,
"""


@dataclass(slots=True)
class Tally:
    """What the month came to, by the names of the summary."""

    contracts_pulled: int = 0
    inventory_pulled: int = 0
    fills_imported: int = 0
    quarantined: int = 0
    matches: int = 0
    days_settled: int = 0
    vouchers_created: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the seconds of a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - started


class Month:
    """One run in one folder. `stand_in` must be serving."""

    def __init__(self, session: Session, stand_in: StandIn, inbox: Path, bar: Progress) -> None:
        self.session = session
        self.book = BOOK
        self.erp_name = ERP
        self.tally = Tally()
        self._stand_in = stand_in
        self._inbox = inbox
        self._bar = bar
        self._task: TaskID | None = None

    # --- set up and go live ---

    def set_up(self) -> None:
        """Book, connection, mapping, account map, designation."""
        app, access = self.session.app, self._stand_in.access
        app.store.add_book(Book(self.book, "锦禾金属贸易有限公司", "CNY", BOOK_SETTINGS), CLERK)
        options = {
            **{name: access[name] for name in ("url", "acct_id", "user", "app_id", "org", "account_book")},
            "dimensions": {"broker_account": "FDETAILID__FF100002"},
            "hedge_fields": {"sale_line": "F_HB_Hedge", "purchase_line": "F_HB_Hedge"},
        }
        secret = app.secrets.seal(access["app_secret"], secret_context(self.book, self.erp_name, "app_secret"))
        chosen = system("kingdee")
        designation = (self._inbox / "designation.json").read_bytes()
        read_account_map(ACCOUNT_ROWS.encode(), "accounts.csv")
        relationship = read_designation(designation).relationship
        with app.store.begin(self.book, CLERK) as uow:
            uow.save_connection(Connection(self.erp_name, self.book, "kingdee", options, {"app_secret": secret}))
            for name in chosen.spec_names:
                uow.save_document(SPEC_DOCUMENT, f"{self.erp_name}/{name}", chosen.default_spec(name))
            uow.save_document("accounts", "map", ACCOUNT_ROWS.encode())
            uow.save_document("designation", relationship.relationship_id, designation)
            uow.audit.append("demo.set_up", self.book, {"relationship": relationship.relationship_id})

    def go_live(self) -> None:
        """Opening state, masters, a first pull with nothing mapped yet, the steward's mapping, and the rest flows."""
        app = self.session.app
        for path in sorted((self._inbox / "opening").iterdir()):
            import_opening(app.store, self.book, path.name, path.read_bytes(), read_statements, app.products, CLERK)
        prices = read_prices("cost.csv", (self._inbox / "prices" / "cost.csv").read_bytes(), "cost")
        import_prices(app.store, self.book, prices, CLERK)
        with self.tally.stage("pull"):
            self._take_in()
        with app.store.read(self.book) as uow:
            self.tally.contracts_pulled = len(uow.physical.contract_lines())
            self.tally.inventory_pulled = len(uow.physical.inventory())
            self.tally.quarantined = len(uow.records.quarantine())

    def _take_in(self) -> None:
        """Masters, a first pull, the steward's mapping, and what was waiting for it."""
        app = self.session.app
        for kind in MasterKind:
            pull_masters(app.store, self.book, self.erp_name, self._erp(), CLERK, app.clock, kind)
        self._pull(PullScope.CHANGED)
        for name in ("sale_line", "purchase_line", "stock"):
            self._map_commodities(name)
        retry_quarantine(app.store, self.book, self.erp_name, self._erp(), CLERK)

    def _map_commodities(self, name: str) -> None:
        app = self.session.app
        body = app.spec_bodies(self.book, app.connection(self.book, self.erp_name))[name]
        spec = load_spec(body, SpecFormat.YAML, name)
        filled = self._filled_in(name)
        maps = tuple(
            ValueMap(one.name, tuple(filled.get(one.name, dict(one.entries)).items())) for one in spec.value_maps
        )
        changed = replace(spec, version=spec.version + 1, value_maps=maps)
        with app.store.begin(self.book, CLERK) as uow:
            uow.save_document(SPEC_DOCUMENT, f"{self.erp_name}/{name}", dump_spec(changed, SpecFormat.YAML))
            uow.audit.append("mapping.applied", f"{self.erp_name}/{name}", {"spec": changed.identity})

    def _filled_in(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """The entries that a steward makes in the value maps of a spec."""
        return {"commodities": COMMODITIES}

    def _pull(self, scope: PullScope) -> None:
        app = self.session.app
        advance = self._advance if not self.tally.days_settled else None
        pull_contracts(app.store, self.book, self.erp_name, self._erp(), CLERK, app.clock, scope, advance)
        if scope is PullScope.CHANGED:
            pull_inventory(app.store, self.book, self.erp_name, self._erp(), CLERK, app.clock, advance)

    def _erp(self) -> Any:
        return self.session.app.erp(self.book, self.erp_name)

    # --- business days ---

    def trade(self, days: list[date], runtime: Runtime) -> None:
        """Every business day: statements, prices, a pull, matching, settlement, vouchers, approval, delivery."""
        for number, day in enumerate(days):
            self.describe(Message("demo.day", {"day": day}))
            self._import_day(day)
            if number % 5 == 4:
                self._nightly(number)
            self._settle(day)
            with self.tally.stage("vouchers"):
                self._vouchers(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - a posting date
            runtime.dispatcher.wake()
            self._advance(1)

    def _import_day(self, day: date) -> None:
        app, stamp = self.session.app, day.strftime("%Y%m%d")
        with self.tally.stage("statements"):
            for kind in ("settlement", "spot"):
                path = self._inbox / "prices" / f"{kind}_{stamp}.csv"
                import_prices(app.store, self.book, read_prices(path.name, path.read_bytes(), kind), CLERK)
            for path in sorted((self._inbox / "statements").glob(f"*_{stamp}.txt")):
                done = import_statements(
                    app.store, self.book, path.name, path.read_bytes(), read_statements, app.products, CLERK, app.clock
                )
                self.tally.fills_imported += sum(result.fills for result in done if result.state == "stored")

    def _nightly(self, number: int) -> None:
        """What the schedule does: changes, all open lines again, and now and then the key sweep."""
        with self.tally.stage("pull"):
            self._pull(PullScope.CHANGED)
            self._pull(PullScope.OPEN)
            if number % 10 == 9:
                self._pull(PullScope.KEYS)

    def _settle(self, day: date) -> None:
        app = self.session.app
        with self.tally.stage("settle"):
            result = settle(app.store, self.book, day, app.products, CLERK)
            if result.state != "settled":
                for broken in result.broken:
                    self.session.screen.tell(broken.message, "red")
                for difference in result.differences:
                    self.session.screen.tell(difference.message, "yellow")
                reason = Message("demo.day_open", {"day": day})
                raise RuleBroken("demo_day", day.isoformat(), reason)
            self.tally.days_settled += 1
        with self.tally.stage("match"):
            release_breaks(app.store, self.book, app.products, "position closed", CLERK, app.clock)
            match(app.store, self.book, app.products, CLERK, app.clock)

    def _vouchers(self, through: datetime) -> None:
        app = self.session.app
        result = make(Session(str(self.book), CLERK.name, settings=self.session.settings, _app=app), self.book, through)
        for problem in result.problems:
            self.session.screen.tell(problem.message, "red")
        approve_vouchers(app.store, self.book, of_status(self.session, self.book, VoucherStatus.DRAFT), ACCOUNTANT)
        approved = of_status(self.session, self.book, VoucherStatus.APPROVED)
        queue_vouchers(app.store, self.book, self.erp_name, approved, ACCOUNTANT, app.clock)

    def month_end(self) -> None:
        """Posting dates up to the last calendar day."""
        with self.tally.stage("vouchers"):
            self._vouchers(MONTH_END)
        with self.session.app.store.read(self.book) as uow:
            self.tally.vouchers_created = len(uow.results.vouchers())
            self.tally.matches = len(uow.results.matches())

    # --- progress ---

    def begin(self, message: Message, total: int | None = None) -> None:
        """A new progress bar; without a total it only counts."""
        if self._task is not None:
            done = int(self._bar.tasks[-1].completed)
            self._bar.update(self._task, total=done, completed=done)
        self._task = self._bar.add_task(self.session.screen.text(message), total=total)

    def describe(self, message: Message) -> None:
        """Name the step under way."""
        if self._task is not None:
            self._bar.update(self._task, description=self.session.screen.text(message))

    def _advance(self, count: int) -> None:
        if self._task is not None:
            self._bar.advance(self._task, count)


def demo_settings(folder: Path) -> Settings:
    """Settings of the demo's own database, key and pace; whatever the environment says stays out of it."""
    return Settings(
        database=f"sqlite:///{folder.resolve() / 'hedgebridge.db'}",
        broker="memory",
        key_file=folder.resolve() / "hedgebridge.key",
        book=str(BOOK),
        lang="",
        worker_threads=4,
        lease_seconds=30,
        call_seconds=10,
        settle_seconds=1,
        poll_seconds=0.05,
        log_level="ERROR",
    )


def fresh_folder(folder: Path) -> Settings:
    """An empty demo folder with database and master key."""
    marker = folder / "demo.json"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise RuleBroken("demo_folder", str(folder), Message("demo.not_ours", {"folder": folder}))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.write_text(json.dumps({"demo": True}), encoding="utf-8")
    settings = demo_settings(folder)
    lines = (f'{name} = "{value}"' for name, value in (("database", settings.database), ("book", settings.book)))
    key = f'key_file = "{settings.key_file}"'
    (folder / "hedgebridge.toml").write_text("\n".join((*lines, key)) + "\n", encoding="utf-8")
    upgrade_database(settings.database)
    create_key_file(settings.key_file)
    return settings


Tamper = Callable[["Month"], None]
"""A test's hand in the demo: called before the books are compared, so that a planted difference must be found."""

__all__ = ["BOOK", "ERP", "Month", "StandIn", "Tally", "Tamper", "demo_settings", "fresh_folder", "write_statements"]
