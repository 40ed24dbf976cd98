"""SAP's capability card."""

from __future__ import annotations

from typing import Final

from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="sap",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="DocumentReferenceID",
    reference_length=16,
    lookup=Lookup.REFERENCE,
    stages=(Stage.POSTED,),
    default_stage=Stage.POSTED,
    max_batch=20,
    writes_hedges=True,
    hedge_place="item text of the sales or purchase order",
    settle_seconds=90,
    tells=frozenset({Question.RIGHTS, Question.READ_BACK, Question.AFTER_AUDIT}),
    discovers=True,
)
