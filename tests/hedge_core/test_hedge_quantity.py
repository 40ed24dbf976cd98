"""Content, minimum-variance lots and carry: the worked figures (facts 3.5, 3.6, 3.11)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hedge_core.carry import carried_price
from hedge_core.exposure import lots_to_hedge
from hedge_core.hedge_quantity import metal_content, minimum_variance_lots, minimum_variance_ratio


def test_a_concentrate_is_hedged_for_the_metal_that_is_paid() -> None:
    metal = metal_content(Decimal(1000), Decimal("0.25"), Decimal("0.965"))
    assert metal == Decimal("241.25")
    assert lots_to_hedge(metal, 5) == -48


def test_a_share_above_the_whole_is_refused() -> None:
    for grade, recovery in (("25", "0.965"), ("0.25", "96.5"), ("-0.1", "1")):
        with pytest.raises(ValueError, match="shares of the whole"):
            metal_content(Decimal(1000), Decimal(grade), Decimal(recovery))


def test_minimum_variance_lots_scale_the_exposure_by_the_ratio() -> None:
    assert minimum_variance_lots(Decimal(850), Decimal("0.778"), 5) == -132
    assert minimum_variance_lots(Decimal(-850), Decimal("0.778"), 5) == 132


def test_the_ratio_is_correlation_times_the_quotient_of_the_deviations() -> None:
    ratio = minimum_variance_ratio(Decimal("0.928"), Decimal("0.0263"), Decimal("0.0313"))
    assert ratio == Decimal("0.779757")
    with pytest.raises(ValueError, match="hedges nothing"):
        minimum_variance_ratio(Decimal(1), Decimal(1), Decimal(0))


def test_a_receipt_carried_thirty_days_costs_interest_and_storage() -> None:
    carried = carried_price(Decimal(69100), 30, Decimal("0.035"), Decimal("0.4"))
    assert carried == Decimal("69310.78")
    assert carried_price(Decimal(69100), 0, Decimal("0.035"), Decimal("0.4")) == 69100
    with pytest.raises(ValueError, match="carried forward"):
        carried_price(Decimal(69100), -1, Decimal("0.035"), Decimal("0.4"))
