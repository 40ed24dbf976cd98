"""The application under test: one book on a fresh database, with a connection to each stand-in, and vouchers to post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

from adapters.clock import SystemClock
from adapters.secrets import Redactor, create_key_file
from adapters.storage import open_store
from chaos.stand_ins import CREDENTIALS, StandIn
from chaos.tally import Tally
from hedge_core.audit import verify_log
from hedge_core.errors import PlatformError
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingLine, Voucher, VoucherStatus
from hedge_core.ports.storage import Book, Connection, OutboxRow, OutboxState, StoredVoucher
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from worker.bootstrap import App, secret_context
from worker.settings import Settings

_SECRETS = {"kingdee": "app_secret", "odoo": "api_key"}
_GIVEN = {
    "kingdee": ("url", "acct_id", "user", "app_id", "org", "account_book"),
    "odoo": ("url", "database", "user", "series", "company_id", "journal"),
}
_DIMENSIONS = {"kingdee": {"broker_account": "FDETAILID__FF100002"}, "odoo": {"broker_account": "partner"}}
BOOK = BookId("jinhe")
MAKER, CHECKER = Actor("maker"), Actor("checker")
FINAL = frozenset({OutboxState.DONE, OutboxState.DEAD, OutboxState.CANCELLED})


def settings(database: str, folder: Path, **changed: object) -> Settings:
    """Settings of one run's installation, at a pace that a run can wait for."""
    values: dict[str, object] = {
        "database": database, "broker": "memory", "key_file": folder / "hedgebridge.key", "book": str(BOOK),
        "poll_seconds": 0.2, "log_level": "WARNING",
    }  # fmt: skip
    return Settings(**{**values, **changed})  # type: ignore[arg-type]


def environment(chosen: Settings) -> dict[str, str]:
    """The same settings as the variables of a process."""
    given = {name: getattr(chosen, name) for name in type(chosen).model_fields}
    return {f"HEDGEBRIDGE_{name.upper()}": str(value) for name, value in given.items() if value is not None}


@contextmanager
def company(chosen: Settings, sites: Sequence[StandIn], more: dict[str, dict[str, str]] | None = None) -> Iterator[App]:
    """An application with one connection per stand-in, named like it. `more`: options by connection."""
    create_key_file(Path(chosen.key_file))
    app = App(chosen, open_store(chosen.database, SystemClock()), SystemClock(), Redactor())
    try:
        app.store.add_book(Book(BOOK, "锦禾金属贸易有限公司", "CNY"), MAKER)
        with app.store.begin(BOOK, MAKER) as uow:
            for site in sites:
                secret = _SECRETS[site.name]
                sealed = app.secrets.seal(CREDENTIALS[site.name][secret], secret_context(BOOK, site.name, secret))
                options = {name: site.told[name] for name in _GIVEN[site.name]}
                options |= {"dimensions": _DIMENSIONS[site.name], **(more or {}).get(site.name, {})}
                uow.save_connection(Connection(site.name, BOOK, site.name, options, {secret: sealed}))
        yield app
    finally:
        app.store.close()


def queue(app: App, connection: str, first: int, count: int) -> list[Voucher]:
    """`count` vouchers for one connection: made by one person, approved by another, queued."""
    made = [_voucher(number) for number in range(first, first + count)]
    ids = [one.voucher_id for one in made]
    with app.store.begin(BOOK, MAKER) as uow:
        for one in made:
            uow.results.add_voucher(StoredVoucher(one, VoucherStatus.DRAFT, MAKER.name))
    assert approve_vouchers(app.store, BOOK, ids, CHECKER) == []
    assert queue_vouchers(app.store, BOOK, connection, ids, CHECKER, app.clock) == len(ids)
    return made


def rows(app: App) -> list[OutboxRow]:
    with app.store.read(BOOK) as uow:
        return uow.outbox.rows()


def states(app: App) -> Counter[OutboxState]:
    """How many rows are in which state, from a narrow look; empty while the database is away."""
    found: Counter[OutboxState] = Counter()
    with suppress(PlatformError):
        for (_, state), count in app.store.queue.counts().items():
            found[OutboxState(state)] += count
    return found


def ended(app: App) -> int:
    """How many rows are in a final state."""
    return sum(count for state, count in states(app).items() if state in FINAL)


def prove_posted(app: App, sites: Sequence[StandIn], sent: dict[str, list[Voucher]], tally: Tally) -> None:
    """0 duplicates, 0 missing, in the stand-ins' own books; every row done, every voucher with its receipt, the log whole."""
    duplicates, missing, strange = 0, 0, 0
    for site in sites:
        there, ours = site.vouchers(), {one.key for one in sent[site.name]}
        duplicates += sum(times - 1 for times in there.values())
        missing += len(ours - set(there))
        strange += len(set(there) - ours)
    tally.came["vouchers sent"] = sum(map(len, sent.values()))
    tally.came |= {"duplicates in the ERPs": duplicates, "missing in the ERPs": missing}
    tally.require(duplicates == 0, f"{duplicates} duplicates")
    tally.require(missing == 0, f"{missing} missing")
    tally.require(strange == 0, f"{strange} documents in the ERPs that nobody sent")
    found = rows(app)
    ends = Counter(row.state for row in found)
    tally.came["states at the end"] = ", ".join(f"{count} {state.value}" for state, count in ends.items())
    for row in found:
        if row.state is not OutboxState.DONE:
            tally.broken.append(f"{row.subject} is {row.state.value} after {row.attempts}: {row.last_error}")
    tally.came["attempts, takeovers after a death included"] = sum(row.attempts for row in found)
    tally.came["outcomes unknown for a while"] = sum(row.unknowns for row in found)
    tally.came["found by look-up, not posted again"] = sum(row.found_by_lookup for row in found)
    with app.store.read(BOOK) as uow:
        stored = {one.voucher.key: one for one in uow.results.vouchers()}
        whole = verify_log(BOOK, uow.audit.events(), uow.audit.head()) == []
    bare = [key for key, one in stored.items() if one.status is not VoucherStatus.DELIVERED or one.receipt is None]
    tally.require(not bare, f"{len(bare)} vouchers without a receipt")
    tally.require(whole, "the audit log does not verify")
    tally.came["audit log"] = "whole" if whole else "broken"


def _voucher(number: int) -> Voucher:
    value, nothing = Decimal("1200.00") + number, Decimal(0)
    broker = (("broker_account", "80010001"),)
    text = f"期货平仓盈亏 {number}"
    lines = (
        PostingLine("futures", "3101", value, nothing, text, broker),
        PostingLine("result", "6101", nothing, value, text),
    )
    return Voucher(BOOK, f"chaos-{number:05d}", 1, "day", date(2026, 3, 31), "CNY", text, lines)
