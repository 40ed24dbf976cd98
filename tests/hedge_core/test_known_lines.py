"""A contract line entered twice is held back; one that only looks like another is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.known_lines import KnownLines
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, LineStatus, PricingKind, Side

FIRST = ContractLine(
    ref=ExternalRef("k3", "sale_line", "1/1"),
    contract_no="XS1",
    line_no=1,
    side=Side.SALE,
    partner="C001",
    material="CU01",
    commodity="copper",
    contract_date=date(2026, 3, 2),
    delivery_date=date(2026, 4, 20),
    delivery_month="2026-04",
    unit="t",
    ordered=Decimal(25),
    delivered=Decimal(0),
    returned=Decimal(0),
    status=LineStatus.OPEN,
    pricing=PricingKind.PRICED,
    price=Decimal("70619.469027"),
    premium=None,
    reference=None,
    currency="CNY",
    vat_rate=Decimal("0.13"),
    modified_at=None,
)
SECOND = replace(FIRST, ref=ExternalRef("k3", "sale_line", "1/2"), line_no=2)


def problem(known: KnownLines, line: ContractLine) -> str | None:
    refused = known.refusal(line)
    return refused[1].id if refused else None


def test_the_second_of_two_equal_lines_is_held_and_names_the_first() -> None:
    known = KnownLines([])
    assert known.refusal(FIRST) is None
    field, reason = known.refusal(SECOND) or ("", None)
    assert (field, getattr(reason, "id", "")) == ("line_no", "record.repeated_line")
    assert "line 2 says the same as its line 1" in str(reason)


def test_a_line_stored_before_counts_as_the_first() -> None:
    assert problem(KnownLines([FIRST]), SECOND) == "record.repeated_line"


def test_the_same_record_read_again_is_no_repeat() -> None:
    known = KnownLines([FIRST])
    assert known.refusal(FIRST) is None
    assert known.refusal(replace(FIRST, delivered=Decimal(5))) is None


@pytest.mark.parametrize(
    "difference",
    [
        {"ordered": Decimal(30)},
        {"price": Decimal("70619.47")},
        {"material": "CU02"},
        {"delivery_date": date(2026, 4, 21)},
        {"contract_no": "XS2"},
        {"side": Side.PURCHASE},
        {"ref": ExternalRef("odoo", "sale_line", "7")},
        {"status": LineStatus.CLOSED},
        {"status": LineStatus.DRAFT},
    ],
    ids=lambda difference: next(iter(difference)),
)
def test_a_line_that_differs_in_what_matters_is_no_repeat(difference: dict[str, object]) -> None:
    known = KnownLines([FIRST])
    assert known.refusal(replace(SECOND, **difference)) is None  # type: ignore[arg-type]


def test_a_delivered_quantity_does_not_tell_two_lines_apart() -> None:
    assert problem(KnownLines([FIRST]), replace(SECOND, delivered=Decimal(25))) == "record.repeated_line"


def test_a_line_entered_again_after_the_first_was_closed_is_counted() -> None:
    known = KnownLines([FIRST])
    assert known.refusal(replace(FIRST, status=LineStatus.CLOSED)) is None
    assert known.refusal(SECOND) is None


def test_once_the_first_has_changed_the_second_may_have_its_content() -> None:
    known = KnownLines([FIRST])
    assert known.refusal(replace(FIRST, ordered=Decimal(40))) is None
    assert known.refusal(SECOND) is None
    assert (
        problem(known, replace(SECOND, ref=ExternalRef("k3", "sale_line", "1/3"), line_no=3)) == "record.repeated_line"
    )


def test_a_book_may_accept_repeats_but_never_one_number_twice() -> None:
    known = KnownLines([FIRST], accept_repeats=True)
    assert known.refusal(SECOND) is None
    other = replace(FIRST, ref=ExternalRef("k3", "sale_line", "9/9"))
    assert problem(known, other) == "record.duplicate_line"
