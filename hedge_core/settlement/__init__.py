"""The daily settlement (日结) of one book: `settle_day(SettlementInput)` gives a `Settlement` or the rules that broke."""

from hedge_core.settlement.compare import Difference
from hedge_core.settlement.engine import Settlement, settle_day
from hedge_core.settlement.figures import Figures, FundsResult, Header, LotClose, LotResult, Table
from hedge_core.settlement.inputs import OpeningFunds, SettlementInput, input_digests

__all__ = [
    "Difference",
    "Figures",
    "FundsResult",
    "Header",
    "LotClose",
    "LotResult",
    "OpeningFunds",
    "Settlement",
    "SettlementInput",
    "Table",
    "input_digests",
    "settle_day",
]
