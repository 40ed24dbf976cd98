"""Recalculating the demo company's first days: proposals beside what is stored, line by line, until somebody accepts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.futures import Offset
from hedge_core.snapshot import decode
from hedge_core.use_cases.history_inputs import make_blocks, verify_blocks
from hedge_core.use_cases.recalculate import DayProposal, Proposed, accept, day_changes, propose, reject
from hedge_core.use_cases.statements import import_prices
from tests.support.company import ACCOUNTANT, CLERK, COPPER, DAYS, Company, finals
from tests.support.posting import BOOK

FIRST, SECOND, LAST = DAYS


def run(company: Company, day: date = FIRST) -> Proposed:
    return propose(company.store, BOOK, day, company.app.products, CLERK, company.app.clock)


def states(proposed: Proposed) -> dict[date, str]:
    return {day.trading_day: day.state for day in proposed.days}


def of(proposed: Proposed, day: date) -> DayProposal:
    return next(one for one in proposed.days if one.trading_day == day)


def correct_price(company: Company, day: date, by: Decimal) -> str:
    """Another settlement price of something held at the end of the day."""
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.results.snapshot(day)
        assert stored is not None
        name = next(lot.instrument for lot in decode(stored.body).figures.lots_after())
        known = uow.broker.prices("settlement", day)[name]
        uow.broker.save_prices([replace(known, price=known.price + by)])
    return name


def test_nothing_changed_gives_the_same_bytes_and_both_ways_to_a_days_result_agree(company: Company) -> None:
    proposed = run(company)
    assert proposed.broken == ()
    assert set(states(proposed).values()) == {"same"}
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]


def test_a_corrected_price_is_proposed_for_its_day_and_every_later_one_and_changes_nothing(company: Company) -> None:
    name = correct_price(company, SECOND, Decimal(10))
    proposed = run(company, SECOND)
    assert states(proposed) == {SECOND: "changed", LAST: "changed"}
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]
    lines = of(proposed, SECOND).lines
    assert any(line.section == "prices" and name in line.key for line in lines)
    assert any((line.section, line.column) == ("lots", "holding_mtm") for line in lines)
    moved = [line for line in lines if (line.section, line.column) == ("lots", "floating")]
    assert moved
    assert all(isinstance(line.before, Decimal) and line.after != line.before for line in moved)


def test_an_accepted_run_is_a_new_chain_of_final_snapshots(company: Company) -> None:
    correct_price(company, SECOND, Decimal(10))
    proposed = run(company, SECOND)
    assert accept(company.store, BOOK, proposed.run, "list was wrong", company.app.products, ACCOUNTANT) == ()
    assert finals(company.snapshots()) == [(FIRST, 1), (SECOND, 2), (LAST, 2)]
    with company.store.read(BOOK) as uow:
        chain = [uow.results.snapshot(day) for day in DAYS]
    assert [one.previous_digest for one in chain[1:]] == [one.digest for one in chain[:-1]]  # type: ignore[union-attr]
    again = run(company, SECOND)
    assert set(states(again).values()) == {"same"}


def test_results_by_key_are_compared_with_the_accepted_ones(company: Company) -> None:
    accept(company.store, BOOK, run(company).run, "first", company.app.products, ACCOUNTANT)
    correct_price(company, SECOND, Decimal(10))
    proposed = run(company, FIRST)
    assert of(proposed, FIRST).results == ()
    changes = of(proposed, SECOND).results
    assert {change.column for change in changes} == {"holding_mtm", "floating"}
    shown, lines = day_changes(company.store, BOOK, proposed.run, SECOND)
    assert tuple(shown) == changes
    assert tuple(lines) == of(proposed, SECOND).lines


def test_who_made_a_run_cannot_accept_it(company: Company) -> None:
    proposed = run(company)
    with pytest.raises(RuleBroken) as broken:
        accept(company.store, BOOK, proposed.run, "mine", company.app.products, CLERK)
    assert broken.value.rule == "recalculation_own"


def test_a_run_whose_inputs_moved_on_is_not_accepted(company: Company) -> None:
    correct_price(company, SECOND, Decimal(10))
    proposed = run(company, SECOND)
    correct_price(company, SECOND, Decimal(20))
    with pytest.raises(RuleBroken) as broken:
        accept(company.store, BOOK, proposed.run, "late", company.app.products, ACCOUNTANT)
    assert broken.value.rule == "recalculation_outdated"
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]


def test_a_rejected_run_has_no_effect_and_is_decided_once(company: Company) -> None:
    correct_price(company, SECOND, Decimal(10))
    proposed = run(company, SECOND)
    reject(company.store, BOOK, proposed.run, "price list was right", ACCOUNTANT)
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]
    with pytest.raises(RuleBroken) as broken:
        accept(company.store, BOOK, proposed.run, "after all", company.app.products, ACCOUNTANT)
    assert broken.value.rule == "recalculation_decided"


def test_a_late_fill_changes_its_day_and_all_later_ones(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.statements.current(COPPER, SECOND)
        assert stored is not None
        like = next(fill for fill in stored.statement.fills if fill.offset is Offset.OPEN)
        late = replace(like, fill_id="99999991", fee=Decimal("12.34"))
        corrected = replace(stored.statement, fills=(*stored.statement.fills, late))
        uow.statements.add(replace(stored, statement=corrected, version=2, digest="1" * 64), b"corrected")
    proposed = run(company, SECOND)
    assert states(proposed) == {SECOND: "changed", LAST: "changed"}
    lines = of(proposed, SECOND).lines
    added = [line for line in lines if line.section == "lots" and "99999991" in line.key]
    assert any(line.column == "opened" and line.before is None and line.after == like.lots for line in added)
    assert any((line.section, line.column) == ("funds", "fee") for line in lines)
    assert of(proposed, SECOND).differences, "the statement's own totals do not know the fill"


def test_a_missing_price_is_named_and_nothing_is_stored(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.results._scope.connection.execute(  # type: ignore[attr-defined]
            text("DELETE FROM prices WHERE trading_day = :day AND kind = 'settlement'"), {"day": SECOND.isoformat()}
        )
    proposed = run(company)
    assert proposed.run == 0
    assert {rule.rule for rule in proposed.broken} == {"settlement_price_missing"}
    with company.store.read(BOOK) as uow:
        assert uow.columns.recalculations() == []


def test_a_close_without_an_open_is_named_with_key_and_day(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.statements.current(COPPER, SECOND)
        assert stored is not None
        like = stored.statement.fills[0]
        wrong = replace(like, fill_id="99999992", offset=Offset.CLOSE_YESTERDAY, lots=100_000)
        corrected = replace(stored.statement, fills=(*stored.statement.fills, wrong))
        uow.statements.add(replace(stored, statement=corrected, version=2, digest="1" * 64), b"corrected")
    proposed = run(company)
    assert [rule.rule for rule in proposed.broken] == ["close_without_open"]
    assert like.instrument in proposed.broken[0].record


def test_blocks_are_made_with_statements_and_agree_with_the_rows(company: Company) -> None:
    assert make_blocks(company.store, BOOK, CLERK) == 0
    assert verify_blocks(company.store, BOOK) == []
    with company.store.begin(BOOK, CLERK) as uow:
        uow.results._scope.connection.execute(text("UPDATE fills SET lots = lots + 1"))  # type: ignore[attr-defined]
    assert {rule.rule for rule in verify_blocks(company.store, BOOK)} == {"fill_block"}


def test_blocks_are_never_changed(company: Company) -> None:
    with pytest.raises(RuleBroken) as refused, company.store.begin(BOOK, CLERK) as uow:
        uow.results._scope.connection.execute(text("UPDATE fill_blocks SET fills = 1"))  # type: ignore[attr-defined]
    assert refused.value.rule == "write_once"


def test_a_price_of_a_settled_day_is_corrected_with_a_reason_and_takes_effect_by_recalculation(
    company: Company,
) -> None:
    with company.store.read(BOOK) as uow:
        stored = uow.results.snapshot(SECOND)
        assert stored is not None
        held = {lot.instrument for lot in decode(stored.body).figures.lots_after()}
        known = uow.broker.prices("settlement", SECOND)
    name = min(held & known.keys())
    other = [replace(known[name], price=known[name].price + 10)]
    with pytest.raises(InvalidInput):
        import_prices(company.store, BOOK, other, CLERK, partial=True)
    import_prices(company.store, BOOK, other, CLERK, partial=True, correct="list of the exchange was corrected")
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]
    assert states(run(company, SECOND)) == {SECOND: "changed", LAST: "changed"}
