"""Every identity of facts 3.18 to 3.20 runs at every settlement: with one of them broken the day stays open and is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from hedge_core import exposure as exposures
from hedge_core.lots import LotsOfDay
from hedge_core.matching import Balance
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, PricingKind, Side
from hedge_core.settlement import engine, goods_checks
from hedge_core.settlement.marking import Marked
from messages import LANGUAGES, say
from tests.support.company import CLERK, COPPER, DAYS, Company
from tests.support.posting import BOOK
from tests.support.samples import contract_line, inventory_lot, ref

D = Decimal
LEG = ref("7/1")
Patch = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def ready(new_company: Company) -> Company:
    """The first business day with everything imported and goods in the book: 50 t of stock, a sale of 120 t of which 20 t
    are delivered and 60 t priced, and one match of 10 t."""
    sale = contract_line(
        ref=LEG, contract_no="XS-7", commodity="copper", side=Side.SALE, ordered=D(120), delivered=D(20),
        pricing=PricingKind.FLOATING, priced=D(60),
    )  # fmt: skip
    with new_company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines([sale])
        uow.physical.save_inventory([inventory_lot(commodity="copper", quantity=D(50))], new_company.app.clock.now())
        lot = next(lot for state in uow.broker.openings() for lot in state.lots if lot.instrument == "SHFE.cu2604")
        uow.results.add_matches([
            HedgeMatch("M1", LEG, lot.lot_id, COPPER, lot.instrument, "copper", D(10), D(10), date(2026, 3, 3), "hand",
                       "matching.why_fifo")
        ])  # fmt: skip
    return new_company


def test_with_every_identity_in_order_the_day_is_settled(ready: Company) -> None:
    assert ready.business_day(DAYS[0]).state == "settled"


def _of_lots(column: str) -> Patch:
    """One unit more in a column of the day's lots."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        mark = engine.mark

        def off(*given: Any) -> Marked:
            marked = mark(*given)
            wrong = marked.lots[column].copy()
            wrong[0] += 1
            return Marked({**marked.lots, column: wrong}, marked.closes)

        monkeypatch.setattr(engine, "mark", off)

    return patch


def _a_lost_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = engine.end_lots

    def off(*given: Any) -> LotsOfDay:
        day = ended(*given)
        at = next(place for place, one in enumerate(day.movements) if one.closed)
        short = replace(day.movements[at], closed=day.movements[at].closed - 1)
        return replace(day, movements=(*day.movements[:at], short, *day.movements[at + 1 :]))

    monkeypatch.setattr(engine, "end_lots", off)


def _an_equity_too_high(monkeypatch: pytest.MonkeyPatch) -> None:
    roll = engine.roll_funds
    monkeypatch.setattr(
        engine, "roll_funds", lambda *a, **k: (row := roll(*a, **k)) and replace(row, equity=row.equity + 1)
    )


def _a_line_that_loses_a_tonne(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = goods_checks.quantity_chain
    monkeypatch.setattr(
        goods_checks, "quantity_chain", lambda line: replace(chain(line), priced=chain(line).priced - 1)
    )


def _a_leg_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    legs = goods_checks.spot_legs
    monkeypatch.setattr(goods_checks, "spot_legs", lambda *given: (found := legs(*given)) + found[:1])


def _an_exposure_that_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The goods count one tonne twice on the way to the figure, and once on the way to its proof."""
    parts = exposures.priced_parts

    def off(line: ContractLine) -> tuple[Decimal, Decimal, Decimal]:
        first, second, third = parts(line)
        return first + 1, second, third

    monkeypatch.setattr(exposures, "priced_parts", off)


def _matched_more_than_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Balance, "free", property(lambda self: self.total - self.matched + 1))


IDENTITIES: tuple[tuple[str, Patch], ...] = (
    ("identity_net_lots", _a_lost_lot),
    ("identity_two_views", _of_lots("floating")),
    ("identity_day_result", _of_lots("holding_mtm")),
    ("identity_equity", _an_equity_too_high),
    ("identity_line", _a_line_that_loses_a_tonne),
    ("identity_legs", _a_leg_too_many),
    ("identity_matched", _matched_more_than_counted),
    ("exposure_identity", _an_exposure_that_proves_nothing),
)


@pytest.mark.parametrize(("rule", "patch"), IDENTITIES, ids=[rule for rule, _ in IDENTITIES])
def test_a_settlement_with_a_broken_identity_leaves_the_day_open(
    ready: Company, monkeypatch: pytest.MonkeyPatch, rule: str, patch: Patch
) -> None:
    patch(monkeypatch)
    done = ready.business_day(DAYS[0])
    assert done.state == "open"
    assert rule in {one.rule for one in done.broken}
    for one in done.broken:
        assert all("{" not in say(one.message, lang) for lang in LANGUAGES)
    assert ready.snapshots() == []
    monkeypatch.undo()
    assert ready.settle(DAYS[0]).state == "settled"


@pytest.mark.parametrize(("spot", "futures"), [(D(0), D(5)), (D(5), D(-5))])
def test_a_match_of_nothing_or_less_keeps_the_day_open(ready: Company, spot: Decimal, futures: Decimal) -> None:
    with ready.store.begin(BOOK, CLERK) as uow:
        (kept,) = uow.results.matches()
        uow.results.add_matches([replace(kept, match_id="M2", spot_quantity=spot, futures_quantity=futures)])
    done = ready.business_day(DAYS[0])
    assert (done.state, {one.rule for one in done.broken}) == ("open", {"identity_match_row"})
    assert {one.record for one in done.broken} == {"M2"}


def test_a_leg_matched_beyond_its_quantity_is_a_break_for_a_person_and_no_broken_identity(ready: Company) -> None:
    """100 t of sale are open, of which 40 t are priced: 60 t matched are 20 t too many; 60 + 0 − 20 = 40."""
    with ready.store.begin(BOOK, CLERK) as uow:
        (kept,) = uow.results.matches()
        uow.results.add_matches([replace(kept, match_id="M2", spot_quantity=D(50), futures_quantity=D(50))])
    assert ready.business_day(DAYS[0]).state == "settled"
