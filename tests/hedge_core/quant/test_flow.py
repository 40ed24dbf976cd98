"""The bucketed flow: most first, then cheapest, and refused when the proof fails."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core.quant import flow
from hedge_core.quant.flow import Arc, Arcs, NotProved, most_then_cheapest, most_then_cheapest_on


def test_more_flow_is_worth_any_detour() -> None:
    arcs = [Arc(0, 0, 0), Arc(0, 1, 500), Arc(1, 0, 500)]
    assert most_then_cheapest([1, 1], [1, 1], arcs) == [0, 1, 1]


def test_of_equal_flows_the_cheapest_is_taken() -> None:
    assert most_then_cheapest([10], [10, 10], [Arc(0, 0, 2), Arc(0, 1, 1)]) == [0, 10]


def test_nothing_flows_without_arcs_or_quantity() -> None:
    assert most_then_cheapest([5], [5], []) == []
    assert most_then_cheapest([0], [0], [Arc(0, 0, 1)]) == [0]


def test_quantities_in_millionths_stay_whole() -> None:
    supply, demand = [847_500_001, 999_999_999_999], [750_000_000, 1_000_000_000_007]
    found = most_then_cheapest(supply, demand, [Arc(0, 0, 0), Arc(1, 0, 1), Arc(1, 1, 0)])
    assert found == [750_000_000, 0, 999_999_999_999]


def test_what_floats_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        most_then_cheapest([2**53 + 1], [2], [Arc(0, 0, 0)])
    with pytest.raises(ValueError, match="beyond"):
        most_then_cheapest([-1], [2], [Arc(0, 0, 0)])


@pytest.mark.parametrize("answer", [([2], [0, 2]), ([0], [0, 2]), ([1], [0, 1]), ([1], [-1, 3]), ([-1], [0, 2])])
def test_a_wrong_answer_of_the_solver_is_never_used(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[list[int], list[int]]
) -> None:
    monkeypatch.setattr(flow, "_solve", lambda *_: answer)
    with pytest.raises(NotProved):
        most_then_cheapest([1], [1], [Arc(0, 0, 1)])


@pytest.mark.parametrize("claim", [[0, 1, 1], [0, 0, 0], [1, 0, 1], [-1, 2, 2], None])
def test_a_guessed_flow_is_taken_only_where_it_is_proved_the_best(
    claim: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    solve = flow._solve
    monkeypatch.setattr(flow, "_solve", lambda *given: asked.append(1) or solve(*given))
    arcs = Arcs(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0, 1, 1]))
    guessed = None if claim is None else np.array(claim)
    sizes = np.array([1, 1])
    assert most_then_cheapest_on(sizes, sizes, arcs, lambda *_: guessed).tolist() == [0, 1, 1]
    assert len(asked) == (claim != [0, 1, 1])


@settings(deadline=None, max_examples=60)
@any_of(
    st.lists(st.integers(0, 3), min_size=2, max_size=2),
    st.lists(st.integers(0, 3), min_size=2, max_size=2),
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 5)), max_size=4, unique_by=lambda a: a[:2]),
)
def test_no_other_flow_is_better_tried_one_by_one(
    supply: list[int], demand: list[int], ends: list[tuple[int, int, int]]
) -> None:
    arcs = [Arc(*end) for end in ends]
    found = most_then_cheapest(supply, demand, arcs)

    def objective(flows: tuple[int, ...]) -> tuple[int, int] | None:
        for side, sizes in (("source", supply), ("sink", demand)):
            for number, size in enumerate(sizes):
                if sum(f for f, arc in zip(flows, arcs, strict=True) if getattr(arc, side) == number) > size:
                    return None
        return sum(flows), -sum(f * arc.cost for f, arc in zip(flows, arcs, strict=True))

    best = max(one for flows in product(range(4), repeat=len(arcs)) if (one := objective(flows)) is not None)
    assert objective(tuple(found)) == best
