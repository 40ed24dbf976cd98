"""Reading Kingdee: nothing is lost however orders are split, cut, deleted or changed while they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedge_core.errors import ContractViolation, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, LineStatus, LotKind, MasterKind, PricingKind, Side
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, Seen
from sandbox.company import erp as company_side
from tests.support.kingdee import CONNECTION, Kingdee, serving


@pytest.fixture(scope="module")
def untouched() -> Iterator[Kingdee]:
    """A site that tests only read from."""
    with serving() as running:
        yield running


def refs_in_books(kingdee: Kingdee) -> set[ExternalRef]:
    found = set()
    for kind, form, entry in (
        ("sale_line", "SAL_SaleOrder", "FSaleOrderEntry"),
        ("purchase_line", "PUR_PurchaseOrder", "FPOOrderEntry"),
    ):
        for row in kingdee.books.rows(f'SELECT parent, id FROM "{form}.{entry}"'):
            found.add(ExternalRef(CONNECTION, kind, f"{row['parent']}/{row['id']}"))
    return found


def line_of(kingdee: Kingdee, number: str, place: int = 1, **options: Any) -> ContractLine:
    ref = kingdee.sale_ref(number, place)
    (found,) = [item for item in kingdee.adapter(**options).pull_contracts(None) if item.ref == ref]
    assert isinstance(found.outcome, Mapped), found.outcome
    return found.outcome.item


# --- paging ---


@pytest.mark.parametrize(("asked", "allowed"), [(2, 2000), (3, 2000), (7, 2000), (2000, 2), (2000, 5), (10, 3)])
def test_orders_split_between_pages_arrive_whole_and_once(asked: int, allowed: int) -> None:
    with serving(max_limit=allowed) as kingdee:
        kingdee.add_sale("XSDD700001", *[{"FQty": Decimal(number)} for number in range(1, 12)])
        items = list(kingdee.adapter(page_rows=asked).pull_contracts(None))
        refs = [item.ref for item in items]
        assert len(refs) == len(set(refs))
        assert set(refs) == refs_in_books(kingdee)


def test_a_single_order_longer_than_a_page_ends_the_pull_at_its_last_line_and_not_before() -> None:
    with serving(empty=True) as kingdee:
        for number in ("700001", "700002"):
            kingdee.add_sale("XSDD" + number, *[{} for _ in range(4)])
        # An empty site has no organisation to log in to, so the reader is asked without one.
        items = list(kingdee.adapter(org="0", page_rows=2).pull_contracts(None))
        assert {item.ref for item in items} == refs_in_books(kingdee)
        assert len(items) == 8


def test_every_page_ends_once_and_only_its_last_item_moves_the_cursor(untouched: Kingdee) -> None:
    items = list(untouched.adapter(page_rows=50).pull_contracts(None))
    assert items[-1].page_end
    pages: list[list[Pulled[ContractLine]]] = [[]]
    for item in items:
        pages[-1].append(item)
        if item.page_end:
            pages.append([])
    assert len(pages) > 5 and pages.pop() == []
    for page in pages:
        *inside, last = [item.cursor for item in page]
        assert len(set(inside)) <= 1
        assert last not in inside
    assert len({page[-1].cursor for page in pages}) == len(pages)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 500), rows=st.sampled_from([2, 3, 20, 2000]))
def test_resuming_from_any_items_cursor_skips_nothing(untouched: Kingdee, place: int, rows: int) -> None:
    kept: list[Pulled[ContractLine]] = []
    for item in untouched.adapter(page_rows=rows).pull_contracts(None):
        kept.append(item)
        if len(kept) > place:
            break
    rest = untouched.adapter(page_rows=max(rows, 20)).pull_contracts(kept[-1].cursor)
    assert {item.ref for item in [*kept, *rest]} == refs_in_books(untouched)


def test_rows_deleted_between_pages_hide_no_other_row() -> None:
    with serving() as kingdee:
        pull = kingdee.adapter(page_rows=10).pull_contracts(None)
        first = [next(pull) for _ in range(15)]
        form = kingdee.books.form("SAL_SaleOrder")
        for item in first[:12]:
            kingdee.books.delete_line(form, int(item.ref.key.partition("/")[2]))
        rest = list(pull)
        left = refs_in_books(kingdee)
        assert left <= {item.ref for item in [*first, *rest]}
        swept = list(kingdee.adapter(page_rows=10).pull_contracts(None, PullScope.KEYS))
        assert {item.ref for item in swept} == left
        assert all(isinstance(item.outcome, Seen) and item.raw is None for item in swept)


def test_an_interrupted_pull_whose_rest_is_deleted_meanwhile_is_begun_again_and_misses_no_change() -> None:
    with serving(max_limit=60) as kingdee:
        seen = []
        for item in kingdee.adapter().pull_contracts(None):
            seen.append(item)
            if item.page_end and item.ref.kind == "purchase_line":
                break
        form = kingdee.books.form("PUR_PurchaseOrder")
        last = int(seen[-1].ref.key.partition("/")[0])
        for row in kingdee.books.rows("SELECT id FROM PUR_PurchaseOrder WHERE id > ?", (last,)):
            kingdee.books.delete(form, row["id"])
        cursor = None
        for resumed in kingdee.adapter().pull_contracts(seen[-1].cursor):
            cursor = resumed.cursor
        assert cursor is not None
        first = kingdee.books.rows("SELECT MIN(id) AS id FROM PUR_PurchaseOrder")[0]["id"]
        kingdee.books.change("PUR_PurchaseOrder", first, {"FModifyDate": "2026-04-02T09:00:00"})
        news = {item.ref.key.partition("/")[0] for item in kingdee.adapter().pull_contracts(cursor)}
        assert str(first) in news


@pytest.mark.parametrize("rows", [2, 2000])
def test_orders_without_a_line_left_are_passed_over(kingdee: Kingdee, rows: int) -> None:
    before = refs_in_books(kingdee)
    for number in range(5):
        kingdee.add_sale(f"XSDD70000{number}")
    items = list(kingdee.adapter(page_rows=rows).pull_contracts(None))
    assert {item.ref for item in items} == before
    assert list(kingdee.adapter(page_rows=rows).pull_contracts(items[-1].cursor))[-1].page_end


def test_lines_deleted_from_a_long_order_while_it_is_read_hide_no_other_line() -> None:
    with serving() as kingdee:
        kingdee.add_sale("XSDD700001", *[{} for _ in range(9)])
        _, _, lines = kingdee.order("XSDD700001")
        adapter = kingdee.adapter(page_rows=3)
        gone: list[int] = []

        def delete_one(number: int) -> None:
            if number % 2 == 0 and len(gone) < 3:
                gone.append(lines[len(gone)]["id"])
                kingdee.books.delete_line(kingdee.books.form("SAL_SaleOrder"), gone[-1])

        _after_each_query(adapter, delete_one)
        found = {item.ref for item in adapter.pull_contracts(None)}
        assert len(gone) == 3
        assert refs_in_books(kingdee) <= found


# --- what is new ---


def test_a_pull_without_changes_brings_nothing_but_the_overlap(kingdee: Kingdee) -> None:
    cursor = list(kingdee.adapter().pull_contracts(None))[-1].cursor
    again = list(kingdee.adapter().pull_contracts(cursor))
    assert len(again) < 20
    assert len(list(kingdee.adapter(overlap_minutes=60 * 24 * 365).pull_contracts(cursor))) == len(again)


def test_a_change_behind_the_back_of_a_long_pull_comes_with_the_next_one(kingdee: Kingdee) -> None:
    """The pull reads an old order, the order changes, hours pass, then the pull meets the newest order of all."""
    pull = kingdee.adapter(page_rows=10).pull_contracts(None)
    read = [next(pull) for _ in range(30)]
    document = int(read[0].ref.key.partition("/")[0])
    kingdee.books.change("SAL_SaleOrder", document, {"FModifyDate": "2026-04-02T09:00:00"})
    kingdee.add_sale("XSDD700001", {}, modified="2026-04-02T18:00:00")
    cursor = list(pull)[-1].cursor
    news = {item.ref.key.partition("/")[0] for item in kingdee.adapter().pull_contracts(cursor)}
    assert str(document) in news


def test_a_delivery_that_leaves_the_change_date_alone_is_found_by_the_daily_reading_of_open_lines(
    kingdee: Kingdee,
) -> None:
    kingdee.add_sale("XSDD700001", {"FQty": Decimal(100)})
    cursor = list(kingdee.adapter().pull_contracts(None))[-1].cursor
    ref = kingdee.sale_ref("XSDD700001")
    kingdee.books.change("SAL_SaleOrder", int(ref.key.partition("/")[2]), {"FStockOutQty": Decimal("12.5")}, line=True)
    assert ref not in {item.ref for item in kingdee.adapter().pull_contracts(cursor)}
    (found,) = [item for item in kingdee.adapter().pull_contracts(None, PullScope.OPEN) if item.ref == ref]
    assert isinstance(found.outcome, Mapped)
    assert found.outcome.item.open_quantity == Decimal("87.5")


def test_open_lines_are_those_of_orders_neither_closed_nor_cancelled(untouched: Kingdee) -> None:
    lines = [item.outcome.item for item in _mapped(untouched.adapter().pull_contracts(None, PullScope.OPEN))]
    assert lines
    assert {line.status for line in lines} == {LineStatus.OPEN, LineStatus.DRAFT}


def test_the_cursor_of_another_version_begins_that_pull_again(untouched: Kingdee) -> None:
    running = {"since": "", "newest": "2026-03-31 00:00:00", "from_id": 10**9, "start": 5}
    old = {"v": 1, "done": {}, "kind": "purchase_line", "at": running}
    items = untouched.adapter().pull_contracts(Cursor(json.dumps(old)))
    assert {item.ref for item in items} == refs_in_books(untouched)


# --- what it means ---


def test_a_floating_line_has_its_reference_month_and_premium_and_no_price(kingdee: Kingdee) -> None:
    floating = {
        "F_HB_Pricing": "F", "F_HB_RefMonth": "2026-06", "F_HB_Premium": Decimal("-120.5"), "FTaxPrice": Decimal(0),
    }  # fmt: skip
    kingdee.add_sale("XSDD700001", floating, {})
    line, priced = line_of(kingdee, "XSDD700001"), line_of(kingdee, "XSDD700001", 2)
    assert (line.pricing, line.price, line.premium) == (PricingKind.FLOATING, None, Decimal("-120.5"))
    assert line.delivery_month == "2026-06"
    assert (priced.pricing, priced.premium, priced.delivery_month) == (PricingKind.PRICED, None, "2026-04")
    assert (line.side, line.commodity, line.partner, line.currency) == (Side.SALE, "copper", "C001", "CNY")


def test_quantities_and_prices_in_kilograms_arrive_in_tonnes(kingdee: Kingdee) -> None:
    kingdee.add_sale(
        "XSDD700001",
        {"FUnitID": "kg", "FQty": Decimal("25000.5"), "FStockOutQty": Decimal("0.5"), "FReturnQty": Decimal("0.25")},
        {"FPriceUnitId": "kg", "FTaxPrice": Decimal("79.8")},
    )
    counted, priced = line_of(kingdee, "XSDD700001"), line_of(kingdee, "XSDD700001", 2)
    assert (counted.unit, counted.ordered) == ("t", Decimal("25.0005"))
    assert (counted.delivered, counted.returned) == (Decimal("0.0005"), Decimal("0.00025"))
    net = (Decimal("79800") / Decimal("1.13")).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    assert (priced.ordered, priced.price, counted.price) == (Decimal(25), net, net)


def test_the_broken_records_of_the_company_are_held_with_their_reasons_and_nothing_else_is(untouched: Kingdee) -> None:
    held = {}
    for item in untouched.adapter().pull_contracts(None):
        if isinstance(item.outcome, Quarantined):
            assert item.raw is not None
            held[untouched.adapter().raw_fields(item.raw)["FBillNo"]] = item.outcome.column
    broken = company_side.company().broken
    # A line that stands there twice is sound by itself: the pull of the whole sees that it has two owners.
    assert held.keys() == {number for number, reason in broken.items() if reason != "duplicated_line"}
    assert held == {
        "CGDD900001": "ordered",
        "CGDD900002": "commodity",
        "XSDD900003": "ordered",
        "CGDD900005": "contract_date",
    }


# --- stock ---


def test_goods_of_other_owners_are_shown_and_are_not_ours(untouched: Kingdee) -> None:
    lots = [item.outcome.item for item in _mapped(untouched.adapter().pull_inventory(None))]
    foreign = {(lot.owner, lot.quantity) for lot in lots if not lot.ours}
    assert foreign == {
        (lot.owner, lot.quantity) for lot in company_side.company().stock if lot.owner_kind != "organisation"
    }
    assert len(lots) == len(company_side.company().stock)
    assert {lot.kind for lot in lots if lot.warehouse == "CK91"} == {LotKind.NON_STANDARD}  # until a steward says so
    assert sum(lot.quantity for lot in lots) == sum(lot.quantity for lot in company_side.company().stock)


@pytest.mark.parametrize("rows", [2, 3, 59, 60, 61, 2000])
def test_the_stock_is_whole_at_every_page_size(untouched: Kingdee, rows: int) -> None:
    lots = list(untouched.adapter(page_rows=rows).pull_inventory(None))
    assert len({item.ref for item in lots}) == len(lots) == len(company_side.company().stock)


def test_stock_that_moves_while_it_is_read_is_read_again(kingdee: Kingdee) -> None:
    adapter = kingdee.adapter(page_rows=20)
    first = kingdee.books.rows("SELECT id FROM STK_Inventory ORDER BY FMaterialId, FStockId LIMIT 1")[0]["id"]

    def move(number: int) -> None:
        if number == 2:
            kingdee.books.delete(kingdee.books.form("STK_Inventory"), first)

    _after_each_query(adapter, move)
    found = {item.ref for item in adapter.pull_inventory(None)}
    assert found == {item.ref for item in kingdee.adapter().pull_inventory(None)}
    assert len(found) == len(company_side.company().stock) - 1


def test_stock_that_never_rests_is_unavailable_rather_than_half_true(kingdee: Kingdee) -> None:
    adapter = kingdee.adapter(page_rows=20)

    def move(number: int) -> None:
        first = kingdee.adapter(page_rows=2000)._client.query_rows(
            "STK_Inventory", ["FID"], "", ",".join(f"{name} ASC" for name in adapter._options.stock_key), 0, 1
        )
        kingdee.books.delete(kingdee.books.form("STK_Inventory"), json.loads(first[0])[0])

    _after_each_query(adapter, move)
    with pytest.raises(Unavailable, match="keeps changing"):
        list(adapter.pull_inventory(None))


def test_rows_that_differ_in_their_place_alone_are_two_lots(kingdee: Kingdee) -> None:
    before = _total(kingdee)
    row = dict(kingdee.books.rows("SELECT * FROM STK_Inventory WHERE FStockLocId = 0 LIMIT 1")[0])
    row.pop("id")
    kingdee.books.insert("STK_Inventory", {**row, "FStockLocId": 77})
    assert _total(kingdee) == before + Decimal(row["FBaseQty"]) / 1_000_000


def test_rows_that_nothing_tells_apart_are_refused_and_never_hide_each_other(kingdee: Kingdee) -> None:
    row = dict(kingdee.books.rows("SELECT * FROM STK_Inventory LIMIT 1")[0])
    row.pop("id")
    kingdee.books.insert("STK_Inventory", {**row, "FProduceDate": "2026-01-01T00:00:00"})
    for rows in (2, 2000):
        with pytest.raises(ContractViolation, match="stock_key"):
            list(kingdee.adapter(page_rows=rows).pull_inventory(None))
    told_apart = [*kingdee.adapter()._options.stock_key, "FProduceDate"]
    lots = list(kingdee.adapter(stock_key=told_apart).pull_inventory(None))
    assert len(lots) == len(company_side.company().stock) + 1


# --- masters, and answers of another shape ---


def test_masters_arrive_with_their_codes(untouched: Kingdee) -> None:
    found = {
        kind: {item.outcome.item.code for item in _mapped(untouched.adapter(page_rows=5).pull_masters(kind, None))}
        for kind in MasterKind
    }
    assert {"1.01.CU01", "1.02.AL02"} <= found[MasterKind.MATERIAL]
    assert {"C001", "C012", "S001", "S008"} <= found[MasterKind.PARTNER]
    assert {account.number for account in company_side.LEDGER_ACCOUNTS} == found[MasterKind.ACCOUNT]


@pytest.mark.parametrize("pull", ["pull_contracts", "pull_inventory", "materials"])
def test_a_row_with_too_few_values_is_a_contract_violation(untouched: Kingdee, pull: str) -> None:
    adapter = untouched.adapter()
    ask: Callable[..., list[bytes]] = adapter._client.query_rows
    adapter._client.query_rows = lambda *call: [json.dumps(json.loads(row)[:-1]).encode() for row in ask(*call)]
    act = {
        "pull_contracts": lambda: adapter.pull_contracts(None, PullScope.OPEN),
        "pull_inventory": lambda: adapter.pull_inventory(None),
        "materials": lambda: adapter.pull_masters(MasterKind.MATERIAL, None),
    }[pull]
    with pytest.raises(ContractViolation, match="values for"):
        list(act())


def _mapped(items: Iterator[Pulled[Any]]) -> list[Any]:
    return [item for item in items if isinstance(item.outcome, Mapped)]


def _total(kingdee: Kingdee) -> Decimal:
    lots: list[InventoryLot] = [item.outcome.item for item in _mapped(kingdee.adapter().pull_inventory(None))]
    return sum((lot.quantity for lot in lots), Decimal(0))


def _after_each_query(adapter: Any, act: Callable[[int], None]) -> None:
    """Let something happen over there after every query of this adapter; `act` is told how many there were."""
    ask = adapter._client.query_rows
    count = 0

    def asked(*call: Any) -> list[bytes]:
        nonlocal count
        answer: list[bytes] = ask(*call)
        count += 1
        act(count)
        return answer

    adapter._client.query_rows = asked
