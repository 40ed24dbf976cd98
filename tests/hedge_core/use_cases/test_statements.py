"""Importing statements, opening states and prices: versions, refusals, and a store that stays as it was."""

from __future__ import annotations

import json
from datetime import date

import pytest

from adapters.broker.ctp_statement import read_statements
from adapters.market.price_file import read_prices
from hedge_core.errors import InvalidInput, PlatformError, RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.ports.storage import Book
from hedge_core.use_cases.statements import Approval, import_opening, import_prices, import_statements
from tests.support.company import ALUMINIUM, CLERK, COPPER, DAYS, Company, finals, inbox, statement_name
from tests.support.posting import BOOK
from tests.support.samples import price

FIRST, SECOND, LAST = DAYS
NEXT = date(2026, 3, 9)


def edited(path: str, old: str, new: str) -> bytes:
    """A statement's file with one text replaced once."""
    text = inbox()[path].decode("gb18030")
    assert old in text
    return text.replace(old, new, 1).encode("gb18030")


def with_remark(path: str) -> bytes:
    """The same figures in a file with other bytes."""
    return inbox()[path] + b"\r\n"


def test_the_same_file_twice_changes_nothing(new_company: Company) -> None:
    path = statement_name(COPPER, FIRST)
    (stored,) = new_company.statement(path)
    before = new_company.log()
    (again,) = new_company.statement(path)
    assert (stored.state, stored.version) == ("stored", 1)
    assert (again.state, again.version, again.fills) == ("unchanged", 1, stored.fills)
    assert new_company.log() == before


def test_another_file_for_the_day_is_a_new_version_and_the_old_one_is_kept(new_company: Company) -> None:
    path = statement_name(COPPER, FIRST)
    new_company.statement(path)
    (newer,) = new_company.statement(path, with_remark(path))
    assert (newer.state, newer.version, newer.changes) == ("new_version", 2, ())
    with new_company.store.read(BOOK) as uow:
        assert uow.statements.body(COPPER, FIRST, 1) == inbox()[path]
        assert uow.statements.body(COPPER, FIRST, 2) == with_remark(path)


def test_what_differs_in_a_new_version_is_listed(new_company: Company) -> None:
    """The corrected last statement of the month, for a book that begins with that day: one fee, and what it is part of."""
    other = BookId("other")
    new_company.store.add_book(Book(other, "另一公司", "CNY"), CLERK)
    app, results = new_company.app, []
    for path in (statement_name(COPPER, date(2026, 3, 31)), "corrected/80010001_20260331.txt"):
        (one,) = import_statements(
            new_company.store, other, path, inbox()[path], read_statements, app.products, CLERK, app.clock
        )
        results.append(one)
    first, corrected = results
    assert (first.state, first.changes) == ("stored", ())
    assert (corrected.state, corrected.version) == ("new_version", 2)
    told = " ".join(str(change.message) for change in corrected.changes)
    what = json.loads(inbox()["manifest.json"])["corrected"]
    for figure in (what["fill_id"], what["fee"]["after"], what["balance_cf"]["after"]):
        assert figure in told.replace(",", "")


def test_a_settled_day_reopens_only_with_a_reason_and_anothers_approval_and_every_later_day_with_it(
    company: Company,
) -> None:
    path = statement_name(COPPER, SECOND)
    before, fills = company.log(), len(company.snapshots())
    (refused,) = company.statement(path, with_remark(path))
    assert (refused.state, refused.version) == ("needs_reopening", 1)
    assert company.log() == before
    assert company.versions(COPPER, SECOND) == 1
    (alone,) = company.statement(path, with_remark(path), reopen="broker sent a correction")
    assert alone.state == "needs_reopening", "a reason without an approval is not enough"
    with pytest.raises(RuleBroken, match="somebody else has to approve"):
        company.statement(path, with_remark(path), reopen="my own word", approved_by=CLERK.name)
    assert company.log() == before
    (reopened,) = company.statement(path, with_remark(path), reopen="broker sent a correction", approved_by="chief")
    assert (reopened.state, reopened.version) == ("new_version", 2)
    assert finals(company.snapshots()) == [(FIRST, 1)]
    assert len(company.snapshots()) == fills, "superseded snapshots stay readable"


def test_a_reopened_day_and_the_days_after_it_are_settled_again_to_the_same_figures(company: Company) -> None:
    path = statement_name(COPPER, SECOND)
    company.statement(path, with_remark(path), reopen="broker sent a correction", approved_by="chief")
    assert [company.settle(day).state for day in (SECOND, LAST)] == ["settled", "settled"]
    assert finals(company.snapshots()) == [(FIRST, 1), (SECOND, 2), (LAST, 2)]


@pytest.mark.parametrize("name", ["truncated_80010001_20260310.txt", "utf8_80010001_20260310.txt"])
def test_a_damaged_file_is_refused_by_name_and_leaves_the_store_unchanged(company: Company, name: str) -> None:
    before = company.log()
    with pytest.raises(InvalidInput) as refused:
        company.statement(f"broken/{name}")
    assert refused.value.source == f"broken/{name}"
    assert company.log() == before


def test_an_identity_that_is_off_refuses_the_file_with_the_sum(company: Company) -> None:
    before = company.log()
    with pytest.raises(InvalidInput) as refused:
        company.statement("broken/balance_off_80010001_20260310.txt")
    assert "100.00" in str(refused.value)
    assert company.log() == before
    assert company.versions(COPPER, date(2026, 3, 10)) == 0


def test_a_day_left_out_breaks_the_balance_carried_on(company: Company) -> None:
    """Identity 5: yesterday's closing balance is today's opening one."""
    before = company.log()
    with pytest.raises(PlatformError):
        company.statement(statement_name(COPPER, date(2026, 3, 20)))
    assert company.log() == before


def test_a_warning_is_stored_only_with_a_reason(new_company: Company) -> None:
    path = statement_name(COPPER, FIRST)
    text = inbox()[path].decode("gb18030")
    line = next(row for row in text.split("\r\n") if "Risk Degree" in row or "风 险 度" in row)
    figure = next(part for part in line.replace("：", ":").split() if part.endswith("%"))
    body = edited(path, figure, "99.99%")
    before = new_company.log()
    (waiting,) = new_company.statement(path, body)
    assert waiting.state == "needs_acceptance"
    assert waiting.warnings
    assert new_company.log() == before
    (accepted,) = new_company.statement(path, body, accept="the broker rounds it otherwise")
    assert accepted.state == "stored"
    with new_company.store.read(BOOK) as uow:
        stored = uow.statements.current(COPPER, FIRST)
        assert stored is not None
        assert stored.accepted_reason == "the broker rounds it otherwise"


def test_nothing_of_the_opening_day_or_before_is_imported(new_company: Company) -> None:
    with pytest.raises(InvalidInput) as refused:
        new_company.statement(statement_name(COPPER, date(2026, 3, 3), "opening"))
    assert "2026-03-03" in str(refused.value)


# --- opening state ----------------------------------------------------------------------------------------------------


def _open(company: Company, body: bytes) -> None:
    path = statement_name(COPPER, date(2026, 3, 3), "opening")
    import_opening(company.store, BOOK, path, body, read_statements, company.app.products, CLERK)


def test_the_opening_file_again_changes_nothing_and_another_one_is_refused(new_company: Company) -> None:
    path = statement_name(COPPER, date(2026, 3, 3), "opening")
    before = new_company.log()
    _open(new_company, inbox()[path])
    assert new_company.log() == before
    with pytest.raises(RuleBroken) as broken:
        _open(new_company, with_remark(path))
    assert broken.value.rule == "opening_once"
    assert new_company.log() == before


def test_opening_lots_are_the_brokers_position_details(new_company: Company) -> None:
    with new_company.store.read(BOOK) as uow:
        states = {state.account: state for state in uow.broker.openings()}
    assert set(states) == {COPPER, ALUMINIUM}
    for state in states.values():
        assert sum(lot.lots for lot in state.lots) == sum(row.lots for row in state.statement.positions)


# --- prices -----------------------------------------------------------------------------------------------------------


def test_a_price_list_again_is_welcome_but_a_settled_price_is_not_replaced(company: Company) -> None:
    assert company.prices(FIRST) > 0
    with company.store.read(BOOK) as uow:
        known = uow.broker.prices("settlement", FIRST)["SHFE.cu2604"]
    other = price(
        kind="settlement", subject="SHFE.cu2604", trading_day=FIRST, price=known.price + 10, source="corrected.csv"
    )
    before = company.log()
    with pytest.raises(InvalidInput) as refused:
        import_prices(company.store, BOOK, [other], CLERK)
    assert (refused.value.source, refused.value.field) == ("corrected.csv", "SHFE.cu2604")
    assert company.log() == before


def test_a_price_file_wins_over_the_prices_of_a_statement(new_company: Company) -> None:
    with new_company.store.read(BOOK) as uow:
        assert uow.broker.prices("settlement", FIRST) == {}
    new_company.statement(statement_name(COPPER, FIRST))
    with new_company.store.read(BOOK) as uow:
        from_statement = uow.broker.prices("settlement", FIRST)
    assert from_statement
    new_company.prices(FIRST)
    with new_company.store.read(BOOK) as uow:
        known = uow.broker.prices("settlement", FIRST)
    assert {known[name].source for name in from_statement} == {f"settlement_{FIRST:%Y%m%d}.csv"}
    assert {name: known[name].price for name in from_statement} == {n: p.price for n, p in from_statement.items()}


def test_a_missing_price_keeps_the_day_open_and_names_the_instrument(company: Company) -> None:
    """Lots carried on without a price: the day is not settled with yesterday's."""
    result = company.settle(NEXT)
    assert result.state == "open"
    assert any("SHFE." in str(broken) for broken in result.broken)
    assert finals(company.snapshots())[-1] == (LAST, 1)


def test_a_price_list_without_a_held_instrument_is_refused_by_name_unless_it_is_said_to_be_partial(
    company: Company,
) -> None:
    listed = read_prices("short.csv", inbox()[f"prices/settlement_{NEXT:%Y%m%d}.csv"], "settlement")
    short = [row for row in listed if row.subject != "SHFE.cu2604"]
    before = company.log()
    with pytest.raises(InvalidInput, match=r"SHFE\.cu2604") as refused:
        import_prices(company.store, BOOK, short, CLERK)
    assert refused.value.source == short[0].source
    assert company.log() == before
    assert import_prices(company.store, BOOK, short, CLERK, partial=True) == len(short)


def test_a_first_statement_with_lots_from_before_needs_a_reason(new_company: Company) -> None:
    """A statement dropped into the wrong book would keep its day open for good: nothing there opened what it closes."""
    other = Book(BookId("jinhe2"), "乙公司", "CNY")
    new_company.store.add_book(other, CLERK)
    app, live = new_company.app, statement_name(ALUMINIUM, date(2026, 3, 3), "opening")
    import_opening(new_company.store, other.book, live, inbox()[live], read_statements, app.products, CLERK)
    name = statement_name(COPPER, FIRST)
    given = (new_company.store, other.book, name, inbox()[name], read_statements, app.products, CLERK, app.clock)
    (held,) = import_statements(*given)
    assert (held.state, [found.identity for found in held.warnings]) == ("needs_acceptance", ["first_statement"])
    with new_company.store.read(other.book) as uow:
        assert uow.statements.accounts() == []
    (stored,) = import_statements(*given, Approval(accept="shared account"))
    assert stored.state == "stored"
    assert new_company.statement(name)[0].warnings == (), "its own book knows the account from go-live"
