"""The generic JSON adapter's capability card; what it pulls depends on the lists that are configured."""

from __future__ import annotations

from typing import Final

from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="generic_json",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="",
    reference_length=0,
    lookup=Lookup.NONE,
    stages=(Stage.SAVED,),
    default_stage=Stage.SAVED,
    max_batch=1,
    writes_hedges=False,
    hedge_place="",
    settle_seconds=0,
    tells=frozenset({Question.RIGHTS}),
)
"""Pull only. Vouchers go out by another connection of the book, for example files."""
