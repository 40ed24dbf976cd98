"""Statements of every kind go through the same import: kept by currency, checked by their form, never one for another."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.broker.generic_statement import write_template
from adapters.broker.inbox import look_into
from adapters.broker.statement_files import read_any_statement
from adapters.reference import load_products
from adapters.storage import SqlStore, open_store, upgrade_database
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book
from hedge_core.use_cases.statements import Approval, ImportedStatement, import_opening, import_statements
from messages import Message
from tests.support import cfmmc_book
from tests.support.databases import HandClock

BOOK, ANNA = BookId("cu01"), Actor("anna")
AFTERWARDS = datetime(2026, 9, 30, 8, 0, tzinfo=UTC)
DAY = date(2026, 3, 3)
HEAD = '<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">'
ONE = (
    '<FlexStatement accountId="U1" fromDate="2026-09-{day}" toDate="2026-09-{day}">'
    "<CashReport>{rows}</CashReport></FlexStatement>"
)
TAIL = "</FlexStatements></FlexQueryResponse>"


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    upgrade_database(url)
    opened = open_store(url, HandClock(AFTERWARDS))
    opened.add_book(Book(BOOK, "示例铜业贸易", "CNY"), ANNA)
    return opened


def take(store: SqlStore, body: bytes, name: str = "day.xls", accept: str = "") -> list[ImportedStatement]:
    approval = Approval(accept=accept)
    return import_statements(
        store, BOOK, name, body, read_any_statement, load_products(), ANNA, HandClock(AFTERWARDS), approval
    )


def flex(day: str, usd: tuple[str, str], eur: tuple[str, str]) -> bytes:
    rows = "".join(
        f'<CashReportCurrency currency="{name}" startingCash="{start}" endingCash="{end}" deposits="{move}"/>'
        for name, (start, end), move in (
            ("USD", usd, int(usd[1]) - int(usd[0])),
            ("EUR", eur, int(eur[1]) - int(eur[0])),
        )
    )
    return (HEAD + ONE.format(day=day, rows=rows) + TAIL).encode()


def test_a_cfmmc_day_is_stored_and_the_same_file_again_changes_nothing(store: SqlStore) -> None:
    body = cfmmc_book.xls(cfmmc_book.sheets())
    assert [(one.state, one.fills) for one in take(store, body)] == [("stored", 4)]
    assert [one.state for one in take(store, body)] == ["unchanged"]
    with store.begin(BOOK, ANNA) as uow:
        kept = uow.statements.current("66880123", DAY, "CNY")
        assert kept is not None
        assert kept.statement == read_any_statement("day.xls", body)[0]
        assert kept.digest == hashlib.sha256(body).hexdigest()


def test_the_other_view_of_a_day_stands_beside_it_and_never_replaces_it(store: SqlStore) -> None:
    take(store, cfmmc_book.xls(cfmmc_book.sheets("trade")))
    take(store, cfmmc_book.xls(cfmmc_book.sheets()))
    with store.begin(BOOK, ANNA) as uow:
        assert [len(uow.statements.versions("66880123", DAY, "CNY", form)) for form in ("mtm", "trade")] == [1, 1]
        (settled,) = uow.statements.on_day(DAY)
        assert settled.statement.view == "mtm"
        assert {fill.key: fill for fill in uow.statements.fills(DAY, DAY)} == {
            fill.key: fill for fill in settled.statement.fills
        }
    assert [one.state for one in take(store, cfmmc_book.xls(cfmmc_book.sheets("trade")))] == ["unchanged"]


def test_two_views_of_a_day_that_disagree_are_refused(store: SqlStore) -> None:
    take(store, cfmmc_book.xls(cfmmc_book.sheets()))
    other = cfmmc_book.sheets("trade")
    cfmmc_book.row_of(other, "客户交易结算日报", "保证金占用")[7] -= 1
    cfmmc_book.row_of(other, "客户交易结算日报", "可用资金")[7] += 1
    with pytest.raises(InvalidInput) as refused:
        take(store, cfmmc_book.xls(other), accept="whatever")
    assert refused.value.field == "two_views"
    with store.begin(BOOK, ANNA) as uow:
        assert uow.statements.current("66880123", DAY, "CNY", "trade") is None


def test_the_month_that_ends_on_a_day_is_no_version_of_that_day(store: SqlStore) -> None:
    """The monthly workbook and the daily one of its last trading day collide in account, currency and day."""
    take(store, cfmmc_book.xls(cfmmc_book.sheets()))
    with store.begin(BOOK, ANNA) as uow:
        stored = uow.statements.current("66880123", DAY, "CNY")
        assert stored is not None
        monthly = replace(stored, statement=replace(stored.statement, first_day=date(2026, 3, 1)), digest="month")
        uow.statements.add(monthly, b"the month")
    with store.begin(BOOK, ANNA) as uow:
        daily = uow.statements.current("66880123", DAY)
        assert daily is not None and daily.statement == stored.statement
        month = uow.statements.current("66880123", DAY, form="mtm_month")
        assert month is not None and month.digest == "month"
        assert uow.statements.body("66880123", DAY, 1, form="mtm_month") == b"the month"
        assert len(uow.statements.on_day(DAY)) == 1
        assert len(uow.statements.on_day(DAY, every_form=True)) == 2
        assert len(uow.statements.fills(DAY, DAY)) == len(stored.statement.fills)


def test_an_opening_state_holds_every_currency_of_an_account(store: SqlStore) -> None:
    body = flex("10", ("100", "150"), ("7", "7"))
    for _ in range(2):
        states = import_opening(store, BOOK, "flex.xml", body, read_any_statement, load_products(), ANNA)
        assert [(one.account, one.statement.funds.currency) for one in states] == [("U1", "USD"), ("U1", "EUR")]
    assert [one.state for one in take(store, flex("11", ("150", "160"), ("7", "8")), "flex.xml")] == ["stored"] * 2
    with pytest.raises(InvalidInput):
        take(store, flex("14", ("160", "160"), ("7", "8")), "flex.xml")


def test_currencies_of_one_account_are_kept_and_rolled_apart(store: SqlStore) -> None:
    first = take(store, flex("10", ("100", "150"), ("7", "7")), "flex.xml")
    second = take(store, flex("11", ("150", "150"), ("7", "9")), "flex.xml")
    assert [one.state for one in (*first, *second)] == ["stored"] * 4
    with pytest.raises(InvalidInput):
        take(store, flex("14", ("150", "150"), ("8", "8")), "flex.xml")
    with store.begin(BOOK, ANNA) as uow:
        euro = uow.statements.current("U1", date(2026, 9, 11), "EUR")
        assert euro is not None and euro.statement.funds.balance_cf == Decimal(9)


def test_an_opening_state_may_come_from_a_workbook(store: SqlStore) -> None:
    (state,) = import_opening(
        store, BOOK, "day.xls", cfmmc_book.xls(cfmmc_book.sheets()), read_any_statement, load_products(), ANNA
    )
    assert {(lot.instrument, lot.lots, lot.open_date) for lot in state.lots} == {
        ("SHFE.al2605", 2, date(2026, 2, 26)),
        ("SHFE.cu2605", 1, DAY),
        ("CZCE.SR2605", 3, DAY),
    }


def test_a_template_with_a_product_nobody_knows_waits_for_a_person(store: SqlStore) -> None:
    unknown = write_template("csv").replace(b"HG2612", b"QQ2612")
    assert [one.state for one in take(store, unknown, "own.csv")] == ["needs_acceptance"]
    assert [one.state for one in take(store, unknown, "own.csv", accept="it comes next week")] == ["stored"]


def test_the_watched_folder_feeds_the_same_import_and_refusals_store_nothing(store: SqlStore, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    broken = cfmmc_book.sheets()
    cfmmc_book.row_of(broken, "客户交易结算日报", "上日结存")[2] += 1
    (folder / "a.xls").write_bytes(cfmmc_book.xls(broken))
    (folder / "b.xls").write_bytes(cfmmc_book.xls(cfmmc_book.sheets()))

    def keep(name: str, body: bytes) -> Message | None:
        take(store, body, name)
        return None

    taken = look_into(folder, look_into(folder, {}, keep).seen, keep).taken
    assert [(one.name, one.state) for one in taken] == [("a.xls", "refused"), ("b.xls", "done")]
    with store.begin(BOOK, ANNA) as uow:
        assert len(uow.statements.versions("66880123", DAY, "CNY")) == 1
