"""Recalculating history: results per key and day of a whole stream of fills at once, exact in int64, without a loop.

A key is one (account, instrument, side): lots opened by its opening fills are closed first in, first out. See `history`.
"""

from hedge_core.recalculation.columns import FillColumns, Terms, within_int64
from hedge_core.recalculation.history import History, recalculate
from hedge_core.recalculation.pairs import LotPairs, lot_pairs

__all__ = ["FillColumns", "History", "LotPairs", "Terms", "lot_pairs", "recalculate", "within_int64"]
