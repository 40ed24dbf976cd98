"""`doctor` looks at a connection step by step: the way there, the system's own answers, what the book asks of it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from adapters.storage import SqlStore
from connectors.http import Origin, Way, look
from hedge_core.model.identity import Actor, ExternalRef, book_id
from hedge_core.ports.erp import Discovers, Examiner, HealthStep, PostingNeeds, Question
from hedge_core.ports.storage import Book, Connection
from messages import LANGUAGES, say
from tests.support.databases import *  # noqa: F403
from tests.support.databases import owner_url
from tests.support.kingdee import Kingdee, serving
from tests.support.odoo import ROUTES
from tests.support.odoo import serving as odoo_serving
from tests.support.sap import serving as sap_serving
from tests.support.tls import self_signed
from worker.bootstrap import App
from worker.doctor import connection_steps, isolation
from worker.settings import Settings
from worker.systems import SYSTEMS

BOOK = book_id("cu01")
WHO = Actor("zhang")
NEEDS = PostingNeeds("CNY", datetime(2026, 3, 31, tzinfo=UTC).date(), ("3101", "6101"))
MAP = "role,account,dimensions\nmargin_account,1012,\ninvestment_income,6111.01,\nfee,6111.02,\n"


def said(steps: list[HealthStep], name: str) -> tuple[bool, str]:
    (step,) = [one for one in steps if one.step == name]
    assert all(say(step.finding, language).strip() for language in LANGUAGES)
    return step.ok, step.finding.id


# --- the way there ----------------------------------------------------------------------------------------------------


@contextmanager
def answering(date: datetime | None, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that answers one HEAD after the other with this date."""
    listening = socket.create_server(("127.0.0.1", 0))
    stamp = f"Date: {date:%a, %d %b %Y %H:%M:%S} GMT\r\n" if date else ""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                talk = tls.wrap_socket(connection, server_side=True) if tls else connection
                while not talk.recv(65536).endswith(b"\r\n\r\n"):
                    pass
                talk.sendall(f"HTTP/1.1 404 Not Found\r\n{stamp}Content-Length: 0\r\n\r\n".encode())
                talk.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_the_clocks_are_compared_over_a_certificate_that_the_connection_trusts(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    context, ca_file = self_signed(tmp_path)
    with answering(now + timedelta(minutes=7), context) as port:
        origin = Origin(f"https://127.0.0.1:{port}/base")
        seen = list(look(origin, str(ca_file), now))
        refused = list(look(origin, None, now))
        missing = list(look(origin, str(tmp_path / "none.pem"), now))
    assert [(one.way, one.ok) for one in seen] == [
        (Way.NAME, True), (Way.PORT, True), (Way.TLS, True), (Way.CLOCK, True),
    ]  # fmt: skip
    assert seen[-1].clock_seconds == 420
    assert [(one.way, one.ok) for one in refused][-1] == (Way.TLS, False)
    assert missing[-1].detail == "the CA file does not exist"


def test_a_server_that_tells_no_time_is_no_fault() -> None:
    with answering(None) as port:
        seen = list(look(Origin(f"http://127.0.0.1:{port}"), None, datetime.now(UTC)))
    assert (seen[-1].way, seen[-1].ok, seen[-1].clock_seconds) == (Way.CLOCK, True, None)


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("https://nowhere.invalid/x", Way.NAME),
        ("https://10.1.2.3/x", Way.ADDRESS),
        ("http://127.0.0.1:9/", Way.PORT),
    ],
)
def test_the_first_thing_that_fails_ends_the_way(url: str, way: Way) -> None:
    last = list(look(Origin(url), None, datetime.now(UTC)))[-1]
    assert (last.way, last.ok) == (way, False)


# --- one connection of a book -----------------------------------------------------------------------------------------


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    from adapters.secrets import Redactor, create_key_file
    from tests.support.kingdee import TestClock

    create_key_file(tmp_path / "key")
    monkeypatch.delenv("HEDGEBRIDGE_MASTER_KEY", raising=False)
    settings = Settings(database=sqlite_url, key_file=tmp_path / "key")  # type: ignore[call-arg]
    from adapters.storage import open_store

    clock = TestClock()
    app = App(settings, open_store(sqlite_url, clock), clock, Redactor())
    app.store.add_book(Book(BOOK, "invented", "CNY", {"ledger": "k3"}), WHO)
    return app


@pytest.fixture(scope="module")
def kingdee() -> Iterator[Kingdee]:
    with serving() as running:
        yield running


def connect(app: App, kingdee: Kingdee, **options: Any) -> list[HealthStep]:
    from worker.bootstrap import secret_context

    who = kingdee.site.credentials
    given = {
        "url": kingdee.site.url, "acct_id": who.acct_id, "user": who.user, "app_id": who.app_id, "org": "100",
        "account_book": "001", "hedge_fields": {"sale_line": "F_HB_Hedge"}, **options,
    }  # fmt: skip
    secret = app.secrets.seal(who.app_secret, secret_context(BOOK, "k3", "app_secret"))
    with app.store.begin(BOOK, WHO) as uow:
        uow.save_connection(Connection("k3", BOOK, "kingdee", given, {"app_secret": secret}))
    return list(connection_steps(app, BOOK, "k3"))


def map_accounts(app: App, text: str) -> None:
    with app.store.begin(BOOK, WHO) as uow:
        uow.save_document("accounts", "map", text.encode())


def test_a_sound_connection_passes_every_step_and_says_what_cannot_be_asked(app: App, kingdee: Kingdee) -> None:
    map_accounts(app, MAP)
    steps = connect(app, kingdee)
    assert [(step.step, str(step.finding)) for step in steps if not step.ok] == []
    assert {question.value for question in Question} <= {step.step for step in steps} | {"rights"}
    assert said(steps, "period") == (True, "doctor.not_offered")
    assert said(steps, "accounts") == (True, "doctor.accounts_ok")
    assert said(steps, "precision") == (True, "doctor.digits_ok")
    assert said(steps, "rate types") == (True, "doctor.codes_ok")
    assert said(steps, "read-back") == (True, "doctor.read_back_ok")
    assert said(steps, "after audit") == (True, "doctor.after_audit_ok")
    assert said(steps, "separate user") == (True, "doctor.user_separate")


@pytest.mark.parametrize(
    ("accounts", "finding"),
    [
        ("margin_account,1012.77,", "accounting.account_missing"),
        ("margin_account,1405,", "accounting.stock_account"),
    ],
)
def test_an_account_that_vouchers_cannot_use_is_named(app: App, kingdee: Kingdee, accounts: str, finding: str) -> None:
    map_accounts(app, MAP.replace("margin_account,1012,", accounts))
    assert said(connect(app, kingdee), "accounts") == (False, finding)


@pytest.mark.parametrize(
    ("options", "step", "finding"),
    [
        ({"account_book": "999"}, "rights", "doctor.book_not_visible"),
        ({"rate_type": "HLTX99"}, "rate types", "doctor.codes_missing"),
        ({"currencies": {"CNY": "PRE404"}}, "precision", "doctor.codes_missing"),
        ({"cash_flow_required": True}, "cash flow", "doctor.cash_flow_missing"),
        ({"url": "http://127.0.0.1:9/k3cloud/"}, "port", "doctor.port_closed"),
        ({"url": "https://nowhere.invalid/k3cloud/"}, "name", "doctor.name_unknown"),
    ],
)
def test_each_failure_is_a_sentence_at_its_own_step(
    app: App, kingdee: Kingdee, options: dict[str, Any], step: str, finding: str
) -> None:
    map_accounts(app, MAP)
    steps = connect(app, kingdee, **options)
    assert said(steps, step) == (False, finding)


def test_what_a_site_calls_otherwise_is_told_as_unknown_and_not_as_a_fault(app: App, kingdee: Kingdee) -> None:
    steps = connect(app, kingdee, amount_digits_field="FNOSUCHFIELD", after_audit_member="NoSuchMember")
    assert said(steps, "precision") == (True, "doctor.cannot_tell")
    assert said(steps, "after audit") == (True, "doctor.cannot_tell")


def test_a_field_that_is_locked_after_audit_is_found() -> None:
    with serving(hedge_note_after_audit=False) as locked:
        adapter = locked.adapter()
        assert said(list(adapter.examine(NEEDS)), "after audit") == (False, "doctor.after_audit_locked")


def test_an_account_that_is_blocked_or_takes_automatic_postings_only_is_named(
    app: App, kingdee: Kingdee, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker import doctor

    real = doctor._chart
    changes: dict[str, Any] = {"active": False}
    monkeypatch.setattr(
        doctor,
        "_chart",
        lambda adapter: {c: replace(m, **changes) if c == "1012" else m for c, m in real(adapter).items()},
    )
    map_accounts(app, MAP)
    assert said(connect(app, kingdee), "accounts") == (False, "doctor.account_blocked")
    changes.clear()
    changes["attributes"] = (("posting", "automatic"),)
    assert said(connect(app, kingdee), "accounts") == (False, "doctor.account_automatic")


def test_a_user_who_makes_vouchers_or_administrates_is_not_separate(app: App, kingdee: Kingdee) -> None:
    from worker.doctor import _separate_user

    for user, ok in (("Administrator", False), ("hb_interface", True)):
        connection = Connection("k3", BOOK, "kingdee", {"user": user}, {})
        assert _separate_user(app, BOOK, connection).ok is ok


def test_change_stamps_in_the_future_show_a_wrong_time_zone(app: App, store: SqlStore) -> None:
    from tests.support.samples import contract_line
    from worker.doctor import _time_zone

    connection = Connection("k3", BOOK, "kingdee", {"time_zone": "UTC"}, {})
    assert _time_zone(app, BOOK, connection).finding.id == "doctor.zone_not_seen"
    later = datetime.now(UTC) + timedelta(hours=8)
    line = replace(contract_line(), ref=ExternalRef("k3", "sale_line", "1/1"), modified_at=later)
    with app.store.begin(BOOK, WHO) as uow:
        uow.save_connection(connection)
        uow.physical.save_contract_lines([line])
    assert (_time_zone(app, BOOK, connection).ok, _time_zone(app, BOOK, connection).finding.id) == (
        False, "doctor.zone_wrong",
    )  # fmt: skip


# --- other systems ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", list(ROUTES))
def test_odoo_tells_a_locked_period_and_another_currency(route: str) -> None:
    with odoo_serving(ROUTES[route]) as running:
        steps = list(running.adapter.examine(NEEDS))
        assert all(step.ok for step in steps)
        books = running.site.site.books
        with books.transaction():
            books.update("res.company", 1, {"fiscalyear_lock_date": "2026-03-31"})
        steps = list(running.adapter.examine(replace(NEEDS, currency="USD")))
        assert said(steps, "period") == (False, "doctor.period_locked")
        assert said(steps, "rate types") == (False, "doctor.currency_other")


def test_sap_tries_a_voucher_out_only_where_it_honours_dry_runs() -> None:
    with sap_serving() as sap:
        needs = replace(NEEDS, accounts=("0012100000", "9999999999"))
        quiet, trying = sap.adapter(), sap.adapter(dry_run=True)
        assert "period" not in {step.step for step in quiet.examine(needs)}
        assert Question.PERIOD not in quiet.capabilities.tells
        assert Question.PERIOD in trying.capabilities.tells
        assert said(list(trying.examine(needs)), "period") == (False, "sap.dry_run_refused")


def test_what_a_card_promises_to_discover_is_discovered(kingdee: Kingdee) -> None:
    found = list(kingdee.adapter(contract_forms=["SAL_SaleOrder", "NO_SuchForm"]).discover())
    codes = {(one.what, one.code) for one in found}
    assert {("organisation", "100"), ("account book", "001"), ("field", "F_HB_Hedge")} <= codes
    assert [one.remark for one in found if one.what == "form"] != [""], (
        "a form that is not there is named with a reason"
    )
    with odoo_serving(ROUTES["json2"]) as odoo:
        assert {"company", "journal", "field"} <= {one.what for one in odoo.adapter.discover()}
    with sap_serving() as sap:
        assert "YY1_HBPremium_SDI" in {one.code for one in sap.adapter().discover()}


def test_every_card_says_whether_the_adapter_can_look_further(kingdee: Kingdee) -> None:
    adapter = kingdee.adapter()
    assert isinstance(adapter, Examiner)
    assert isinstance(adapter, Discovers) is adapter.capabilities.discovers
    assert "kingdee" in SYSTEMS


# --- the database -----------------------------------------------------------------------------------------------------


def test_a_role_above_row_security_is_told(database_url: str) -> None:
    found = isolation(database_url)
    if make_url(database_url).get_backend_name() == "sqlite":
        assert found is None
        return
    assert found is not None and (found.ok, found.finding.id) == (True, "doctor.role_held")
    above = isolation(owner_url(database_url))
    assert above is not None and (above.ok, above.finding.id) == (False, "doctor.role_above_security")
