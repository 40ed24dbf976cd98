"""The SAP adapter beyond the conformance suite: what is asked for, goods receipts, contracts, bulk posting, dry runs, texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.erp.sap.lookup import plain_account
from adapters.erp.sap.read import body_fields
from adapters.erp.sap.vendor import SapOptions
from adapters.erp.sap.write import VoucherWriter
from conformance.samples import sample_match
from connectors.sap import Confirmation, LogItem
from hedge_core.errors import (
    ContractViolation,
    IdempotencyConflict,
    InvalidInput,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, LineStatus, MasterKind, PricingKind
from hedge_core.model.records import Cursor, Mapped, PullScope, Quarantined
from hedge_core.model.vouchers import PostingReceipt, Stage
from sandbox.company import erp as company
from sandbox.sap import schema
from sandbox.sap.demo import order_number
from sandbox.sap.server import Behaviour
from tests.support.sap import CREDIT, DEBIT, Sap, serving, voucher


@pytest.fixture
def sap() -> Iterator[Sap]:
    with serving() as running:
        yield running


def lines(adapter: Any, scope: PullScope = PullScope.CHANGED) -> dict[str, ContractLine]:
    found = {}
    for item in adapter.pull_contracts(None, scope):
        if isinstance(item.outcome, Mapped):
            found[f"{item.ref.kind}:{item.ref.key}"] = item.outcome.item
    return found


# --- reading ---


def test_every_read_names_its_columns(sap: Sap) -> None:
    adapter = sap.adapter()
    list(adapter.pull_contracts(None))
    list(adapter.pull_inventory(None))
    for kind in MasterKind:
        list(adapter.pull_masters(kind, None))
    recent = sap.site.site.log.recent
    sets = [one for one in recent if not one["path"].endswith(("$metadata", "$count"))]
    assert sets and all("$select=" in one["query"] and "sap-client=100" in one["query"] for one in sets)


def test_the_whole_demo_company_arrives_with_its_quantities_and_states(sap: Sap) -> None:
    found = lines(sap.adapter())
    demo = company.company()
    checked = 0
    for order in demo.orders:
        if order.number in demo.broken:
            continue
        for place, line in enumerate(order.lines, 1):
            kind = "sale_line" if order.side == "sale" else "purchase_line"
            mine = found[f"{kind}:{order_number(order.number)}/{place * 10}"]
            factor = Decimal("0.001") if line.unit == "kg" else Decimal(1)
            assert mine.ordered == line.quantity * factor
            assert mine.delivered - mine.returned == (line.delivered - line.returned) * factor
            assert (mine.delivery_date, mine.contract_date) == (line.delivery_date, order.order_date)
            assert mine.pricing is (PricingKind.FLOATING if line.pricing == "F" else PricingKind.PRICED)
            expected = (
                LineStatus.CANCELLED if order.cancelled
                else LineStatus.CLOSED if order.closed
                else LineStatus.OPEN if order.state == "approved"
                else LineStatus.DRAFT
            )  # fmt: skip
            assert mine.status is expected
            checked += 1
    assert checked > 350


def test_prices_per_tonne_agree_with_the_orders_to_the_cent(sap: Sap) -> None:
    found = lines(sap.adapter())
    for order in company.company().orders:
        for place, line in enumerate(order.lines, 1):
            kind = "sale_line" if order.side == "sale" else "purchase_line"
            mine = found.get(f"{kind}:{order_number(order.number)}/{place * 10}")
            if mine is None or mine.price is None:
                continue
            per_tonne = company.net_of_tax(line.tax_price, line.tax_rate) * (1000 if line.price_unit == "kg" else 1)
            assert abs(mine.price - per_tonne) < Decimal("0.01")


def test_the_broken_records_are_quarantined_and_nothing_else_is(sap: Sap) -> None:
    held = {
        item.ref.key.partition("/")[0]
        for item in sap.adapter().pull_contracts(None)
        if isinstance(item.outcome, Quarantined)
    }
    broken = company.company().broken
    wanted = {order_number(number) for number, reason in broken.items() if reason != "duplicated_line"}
    assert held == wanted  # two equal items are two items in SAP: they have numbers of their own


def test_orders_by_v4_are_the_same_lines(sap: Sap) -> None:
    by_v2 = lines(sap.adapter(sources=["sales_orders", "purchase_orders"]))
    by_v4 = lines(sap.adapter(sources=["sales_orders_v4", "purchase_orders_v4"]))
    assert {name: replace(line, ref=by_v2[name].ref, modified_at=None) for name, line in by_v4.items()} == {
        name: replace(line, modified_at=None) for name, line in by_v2.items()
    }


def test_contracts_carry_only_what_was_not_called_off(sap: Sap) -> None:
    with sap.books.transaction():
        keys = {"PurchaseContract": "4600000001", "PurchaseContractItem": "10"}
        sap.books.change("A_PurchaseContractItem", keys, {"PurgDocReleaseOrderQuantity": Decimal(450)})
    line = lines(sap.adapter())["purchase_line:purchase_contracts/4600000001/10"]
    assert (line.ordered, line.delivered, line.open_quantity) == (Decimal(600), Decimal(450), Decimal(150))
    assert lines(sap.adapter())["sale_line:sales_contracts/4000000001/10"].open_quantity == 0


def test_goods_receipts_are_netted_and_mixed_units_are_not_added(sap: Sap) -> None:
    adapter = sap.adapter(sources=["purchase_orders"])
    leg, line = next((key, one) for key, one in lines(adapter).items() if one.open_quantity > 20 and not one.delivered)
    order, _, item = leg.partition(":")[2].partition("/")

    def receive(movement: str, quantity: str, unit: str = "TO") -> None:
        with sap.books.transaction():
            sap.books.add(
                "A_MaterialDocumentItem", MaterialDocumentYear="2026", MaterialDocumentItem="1", PurchaseOrder=order,
                MaterialDocument=str(sap.books.next_number("MATBELEG", 5000000000)), PurchaseOrderItem=item,
                GoodsMovementType=movement, QuantityInEntryUnit=Decimal(quantity), EntryUnit=unit,
            )  # fmt: skip

    for movement, quantity in (("101", "10"), ("102", "2.5"), ("122", "1.25"), ("999", "7")):
        receive(movement, quantity)
    seen = lines(adapter, PullScope.OPEN)[leg]
    assert (seen.delivered, seen.returned) == (Decimal("7.5"), Decimal("1.25"))
    assert seen.open_quantity == line.ordered - Decimal("7.5") + Decimal("1.25")
    receive("101", "500", "KG")
    (held,) = [i for i in adapter.pull_contracts(None) if f"{i.ref.kind}:{i.ref.key}" == leg]
    assert isinstance(held.outcome, Quarantined)
    assert "500" in str(body_fields(held.raw.body)["receipt.delivered"])


def test_a_custom_field_that_the_system_does_not_have_is_empty_and_a_standard_one_is_told(
    sap: Sap, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = schema.TYPES["A_SalesOrderItem"].properties
    monkeypatch.delitem(items, "YY1_HBPricing_SDI")
    adapter = sap.adapter(sources=["sales_orders"])
    assert adapter.check().ok
    assert all(line.pricing is PricingKind.PRICED for line in lines(adapter).values())
    monkeypatch.delitem(items, "NetAmount")
    steps = {step.step: step for step in sap.adapter(sources=["sales_orders"]).check().steps}
    assert not steps["fields:sales_orders"].ok
    assert steps["fields:sales_orders"].finding.params["fields"] == "NetAmount"


def test_what_changes_while_we_read_is_read_again_next_time(sap: Sap) -> None:
    adapter = sap.adapter(sources=["sales_orders"], page_rows=10)
    items = adapter.pull_contracts(None)
    first = next(items)
    order = first.ref.key.partition("/")[0]
    with sap.books.transaction():  # behind the pull's back, then something newer that the pull does see
        sap.books.change("A_SalesOrder", {"SalesOrder": order}, {})
        sap.books.change(
            "A_SalesOrder", {"SalesOrder": "1000000075"}, {"LastChangeDateTime": datetime(2099, 1, 1, tzinfo=UTC)}
        )
    last = [first, *items][-1]
    again = {item.ref.key.partition("/")[0] for item in adapter.pull_contracts(last.cursor)}
    assert order in again


def test_an_interrupted_pull_with_nothing_left_begins_again_and_does_not_wait_for_a_new_order(sap: Sap) -> None:
    sap.add_sale("1999999998")
    with sap.books.transaction():  # an order without items comes last
        sap.books.add("A_SalesOrder", SalesOrder="1999999999", SalesOrganization="1010")
    adapter = sap.adapter(sources=["sales_orders"])
    whole = [item.ref for item in adapter.pull_contracts(None)]
    stuck = Cursor(
        '{"v":1,"done":{},"source":"sales_orders","at":{"since":"","started":"2026-04-01T00:00:00+00:00",'
        '"newest":"2026-03-31T00:00:00+00:00","after":"1999999998"}}'
    )
    again = list(adapter.pull_contracts(stuck))
    assert [item.ref for item in again] == whole
    assert '"done":{"sales_orders"' in again[-1].cursor


def test_a_cursor_that_stopped_in_a_source_no_longer_pulled_does_not_stop_the_others(sap: Sap) -> None:
    stopped = Cursor('{"v":1,"done":{},"source":"purchase_orders","at":{"after":"4500000007"}}')
    found = list(sap.adapter(sources=["sales_orders"]).pull_contracts(stopped))
    assert {item.ref for item in found} == {
        item.ref for item in sap.adapter(sources=["sales_orders"]).pull_contracts(None)
    }


def test_options_typed_on_a_command_line_are_understood_and_an_unknown_source_is_named(sap: Sap) -> None:
    sap.adapter(page_rows="50", bulk="1").push_vouchers([voucher(1), voucher(2)])
    assert sap.calls()["JournalEntry"] == 2
    with pytest.raises(InvalidInput) as refused:
        sap.adapter(sources=["salse_orders"])
    assert refused.value.field == "sources"


def test_posting_may_log_on_in_another_way_than_reading(sap: Sap) -> None:
    who = sap.site.credentials
    adapter = sap.adapter(
        login_mode="oauth2", journal_login_mode="basic", journal_user=who.user, journal_password=who.password
    )
    (receipt,) = adapter.push_vouchers([voucher()])
    assert isinstance(receipt, PostingReceipt)
    assert sap.calls()["Token"] == 1


def test_stock_is_whole_and_other_owners_goods_are_not_ours(sap: Sap) -> None:
    found = [item.outcome.item for item in sap.adapter().pull_inventory(None) if isinstance(item.outcome, Mapped)]
    demo = company.company().stock
    assert len(found) == len(demo)
    assert sum(lot.quantity for lot in found) == sum(lot.quantity for lot in demo)
    assert {lot.lot_no for lot in found if not lot.ours} == {
        lot.lot for lot in demo if lot.owner_kind != "organisation"
    }
    assert all(isinstance(lot, InventoryLot) for lot in found)


def test_stock_that_keeps_changing_is_not_taken_for_a_snapshot(sap: Sap, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = sap.adapter()
    monkeypatch.setattr(adapter._client, "count", lambda *_: 61)
    with pytest.raises(Unavailable):
        list(adapter.pull_inventory(None))


@given(st.lists(st.tuples(st.decimals(0, 10**9, places=3), st.dates(date(2026, 1, 1), date(2027, 1, 1))), min_size=1))
def test_schedule_lines_add_up_and_the_earliest_date_counts(schedule: list[tuple[Decimal, date]]) -> None:
    children = [{"Quantity": str(quantity), "Date": day.isoformat()} for quantity, day in schedule]
    body = json.dumps({"own": {}, "prefix": "schedule", "children": children}).encode()
    fields = body_fields(body)
    assert fields["schedule.Quantity"] == sum(quantity for quantity, _ in schedule)
    assert fields["schedule.Date"] == min(day for _, day in schedule).isoformat()


# --- posting ---


def test_a_batch_goes_out_in_one_call_and_each_voucher_gets_its_own_document(sap: Sap) -> None:
    batch = [voucher(number, Decimal(number)) for number in range(1, 31)]
    results = sap.adapter(bulk=20).push_vouchers(batch)
    assert sap.calls()["JournalEntry"] == 2
    for one, result in zip(batch, results, strict=True):
        (document,) = sap.documents(one.key)
        assert isinstance(result, PostingReceipt)
        assert (result.number, result.total, result.stage) == (document.number, one.total, Stage.POSTED)


def test_a_document_number_is_unique_with_its_company_code_and_year_only(sap: Sap) -> None:
    (receipt,) = sap.adapter().push_vouchers([voucher()])
    assert isinstance(receipt, PostingReceipt)
    assert receipt.external_id == f"1010/2026/{receipt.number}"


def test_one_voucher_refused_in_a_batch_names_its_reason_first(sap: Sap) -> None:
    bad = voucher(2)
    bad = replace(bad, lines=(replace(bad.lines[0], account="9999999999"), bad.lines[1]))
    good, refused = sap.adapter().push_vouchers([voucher(1), bad])
    assert isinstance(good, PostingReceipt)
    assert isinstance(refused, Rejected)
    assert refused.vendor_code == "F5/507"
    assert refused.vendor_text.startswith("G/L account 9999999999 is not defined in chart of accounts YCOA")


def test_a_lock_asks_for_patience_and_not_for_a_person(sap: Sap) -> None:
    sap.site.site.journal.locked = True
    (outcome,) = sap.adapter().push_vouchers([voucher()])
    assert isinstance(outcome, Unavailable)
    (told_otherwise,) = sap.adapter(message_actions={"F5/042": "person"}).push_vouchers([voucher()])
    assert isinstance(told_otherwise, Rejected)
    sap.site.site.journal.locked = False
    (receipt,) = sap.adapter().push_vouchers([voucher()])
    assert isinstance(receipt, PostingReceipt)


def test_a_user_without_the_right_to_post_is_rejected(sap: Sap) -> None:
    who = sap.site.credentials
    (outcome,) = sap.adapter(user=who.reader_user, secret=who.reader_password).push_vouchers([voucher()])
    assert isinstance(outcome, Rejected)
    assert outcome.vendor_code == "F5/083"


def test_two_documents_under_one_key_are_an_alarm(sap: Sap) -> None:
    adapter = sap.adapter()
    adapter.push_vouchers([voucher()])
    first = sap.books.rows("A_OperationalAcctgDocItemCube", DocumentReferenceID=voucher().key)
    with sap.books.transaction():
        for row in first:  # a person in SAP copied the document with its reference
            sap.books.add("A_OperationalAcctgDocItemCube", **{**row, "AccountingDocument": "0100009999"})
    with pytest.raises(IdempotencyConflict):
        adapter.find_voucher(voucher().key)
    (outcome,) = adapter.push_vouchers([voucher()])
    assert isinstance(outcome, IdempotencyConflict)
    assert len(adapter.find_vouchers([voucher().key])[voucher().key]) == 2


def test_dimensions_go_where_the_connection_says_and_unknown_ones_stop_the_voucher(sap: Sap) -> None:
    sap.adapter().push_vouchers([voucher()])
    row = sap.books.rows("A_OperationalAcctgDocItemCube", DocumentReferenceID=voucher().key)[0]
    assert row["AssignmentReference"] == "80010001"
    sap.adapter(dimensions={"broker_account": "CostCenter"}).push_vouchers([voucher(2)])
    row = sap.books.rows("A_OperationalAcctgDocItemCube", DocumentReferenceID=voucher(2).key)[0]
    assert row["CostCenter"] == "80010001"
    (refused,) = sap.adapter(dimensions={}).push_vouchers([voucher(3)])
    assert isinstance(refused, Rejected) and refused.vendor_code == "dimension"


def test_an_amount_beyond_the_currencys_decimals_is_not_sent(sap: Sap) -> None:
    yen = replace(voucher(1, Decimal("100.50")), currency="JPY")
    (refused,) = sap.adapter().push_vouchers([yen])
    assert isinstance(refused, Rejected) and refused.vendor_code == "amount"
    assert "JournalEntry" not in sap.calls()


def test_long_texts_are_cut_and_a_reference_that_does_not_fit_is_refused(sap: Sap) -> None:
    one = voucher()
    long = replace(one, summary="套" * 60, lines=tuple(replace(line, summary="期" * 90) for line in one.lines))
    (receipt,) = sap.adapter().push_vouchers([long])
    assert isinstance(receipt, PostingReceipt)
    dimension = (("broker_account", "9" * 19),)
    wide = replace(voucher(2), lines=(replace(one.lines[0], dimensions=dimension), one.lines[1]))
    (refused,) = sap.adapter().push_vouchers([wide])
    assert isinstance(refused, Rejected) and "AssignmentReference" in refused.vendor_text


def test_an_empty_200_after_the_booking_is_an_unknown_outcome_and_found_afterwards(sap: Sap) -> None:
    sap.fault("empty_200=1x@writes")
    adapter = sap.adapter()
    (outcome,) = adapter.push_vouchers([voucher()])
    assert isinstance(outcome, OutcomeUnknown)
    (receipt,) = adapter.push_vouchers([voucher()])
    assert isinstance(receipt, PostingReceipt) and receipt.found_by_lookup
    assert len(sap.documents(voucher().key)) == 1


def test_the_same_voucher_sends_the_same_ids_every_time(sap: Sap) -> None:
    adapter = sap.adapter()
    first, second = (adapter.voucher_body(voucher())["MessageHeader"] for _ in range(2))
    assert (first["ID"], first["UUID"]) == (second["ID"], second["UUID"])
    assert first["UUID"] != adapter.voucher_body(voucher(2))["MessageHeader"]["UUID"]


@pytest.mark.parametrize("own", [False, True])
def test_our_key_is_in_the_original_reference_only_where_the_reference_type_is_ours(sap: Sap, own: bool) -> None:
    """SAP makes the original reference of BKPFF itself; filled in, it would be refused or overwritten."""
    options = {"reference_type": "ZHEDG", "logical_system": "HEDGE01"} if own else {}
    entry = sap.adapter(**options).voucher_body(voucher())["JournalEntry"]
    assert entry["OriginalReferenceDocumentType"] == ("ZHEDG" if own else "BKPFF")
    assert entry.get("OriginalReferenceDocument") == (voucher().key if own else None)
    assert entry.get("OriginalReferenceDocumentLogicalSystem") == ("HEDGE01" if own else None)
    assert entry["DocumentReferenceID"] == entry["Reference1InDocumentHeader"] == voucher().key


def test_client_and_language_go_with_every_call(sap: Sap) -> None:
    list(sap.adapter(language="ZH").pull_masters(MasterKind.MATERIAL, None))
    queries = [one["query"] for one in sap.site.site.log.recent if "API_PRODUCT_SRV" in one["path"]]
    assert queries and all("sap-client=100" in one and "sap-language=ZH" in one for one in queries)


def test_accounts_are_padded_for_saps_ten_digits_and_compared_without_padding() -> None:
    assert plain_account("0012100000") == plain_account("12100000") == "12100000"
    assert plain_account("SONST01") == "SONST01"


class _Journal:
    """Answers what a test wants, in an order a test wants."""

    def __init__(self, *answers: Confirmation) -> None:
        self.answers = list(answers)

    def build(self, payload: Any) -> bytes:
        return b""

    def post(self, envelope: bytes) -> list[Confirmation]:
        return self.answers


class _Nothing:
    def find(self, keys: Any) -> dict[str, Any]:
        list(keys)
        return {}


def _writer(*answers: Confirmation) -> VoucherWriter:
    options = SapOptions(company_code="1010", created_by="HEDGE", dimensions={"broker_account": "AssignmentReference"})
    return VoucherWriter(_Journal(*answers), options, _Nothing(), lambda: datetime.now(UTC), "SAP")  # type: ignore[arg-type]


def test_confirmations_are_matched_by_the_message_they_refer_to() -> None:
    one, two = voucher(1), voucher(2)
    answers = [
        Confirmation("200", "1010", "2026", f"HB-{two.key}", ()),
        Confirmation("100", "1010", "2026", f"HB-{one.key}", ()),
    ]
    results = _writer(*answers).push([one, two])
    assert [result.number for result in results if isinstance(result, PostingReceipt)] == ["100", "200"]


def test_fewer_confirmations_than_entries_leave_every_outcome_unknown() -> None:
    results = _writer(Confirmation("100", "1010", "2026", "", ())).push([voucher(1), voucher(2)])
    assert all(isinstance(result, OutcomeUnknown) for result in results)


@pytest.mark.parametrize(
    "answer",
    [
        Confirmation("100", "1010", "2026", "", (LogItem("F5/702", 3, "balance"),)),
        Confirmation("", "", "0000", "", (LogItem("RW/605", 1, "posted"),)),
        Confirmation("", "", "0000", "", ()),
    ],
    ids=["a number and an error", "no number and no error", "nothing"],
)
def test_a_confirmation_that_contradicts_itself_is_unknown(answer: Confirmation) -> None:
    (result,) = _writer(answer).push([voucher(1)])
    assert isinstance(result, OutcomeUnknown)


# --- dry run ---


@pytest.mark.parametrize("zeros", [True, False])
def test_a_dry_run_books_nothing_and_tells_saps_words(zeros: bool) -> None:
    with serving(behaviour=Behaviour(answer_zeros=zeros)) as sap:
        adapter = sap.adapter(dry_run=True)
        assert "no errors" in adapter.try_voucher(voucher())
        bad = replace(voucher(), lines=(replace(voucher().lines[0], account="9999"), voucher().lines[1]))
        with pytest.raises(Rejected):
            adapter.try_voucher(bad)
        assert sap.documents(voucher().key) == []


def test_a_system_that_books_in_a_dry_run_is_found_out_and_the_number_is_kept() -> None:
    with serving(behaviour=Behaviour(honours_test=False)) as sap:
        with pytest.raises(ContractViolation) as found_out:
            sap.adapter(dry_run=True).try_voucher(voucher())
        reached = found_out.value.reached
        assert isinstance(reached, PostingReceipt)
        assert [reached.number] == [document.number for document in sap.documents(voucher().key)]


def test_dry_runs_are_off_until_somebody_says_that_the_system_honours_them(sap: Sap) -> None:
    with pytest.raises(Rejected):
        sap.adapter().try_voucher(voucher())
    assert "JournalEntry" not in sap.calls()


# --- hedge notes ---


@pytest.mark.parametrize("kind", ["sale_line", "purchase_line"])
def test_the_note_is_created_changed_and_emptied_beside_other_texts(sap: Sap, kind: str) -> None:
    adapter = sap.adapter()
    key = next(name.partition(":")[2] for name in lines(adapter) if name.startswith(f"{kind}:"))
    leg = ExternalRef("erp", kind, key)
    order, _, item = key.partition("/")
    table, text = (
        ("A_SalesOrderItemText", "LongText") if kind == "sale_line" else ("A_PurchaseOrderItemNote", "PlainLongText")
    )
    keys = {"SalesOrder": order, "SalesOrderItem": item, "LongTextID": "0001"} if kind == "sale_line" else {
        "PurchaseOrder": order, "PurchaseOrderItem": item, "TextObjectType": "F01"}  # fmt: skip
    with sap.books.transaction():
        sap.books.add(table, **keys, Language="EN", **{text: "somebody else's text"})
    for matches in ([sample_match(leg, "25", "25")], [sample_match(leg, "20", "20")], []):
        adapter.push_hedges(leg, matches)
        texts = {tuple(row.values())[-2:]: row for row in sap.books.rows(table)}
        assert any(row[text] == "somebody else's text" for row in texts.values())
    note = adapter.find_hedges(leg)
    assert note is not None and note.text == ""


def test_a_line_that_is_gone_and_a_place_that_is_not_configured_are_told(sap: Sap) -> None:
    gone = ExternalRef("erp", "sale_line", "9999999999/10")
    assert sap.adapter().find_hedges(gone) is None
    with pytest.raises(Rejected):
        sap.adapter().push_hedges(gone, [sample_match(gone, "1", "1")])
    agreement = ExternalRef("erp", "purchase_line", "purchase_contracts/4600000001/10")
    with pytest.raises(Rejected) as refused:
        sap.adapter().push_hedges(agreement, [])
    assert refused.value.vendor_code == "no-place"


def test_the_sample_accounts_exist(sap: Sap) -> None:
    codes = {
        i.outcome.item.code
        for i in sap.adapter().pull_masters(MasterKind.ACCOUNT, None)
        if isinstance(i.outcome, Mapped)
    }
    assert {DEBIT, CREDIT} <= codes
