"""Kingdee's capability card."""

from __future__ import annotations

from typing import Final

from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="kingdee",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="FBUSNO",
    reference_length=16,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED, Stage.SUBMITTED, Stage.AUDITED),
    default_stage=Stage.SUBMITTED,
    max_batch=50,
    writes_hedges=True,
    hedge_place="order line custom field",
    settle_seconds=30,
    tells=frozenset(
        {Question.RIGHTS, Question.PRECISION, Question.RATE_TYPES, Question.READ_BACK, Question.AFTER_AUDIT}
    ),
    discovers=True,
    attaches=True,
    foreign_amounts=True,
)
