"""Snapshot bytes: always the same for the same day, read back whole, compared line by line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.errors import ContractViolation
from hedge_core.lots import lot_of
from hedge_core.model.futures import Direction, Offset
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import InventoryLot, LotKind
from hedge_core.settlement import OpeningFunds, Settlement, SettlementInput, settle_day
from hedge_core.snapshot import MAGIC, decode, diff, encode, snapshot_hash
from tests.support.naive_broker import ACCOUNT, PRODUCTS, NaiveBroker, fill, settlement_prices

DAY, BEFORE = date(2026, 3, 9), date(2026, 3, 6)
COPPER = "SHFE.cu2605"
STOCK = InventoryLot(
    ExternalRef("k3", "inventory", "1"),
    "CU01",
    "copper",
    "W1",
    "1",
    "jinhe",
    True,
    LotKind.STANDARD,
    "t",
    Decimal("60.5"),
)


def one_day(close_price: int = 69000, **changes: object) -> Settlement:
    """90 t short from the day before; 10 lots closed today, 2 opened and closed, 1 opened."""
    broker = NaiveBroker(balance=Decimal(1000000))
    old = fill(1, BEFORE, Direction.SELL, Offset.OPEN, 18, 70200)
    broker.day(BEFORE, [old], {COPPER: Decimal(70000)})
    fills = [
        fill(2, DAY, Direction.BUY, Offset.CLOSE_YESTERDAY, 10, close_price, fee="36.30"),
        fill(3, DAY, Direction.SELL, Offset.OPEN, 3, 69500, fee="10.05"),
        fill(4, DAY, Direction.BUY, Offset.CLOSE_TODAY, 2, 69400, fee="7"),
    ]
    given = SettlementInput(
        BookId("jinhe"),
        DAY,
        previous_hash="0" * 64,
        lots=[lot_of(old)],
        funds=[OpeningFunds(ACCOUNT, "CNY", Decimal(1018000))],
        fills=fills,
        prices=settlement_prices(DAY, {COPPER: Decimal(69260)}),
        previous_prices=settlement_prices(BEFORE, {COPPER: Decimal(70000)}),
        products=PRODUCTS,
        statements=[broker.day(DAY, fills, {COPPER: Decimal(69260)})],
        inventory=[STOCK],
        vat_rates={"copper": Decimal("0.13")},
        digests=[("statement.txt", "ab" * 32)],
    )
    result = settle_day(replace(given, **changes))  # type: ignore[arg-type]
    assert isinstance(result, Settlement), [str(rule) for rule in result]
    return result


def test_the_same_input_gives_the_same_bytes_and_hash() -> None:
    assert encode(one_day()) == encode(one_day())
    assert snapshot_hash(encode(one_day())) == decode(encode(one_day())).hash


def test_a_snapshot_reads_back_with_every_figure() -> None:
    settlement = one_day()
    snapshot = decode(encode(settlement))
    assert snapshot.header == settlement.figures.header
    for section in ("lots", "closes", "funds", "exposure", "lots_after", "funds_after"):
        assert getattr(snapshot.figures, section)() == getattr(settlement.figures, section)()
    (row,) = [r for r in snapshot.figures.exposure() if r.month == "stock"]
    assert (row.inventory, row.unit, row.exposure_vat) == (Decimal("60.5"), "t", Decimal("53.539823"))


def test_the_header_is_canonical_and_knows_its_inputs_but_no_clock() -> None:
    body = encode(one_day())
    assert body.startswith(MAGIC)
    header = json.loads(body[16 : 16 + int.from_bytes(body[8:16], "little")])
    assert header["book"] == "jinhe"
    assert header["trading_day"] == "2026-03-09"
    assert header["previous_hash"] == "0" * 64
    names = [name for name, _ in header["inputs"]]
    assert names[-1] == "source:statement.txt"
    assert {"fills", "lots", "funds", "prices", "previous_prices", "statements", "lines", "inventory"} <= set(names)
    assert header["prices"][0] == [COPPER, "settlement", "69260", "CNY", "broker", "2026-03-09"]
    assert header["sections"][0]["keys"] == sorted(header["sections"][0]["keys"])


def test_the_published_example_keeps_its_bytes() -> None:
    """A change of format or rule shows here first: it needs a new magic, not another figure in this line."""
    assert snapshot_hash(encode(one_day())) == "a3668091d25ac031c7c859f9997f4ede67abf6f9702310c3b1f5a2852be7f1c8"


def test_every_input_moves_the_hash() -> None:
    match = HedgeMatch(
        "M1", STOCK.ref, "L", ACCOUNT, COPPER, "copper", Decimal(1), Decimal(1), DAY, "fifo", "matching.why_fifo"
    )
    base = snapshot_hash(encode(one_day()))
    changed = [
        one_day(version=2),
        one_day(previous_hash=None),
        one_day(digests=[]),
        one_day(matches=[match]),
        one_day(inventory=[replace(STOCK, lot_no="other")]),
        one_day(vat_rates={"copper": Decimal("0.09")}),
        one_day(close_price=69010),
    ]
    assert len({base, *(snapshot_hash(encode(settlement)) for settlement in changed)}) == len(changed) + 1


def test_a_corrected_price_shows_line_by_line_what_it_changed() -> None:
    before, after = decode(encode(one_day())), decode(encode(one_day(close_price=69010)))
    changes = diff(before, after)
    assert diff(before, before) == []
    figures = {(c.section, c.column): (c.before, c.after) for c in changes if c.section in ("closes", "funds")}
    assert figures["closes", "close_price"] == (69000, 69010)
    assert figures["closes", "realised_trade"] == (60000, 59500)
    assert figures["funds", "balance"] == (Decimal("1099746.65"), Decimal("1099246.65"))
    assert {c.key for c in changes if c.section == "inputs"} == {"fills", "statements"}
    assert not [c for c in changes if c.section in ("prices", "exposure")]


def test_a_row_on_one_side_only_has_no_value_on_the_other() -> None:
    changes = diff(decode(encode(one_day(inventory=[]))), decode(encode(one_day())))
    (row,) = [c for c in changes if c.section == "exposure" and c.column == "inventory"]
    assert (row.key, row.before, row.after) == ("copper stock", None, Decimal("60.5"))


def test_changed_or_cut_bytes_are_refused_or_have_another_hash() -> None:
    body = encode(one_day())
    for wrong in (b"", body[:-1], body + b"\0" * 8, b"X" + body[1:], body[:20] + b" " + body[21:]):
        with pytest.raises(ContractViolation):
            decode(wrong)
    tampered = body[:-8] + (7).to_bytes(8, "little")
    assert decode(tampered).hash != snapshot_hash(body)
