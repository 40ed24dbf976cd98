"""Reading Odoo: what a pull covers, how it goes on after a cut, what its figures mean, and what is set aside."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.erp.odoo.rows import encode_body, flat_record
from hedge_core.model.physical import ContractLine, LineStatus, LotKind, MasterKind, PricingKind
from hedge_core.model.records import Cursor, Mapped, PullScope, Quarantined, Seen
from sandbox.company.erp import company
from tests.support.odoo import ROUTES, Odoo, connected, serving

COPPER = "1.01.CU01"


def lines(odoo: Odoo, **given) -> dict[tuple[str, str], ContractLine]:
    items = odoo.adapter.pull_contracts(given.pop("since", None), **given)
    return {(i.ref.kind, i.ref.key): i.outcome.item for i in items if isinstance(i.outcome, Mapped)}


def sale_line(odoo: Odoo, pricing: str = "P", state: str = "sale") -> dict:
    orders = {row["id"]: row for row in odoo.rows("sale.order")}
    return next(
        row
        for row in odoo.rows("sale.order.line")
        if row["x_hb_pricing"] == pricing and orders[row["order_id"]]["state"] == state
    )


def test_every_line_of_the_company_arrives_and_only_the_broken_ones_are_set_aside(odoo: Odoo) -> None:
    items = list(odoo.adapter.pull_contracts(None))
    assert len(items) == company().lines
    held = {i.outcome.column: i for i in items if isinstance(i.outcome, Quarantined)}
    assert sorted(held) == ["commodity", "ordered"]
    assert sum(isinstance(i.outcome, Quarantined) for i in items) == 3
    assert all(i.raw is not None and i.raw.body for i in items)
    assert items[-1].page_end


def test_conformance_odoo_E02_references_stay_the_same_from_pull_to_pull(odoo: Odoo) -> None:
    first = [(i.ref, i.raw.digest) for i in odoo.adapter.pull_contracts(None) if i.raw]
    second = [(i.ref, i.raw.digest) for i in odoo.adapter.pull_contracts(None) if i.raw]
    assert first == second
    stock = [i.ref for i in odoo.adapter.pull_inventory(None)]
    assert stock == [i.ref for i in odoo.adapter.pull_inventory(None)]


def test_conformance_odoo_E03_a_pull_cut_anywhere_resumes_and_loses_nothing() -> None:
    with serving(ROUTES["json2"], page_rows=37) as odoo:
        whole = [(i.ref, i.cursor, i.page_end) for i in odoo.adapter.pull_contracts(None)]
        everything = {ref for ref, _, _ in whole}

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(cut=st.integers(0, len(whole) - 1))
        def resumed(cut: int) -> None:
            before = whole[: cut + 1]
            last_end = max((place for place, (_, _, end) in enumerate(before) if end), default=None)
            saved = {ref for ref, _, _ in before[: (last_end or -1) + 1]} if last_end is not None else set()
            cursor = before[last_end][1] if last_end is not None else None
            rest = {i.ref for i in odoo.adapter.pull_contracts(cursor)}
            assert saved | rest == everything

        resumed()


def test_conformance_odoo_E04_a_repeat_at_the_boundary_has_the_same_content(odoo: Odoo) -> None:
    items = list(odoo.adapter.pull_contracts(None))
    digests = {i.ref: i.raw.digest for i in items if i.raw}
    repeated = [i for i in odoo.adapter.pull_contracts(items[-1].cursor) if i.raw]
    assert repeated
    assert all(digests[i.ref] == i.raw.digest for i in repeated if i.raw)


def test_a_changed_line_comes_again_and_so_do_all_lines_of_a_changed_order(odoo: Odoo) -> None:
    cursor = list(odoo.adapter.pull_contracts(None))[-1].cursor
    quiet = {i.ref.key for i in odoo.adapter.pull_contracts(cursor)}
    line = next(row for row in odoo.rows("sale.order.line") if str(row["id"]) not in quiet)
    odoo.control("edit", {"model": "sale.order.line", "id": line["id"], "set": {"qty_delivered": 5}})
    changed = lines(odoo, since=cursor)
    assert changed["sale_line", str(line["id"])].delivered == 5
    order = next(row for row in odoo.rows("purchase.order") if row["state"] == "purchase")
    odoo.control("edit", {"model": "purchase.order", "id": order["id"], "set": {"state": "cancel"}})
    now = {key: line.status for (kind, key), line in lines(odoo, since=cursor).items() if kind == "purchase_line"}
    of_order = [str(row["id"]) for row in odoo.rows("purchase.order.line") if row["order_id"] == order["id"]]
    assert [now[key] for key in of_order] == [LineStatus.CANCELLED] * len(of_order)


def test_the_next_pull_begins_before_what_was_newest_when_this_one_began(odoo: Odoo) -> None:
    """A row written while a pull runs is older than the newest one seen, and still not missed."""
    pulling = odoo.adapter.pull_contracts(None)
    next(pulling)
    odoo.control("edit", {"model": "sale.order.line", "id": 1, "set": {"qty_delivered": 7}})
    cursor = list(pulling)[-1].cursor
    assert lines(odoo, since=cursor)["sale_line", "1"].delivered == 7


def test_the_open_scope_reads_confirmed_orders_only_and_the_key_scope_everything(odoo: Odoo) -> None:
    opened = lines(odoo, scope=PullScope.OPEN)
    assert {line.status for line in opened.values()} == {LineStatus.OPEN}
    keys = list(odoo.adapter.pull_contracts(None, PullScope.KEYS))
    assert len(keys) == company().lines
    assert all(isinstance(i.outcome, Seen) and i.raw is None for i in keys)
    odoo.control("delete", {"model": "sale.order.line", "id": 1})
    left = {(i.ref.kind, i.ref.key) for i in odoo.adapter.pull_contracts(None, PullScope.KEYS)}
    assert ("sale_line", "1") not in left
    assert len(left) == company().lines - 1


def test_sections_notes_and_down_payments_are_not_goods(odoo: Odoo) -> None:
    for values in ({"display_type": "line_note", "name": "note"}, {"is_downpayment": True, "name": "deposit"}):
        odoo.control("records", {"model": "sale.order.line", "values": {"order_id": 1, **values}})
    assert len(list(odoo.adapter.pull_contracts(None))) == company().lines


def test_prices_are_per_tonne_without_tax_and_quantities_in_tonnes(odoo: Odoo) -> None:
    row = sale_line(odoo)
    kilograms = next(unit["id"] for unit in odoo.rows("uom.uom") if unit["name"] == "kg")
    unit = "product_uom_id" if odoo.site.site.books.release.series >= 19 else "product_uom"
    change = {unit: kilograms, "product_uom_qty": "12345", "qty_delivered": "345", "price_unit": "79.8"}
    odoo.control("edit", {"model": "sale.order.line", "id": row["id"], "set": change})
    line = lines(odoo)["sale_line", str(row["id"])]
    assert (line.ordered, line.delivered, line.unit) == (Decimal("12.345"), Decimal("0.345"), "t")
    assert line.price == Decimal("70619.469027")
    assert line.vat_rate == Decimal("0.13")


def test_a_floating_line_has_a_reference_month_and_a_premium_and_no_price(odoo: Odoo) -> None:
    row = sale_line(odoo, "F")
    line = lines(odoo)["sale_line", str(row["id"])]
    assert line.pricing is PricingKind.FLOATING
    assert line.delivery_month == row["x_hb_ref_month"]
    assert line.price is None
    assert line.premium == Decimal(row["x_hb_premium"])


def test_without_the_custom_fields_every_line_is_priced_and_the_month_is_that_of_delivery() -> None:
    with serving(replace(ROUTES["json2"], custom_fields=False)) as odoo:
        found = [line for line in lines(odoo).values() if line.price]
        assert {line.pricing for line in found} == {PricingKind.PRICED}
        assert all(line.delivery_month == f"{line.delivery_date:%Y-%m}" for line in found if line.delivery_date)
        step = next(step for step in odoo.adapter.check().steps if step.step == "fields:sale_line")
        assert step.ok
        assert "x_hb_pricing" in str(step.finding)


def test_trap_1_low_quantity_precision_is_reported_with_the_remedy(odoo: Odoo) -> None:
    odoo.control("precision", {"digits": 2})
    step = next(step for step in odoo.adapter.check().steps if step.step == "precision")
    assert not step.ok
    assert "Decimal Accuracy" in str(step.finding)


def test_trap_3_the_currency_is_the_orders_own_not_the_companys(odoo: Odoo) -> None:
    row = sale_line(odoo)
    dollar = next(one["id"] for one in odoo.rows("res.currency") if one["name"] == "USD")
    odoo.control("edit", {"model": "sale.order", "id": row["order_id"], "set": {"currency_id": dollar}})
    assert lines(odoo)["sale_line", str(row["id"])].currency == "USD"


def test_trap_8_a_moment_near_midnight_belongs_to_the_day_in_beijing(odoo: Odoo) -> None:
    row = sale_line(odoo)
    odoo.control("edit", {"model": "sale.order", "id": row["order_id"], "set": {"date_order": "2026-03-19 16:30:00"}})
    assert lines(odoo)["sale_line", str(row["id"])].contract_date == date(2026, 3, 20)


def test_a_line_without_a_product_or_of_a_strange_state_waits_in_quarantine(odoo: Odoo) -> None:
    odoo.control("edit", {"model": "sale.order.line", "id": 1, "set": {"product_id": None}})
    odoo.control("edit", {"model": "purchase.order", "id": 1, "set": {"state": "dreaming"}})
    found = {(i.ref.kind, i.ref.key): i.outcome for i in odoo.adapter.pull_contracts(None)}
    assert isinstance(found["sale_line", "1"], Quarantined)
    strange = found["purchase_line", "1"]
    assert isinstance(strange, Quarantined)
    assert strange.column == "status"
    assert sum(isinstance(one, Mapped) for one in found.values()) > 380


def test_conformance_odoo_E06_a_quarantined_record_flows_after_it_is_mapped_again(odoo: Odoo) -> None:
    held = [i for i in odoo.adapter.pull_contracts(None) if isinstance(i.outcome, Quarantined)]
    for item in held:
        assert item.raw is not None
        again = odoo.adapter.remap(item.raw)
        assert isinstance(again, Quarantined)
        assert again.reason == item.outcome.reason
        assert odoo.adapter.raw_fields(item.raw)["order.name"]


def test_stock_is_one_snapshot_with_owner_warehouse_and_kind(odoo: Odoo) -> None:
    lots = [i.outcome.item for i in odoo.adapter.pull_inventory(None) if isinstance(i.outcome, Mapped)]
    assert len(lots) == len(company().stock)
    wanted = Counter((lot.material, lot.warehouse, lot.lot, lot.quantity) for lot in company().stock)
    assert Counter((lot.material, lot.warehouse, lot.lot_no, lot.quantity) for lot in lots) == wanted
    assert sum(not lot.ours for lot in lots) == 5
    assert {lot.kind for lot in lots if lot.warehouse == "CK91"} == {LotKind.STANDARD}
    assert {lot.kind for lot in lots if lot.warehouse != "CK91"} == {LotKind.NON_STANDARD}


def test_quants_of_one_place_are_added_up(odoo: Odoo) -> None:
    quant = odoo.rows("stock.quant")[0]
    copy = {name: quant[name] for name in ("product_id", "location_id", "lot_id")}
    odoo.control("records", {"model": "stock.quant", "values": {**copy, "quantity": 0.125}})
    lots = [i.outcome.item for i in odoo.adapter.pull_inventory(None) if isinstance(i.outcome, Mapped)]
    assert len(lots) == len(company().stock)
    assert any(lot.quantity == Decimal(quant["quantity"]) + Decimal("0.125") for lot in lots)


def test_negative_stock_is_set_aside(odoo: Odoo) -> None:
    odoo.control("edit", {"model": "stock.quant", "id": 1, "set": {"quantity": -10}})
    held = [i for i in odoo.adapter.pull_inventory(None) if isinstance(i.outcome, Quarantined)]
    assert [i.outcome.column for i in held] == ["quantity"]  # type: ignore[union-attr]


def test_the_stock_is_read_in_one_call_which_is_one_transaction() -> None:
    with serving(ROUTES["json2"], page_rows=25) as odoo:
        reads = []
        real = odoo.client.search_read

        def counted(model, domain, fields, **rest):
            reads.append((model, rest.get("limit")))
            return real(model, domain, fields, **rest)

        odoo.client.search_read = counted  # type: ignore[method-assign]
        assert len(list(odoo.adapter.pull_inventory(None))) == len(company().stock)
        assert [read for read in reads if read[0] == "stock.quant"] == [("stock.quant", None)]


def test_masters_arrive_whole_archived_ones_too_and_only_our_companys_accounts(odoo: Odoo) -> None:
    odoo.control("edit", {"model": "product.product", "id": 1, "set": {"active": False}})
    materials = {i.outcome.item.code: i.outcome.item for i in odoo.adapter.pull_masters(MasterKind.MATERIAL, None)}
    assert not materials[COPPER].active
    partners = [i.outcome.item for i in odoo.adapter.pull_masters(MasterKind.PARTNER, None)]
    assert {"C001", "S001"} <= {partner.code for partner in partners}
    accounts = [i.outcome.item for i in odoo.adapter.pull_masters(MasterKind.ACCOUNT, None)]
    assert len(accounts) == len({account.code for account in accounts})
    assert [account.code for account in accounts if not account.active] == ["1503"]


# --- health ---


def test_conformance_odoo_E01_check_tells_authentication_from_network(route) -> None:
    with serving(route) as odoo:
        assert odoo.adapter.check().ok
    step = odoo.adapter.check().steps[0]
    assert (step.step, step.ok) == ("reach", False)
    with serving(route, key="1" * 40) as refused:
        (step,) = refused.adapter.check().steps
        assert (step.step, step.ok) == ("login", False)
    with serving(route, company_id=7) as elsewhere:
        (step,) = elsewhere.adapter.check().steps
        assert (step.step, step.ok) == ("company", False)


def test_conformance_odoo_E08_a_lost_login_is_not_hammered(odoo: Odoo) -> None:
    assert odoo.adapter.check().ok
    odoo.site.site.books.run("DELETE FROM secrets")
    for _ in range(3):
        assert not odoo.adapter.check().ok
    assert sum(odoo.site.site.gate.failures.values()) <= 1


def test_check_says_what_the_user_may_not_do_and_which_journal_is_missing(route) -> None:
    with serving(route, journal="NOPE") as odoo:
        steps = {step.step: step for step in odoo.adapter.check().steps}
        assert not steps["journal"].ok
        assert "NOPE" in str(steps["journal"].finding)
    with serving(route) as site:
        who = site.site.credentials
        reader = connected(site.site, key=who.reader_key, user=who.reader_user)
        steps = {step.step: step for step in reader.adapter.check().steps}
        assert steps["login"].ok
        assert not steps["rights"].ok


def test_a_field_of_the_mapping_that_is_not_there_is_named(route) -> None:
    with serving(route) as odoo:
        mapper = odoo.adapter._mappers["sale_line"]  # the spec with one more field, as a steward might have written it
        spec = mapper.spec

        class WithTypo:
            identity = spec.identity
            fields = (*spec.fields, "order.no_such_field")

        mapper.spec = WithTypo()  # type: ignore[assignment]
        step = next(step for step in odoo.adapter.check().steps if step.step == "fields:sale_line")
        assert not step.ok
        assert "order.no_such_field" in str(step.finding)


def test_reads_are_repeated_after_a_passing_fault(odoo: Odoo) -> None:
    odoo.adapter.check()
    for fault in ("error_500_before", "html_200", "cut_connection", "lose_answer_after_commit"):
        odoo.fault(f"{fault}=2x@reads")
        assert len(list(odoo.adapter.pull_inventory(None))) == len(company().stock)


# --- the flat record ---


def test_false_is_empty_except_where_it_is_a_boolean() -> None:
    body = encode_body({"id": 1, "note": False, "active": False, "deprecated": True}, {}, (), ["active", "deprecated"])
    record = flat_record(body)
    assert record["note"] is None
    assert record["active"] is False  # deprecated: the older name, the other sense


def test_moments_are_aware_names_are_the_newest_and_links_have_an_id() -> None:
    row = {"id": 7, "write_date": "2026-03-01 02:00:00", "product_uom": [17, "Ton"], "date": "2026-03-01"}
    record = flat_record(encode_body(row, {"order": {"partner_id": [3, "江岭"], "name": "S1"}}))
    assert record["write_date"] == datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert (record["product_uom_id"], record["product_uom_id.id"]) == ("Ton", 17)
    assert (record["order.partner_id"], record["order.partner_id.id"]) == ("江岭", 3)
    assert record["date"] == "2026-03-01"


@pytest.mark.parametrize(
    ("taxes", "expected"),
    [
        ([], (Decimal(0), False)),
        ([{"amount": Decimal("13.0"), "amount_type": "percent", "price_include": True}], (Decimal(13), True)),
        ([{"amount": Decimal("5.0"), "amount_type": "fixed", "price_include": False}], (None, False)),
    ],
)
def test_tax_is_a_percentage_or_unknown(taxes, expected) -> None:
    record = flat_record(encode_body({"id": 1}, {}, taxes))
    assert (record["tax.percent"], record["tax.included"]) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_conformance_odoo_E05_a_raw_record_keeps_every_digit(value: Decimal) -> None:
    assert flat_record(encode_body({"id": 1, "product_qty": value}, {}))["product_qty"] == value


def test_a_cursor_of_another_kind_of_pull_is_not_mixed_up(odoo: Odoo) -> None:
    cursor = list(odoo.adapter.pull_contracts(None))[-1].cursor
    assert len(cursor.encode()) < 4096
    whole = list(odoo.adapter.pull_contracts(Cursor(cursor), PullScope.KEYS))
    assert len(whole) == company().lines
