"""The demo company's broker side in a store: go-live and its first business days, from the stand-in brokers' own files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

from adapters.broker.ctp_statement import read_statements
from adapters.market.price_file import read_prices
from adapters.secrets import Redactor
from adapters.storage import SqlStore, open_store
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import Book, StoredSnapshot, StoredVoucher
from hedge_core.use_cases.account import Accounted, account
from hedge_core.use_cases.settle import Settled, settle
from hedge_core.use_cases.statements import (
    Approval,
    ImportedStatement,
    import_opening,
    import_prices,
    import_statements,
)
from sandbox.company.broker_files import files
from tests.support.databases import HandClock
from tests.support.posting import BOOK, settings
from worker.bootstrap import App

CLERK, ACCOUNTANT = Actor("demo-clerk"), Actor("demo-accountant")
COPPER, ALUMINIUM = "80010001", "66880002"
DAYS = (date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 6))
BOOK_SETTINGS = {"rule_set": "none", "variation": "sweep", "futures_cash": "margin", "post": "day"}


@cache
def inbox() -> dict[str, bytes]:
    """Every file of the month by relative path."""
    return files()


def statement_name(account_no: str, day: date, folder: str = "statements") -> str:
    return f"{folder}/{account_no}_{day:%Y%m%d}.txt"


@dataclass
class Company:
    """One book on a store, and what a person does with it."""

    app: App

    @property
    def store(self) -> SqlStore:
        return self.app.store

    @classmethod
    def open(cls, url: str, folder: Path) -> Company:
        clock = HandClock(datetime.fromisoformat("2026-03-31T12:00:00+00:00"))
        return cls(App(settings(url, folder), open_store(url, clock), clock, Redactor()))

    def go_live(self) -> None:
        """The book and its opening state."""
        self.store.add_book(Book(BOOK, "锦禾金属贸易有限公司", "CNY", BOOK_SETTINGS), CLERK)
        for path, body in sorted(inbox().items()):
            if path.startswith("opening/"):
                import_opening(self.store, BOOK, path, body, read_statements, self.app.products, CLERK)

    def prices(self, day: date) -> int:
        name = f"settlement_{day:%Y%m%d}.csv"
        return import_prices(self.store, BOOK, read_prices(name, inbox()[f"prices/{name}"], "settlement"), CLERK)

    def statement(self, path: str, body: bytes | None = None, **approval: str) -> list[ImportedStatement]:
        return import_statements(
            self.store, BOOK, path, inbox()[path] if body is None else body, read_statements, self.app.products, CLERK,
            self.app.clock, Approval(**approval),
        )  # fmt: skip

    def settle(self, day: date, overrule: str = "") -> Settled:
        return settle(self.store, BOOK, day, self.app.products, CLERK, overrule=overrule, approved_by=ACCOUNTANT.name)

    def business_day(self, day: date) -> Settled:
        """Prices, both statements, settlement."""
        self.prices(day)
        for number in (COPPER, ALUMINIUM):
            self.statement(statement_name(number, day))
        return self.settle(day)

    def make_vouchers(self, through: date) -> Accounted:
        return account(self.store, BOOK, through, self.app.ledger(BOOK_SETTINGS), CLERK)

    # --- what is there ---

    def versions(self, account_no: str, day: date) -> int:
        with self.store.read(BOOK) as uow:
            return len(uow.statements.versions(account_no, day))

    def snapshots(self) -> list[StoredSnapshot]:
        with self.store.read(BOOK) as uow:
            return uow.results.snapshots()

    def vouchers(self, status: VoucherStatus | None = None) -> list[StoredVoucher]:
        with self.store.read(BOOK) as uow:
            return uow.results.vouchers(status)

    def log(self) -> tuple[int, str]:
        """Size and root of the audit log: nothing was changed while they stay as they are."""
        with self.store.read(BOOK) as uow:
            return uow.audit.head()


def finals(snapshots: Sequence[StoredSnapshot]) -> list[tuple[date, int]]:
    """Day and version of the final snapshots."""
    return [(one.trading_day, one.version) for one in snapshots if one.status == "final"]
