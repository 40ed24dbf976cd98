"""U8+'s capability card."""

from __future__ import annotations

from typing import Final

from adapters.erp.configured_notes import HEDGE_PLACE
from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="u8openapi",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="reserve2",
    reference_length=30,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED,),
    default_stage=Stage.SAVED,
    max_batch=20,
    writes_hedges=False,
    hedge_place=HEDGE_PLACE,
    settle_seconds=120,
    tells=frozenset({Question.RIGHTS, Question.READ_BACK}),
)
"""A voucher is one call, and the interface only saves: checking (审核) and posting (记账) are done by people. The relay passes
a call on to a program on the U8 server, hence the wait."""
