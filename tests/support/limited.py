"""One limit, one alert and one order on its way, invented: each maker takes what a test wants to be different."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedge_core.model.futures import Direction, HedgeFlag, Offset
from hedge_core.model.limits import Breach, LimitKind, LimitRule, Proposal
from hedge_core.model.orders import OrderProposal
from messages import Message
from tests.support.samples import ACCOUNT, NOON


def rule(**changes: Any) -> LimitRule:
    return replace(LimitRule("copper-lots", LimitKind.LOTS, high=Decimal(100), commodity="copper"), **changes)


def breach(**changes: Any) -> Breach:
    params = {"rule": "copper-lots", "subject": "copper", "figure": Decimal(120), "high": Decimal(100), "low": "-"}
    sell = Proposal("SHFE.cu2605", ACCOUNT, Direction.SELL, Offset.CLOSE, 20, 100, Decimal("-12.5"))
    sample = Breach(
        "copper-lots", LimitKind.LOTS, "copper", Decimal(120), None, Decimal(100), NOON, Message("limit.lots", params),
        proposal=sell,
    )  # fmt: skip
    return replace(sample, **changes)


def order_proposal(proposal_id: str = "o1", **changes: Any) -> OrderProposal:
    sample = OrderProposal(
        proposal_id, "ctp", ACCOUNT, "SHFE.cu2605", Direction.SELL, Offset.OPEN, HedgeFlag.HEDGE, 2, Decimal("69000"),
    )  # fmt: skip
    return replace(sample, **changes)
