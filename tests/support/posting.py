"""A book whose vouchers go to a Kingdee stand-in: everything between an approved voucher and the ERP's ledger is real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from adapters.clock import SystemClock
from adapters.secrets import Redactor, create_key_file
from adapters.storage import open_store
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingLine, Voucher, VoucherStatus
from hedge_core.ports.storage import Book, Connection, OutboxRow, OutboxState, StoredVoucher
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from sandbox.kingdee.command import RunningSite, SiteOptions, running_site
from worker.bootstrap import App, secret_context
from worker.settings import Settings

BOOK = BookId("jinhe")
ERP = "k3"
MAKER = Actor("maker")
CHECKER = Actor("checker")


def voucher(number: int, amount: str = "1200.00", *, revision: int = 1, book: BookId = BOOK) -> Voucher:
    """A voucher that the demo company's ledger takes; `number` gives its id."""
    value = Decimal(amount) + number

    def line(account: str, debit: Decimal, credit: Decimal, **more: object) -> PostingLine:
        return PostingLine("role", account, debit, credit, f"期货平仓盈亏 {number}", **more)  # type: ignore[arg-type]

    nothing = Decimal(0)
    lines = (
        line("1012", value, nothing, dimensions=(("broker_account", "80010001"),)),
        line("6111.01", nothing, value, dimensions=(("broker_account", "80010001"),)),
    )
    name = f"test-{number:05d}"
    return Voucher(book, name, revision, "day", date(2026, 3, 20), "CNY", f"期货平仓盈亏 {number}", lines)


@dataclass
class Ledger:
    """An application with one book, its connection, and the stand-in at the other end."""

    app: App
    site: RunningSite

    def queue(self, vouchers: Sequence[Voucher]) -> None:
        """Made by one person, approved by another, queued."""
        ids = [one.voucher_id for one in vouchers]
        with self.app.store.begin(BOOK, MAKER) as uow:
            for one in vouchers:
                uow.results.add_voucher(StoredVoucher(one, VoucherStatus.DRAFT, MAKER.name))
        assert approve_vouchers(self.app.store, BOOK, ids, CHECKER) == []
        assert queue_vouchers(self.app.store, BOOK, ERP, ids, CHECKER, self.app.clock) == len(ids)

    def in_erp(self) -> Counter[str]:
        """How many documents the stand-in's ledger holds under each of our references; its own books are asked, not its
        service."""
        books = self.site.site.books
        with books.lock:
            found = books.rows('SELECT DISTINCT parent, FBUSNO FROM "GL_VOUCHER.FEntity"')
            return Counter(row["FBUSNO"] for row in found)

    def numbers_in_erp(self) -> dict[str, str]:
        """The ledger's own voucher number by our reference."""
        books = self.site.site.books
        query = """SELECT DISTINCT e.FBUSNO AS reference, v.FBillNo AS number
                   FROM "GL_VOUCHER.FEntity" e JOIN GL_VOUCHER v ON v.id = e.parent"""
        with books.lock:
            return {row["reference"]: row["number"] for row in books.rows(query)}

    def faults_fired(self) -> dict[str, int]:
        return dict(self.site.site.faults.state()["fired"])  # type: ignore[call-overload]

    def rows(self) -> list[OutboxRow]:
        with self.app.store.read(BOOK) as uow:
            return uow.outbox.rows()

    def states(self) -> Counter[OutboxState]:
        return Counter(row.state for row in self.rows())


def settings(database: str, folder: Path, **changed: object) -> Settings:
    """Settings of one test's installation, at a pace that tests can wait for."""
    values: dict[str, object] = {
        "database": database,
        "broker": "memory",
        "key_file": folder / "hedgebridge.key",
        "book": str(BOOK),
        "worker_threads": 4,
        "lease_seconds": 6,
        "call_seconds": 2,
        "settle_seconds": 0,
        "poll_seconds": 0.05,
        "log_level": "CRITICAL",
    }
    return Settings(**{**values, **changed})  # type: ignore[arg-type]


def environment(chosen: Settings) -> dict[str, str]:
    """The same settings as the variables of a process."""
    given = {name: getattr(chosen, name) for name in type(chosen).model_fields}
    return {f"HEDGEBRIDGE_{name.upper()}": str(value) for name, value in given.items() if value is not None}


@contextmanager
def ledger(chosen: Settings, faults: Sequence[str] = (), seed: int = 0) -> Iterator[Ledger]:
    """A company's ledger on an upgraded, empty database."""
    create_key_file(Path(chosen.key_file))
    with running_site(SiteOptions(faults=tuple(faults), seed=seed)) as site:
        app = App(chosen, open_store(chosen.database, SystemClock()), SystemClock(), Redactor())
        try:
            _set_up(app, site)
            yield Ledger(app, site)
        finally:
            app.store.close()


def _set_up(app: App, site: RunningSite) -> None:
    told = site.announcement()
    names = ("url", "acct_id", "user", "app_id", "org", "account_book")
    options = {**{name: told[name] for name in names}, "dimensions": {"broker_account": "FDETAILID__FF100002"}}
    options["batch"] = "1"  # one call each: what these tests count, such as lost answers, is counted in calls
    sealed = app.secrets.seal(str(told["app_secret"]), secret_context(BOOK, ERP, "app_secret"))
    app.store.add_book(Book(BOOK, "锦禾金属贸易有限公司", "CNY"), MAKER)
    with app.store.begin(BOOK, MAKER) as uow:
        uow.save_connection(Connection(ERP, BOOK, "kingdee", options, {"app_secret": sealed}))
