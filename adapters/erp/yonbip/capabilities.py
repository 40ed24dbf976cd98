"""YonBIP's capability card."""

from __future__ import annotations

from typing import Final

from adapters.erp.configured_notes import HEDGE_PLACE
from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="yonbip",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="businessId",
    reference_length=32,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED,),
    default_stage=Stage.SAVED,
    max_batch=20,
    writes_hedges=False,
    hedge_place=HEDGE_PLACE,
    settle_seconds=60,
    tells=frozenset({Question.RIGHTS, Question.READ_BACK}),
)
"""A voucher can only be saved by the interface: auditing and posting are done by people in the ledger. One voucher is one
call, and quotas count calls per minute: a larger batch would only meet them."""
