"""Settle one book for one trading day, in the order that docs and statements use; pure: same input, same figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal

from hedge_core.errors import RuleBroken
from hedge_core.exposure import QUANTITY_PLACES, Exposure, exposure
from hedge_core.instruments import parse_instrument
from hedge_core.lots import LotsOfDay, apply_fills
from hedge_core.model.futures import ClosedLot, Direction, PositionLot, SettlementPrice
from hedge_core.model.physical import ContractLine
from hedge_core.settlement.accounts import AccountsOfDay, accounts_of_day, broken_currencies
from hedge_core.settlement.checks import broken_identities, broken_net_lots
from hedge_core.settlement.compare import Difference, compare
from hedge_core.settlement.figures import (
    DEPOSIT_COLUMNS,
    EXPOSURE_COLUMNS,
    FUNDS_COLUMNS,
    FUNDS_COLUMNS_AT_NEED,
    LOT_COLUMNS,
    Figures,
    Header,
    PriceUsed,
    Table,
)
from hedge_core.settlement.funds import deposits_by_kind, deposits_of, roll_funds
from hedge_core.settlement.goods_checks import broken_goods
from hedge_core.settlement.inputs import OpeningFunds, SettlementInput, digest_of_rows, input_digests
from hedge_core.settlement.marking import Marked, Terms, mark, within_bounds
from hedge_core.settlement.options import Rows, broken_option_identity, option_rows, option_table
from hedge_core.settlement.rows import FundsResult, is_traded
from hedge_core.settlement.units import column, fits, from_units, places_of, to_units
from hedge_core.settlement.untraded import end_lots, endings, is_option, opened_by_exercise
from messages import Message


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settled day. `figures` go into the snapshot; `exposure` has ratios and totals; `differences` are ours against
    the broker's statement: rows for a person, not part of the snapshot."""

    figures: Figures
    exposure: Exposure
    differences: tuple[Difference, ...]


def settle_day(given: SettlementInput) -> Settlement | list[RuleBroken]:
    """Opening lots → fills → exercise, expiry, delivery → mark to settlement price → fees → deposits → funds and margin →
    exposure → matches.

    Answers every rule that broke instead of a settlement: then there is no result for the day and it stays open.
    Rules: those of `apply_fills` and `exposure`, and `end_without_lots`, `unknown_instrument`, `not_a_future`,
    `settlement_price_missing`, `previous_settlement_missing`, `price_conflict`, `price_not_positive`,
    `statement_missing`, `statement_twice`, `statement_day`, `statement_view`, `other_currency`, `lot_currency_unknown`,
    `instrument_in_two_currencies`, `out_of_bounds` and `identity_*` (facts 3.19: of lots, results, equity, options, goods,
    matches)."""
    prices, price_breaks = _prices(given)
    closed: dict[str, list[ClosedLot]] = {}
    for statement in given.statements:
        closed.setdefault(statement.account, []).extend(statement.closed)
    futures = [name for name in given.products if not is_option(name)]
    exercised = opened_by_exercise(given.statements, given.fills, given.trading_day, futures)
    traded = apply_fills(given.lots, [*given.fills, *exercised], given.trading_day, closed)
    owners = accounts_of_day(given.statements, [*given.fills, *exercised], [*given.prices, *given.previous_prices])
    ended = endings(given.statements, traded.movements, given.trading_day, given.expiries, owners)
    day = end_lots(traded, ended)
    broken = [*price_breaks, *_statement_breaks(given), *day.broken, *_instrument_breaks(given, day, prices)]
    broken += broken_currencies(owners, given.fills, [movement.lot for movement in day.movements])
    lots_after = day.after
    options_named = {m.lot.instrument for m in day.movements if is_option(m.lot.instrument)}
    counted = _summed(
        [lot for lot in lots_after if lot.instrument in given.deltas or lot.instrument not in options_named]
    )
    at_end = exposure(
        given.book, given.lines, given.inventory, counted, given.products, given.vat_rates, deltas=given.deltas
    )
    broken += [rule for rule in at_end.broken if rule.rule != "unknown_instrument"]  # named above, by instrument
    if broken:
        return broken

    scales = _scales(given, day, prices)
    fills = [*given.fills, *exercised, *(ending.fill for ending in ended)]
    apart = {name for name in scales.terms if is_option(name) and name not in given.marked_options}
    options, day = _only(day, apart, True), _only(day, apart, False)
    if not within_bounds(day.movements, day.consumed, scales.terms):
        return [_rule("out_of_bounds", str(given.trading_day))]
    marked = mark(day.movements, day.consumed, scales.terms, owners.place)
    optioned = option_rows(options.movements, options.consumed, scales.terms, owners.place)
    funds = _funds(given, owners, day, marked, optioned, scales.money)
    names = (*FUNDS_COLUMNS, *(n for n in FUNDS_COLUMNS_AT_NEED if any(getattr(row, n) for row in funds)))
    money_columns = _columns(funds, names, scales.money)
    quantity_columns = _columns(at_end.rows, EXPOSURE_COLUMNS, scales.quantity)
    if not all(fits(*v) for v in (*money_columns.values(), *quantity_columns.values(), *optioned.values())):
        return [_rule("out_of_bounds", str(given.trading_day))]
    broken = broken_identities([f for f in fills if f.instrument not in apart], day, marked, scales.terms, funds)
    broken += broken_net_lots([f for f in fills if f.instrument in apart], options)
    broken += broken_option_identity(options.movements, optioned)
    broken += broken_goods(
        given.lines, given.inventory, lots_after, given.products, given.vat_rates, given.matches, at_end
    )
    if broken:
        return broken

    tables = {
        "lots": Table(tuple((m.lot.lot_id,) for m in day.movements), marked.lots),
        "closes": Table(tuple((c.fill.key, c.lot.lot_id) for c in day.consumed), marked.closes),
        "funds": _table((owners.key(pair) for pair in owners.pairs), money_columns),
        "exposure": _table(((row.commodity, row.month) for row in at_end.rows), quantity_columns),
    }
    if options.movements:
        tables["options"] = option_table(options.movements, optioned)
    moved = deposits_by_kind(given.statements, owners)
    if moved:
        amounts = {
            name: [to_units(row[at], scales.money) for row in moved.values()] for at, name in enumerate(DEPOSIT_COLUMNS)
        }
        tables["deposits"] = _table(moved, amounts)
    figures = Figures(_header(given, owners, scales, at_end), tables)
    differences = compare(lots_after, funds, prices["settlement"], prices["previous"], given.statements, owners.quoted)
    return Settlement(figures, at_end, differences)


def _summed(lots: Iterable[PositionLot]) -> list[PositionLot]:
    """One lot per instrument and side: the exposure asks for nothing finer."""
    sums: dict[tuple[str, Direction], tuple[PositionLot, int]] = {}
    for lot in lots:
        first, count = sums.get((lot.instrument, lot.direction), (lot, 0))
        sums[lot.instrument, lot.direction] = first, count + lot.lots
    return [replace(lot, lots=count) for lot, count in sums.values()]


def _only(day: LotsOfDay, names: Set[str], inside: bool) -> LotsOfDay:
    """The part of a day whose instruments are in `names`, or are not."""
    if not names:
        return LotsOfDay((), (), ()) if inside else day
    movements = tuple(m for m in day.movements if (m.lot.instrument in names) is inside)
    return LotsOfDay(movements, tuple(c for c in day.consumed if (c.lot.instrument in names) is inside), ())


@dataclass(frozen=True, slots=True)
class _Scales:
    money: int
    quantity: int
    terms: Mapping[str, Terms]


def _prices(given: SettlementInput) -> tuple[dict[str, dict[str, Decimal]], list[RuleBroken]]:
    """Prices by kind and instrument; of the settlement kind only, positive, and one per instrument."""
    found: dict[str, dict[str, Decimal]] = {"settlement": {}, "previous": {}}
    broken = []
    for kind, rows in (("settlement", given.prices), ("previous", given.previous_prices)):
        for row in _settlement_kind(rows):
            known = found[kind].setdefault(row.subject, row.price)
            if known != row.price:
                broken.append(_rule("price_conflict", row.subject, first=known, second=row.price))
            if row.price <= 0:
                broken.append(_rule("price_not_positive", row.subject, price=row.price))
    return found, broken


def _settlement_kind(rows: Iterable[SettlementPrice]) -> list[SettlementPrice]:
    return [row for row in rows if row.kind == "settlement"]


def _statement_breaks(given: SettlementInput) -> list[RuleBroken]:
    """One statement of this day for every account and currency with funds, lots or fills, and nothing in it that we
    cannot settle."""
    broken = []
    seen: dict[str, set[str]] = {}
    for statement in given.statements:
        if statement.funds.currency in seen.get(statement.account, ()):
            broken.append(_rule("statement_twice", statement.account))
        if statement.view != "mtm":
            broken.append(_rule("statement_view", statement.account))
        if not statement.first_day == statement.trading_day == given.trading_day:
            broken.append(_rule("statement_day", statement.account, day=statement.trading_day))
        seen.setdefault(statement.account, set()).add(statement.funds.currency)
    holders = {lot.account for lot in given.lots} | {fill.account for fill in given.fills}
    for account in sorted((holders | {row.account for row in given.funds}) - seen.keys()):
        broken.append(_rule("statement_missing", account, day=given.trading_day))
    currencies = [(row.account, row.currency) for row in given.funds]
    currencies += [(fill.account, fill.currency) for fill in given.fills]
    for account, currency in sorted(set(currencies)):
        if account in seen and currency not in seen[account]:
            stated = ", ".join(sorted(seen[account]))
            broken.append(_rule("other_currency", account, currency=currency, statement=stated))
    return broken


def _instrument_breaks(
    given: SettlementInput, day: LotsOfDay, prices: Mapping[str, Mapping[str, Decimal]]
) -> list[RuleBroken]:
    instruments = {m.lot.instrument for m in day.movements} | {fill.instrument for fill in given.fills}
    needed = {m.lot.instrument for m in day.movements if m.end}
    carried = {m.lot.instrument for m in day.movements if m.start}
    missing = (
        ("not_a_future", {name for name in instruments if parse_instrument(name) is None}),
        ("unknown_instrument", instruments - given.products.keys()),
        ("settlement_price_missing", needed - prices["settlement"].keys()),
        ("previous_settlement_missing", carried - prices["previous"].keys()),
    )
    return [_rule(rule, name, day=given.trading_day) for rule, names in missing for name in sorted(names)]


def _scales(given: SettlementInput, day: LotsOfDay, prices: Mapping[str, Mapping[str, Decimal]]) -> _Scales:
    """The smallest units: prices per instrument, money and quantities per book, each wide enough to be exact."""
    seen: dict[str, list[Decimal]] = {}
    for movement in day.movements:
        seen.setdefault(movement.lot.instrument, []).append(movement.lot.open_price)
    for fill in given.fills:
        seen.setdefault(fill.instrument, []).append(fill.price)
    for row in day.consumed:
        if not is_traded(row.fill.key):
            seen[row.fill.instrument].append(row.fill.price)
    places = {}
    for name, values in seen.items():
        places[name] = places_of([*values, *(side[name] for side in prices.values() if name in side)])
    amounts = [fill.fee for fill in given.fills]
    amounts += [amount for row in given.funds for amount in (row.balance, row.pledge)]
    for statement in given.statements:
        funds = statement.funds
        amounts += [amount for row in statement.cash for amount in (row.amount_in, row.amount_out)]
        amounts += [deposits_of(statement), funds.pledge_change, funds.margin, funds.delivery_margin]
        amounts += [funds.exercise_result, funds.delivery_result, funds.exercise_fee, funds.delivery_fee]
        amounts += [funds.premium_received, funds.premium_paid, funds.fx_pledge_in, funds.fx_pledge_out]
    money = max([places_of(amounts, 2), *places.values()])
    quantities = [q for line in given.lines for q in _quantities(line)]
    quantity = places_of([*quantities, *(stock.quantity for stock in given.inventory)], QUANTITY_PLACES)
    terms = {}
    for place, name in enumerate(sorted(places)):
        price = {kind: to_units(side[name], places[name]) for kind, side in prices.items() if name in side}
        factor: int = given.products[name].multiplier * 10 ** (money - places[name])
        terms[name] = Terms(place, places[name], factor, price.get("settlement", 0), price.get("previous", 0))
    return _Scales(money, quantity, terms)


def _quantities(line: ContractLine) -> tuple[Decimal, ...]:
    """Everything of a line that an exposure may be made of."""
    said = (line.priced, line.shipped)
    return line.ordered, line.delivered, line.returned, line.closed_rest, *(q for q in said if q is not None)


def _funds(
    given: SettlementInput, owners: AccountsOfDay, day: LotsOfDay, marked: Marked, options: Rows, money: int
) -> list[FundsResult]:
    opening = {(row.account, row.currency): row for row in given.funds}
    statements = {(statement.account, statement.funds.currency): statement for statement in given.statements}
    fees: dict[tuple[str, str], list[Decimal]] = {pair: [] for pair in owners.pairs}
    for fill in given.fills:
        fees[fill.account, fill.currency].append(fill.fee)
    untraded = column(int(not is_traded(row.fill.key)) for row in day.consumed)
    owner = marked.lots["account"][marked.closes["lot"]]
    of_options = column(options["account"])
    values = {name: column(options[name]) if fits(*options[name]) else None for name in ("premium", "value")}
    results = []
    for place, pair in enumerate(owners.pairs):
        mine = marked.lots["account"] == place
        sums = {column_name: int(marked.lots[column_name][mine].sum()) for column_name in LOT_COLUMNS[10:]}
        gone = (owner == place) & (untraded > 0)
        for result, ended in (("realised_mtm", "delivery_mtm"), ("realised_trade", "delivery_trade")):
            sums[ended] = int(marked.closes[result][gone].sum())
            sums[result] -= sums[ended]
        held = of_options == place
        for source, figure in (("premium", "premium"), ("value", "option_value")):
            found = values[source]
            sums[figure] = sum(found[held].tolist()) if found is not None else 0
        before = opening.get(pair, OpeningFunds(*pair, Decimal(0)))
        figures = {column_name: from_units(units, money) for column_name, units in sums.items()}
        results.append(roll_funds(before, statements[pair], fees=fees[pair], **figures))
    return results


def _columns(rows: Sequence[object], names: tuple[str, ...], places: int) -> dict[str, list[int]]:
    """Decimal rows as Python integers by column, not yet int64."""
    return {name: [to_units(getattr(row, name), places) for row in rows] for name in names}


def _table(keys: Iterable[tuple[str, ...]], columns: Mapping[str, list[int]]) -> Table:
    return Table(tuple(keys), {name: column(values) for name, values in columns.items()})


def _header(
    given: SettlementInput,
    owners: AccountsOfDay,
    scales: _Scales,
    at_end: Exposure,
) -> Header:
    used = []
    for kind, rows in (("settlement", given.prices), ("previous", given.previous_prices)):
        for row in sorted(_settlement_kind(rows), key=lambda r: (r.subject, r.source)):
            if row.subject in scales.terms:
                used.append(PriceUsed(row.subject, kind, row.price, row.currency, row.source, row.trading_day))
    instruments = tuple(sorted(scales.terms))
    return Header(
        given.book,
        given.trading_day,
        given.version,
        given.previous_hash,
        input_digests(given),
        tuple(used),
        tuple(account for account, _ in owners.pairs),
        tuple(currency for _, currency in owners.pairs),
        instruments,
        tuple(given.products[name].multiplier for name in instruments),
        tuple(scales.terms[name].places for name in instruments),
        scales.money,
        scales.quantity,
        tuple(sorted({row.commodity: row.unit for row in at_end.rows}.items())),
        len(given.matches),
        digest_of_rows(given.matches),
        given.risk_degree,
    )


def _rule(rule: str, record: str, **params: object) -> RuleBroken:
    return RuleBroken(rule, record, Message(f"settlement.{rule}", params))
