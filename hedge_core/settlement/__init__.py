"""The daily settlement (日结) of one book: `settle_day(SettlementInput)` gives a `Settlement` or the rules that broke."""

from hedge_core.settlement.compare import Difference
from hedge_core.settlement.engine import Settlement, settle_day
from hedge_core.settlement.figures import Figures, Header, Table
from hedge_core.settlement.inputs import OpeningFunds, SettlementInput, input_digests
from hedge_core.settlement.rows import Deposit, FundsResult, LotClose, LotResult, OptionResult

__all__ = [
    "Deposit",
    "Difference",
    "Figures",
    "FundsResult",
    "Header",
    "LotClose",
    "LotResult",
    "OpeningFunds",
    "OptionResult",
    "Settlement",
    "SettlementInput",
    "Table",
    "input_digests",
    "settle_day",
]
