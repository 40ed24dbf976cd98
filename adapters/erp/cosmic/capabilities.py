"""Cosmic's capability card."""

from __future__ import annotations

from typing import Final

from adapters.erp.configured_notes import HEDGE_PLACE
from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpCapabilities, Lookup, Question

CAPABILITIES: Final = ErpCapabilities(
    system="cosmic",
    pulls=frozenset({"contracts", "inventory", "material", "partner", "account"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="entries.businessnum",
    reference_length=30,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED, Stage.SUBMITTED, Stage.AUDITED),
    default_stage=Stage.SUBMITTED,
    max_batch=20,
    writes_hedges=False,
    hedge_place=HEDGE_PLACE,
    settle_seconds=60,
    tells=frozenset({Question.RIGHTS, Question.READ_BACK}),
)
"""One voucher is one call, so that `Idempotency-Key` means one voucher. The length of the reference field is a cautious figure.
Hedge notes are not written: whether a save that names one field of a line leaves the other lines alone is not published."""
