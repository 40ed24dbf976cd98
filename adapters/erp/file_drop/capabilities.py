"""The file drop's capability card; what depends on the connection's options is filled in by the adapter."""

from __future__ import annotations

from typing import Final

from hedge_core.model.vouchers import STAGE_ORDER, Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="file_drop",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="column 参考号 / reference, and the file's name",
    reference_length=16,
    lookup=Lookup.REFERENCE,
    stages=STAGE_ORDER,
    default_stage=Stage.SAVED,
    max_batch=200,
    writes_hedges=True,
    hedge_place="a file per hedged record",
    settle_seconds=300,
    tells=frozenset({Question.RIGHTS}),
    foreign_amounts=True,
)
"""The stage is whatever the acknowledgement says; without acknowledgements it stays `saved`. Keys can be swept where each
list of contracts is whole. `settle_seconds` should cover how often the ERP looks into the folder."""
