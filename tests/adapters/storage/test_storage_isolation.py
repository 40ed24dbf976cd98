"""One book never sees another's data: every method of every port is called in one book on the other book's keys."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest

from adapters.storage import SqlStore
from adapters.storage.pages import FEWEST
from adapters.storage.schema import METADATA, OUTBOX
from hedge_core.canonical import canonical_hash
from hedge_core.errors import RuleBroken
from hedge_core.model.events import PricingCall
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.limits import Moment
from hedge_core.model.orders import OrderStage, OrderSwitch
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import Cursor
from hedge_core.model.terms import CurrencyRate
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports import storage as port
from hedge_core.ports.broker_queries import BrokerQueryStore, Road
from hedge_core.ports.column_blocks import ColumnBlockStore
from hedge_core.ports.jobs import JobState, JobStore, Schedule, ScheduleStore
from hedge_core.ports.limits import LimitStore
from hedge_core.ports.orders import OrderStore
from hedge_core.ports.reconciliation import ReconciliationStore
from hedge_core.ports.record_pages import RecordPageStore
from hedge_core.ports.record_versions import RecordVersionStore
from hedge_core.ports.storage import OutboxState
from tests.support import asked, limited, paged, reconciled, samples
from tests.support.databases import as_owner
from tests.support.samples import ACCOUNT, DAY, NOON, ref

LI = Actor("li.na")
OURS, THEIRS = BookId("cu01"), BookId("al02")
LATER = DAY + timedelta(days=400)
LEASE_END = NOON + timedelta(days=400)
ALERT = canonical_hash(["copper-lots", "copper", NOON])[:12]

PORTS: dict[str, type] = {
    "records": port.RecordStore,
    "record_pages": RecordPageStore,
    "record_versions": RecordVersionStore,
    "physical": port.PhysicalStore,
    "statements": port.StatementStore,
    "broker": port.BrokerStore,
    "results": port.ResultStore,
    "outbox": port.OutboxStore,
    "audit": port.AuditLog,
    "jobs": JobStore,
    "schedules": ScheduleStore,
    "reconciliation": ReconciliationStore,
    "commodity": port.CommodityStore,
    "accounting": port.AccountingStore,
    "limits": LimitStore,
    "orders": OrderStore,
    "broker_queries": BrokerQueryStore,
    "columns": ColumnBlockStore,
}

Call = Callable[[Any, int, str], Any]
READS: dict[str, tuple[Call, Any]] = {
    "records.cursor": (lambda u, n, t: u.cursor("k3", "contracts"), None),
    "records.known": (lambda u, n, t: u.known("k3", "sales_line", ["100/1"]), {}),
    "records.raw": (lambda u, n, t: u.raw(ref()), None),
    "records.quarantine": (lambda u, n, t: u.quarantine(), []),
    "records.keys": (lambda u, n, t: u.keys("k3", "sales_line"), set()),
    "record_pages.known": (lambda u, n, t: u.known("k3"), {}),
    "record_pages.unchanged": (lambda u, n, t: u.unchanged("k3", ["theirs"]), {}),
    "record_versions.versions": (lambda u, n, t: u.versions("k3", "sales_line"), []),
    "physical.contract_lines": (lambda u, n, t: u.contract_lines(), []),
    "physical.each_contract_line": (lambda u, n, t: list(u.each_contract_line()), []),
    "physical.contract_line": (lambda u, n, t: u.contract_line(ref()), None),
    "physical.inventory": (lambda u, n, t: u.inventory(), []),
    "physical.inventory_first_seen": (lambda u, n, t: u.inventory_first_seen(), {}),
    "physical.masters": (lambda u, n, t: u.masters(MasterKind.MATERIAL), []),
    "statements.current": (lambda u, n, t: u.current(ACCOUNT, DAY), None),
    "statements.previous": (lambda u, n, t: u.previous(ACCOUNT, LATER), None),
    "statements.versions": (lambda u, n, t: u.versions(ACCOUNT, DAY), []),
    "statements.body": (lambda u, n, t: u.body(ACCOUNT, DAY, 1), None),
    "statements.on_day": (lambda u, n, t: u.on_day(DAY), []),
    "statements.accounts": (lambda u, n, t: u.accounts(), []),
    "statements.days": (lambda u, n, t: u.days(), []),
    "statements.fills": (lambda u, n, t: u.fills(), []),
    "broker.openings": (lambda u, n, t: u.openings(), []),
    "broker.prices": (lambda u, n, t: u.prices("settlement", DAY), {}),
    "broker.latest_price": (lambda u, n, t: u.latest_price("settlement", "SHFE.cu2605", LATER), None),
    "results.matches": (lambda u, n, t: u.matches(), []),
    "results.ended_match_ids": (lambda u, n, t: u.ended_match_ids(), set()),
    "results.snapshot": (lambda u, n, t: (u.snapshot(DAY), u.snapshot(DAY, 1)), (None, None)),
    "results.last_snapshot": (lambda u, n, t: u.last_snapshot(), None),
    "results.snapshots": (lambda u, n, t: u.snapshots(), []),
    "results.voucher": (lambda u, n, t: u.voucher("v1"), None),
    "results.vouchers": (lambda u, n, t: u.vouchers(), []),
    "results.expectations": (lambda u, n, t: u.expectations(), []),
    "outbox.rows": (lambda u, n, t: u.rows(), []),
    "outbox.row": (lambda u, n, t: u.row(n), None),
    "commodity.in_force": (lambda u, n, t: u.in_force(CurrencyRate, LATER), []),
    "commodity.history": (lambda u, n, t: u.history(CurrencyRate), []),
    "commodity.events": (lambda u, n, t: u.events(PricingCall), []),
    "commodity.event_history": (lambda u, n, t: u.event_history(PricingCall), []),
    "commodity.match_history": (lambda u, n, t: u.match_history(), []),
    "accounting.voucher_approvals": (lambda u, n, t: u.voucher_approvals("v1", 1), []),
    "accounting.reversals": (lambda u, n, t: u.reversals(), []),
    "accounting.periods": (lambda u, n, t: u.periods(), []),
    "accounting.closed_periods": (lambda u, n, t: u.closed_periods(), frozenset()),
    "accounting.designations": (lambda u, n, t: u.designations(), []),
    "reconciliation.run": (lambda u, n, t: u.run(DAY), None),
    "reconciliation.last_run": (lambda u, n, t: u.last_run(), None),
    "reconciliation.rows": (lambda u, n, t: u.rows(DAY), []),
    "reconciliation.transfers": (lambda u, n, t: u.transfers(), []),
    "reconciliation.delivery": (lambda u, n, t: u.delivery("d1"), None),
    "reconciliation.deliveries": (lambda u, n, t: u.deliveries(), []),
    "reconciliation.receipts": (lambda u, n, t: u.receipts(), []),
    "broker_queries.fills": (lambda u, n, t: u.fills(), []),
    "broker_queries.funds": (lambda u, n, t: u.funds(ACCOUNT, DAY), None),
    "broker_queries.positions": (lambda u, n, t: u.positions(ACCOUNT, DAY), None),
    "broker_queries.answered_days": (lambda u, n, t: u.answered_days(ACCOUNT), []),
    "broker_queries.next_order_number": (lambda u, n, t: u.next_order_number(DAY), 1),
    "broker_queries.order": (lambda u, n, t: u.order(asked.ORDER.key), None),
    "broker_queries.orders": (lambda u, n, t: u.orders(), []),
    "columns.blocks": (lambda u, n, t: u.blocks(), []),
    "columns.settlement_price_texts": (lambda u, n, t: list(u.settlement_price_texts(DAY, DAY)), []),
    "columns.recalculation": (lambda u, n, t: u.recalculation(1), None),
    "columns.recalculations": (lambda u, n, t: u.recalculations(), []),
    "columns.result_day": (lambda u, n, t: u.result_day(1, DAY), None),
    "columns.result_days": (lambda u, n, t: list(u.result_days(1)), []),
    "columns.reopenings": (lambda u, n, t: u.reopenings(), []),
    "audit.events": (lambda u, n, t: len(list(u.events())), 1),
    "results.vouchers_named": (lambda u, n, t: u.vouchers_named(["v1"]), {}),
    "outbox.counts": (lambda u, n, t: u.counts(), {}),
    "jobs.job": (lambda u, n, t: u.job(1), None),
    "jobs.jobs": (lambda u, n, t: u.jobs(), []),
    "jobs.unfinished": (lambda u, n, t: u.unfinished("daily"), False),
    "schedules.schedules": (lambda u, n, t: u.schedules(), []),
    "schedules.schedule": (lambda u, n, t: u.schedule("daily"), None),
    "limits.rules": (lambda u, n, t: u.rules(LATER), []),
    "limits.rule_history": (lambda u, n, t: u.rule_history(), []),
    "limits.open_alerts": (lambda u, n, t: u.open_alerts(), []),
    "limits.alerts": (lambda u, n, t: u.alerts(), []),
    "limits.alert": (lambda u, n, t: u.alert(ALERT), None),
    "orders.proposed": (lambda u, n, t: u.proposed("o1"), None),
    "orders.proposed_orders": (lambda u, n, t: u.proposed_orders(), []),
    "orders.switch": (lambda u, n, t: u.switch(), OrderSwitch()),
    "unit.document_versions": (lambda u, n, t: u.document_versions("mapping", "or"), ()),
    "unit.connection": (lambda u, n, t: u.connection("k3"), None),
    "unit.connections": (lambda u, n, t: u.connections(), []),
    "unit.document": (lambda u, n, t: u.document("mapping", "orders"), None),
    "unit.documents": (lambda u, n, t: u.documents("mapping"), []),
    "unit.book": (lambda u, n, t: u.book.book, OURS),
}
"""What each reading method answers in an empty book while another book is full. Arguments: store, row id, lease token."""

WRITES: dict[str, Call] = {
    "records.save_cursor": lambda u, n, t: u.save_cursor("k3", "contracts", Cursor("ours")),
    "records.save_raw": lambda u, n, t: u.save_raw([samples.mapped(b"ours"), samples.gone("100/2")]),
    "records.mark_gone": lambda u, n, t: u.mark_gone([ref(), ref("100/2")], NOON),
    "record_pages.keep": lambda u, n, t: u.keep([paged.whole(paged.page(["100/1", "100/2"], "ours"))]),
    "record_pages.remember": lambda u, n, t: u.remember([paged.page(["page/1"], "ours", "theirs", "ours")]),
    "record_versions.read_by": lambda u, n, t: u.read_by("k3", "sales_line", "ours"),
    "physical.save_contract_lines": lambda u, n, t: u.save_contract_lines([samples.contract_line(line_no=9)]),
    "physical.remove_contract_lines": lambda u, n, t: u.remove_contract_lines([ref()]),
    "physical.save_inventory": lambda u, n, t: u.save_inventory([samples.inventory_lot(warehouse="w9")], NOON),
    "physical.zero_vanished": lambda u, n, t: u.zero_vanished("k3", set(), NOON),
    "physical.save_masters": lambda u, n, t: u.save_masters([samples.master(name="ours")]),
    "statements.add": lambda u, n, t: u.add(samples.stored_statement(1, "ours", fills=()), b"ours"),
    "broker.add_opening": lambda u, n, t: u.add_opening(samples.opening(digest="ours")),
    "broker.save_prices": lambda u, n, t: u.save_prices([samples.price(source="ours")]),
    "results.add_matches": lambda u, n, t: u.add_matches([samples.match(method="ours")]),
    "results.end_match": lambda u, n, t: u.end_match("m1", "ours"),
    "results.add_snapshot": lambda u, n, t: u.add_snapshot(samples.snapshot(digest="ours")),
    "results.set_snapshot_status": lambda u, n, t: u.set_snapshot_status(DAY, 1, "superseded"),
    "results.add_voucher": lambda u, n, t: u.add_voucher(samples.stored_voucher(samples.voucher())),
    "results.replace_draft": lambda u, n, t: u.replace_draft(samples.stored_voucher(samples.voucher())),
    "results.set_voucher": lambda u, n, t: u.set_voucher("v1", VoucherStatus.CANCELLED),
    "results.add_expectation": lambda u, n, t: u.add_expectation("v1", date(2026, 1, 1), {"ours": 1}),
    "outbox.enqueue": lambda u, n, t: u.enqueue("k3", "voucher", "v1", "HB1", "ours", NOON, n),
    "outbox.start": lambda u, n, t: u.start(n, t, NOON),
    "outbox.start_together": lambda u, n, t: u.start_together({n: t}, NOON),
    "outbox.finish_together": lambda u, n, t: u.finish_together({n: t}, OutboxState.DONE),
    "results.set_receipts": lambda u, n, t: u.set_receipts({"v1": samples.receipt("HB1")}, VoucherStatus.DELIVERED),
    "jobs.add": lambda u, n, t: u.add("ours", {}),
    "jobs.start": lambda u, n, t: u.start(1, "", NOON, LEASE_END),
    "jobs.keep": lambda u, n, t: u.keep(1, "", LEASE_END, done=9, total=9, counts={}, checkpoint={"ours": 1}),
    "jobs.end": lambda u, n, t: u.end(1, "", JobState.DONE, done=9, total=9, counts={}),
    "jobs.ask_to_cancel": lambda u, n, t: u.ask_to_cancel(1),
    "jobs.resume": lambda u, n, t: u.resume(1, NOON),
    "schedules.save": lambda u, n, t: u.save(Schedule("daily", OURS, "ours", "daily 02:00", {}, None)),
    "schedules.remove": lambda u, n, t: u.remove("daily"),
    "schedules.take_turn": lambda u, n, t: u.take_turn("daily", NOON, None),
    "unit.connection_worked": lambda u, n, t: u.connection_worked("k3"),
    "unit.note_batch": lambda u, n, t: u.note_batch("k3", 77),
    "unit.remove_connection": lambda u, n, t: u.remove_connection("k3"),
    "outbox.finish": lambda u, n, t: u.finish(n, t, OutboxState.DONE),
    "outbox.release": lambda u, n, t: u.release(n, OutboxState.CANCELLED, "ours", NOON),
    "commodity.add_terms": lambda u, n, t: u.add_terms(samples.currency_rate("7.2"), DAY, "ours"),
    "commodity.add_event": lambda u, n, t: u.add_event(samples.pricing_call("ours")),
    "commodity.end_event": lambda u, n, t: u.end_event(PricingCall, "p1", "ours"),
    "accounting.approve_voucher": lambda u, n, t: u.approve_voucher("v1", 1, "ours"),
    "accounting.send_back_voucher": lambda u, n, t: u.send_back_voucher("v1", 1, "ours"),
    "accounting.add_reversal": lambda u, n, t: u.add_reversal("v1", "ours.red", "", "ours"),
    "accounting.change_period": lambda u, n, t: u.change_period("2026-03", True, "ours"),
    "accounting.record_designation": lambda u, n, t: u.record_designation("R1", 1, "ours", DAY),
    "accounting.approve_designation": lambda u, n, t: u.approve_designation("R1", 1, "ours"),
    "reconciliation.save_day": lambda u, n, t: u.save_day(reconciled.run("ours"), []),
    "reconciliation.save_row": lambda u, n, t: u.save_row(reconciled.row(owner="ours")),
    "reconciliation.save_transfers": lambda u, n, t: u.save_transfers([reconciled.transfer("ours")]),
    "reconciliation.save_delivery": lambda u, n, t: u.save_delivery(reconciled.delivery(lots=9)),
    "reconciliation.save_receipt": lambda u, n, t: u.save_receipt(reconciled.receipt("ours")),
    "broker_queries.save_fills": lambda u, n, t: u.save_fills("k3", [samples.fill(lots=9)], Road.QUERY, NOON),
    "broker_queries.save_funds": lambda u, n, t: u.save_funds("k3", asked.funds(LEASE_END)),
    "broker_queries.save_positions": lambda u, n, t: u.save_positions("k3", asked.positions(LEASE_END)),
    "broker_queries.add_order": lambda u, n, t: u.add_order(asked.stored("ours")),
    "broker_queries.set_order_sent": lambda u, n, t: u.set_order_sent(asked.ORDER.key, LEASE_END),
    "broker_queries.set_order_receipt": lambda u, n, t: u.set_order_receipt(asked.ORDER.key, asked.RECEIPT, NOON),
    "columns.add_blocks": lambda u, n, t: u.add_blocks([asked.block("ours")]),
    "columns.list_fills": lambda u, n, t: u.list_fills(ACCOUNT, "CNY", DAY, [samples.fill(lots=9)]),
    "columns.add_recalculation": lambda u, n, t: u.add_recalculation(asked.recalculation("ours"), []),
    "columns.decide_recalculation": lambda u, n, t: u.decide_recalculation(1, "accepted", "ours"),
    "columns.ask_reopening": lambda u, n, t: u.ask_reopening(DAY, "ours"),
    "columns.decide_reopening": lambda u, n, t: u.decide_reopening(DAY, 1, "approved"),
    "limits.add_rule": lambda u, n, t: u.add_rule(limited.rule(owner="ours"), DAY),
    "limits.raise_alert": lambda u, n, t: u.raise_alert(limited.breach(), Moment.SETTLEMENT, LEASE_END),
    "limits.clear_alerts": lambda u, n, t: u.clear_alerts([ALERT], LEASE_END),
    "limits.acknowledge_alert": lambda u, n, t: u.acknowledge_alert(ALERT, LEASE_END, "ours", "ours", "ours"),
    "orders.add": lambda u, n, t: u.add(limited.order_proposal(lots=9), NOON, "ours"),
    "orders.approve": lambda u, n, t: u.approve("o1", limited.order_proposal().digest, NOON, "ours"),
    "orders.start": lambda u, n, t: u.start("o1", "260302000009"),
    "orders.move": lambda u, n, t: u.move("o1", set(OrderStage), OrderStage.WITHDRAWN, "ours"),
    "orders.throw_switch": lambda u, n, t: u.throw_switch(True, True, LEASE_END, "ours", "ours"),
    "audit.append": lambda u, n, t: u.append("ours.tried", "x", {}),
    "unit.save_connection": lambda u, n, t: u.save_connection(samples.connection(paused=True)),
    "unit.save_settings": lambda u, n, t: u.save_settings({"ours": "1"}),
    "unit.save_document": lambda u, n, t: u.save_document("mapping", "orders", b"ours"),
}
ELSEWHERE = {
    "audit.head",  # its value is compared below, together with everything else
    "columns.without_block",  # only a database from before there were blocks has any; test_storage_column_blocks tries it
}


@pytest.fixture
def full(store: SqlStore, book: BookId, clock: Any) -> tuple[SqlStore, int, str]:
    """The book `al02` full of everything, `cu01` empty; the number and the live token of a leased row of the former."""
    with store.begin(THEIRS, LI) as unit:
        unit.save_connection(samples.connection(THEIRS))
        unit.save_settings({"theirs": "1"})
        unit.save_document("mapping", "orders", b"theirs")
        unit.records.save_cursor("k3", "contracts", Cursor("theirs"))
        unit.records.save_raw([samples.mapped(b"theirs"), samples.quarantined(key="100/2")])
        unit.records.save_raw([samples.mapped(b"theirs", at=NOON + timedelta(days=1))])
        unit.records.save_raw([samples.mapped(b"packed", key=f"page/{n}") for n in range(FEWEST)])
        theirs = paged.page([f"known/{n}" for n in range(FEWEST)], "theirs", "theirs", "theirs")
        unit.record_pages.keep([paged.whole(theirs)])
        unit.record_pages.remember([theirs])
        unit.physical.save_contract_lines([samples.contract_line()])
        unit.physical.save_inventory([samples.inventory_lot()], NOON)
        unit.physical.save_masters([samples.master()])
        unit.statements.add(samples.stored_statement(), b"theirs")
        unit.broker.add_opening(samples.opening())
        unit.broker.save_prices([samples.price()])
        unit.results.add_matches([samples.match(), samples.match(match_id="m0")])
        unit.results.end_match("m0", "contract closed")
        unit.results.add_snapshot(samples.snapshot())
        unit.results.add_voucher(samples.stored_voucher(samples.voucher(THEIRS)))
        unit.results.add_expectation("v1", DAY, {"theirs": 1})
        unit.outbox.enqueue("k3", "voucher", "v1", "HB1", "theirs", clock.now())
        unit.outbox.enqueue("k3", "hedges", "l1", "l1", "theirs", clock.now())
        unit.commodity.add_terms(samples.currency_rate(), DAY)
        unit.commodity.add_event(samples.pricing_call())
        unit.accounting.approve_voucher("v1", 1, "theirs")
        unit.accounting.add_reversal("v1", "v1.red", "", "theirs")
        unit.accounting.change_period("2026-03", True, "theirs")
        unit.accounting.record_designation("R1", 1, "theirs", DAY)
        unit.accounting.approve_designation("R1", 1, "theirs")
        unit.reconciliation.save_day(reconciled.run("theirs"), [reconciled.row()])
        unit.reconciliation.save_transfers([reconciled.transfer("theirs")])
        unit.reconciliation.save_delivery(reconciled.delivery())
        unit.reconciliation.save_receipt(reconciled.receipt("theirs"))
        unit.broker_queries.save_fills("k3", [samples.fill()], Road.PUSH, NOON)
        unit.broker_queries.save_funds("k3", asked.funds(NOON))
        unit.broker_queries.save_positions("k3", asked.positions(NOON))
        unit.broker_queries.add_order(asked.stored("theirs"))
        unit.columns.add_recalculation(asked.recalculation("theirs"), [asked.result_day()])
        unit.columns.ask_reopening(DAY, "theirs")
        unit.jobs.add("theirs", {}, schedule="daily")
        unit.schedules.save(Schedule("daily", THEIRS, "theirs", "daily 02:00", {}, NOON))
        unit.limits.add_rule(limited.rule(), DAY)
        unit.limits.raise_alert(limited.breach(), Moment.DAY, NOON)
        unit.orders.add(limited.order_proposal(), NOON, "theirs")
        unit.orders.throw_switch(False, True, NOON, "theirs", "why")
        unit.audit.append("theirs.kept", "x", {})
    (row, _) = store.queue.lease_due(clock.now(), 10**6, 2)
    return store, row.id, row.lease_token


def test_every_method_of_every_port_is_tried() -> None:
    methods = {
        f"{name}.{method}"
        for name, protocol in PORTS.items()
        for method, member in vars(protocol).items()
        if inspect.isfunction(member) and not method.startswith("_")
    }
    methods |= {
        f"unit.{name}"
        for name, member in vars(port.UnitOfWork).items()
        if (inspect.isfunction(member) or isinstance(member, property)) and not name.startswith("_")
    }
    assert methods == READS.keys() | WRITES.keys() | ELSEWHERE


def test_our_repositories_offer_no_method_beside_the_ports(full: tuple[SqlStore, int, str]) -> None:
    store, _, _ = full
    with store.read(OURS) as unit:
        offered = {
            f"{name}.{method}"
            for name in PORTS
            for method, _ in inspect.getmembers(type(getattr(unit, name)), inspect.isfunction)
            if not method.startswith("_")
        }
    assert offered <= READS.keys() | WRITES.keys() | ELSEWHERE | {"audit.write"}


def test_a_book_reads_nothing_of_another(full: tuple[SqlStore, int, str], subtests: pytest.Subtests) -> None:
    store, row_id, token = full
    for name, (call, nothing) in READS.items():
        with subtests.test(name):
            with store.read(OURS) as unit:
                assert call(_part(unit, name), row_id, token) == nothing
            with store.read(THEIRS) as unit:
                assert call(_part(unit, name), row_id, token) != nothing, "the other book has something to find"


def test_a_book_changes_nothing_of_another(full: tuple[SqlStore, int, str], subtests: pytest.Subtests) -> None:
    store, row_id, token = full
    before = _of_the_other_book(store)
    for name, call in WRITES.items():
        with subtests.test(name):
            with suppress(KeyError, ValueError, RuleBroken), store.begin(OURS, LI) as unit:
                call(_part(unit, name), row_id, token)  # refused is as good as not found
            assert _of_the_other_book(store) == before


@pytest.mark.parametrize("name", ["connection_failed", "connection_worked", "pause_connection"])
def test_the_state_of_another_books_connection_cannot_be_changed(full: tuple[SqlStore, int, str], name: str) -> None:
    store, _, _ = full
    before = _of_the_other_book(store)
    more = {"connection_failed": (NOON,), "pause_connection": ("why",)}.get(name, ())
    with pytest.raises(KeyError):
        getattr(store, name)(OURS, "k3", *more)
    assert _of_the_other_book(store) == before


def _part(unit: Any, name: str) -> Any:
    part = name.partition(".")[0]
    return unit if part == "unit" else getattr(unit, part)


def _of_the_other_book(store: SqlStore) -> dict[str, list[tuple[Any, ...]]]:
    with as_owner(store) as engine, engine.connect() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(table.select().where(table.c.book_id == THEIRS))]
            for table in METADATA.sorted_tables
        }
    assert all(found.values()), "a table that is empty proves nothing"
    assert len(found[OUTBOX.name]) == 2
    return found
