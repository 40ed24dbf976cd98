"""Designations as records: two people, no back-dating, and effectiveness computed for every relationship."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.documents import read_designation
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import SettlementPrice
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import StoredVoucher
from hedge_core.use_cases.designations import approve_designation, effectiveness_reports, record_designation
from tests.support.company import BOOK_SETTINGS, CLERK, COPPER, DAYS, Company
from tests.support.posting import BOOK
from tests.support.samples import voucher

FIRST, SECOND, LAST = DAYS
CHIEF = Actor("chief")


def file(company: Company, **changes: Any) -> bytes:
    """A hedge of copper stock by the first copper lot opened on the second day."""
    with company.store.read(BOOK) as uow:
        fills = uow.statements.fills(SECOND, SECOND)
    fill = next(
        one for one in fills if one.account == COPPER and one.offset.value == "open" and ".cu" in one.instrument
    )
    leg = {"account": COPPER, "trading_day": SECOND.isoformat(), "exchange": fill.exchange, "fill_id": fill.fill_id,
           "direction": fill.direction.value, "lots": fill.lots}  # fmt: skip
    plain = {
        "relationship_id": "FVH-1", "designated_on": SECOND.isoformat(), "approved_on": FIRST.isoformat(),
        "approved_by": "周琳", "commodity": "copper", "quantity": str(fill.lots * 5), "carrying_amount_total": "5000000",
        "spot_price_ex_vat": "62000", "instruments": [leg],
    }  # fmt: skip
    return json.dumps({**plain, **changes}).encode()


def record(company: Company, body: bytes, who: Actor = CLERK) -> Any:
    return record_designation(company.store, BOOK, body, read_designation, who)


def settings(company: Company, **texts: str) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**BOOK_SETTINGS, **texts})


def spot(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.broker.save_prices(
            [
                SettlementPrice("spot", "copper", day, Decimal(62000 - 100 * number), "CNY", "spot.csv", False)
                for number, day in enumerate(DAYS)
            ]
        )


def test_a_file_is_recorded_with_who_and_when_and_the_same_content_makes_no_version(company: Company) -> None:
    first = record(company, file(company))
    again = record(company, file(company))
    changed = record(company, file(company, strategy="written down"))
    assert [one.version for one in (first, again, changed)] == [1, 1, 2]
    assert (first.recorded_by, first.designated_on, first.approved_by) == (CLERK.name, SECOND, "")


def test_a_second_person_approves_exactly_this_content(company: Company) -> None:
    settings(company, designation_approval="person")
    spot(company)
    record(company, file(company))
    assert [p.rule for p in company.make_vouchers(LAST).problems] == ["designation_approval"]
    with pytest.raises(RuleBroken) as same:
        approve_designation(company.store, BOOK, "FVH-1", CLERK)
    assert same.value.reason.id == "designations.approver_recorded"
    assert approve_designation(company.store, BOOK, "FVH-1", CHIEF).approved_by == CHIEF.name
    with pytest.raises(RuleBroken):
        approve_designation(company.store, BOOK, "FVH-1", CHIEF)
    assert company.make_vouchers(LAST).problems == ()
    record(company, file(company, strategy="changed since"))
    assert [p.rule for p in company.make_vouchers(LAST).problems] == ["designation_approval"]
    with pytest.raises(RuleBroken):
        approve_designation(company.store, BOOK, "nobody", CHIEF)


def test_nothing_is_designated_into_a_closed_period_or_after_its_own_first_entry(company: Company) -> None:
    with company.store.begin(BOOK, CHIEF) as uow:
        uow.accounting.change_period("2026-03", True, "closed")
    with pytest.raises(RuleBroken) as closed:
        record(company, file(company))
    assert closed.value.reason.id == "designations.closed_period"
    with company.store.begin(BOOK, CHIEF) as uow:
        uow.accounting.change_period("2026-03", False, "open")
        made = replace(voucher(str(BOOK)), relationship="FVH-1", posting_date=FIRST)
        uow.results.add_voucher(StoredVoucher(made, VoucherStatus.DRAFT, "x"))
    with pytest.raises(RuleBroken) as moved:
        record(company, file(company))
    assert moved.value.reason.id == "designations.moved"


def test_a_book_may_ask_for_the_documentation_at_inception(company: Company) -> None:
    settings(company, designation_dates="strict")
    with pytest.raises(RuleBroken) as late:  # the clock of the test stands at the end of the month
        record(company, file(company))
    assert late.value.reason.id == "designations.recorded_late"
    with company.store.read(BOOK) as uow:
        assert uow.accounting.designations() == []
        assert uow.document("designation", "FVH-1") is None


def test_effectiveness_is_computed_for_every_relationship_and_gates_only_where_asked(company: Company) -> None:
    spot(company)
    record(company, file(company))
    ledger = company.app.ledger(BOOK_SETTINGS)
    (report,), problems = effectiveness_reports(company.store, BOOK, LAST, ledger, company.app.products)
    assert problems == ()
    assert report.as_of == LAST
    assert report.item == sum(report.history[n].item - (report.history[n - 1].item if n else 0) for n in range(2))
    assert report.reserve + report.ineffective == report.instrument
    assert report.regression.points == len(report.history)
    assert [term.term for term in report.critical_terms] == ["commodity", "quantity", "direction"]
    assert not report.gated
    record(company, file(company, rule_set="asc815"))
    (gated,), _ = effectiveness_reports(company.store, BOOK, LAST, ledger, company.app.products)
    assert gated.gated
    assert date(2026, 3, 6) == gated.as_of
