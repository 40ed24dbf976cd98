"""Terms and events on both databases: versions by date, the latest that holds, events that end once, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.storage import SqlStore
from hedge_core.errors import RuleBroken
from hedge_core.model.events import EVENT_KINDS, PricingCall, event_kind, event_subject
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.physical import PricingKind
from hedge_core.model.terms import TERM_KINDS, CurrencyRate, LineTerms, PricingFormula, kind_of, subject_of
from tests.support.samples import DAY, currency_rate, pricing_call, ref

LI = Actor("li.na")


def test_the_latest_version_that_holds_on_a_day_counts(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        terms = unit.commodity
        assert [terms.add_terms(currency_rate(rate), DAY) for rate in ("7.1", "7.1", "7.2")] == [1, 1, 2]
        assert terms.add_terms(currency_rate("7.3"), DAY + timedelta(10), "bank") == 1
    with store.read(book) as unit:

        def rate(day: date) -> list[Decimal]:
            return [one.rate for one in unit.commodity.in_force(CurrencyRate, day)]

        assert rate(DAY - timedelta(1)) == []
        assert rate(DAY) == rate(DAY + timedelta(9)) == [Decimal("7.2")]
        assert rate(DAY + timedelta(10)) == [Decimal("7.3")]
        history = unit.commodity.history(CurrencyRate, "USD")
        assert [(one.effective_from, one.version, one.reason) for one in history] == [
            (DAY, 1, ""),
            (DAY, 2, ""),
            (DAY + timedelta(10), 1, "bank"),
        ]
        assert {one.saved_by for one in history} == {"li.na"}
        assert unit.commodity.history(CurrencyRate, "EUR") == []


def test_terms_come_back_exactly_as_they_were(store: SqlStore, book: BookId) -> None:
    terms = LineTerms(
        str(ref()), PricingKind.BASIS, "SHFE.cu2605", DAY, DAY, Decimal("-120.50"), None, False, PricingFormula.EVENTS,
        0, Decimal("71000.0"),
    )  # fmt: skip
    with store.begin(book, LI) as unit:
        unit.commodity.add_terms(terms, DAY)
        assert unit.commodity.in_force(LineTerms, DAY) == [terms]


def test_an_event_ends_once_and_its_id_is_never_used_again(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.commodity.add_event(pricing_call())
        unit.commodity.end_event(PricingCall, "p1", "typed twice")
        assert unit.commodity.events(PricingCall) == []
        (kept,) = unit.commodity.event_history(PricingCall)
        assert (kept.event, kept.ended_by, kept.ended_reason) == (pricing_call(), "li.na", "typed twice")
        with pytest.raises(KeyError):
            unit.commodity.end_event(PricingCall, "p1", "again")
    with pytest.raises((RuleBroken, DBAPIError, ValueError)), store.begin(book, LI) as unit:
        unit.commodity.add_event(pricing_call())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE commodity_terms SET reason = 'x'",
        "DELETE FROM commodity_terms",
        "UPDATE commodity_events SET payload = '{}'",
        "UPDATE commodity_events SET ended_at = NULL WHERE ended_at IS NOT NULL",
        "DELETE FROM commodity_events",
    ],
)
def test_the_database_refuses_to_change_what_was_agreed_or_what_happened(
    store: SqlStore, book: BookId, statement: str
) -> None:
    with store.begin(book, LI) as unit:
        unit.commodity.add_terms(currency_rate(), DAY)
        unit.commodity.add_event(pricing_call())
        unit.commodity.end_event(PricingCall, "p1", "typed twice")
    with pytest.raises((RuleBroken, DBAPIError)), store.begin(book, LI) as unit:
        unit.commodity._scope.connection.execute(text(statement))


def test_every_kind_of_terms_and_events_has_a_name_and_a_subject() -> None:
    assert kind_of(currency_rate()) == "currency"
    assert subject_of(currency_rate()) == "USD"
    assert (event_kind(pricing_call()), event_subject(pricing_call())) == ("pricing", str(ref()))
    assert len(set(TERM_KINDS.values())) == len(TERM_KINDS)
    assert len(set(EVENT_KINDS.values())) == len(EVENT_KINDS)
