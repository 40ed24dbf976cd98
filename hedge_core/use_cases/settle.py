"""Settling a day: gather the inputs of one book and trading day, settle, and keep the snapshot in its chain.

The order: is it a trading day, and is its reconciliation explained (`day_gate`) → opening lots → fills → exercise, expiry,
delivery → mark to settlement price → fees → deposits by kind → funds and margin → exposure → matches → every identity →
comparison with the statement → the snapshot, hashed and chained. Vouchers come after it, in `account`. A rule or an identity
that breaks leaves the day open with its name; a difference to the statement does unless a person overrules it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.errors import RuleBroken
from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import PositionLot, Product, SettlementPrice
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.ports.storage import Book, Store, StoredSnapshot, UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.settlement import Difference, OpeningFunds, Settlement, SettlementInput, input_digests, settle_day
from hedge_core.settlement.inputs import MARGIN_BY_EQUITY
from hedge_core.settlement.untraded import is_option, underlying
from hedge_core.snapshot import SnapshotChange, decode, diff, encode, snapshot_hash
from hedge_core.trading_calendar import TradingCalendar
from hedge_core.use_cases.commodity import PhysicalRecords, business, deltas
from hedge_core.use_cases.day_gate import closed_gate
from hedge_core.use_cases.deliveries import close_deliveries
from messages import Message

FINAL: Final = "final"
PROPOSED: Final = "proposed"
SUPERSEDED: Final = "superseded"
AS_SEEN_THAT_DAY: Final = frozenset({"lines", "inventory", "matches", "vat_rates", "deltas"})
"""Inputs that move on after the day: its exposure stays as it was seen then, and later orders do not reopen a day."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settlement came to. `state` is settled, unchanged, proposed (other inputs than the stored snapshot: a person
    decides), open (a rule is broken) or differs (the broker's figures differ and nobody has overruled that)."""

    trading_day: date
    state: str
    version: int = 0
    digest: str = ""
    broken: tuple[RuleBroken, ...] = ()
    differences: tuple[Difference, ...] = ()
    changes: tuple[SnapshotChange, ...] = ()


def settle(
    store: Store,
    book: BookId,
    trading_day: date,
    products: Iterable[Product],
    actor: Actor,
    *,
    overrule: str = "",
    approved_by: str = "",
    calendar: TradingCalendar | None = None,
) -> Settled:
    """Settle one trading day. Days are settled in order. With the same inputs as the stored snapshot nothing happens;
    with others a proposed version is stored beside it. `overrule` is the reason for settling in spite of differences,
    which somebody else approves (`RuleBroken("overrule_approval")` where nobody has); a difference of the day's
    reconciliation that nobody has explained or overruled keeps the day open all the same."""
    if overrule:
        _by_another(trading_day, "overrule_approval", approved_by, actor)
    with store.begin(book, actor) as uow:
        given = gather(uow, trading_day, products)
        final = uow.results.snapshot(trading_day)
        inputs = canonical_hash([list(pair) for pair in input_digests(given) if pair[0] not in AS_SEEN_THAT_DAY])
        if final is not None and final.input_digest == inputs and final.previous_digest == (given.previous_hash or ""):
            return Settled(trading_day, "unchanged", final.version, final.digest)
        held = closed_gate(uow, trading_day, calendar)
        if held:
            return Settled(trading_day, "open", broken=tuple(held))
        outcome = settle_day(given)
        if isinstance(outcome, list):
            return Settled(trading_day, "open", broken=tuple(outcome))
        if outcome.differences and not overrule:
            return Settled(trading_day, "differs", differences=outcome.differences)
        reason = (overrule, approved_by) if overrule else ("", "")
        return _keep(uow, given, outcome, final, inputs, reason)


def _by_another(day: date, rule: str, approved_by: str, actor: Actor) -> None:
    if not approved_by.strip() or approved_by.strip() == actor.name:
        raise RuleBroken(rule, day.isoformat(), Message("settle.approve", {"day": day, "name": actor.name}))


def _keep(
    uow: UnitOfWork,
    given: SettlementInput,
    outcome: Settlement,
    final: StoredSnapshot | None,
    inputs: str,
    overruled: tuple[str, str],
) -> Settled:
    body = encode(outcome)
    digest = snapshot_hash(body)
    status = PROPOSED if final is not None else FINAL
    day = given.trading_day
    uow.results.add_snapshot(
        StoredSnapshot(
            day, given.version, status, digest, given.previous_hash or "", inputs, body, len(outcome.differences)
        )
    )
    uow.audit.append(
        f"day.{'settled' if status == FINAL else 'proposed'}",
        day.isoformat(),
        {
            "version": given.version, "snapshot": digest, "previous": given.previous_hash,
            "differences": len(outcome.differences), "overruled": overruled[0],
            **({"approved_by": overruled[1]} if overruled[1] else {}),
        },
    )  # fmt: skip
    if status == FINAL:
        close_deliveries(uow, day, outcome.figures.closes())
    changes = tuple(diff(decode(final.body), decode(body))) if final is not None else ()
    state = "settled" if status == FINAL else "proposed"
    return Settled(day, state, given.version, digest, differences=outcome.differences, changes=changes)


def accept_proposal(
    store: Store, book: BookId, trading_day: date, version: int, reason: str, actor: Actor, approved_by: str
) -> None:
    """Make a proposed snapshot the final one: somebody accepts it, another person approves. Later days rest on the old one:
    they have to be settled again. `RuleBroken`: `accept_approval`, `snapshot_proposal` where there is none."""
    _by_another(trading_day, "accept_approval", approved_by, actor)
    with store.begin(book, actor) as uow:
        proposed = uow.results.snapshot(trading_day, version)
        if proposed is None or proposed.status != PROPOSED:
            message = Message("settle.no_proposal", {"day": trading_day, "version": version})
            raise RuleBroken("snapshot_proposal", trading_day.isoformat(), message)
        for snapshot in uow.results.snapshots():
            if snapshot.trading_day >= trading_day and snapshot.status == FINAL:
                uow.results.set_snapshot_status(snapshot.trading_day, snapshot.version, SUPERSEDED)
        uow.results.set_snapshot_status(trading_day, version, FINAL)
        close_deliveries(uow, trading_day, decode(proposed.body).figures.closes())
        uow.audit.append(
            "day.proposal_accepted",
            trading_day.isoformat(),
            {"version": version, "reason": reason, "approved_by": approved_by},
        )


# --- inputs -----------------------------------------------------------------------------------------------------------


def gather(
    uow: UnitOfWork,
    trading_day: date,
    products: Iterable[Product],
    *,
    previous: StoredSnapshot | None = None,
    records: PhysicalRecords | None = None,
) -> SettlementInput:
    """Everything one settlement depends on, as stored now; `previous` in place of the final snapshot of the day before,
    `records` in place of the contract lines and stock as they are now."""
    previous = previous or uow.results.last_snapshot(before=trading_day)
    lots, funds, previous_day = opening_position(uow, previous, trading_day)
    statements = [stored.statement for stored in uow.statements.on_day(trading_day)]
    fills = uow.statements.fills(trading_day, trading_day)
    exercised = [row for statement in statements for row in statement.exercises]
    instruments = {lot.instrument for lot in lots} | {fill.instrument for fill in fills}
    instruments |= {row.instrument for row in exercised}
    instruments |= {
        underlying(parts) for name in instruments if (parts := parse_instrument(name)) is not None and parts.is_option
    }
    settings = uow.book.settings
    held = business(uow, trading_day, records)
    lines, inventory = held.lines, held.inventory
    in_force = contract_sizes(instruments, list(products), trading_day)
    versions = [snapshot.version for snapshot in uow.results.snapshots() if snapshot.trading_day == trading_day]
    return SettlementInput(
        book=uow.book.book,
        trading_day=trading_day,
        version=max(versions, default=0) + 1,
        previous_hash=previous.digest if previous else None,
        lots=lots,
        funds=funds,
        fills=fills,
        prices=_prices(uow, trading_day, instruments),
        previous_prices=_prices(uow, previous_day, instruments) if previous_day else (),
        products=in_force,
        statements=statements,
        lines=lines,
        inventory=inventory,
        vat_rates=vat_rates(uow.book, commodities_of(lines, inventory, in_force)),
        matches=uow.results.matches(),
        digests=[
            (f"statement:{stored.statement.account}", stored.digest) for stored in uow.statements.on_day(trading_day)
        ],
        expiries=_expiries(settings, instruments),
        marked_options=sorted(name for name in instruments if is_option(name) and _marked(settings, name)),
        deltas={name: delta for name, delta in deltas(uow, trading_day).items() if name in instruments},
        risk_degree=settings.get("risk_degree", MARGIN_BY_EQUITY),
    )


def contract_sizes(instruments: Iterable[str], products: Sequence[Product], day: date) -> dict[str, Product]:
    """Products in force by instrument; an option has its underlying's, save index options, which have their own."""
    found = products_by_instrument(instruments, products, day)
    for name in instruments:
        parts = parse_instrument(name)
        if parts is not None and parts.is_option:
            future = underlying(parts)
            known = products_by_instrument([future], products, day)
            if future in known:
                found[name] = known[future]
    return found


def _expiries(settings: Mapping[str, str], instruments: Iterable[str]) -> dict[str, date]:
    """Last days of options, from the book's settings `expiry.<instrument>` = 2026-03-25."""
    return {
        name: date.fromisoformat(settings[f"expiry.{name}"])
        for name in sorted(instruments)
        if f"expiry.{name}" in settings
    }


def _marked(settings: Mapping[str, str], option: str) -> bool:
    """Whether options of this product are marked to market like futures: `options.<EXCHANGE.product>` = mtm."""
    parts = parse_instrument(option)
    return parts is not None and settings.get(f"options.{parts.exchange}.{parts.product}", "premium") == "mtm"


def opening_position(
    uow: UnitOfWork, previous: StoredSnapshot | None, before: date
) -> tuple[list[PositionLot], list[OpeningFunds], date | None]:
    """Lots and funds carried into a day, and the trading day they come from: the previous snapshot's, and the opening
    state of accounts that went live since."""
    lots: list[PositionLot] = []
    funds: list[OpeningFunds] = []
    last: date | None = None
    if previous is not None:
        figures = decode(previous.body).figures
        lots += figures.lots_after()
        funds += figures.funds_after()
        last = previous.trading_day
    carried = {(row.account, row.currency) for row in funds}
    for state in uow.broker.openings():
        pair = (state.account, state.statement.funds.currency)
        if pair in carried or state.trading_day >= before:
            continue
        money = state.statement.funds
        lots += state.lots
        funds.append(OpeningFunds(state.account, money.currency, money.balance_cf, money.pledge))
        last = max(last, state.trading_day) if last else state.trading_day
    return lots, funds, last


def _prices(uow: UnitOfWork, day: date, instruments: set[str]) -> list[SettlementPrice]:
    known = uow.broker.prices("settlement", day)
    return [known[name] for name in sorted(instruments) if name in known]


def vat_rates(book: Book, commodities: set[str]) -> dict[str, Decimal]:
    """VAT rate per commodity from the book's settings: `vat_rate.<commodity>`, else `vat_rate`, else 13 %."""
    usual = book.settings.get("vat_rate", "0.13")
    return {name: Decimal(book.settings.get(f"vat_rate.{name}", usual)) for name in sorted(commodities)}


# --- what is true now -------------------------------------------------------------------------------------------------


def positions_now(uow: UnitOfWork) -> tuple[list[PositionLot], date | None]:
    """Open lots after the last settled day (or the opening state), and that day."""
    lots, _, day = opening_position(uow, uow.results.last_snapshot(), date.max)
    return lots, day


def commodities_of(
    lines: Sequence[ContractLine], inventory: Sequence[InventoryLot], products: Mapping[str, Product]
) -> set[str]:
    """Every commodity that contract lines, stock or futures are about."""
    physical = {line.commodity for line in lines} | {stock.commodity for stock in inventory}
    return physical | {product.commodity for product in products.values()}
