"""U8 Cloud's capability card."""

from __future__ import annotations

from typing import Final

from adapters.erp.configured_notes import HEDGE_PLACE
from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="u8cloud",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="details.freevalue1",
    reference_length=20,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED,),
    default_stage=Stage.SAVED,
    max_batch=20,
    writes_hedges=False,
    hedge_place=HEDGE_PLACE,
    settle_seconds=60,
    tells=frozenset({Question.RIGHTS, Question.READ_BACK}),
)
"""A voucher is only saved by the interface; people audit and post it in the ledger. One voucher is one call: `uniquekey`
belongs to a call, and whether a call with several vouchers stands or falls as a whole is not published. The length of a free
item is a cautious figure, our reference has 16 characters."""
