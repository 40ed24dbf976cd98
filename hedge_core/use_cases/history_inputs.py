"""What a recalculation reads: the book's fills as blocks, its opening lots and prices, as one stream with a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from hedge_core.canonical import canonical_hash
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.recalculation.blocks import decode_block, encode_block
from hedge_core.recalculation.stream import Stream, assemble
from messages import Message

Progress = Callable[[str, int, int], None]
"""(stage, done, of how many): told at the beginning of a stage and as it goes on."""


def quiet(stage: str, done: int, of: int) -> None:
    """Progress nobody watches."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A book's whole history: the stream, and the digest of everything it was made from."""

    stream: Stream
    digest: str


def make_blocks(store: Store, book: BookId, actor: Actor) -> int:
    """Blocks for statements stored before there were any; answers how many were made."""
    with store.read(book) as uow:
        missing = uow.columns.without_block()
    if not missing:
        return 0
    with store.begin(book, actor) as uow:
        for account, currency, day in missing:
            rows = [row for row in uow.statements.fills(day, day) if (row.account, row.currency) == (account, currency)]
            uow.columns.list_fills(account, currency, day, rows)
    return len(missing)


def verify_blocks(store: Store, book: BookId) -> list[RuleBroken]:
    """Every block made again from the rows: one that differs by a byte is named."""
    broken = []
    with store.read(book) as uow:
        for block in uow.columns.blocks():
            rows = [
                row
                for row in uow.statements.fills(block.trading_day, block.trading_day)
                if (row.account, row.currency) == (block.account, block.currency)
            ]
            body = encode_block(block.account, block.currency, block.trading_day, rows)
            if body != block.body or hashlib.sha256(block.body).hexdigest() != block.digest:
                name = f"{block.account}/{block.currency}/{block.trading_day:%Y%m%d}"
                broken.append(RuleBroken("fill_block", name, Message("recalculation.block", {"fills": len(rows)})))
    return broken


def read_history(
    uow: UnitOfWork, products: Sequence[Product], progress: Progress = quiet, *, may_be_empty: bool = False
) -> Inputs | list[RuleBroken]:
    """Everything stored, as one stream. Broken rules: `recalculation_empty` (unless it `may_be_empty`),
    `contract_size_changes` and those of `assemble`."""
    blocks = uow.columns.blocks()
    progress("read", 0, sum(block.fills for block in blocks))
    openings = [(state.trading_day, state.lots, state.digest) for state in uow.broker.openings()]
    days = [block.trading_day for block in blocks] + [day for day, _, _ in openings]
    if not days and not may_be_empty:
        return [RuleBroken("recalculation_empty", uow.book.book, Message("recalculation.empty"))]
    decoded = [decode_block(block.body) for block in blocks]
    named = {name for block in decoded for name in block.instruments}
    named |= {lot.instrument for _, lots, _ in openings for lot in lots}
    first, last = min(days, default=date.min), max(days, default=date.min)
    in_force = products_by_instrument(named, products, last)
    broken = _size_changes(in_force, products_by_instrument(named, products, first))
    if broken:
        return broken
    prices = uow.columns.settlement_price_texts(first, last)
    stream = assemble(decoded, [(day, lots) for day, lots, _ in openings], prices, in_force)
    if isinstance(stream, list):
        return stream
    hashed = hashlib.sha256("".join([block.digest for block in blocks]).encode())
    hashed.update(stream.keys_bytes())
    hashed.update(np.ascontiguousarray(stream.terms.settlement, dtype="<i8").data)
    inputs = canonical_hash({"fills": hashed.hexdigest(), "openings": sorted(digest for _, _, digest in openings)})
    progress("read", len(stream.fills), len(stream.fills))
    return Inputs(stream, inputs)


def _size_changes(last: Mapping[str, Product], first: Mapping[str, Product]) -> list[RuleBroken]:
    """One contract size per instrument is what the columns can hold."""
    return [
        RuleBroken("contract_size_changes", name, Message("recalculation.contract_size_changes", {"instrument": name}))
        for name in sorted(last)
        if name in first and first[name].multiplier != last[name].multiplier
    ]
