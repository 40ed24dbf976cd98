"""Odoo's capability card."""

from __future__ import annotations

from typing import Final

from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="odoo",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="ref, external id hedgebridge.voucher_<key> (hedge_ref with the module)",
    reference_length=64,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED, Stage.POSTED),
    default_stage=Stage.POSTED,
    max_batch=100,
    writes_hedges=True,
    hedge_place="hedge.match of the module, else an internal note on the order",
    settle_seconds=130,
    tells=frozenset(
        {
            Question.RIGHTS,
            Question.PRECISION,
            Question.PERIOD,
            Question.RATE_TYPES,
            Question.READ_BACK,
            Question.AFTER_AUDIT,
        }
    ),
    discovers=True,
    attaches=True,
)
"""`settle_seconds`: Odoo's default limit of one request is 120 s of real time, and it repeats busy transactions inside it."""
