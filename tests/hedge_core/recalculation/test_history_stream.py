"""Blocks, opening lots and prices become one stream; what is wrong with them is named, and two result days are compared."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.errors import ContractViolation, RuleBroken
from hedge_core.lots import lot_of
from hedge_core.model.futures import Direction, Fill, Offset
from hedge_core.recalculation.blocks import Block, decode_block, encode_block
from hedge_core.recalculation.history import History
from hedge_core.recalculation.result_days import changed, decode_day, encode_days, history_of, key_names
from hedge_core.recalculation.stream import Stream, assemble
from tests.support.naive_broker import ACCOUNT, PRODUCTS, fill

FRIDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 9)
BUY, SELL = Direction.BUY, Direction.SELL
COPPER = "SHFE.cu2605"
PRICES = [(COPPER, FRIDAY, "70000"), (COPPER, MONDAY, "69260.0")]


def block(day: date, *fills: Fill) -> Block:
    return decode_block(encode_block(ACCOUNT, "CNY", day, fills))


def opened() -> Block:
    return block(FRIDAY, fill(1, FRIDAY, SELL, Offset.OPEN, 18, 70200, fee="36.30"))


def closed(lots: int = 10) -> Block:
    return block(MONDAY, fill(2, MONDAY, BUY, Offset.CLOSE_YESTERDAY, lots, 69000))


def stream(*blocks: Block, prices: list[tuple[str, date, str]] = PRICES) -> Stream:
    made = assemble(blocks, [], prices, PRODUCTS)
    assert isinstance(made, Stream), [str(rule) for rule in made]
    return made


def history(made: Stream) -> History:
    found = history_of(made)
    assert isinstance(found, History), [str(rule) for rule in found]
    return found


def rules(found: object) -> list[str]:
    assert isinstance(found, list)
    assert all(isinstance(rule, RuleBroken) for rule in found)
    return [rule.rule for rule in found]


def test_facts_3_9_from_blocks_to_results() -> None:
    """90 t short at 70,200, settled at 70,000: 18,000; 10 of 18 lots closed at 69,000 from there: 50,000, or 60,000 since
    opening; the other 8 fall 740: 29,600."""
    made = stream(opened(), closed())
    assert made.keys == ((ACCOUNT, COPPER, "sell", "hedge"),)
    found = history(made)
    assert found.holding_mtm.tolist() == [[18_000, 29_600]]
    assert found.realised_mtm.tolist() == [[0, 50_000]]
    assert found.realised_trade.tolist() == [[0, 60_000]]
    assert found.floating.tolist() == [[18_000, 8 * 5 * (70_200 - 69_260)]]
    assert made.fees.tolist() == [[3630, 0]]


def test_lots_taken_over_count_from_the_day_after_go_live() -> None:
    lot = lot_of(fill(1, date(2026, 3, 2), SELL, Offset.OPEN, 18, 70200))
    made = assemble([closed()], [(FRIDAY, [lot])], PRICES, PRODUCTS)
    assert isinstance(made, Stream)
    found = history(made)
    assert found.holding_mtm.tolist() == [[0, 29_600]]
    assert found.realised_trade.tolist() == [[0, 60_000]]


def test_wrong_inputs_are_named() -> None:
    negative = opened()
    columns = negative.columns.copy()
    columns[6] = -5
    assert rules(assemble([replace(negative, columns=columns)], [], PRICES, PRODUCTS)) == ["fill_figures"]
    assert rules(assemble([opened()], [], PRICES, {})) == ["unknown_instrument"]
    assert rules(assemble([opened()], [], [(COPPER, FRIDAY, "-1")], PRODUCTS)) == ["price_not_positive"]
    assert rules(history_of(stream(opened(), prices=[]))) == ["settlement_price_missing"]
    without_open = history_of(stream(opened(), closed(19)))
    assert rules(without_open) == ["close_without_open"]
    assert isinstance(without_open, list)
    assert without_open[0].record == f"{ACCOUNT} {COPPER} sell hedge"


def test_figures_that_may_leave_int64_are_refused_before_the_kernel() -> None:
    huge = fill(1, FRIDAY, SELL, Offset.OPEN, 10**9, 70200)
    assert rules(history_of(stream(block(FRIDAY, replace(huge, price=Decimal(10) ** 9))))) == ["out_of_bounds"]


def test_the_same_history_gives_the_same_bytes_and_a_chain() -> None:
    made = stream(opened(), closed())
    keys = hashlib.sha256(made.keys_bytes()).hexdigest()
    days = list(encode_days(made, history(made), keys, "jinhe", "", FRIDAY))
    assert days == list(encode_days(made, history(made), keys, "jinhe", "", FRIDAY))
    assert [previous for _, _, previous, _ in days] == ["", days[0][1]]
    assert hashlib.sha256(days[1][3]).hexdigest() == days[1][1]
    assert next(iter(encode_days(made, history(made), keys, "jinhe", "x", MONDAY)))[2] == "x"


def test_two_days_are_compared_line_by_line() -> None:
    one, other = stream(opened(), closed()), stream(opened(), closed(9))
    bodies = [next(iter(encode_days(made, history(made), "k", "jinhe", "", MONDAY)))[3] for made in (one, other)]
    names = [key_names(made.keys_bytes()) for made in (one, other)]
    same = changed(decode_day(bodies[0]), names[0], decode_day(bodies[0]), names[0])
    assert same == []
    lines = {row.column: (row.before, row.after) for row in changed(
        decode_day(bodies[0]), names[0], decode_day(bodies[1]), names[1])}  # fmt: skip
    assert lines["lots"] == (8, 9)
    assert lines["realised_trade"] == (60_000, 54_000)


@pytest.mark.parametrize("body", [b"", b"HBDAYS01", b"HBSNAP01" + b"\0" * 40])
def test_bytes_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(ContractViolation):
        decode_day(body)
    with pytest.raises(ContractViolation):
        decode_block(body)
