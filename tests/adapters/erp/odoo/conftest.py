"""An Odoo stand-in for each way of speaking to it: JSON-2, XML-RPC, and with our module installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from hedge_core.model.identity import book_id
from hedge_core.model.vouchers import PostingLine, Voucher
from sandbox.odoo.command import SiteOptions
from tests.support.odoo import ROUTES, Odoo, serving


@pytest.fixture(params=list(ROUTES))
def route(request: pytest.FixtureRequest) -> SiteOptions:
    return ROUTES[request.param]


@pytest.fixture
def odoo(route: SiteOptions) -> Iterator[Odoo]:
    with serving(route) as running:
        yield running


@pytest.fixture
def stock_api(request: pytest.FixtureRequest) -> Iterator[Odoo]:
    """Without our module: the way of load() and action_post."""
    with serving(ROUTES["json2"]) as running:
        yield running


@pytest.fixture
def voucher() -> Callable[..., Voucher]:
    def make(number: int = 1, amount: str = "1234567.89", **changes: Any) -> Voucher:
        value = Decimal(amount)
        broker = (("broker_account", "80010001"),)
        lines = (
            PostingLine("futures", "3101", value, Decimal(0), f"持仓盈亏 {number}", broker),
            PostingLine("result", "6101", Decimal(0), value, ""),
        )
        made = Voucher(
            book_id("jinhe"), f"V{number:04d}", 1, "mark_to_market", date(2026, 3, 31), "CNY", "三月盯市", lines
        )
        return replace(made, **changes)

    return make
