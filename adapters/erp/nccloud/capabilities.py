"""NC Cloud's capability card."""

from __future__ import annotations

from typing import Final

from adapters.erp.configured_notes import HEDGE_PLACE
from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="nccloud",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="freevalue1",
    reference_length=60,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED,),
    default_stage=Stage.SAVED,
    max_batch=20,
    writes_hedges=False,
    hedge_place=HEDGE_PLACE,
    settle_seconds=60,
    tells=frozenset({Question.RIGHTS, Question.READ_BACK}),
)
"""A voucher is one call, and the interface only saves it. The reference stands in a free item (自定义项) of every line, which one
is configured; the server's own guard against repetition (`repeat_check`) is asked for as well and not relied on."""
