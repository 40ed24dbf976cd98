"""One row to one column at the least total cost, exact in int64: shortest augmenting paths (Hungarian method)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

BOUND: Final = 2**62
"""Costs and potentials stay below it, else nothing is computed."""


def cheapest_assignment(costs: Any) -> list[int]:
    """For every row of an int64 matrix the column it gets, each column once. There are at least as many columns as rows.

    Work is at most rows² × columns. ValueError for a matrix of another shape or kind, or whose costs are too large to be
    added up in int64."""
    matrix = np.asarray(costs)
    if matrix.ndim != 2 or matrix.dtype != np.int64 or matrix.shape[0] > matrix.shape[1]:
        raise ValueError("an assignment wants an int64 matrix with no more rows than columns")
    rows, columns = matrix.shape
    if not rows:
        return []
    largest = max(abs(int(matrix.min())), abs(int(matrix.max())))
    if largest * (rows + 2) >= BOUND:
        raise ValueError(f"costs of {largest} in {rows} rows do not fit into int64")
    row_price = np.zeros(rows + 1, dtype=np.int64)
    column_price = np.zeros(columns + 1, dtype=np.int64)
    taken_by = np.zeros(columns + 1, dtype=np.int64)  # row of each column, counted from 1; 0 is free
    came_from = np.zeros(columns + 1, dtype=np.int64)
    for row in range(1, rows + 1):
        taken_by[0] = row
        at = 0
        least = np.full(columns + 1, BOUND, dtype=np.int64)
        done = np.zeros(columns + 1, dtype=bool)
        while True:
            done[at] = True
            here = int(taken_by[at])
            reduced = matrix[here - 1] - row_price[here] - column_price[1:]
            open_columns = ~done[1:]
            better = open_columns & (reduced < least[1:])
            least[1:][better] = reduced[better]
            came_from[1:][better] = at
            waiting = np.where(open_columns, least[1:], BOUND)
            following = int(waiting.argmin()) + 1
            step = int(waiting[following - 1])
            row_price[taken_by[done]] += step
            column_price[done] -= step
            least[~done] -= step
            at = following
            if taken_by[at] == 0:
                break
        while at:
            before = int(came_from[at])
            taken_by[at] = taken_by[before]
            at = before
    answer = [-1] * rows
    for column in range(1, columns + 1):
        if taken_by[column]:
            answer[int(taken_by[column]) - 1] = column - 1
    return answer
