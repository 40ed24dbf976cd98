"""The daily settlement (日结) of one book: `settle_day(SettlementInput)` gives a `Settlement` or the rules that broke.

Names are found where they live when somebody asks for them: units and rows are needed by many that settle nothing, the engine
knows matching, and matching counts in the engine's units."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "compare": ("Difference",),
    "engine": ("Settlement", "settle_day"),
    "figures": ("Figures", "Header", "Table"),
    "inputs": ("OpeningFunds", "SettlementInput", "input_digests"),
    "rows": ("Deposit", "FundsResult", "LotClose", "LotResult", "OptionResult"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
