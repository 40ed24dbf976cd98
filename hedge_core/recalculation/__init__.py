"""Recalculating history: results per key and day of a whole stream of fills at once, exact in int64, without a loop.

A key is one (account, instrument, side, hedge flag): lots opened by its opening fills are closed first in, first out,
where the exchange tells them apart today's and older ones separately. See `history`.
"""

from hedge_core.recalculation.columns import FIFO, OLDER, TODAY, FillColumns, Terms, within_int64
from hedge_core.recalculation.history import History, recalculate, recalculate_with_pairs
from hedge_core.recalculation.pairs import LotPairs, lot_pairs

__all__ = [
    "FIFO",
    "OLDER",
    "TODAY",
    "FillColumns",
    "History",
    "LotPairs",
    "Terms",
    "lot_pairs",
    "recalculate",
    "recalculate_with_pairs",
    "within_int64",
]
