"""From a posting line back to where it came from: fills and their statements, snapshots, contract lines and the mapping
version that read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import ExternalRef
from hedge_core.model.vouchers import SourceRef, Voucher
from hedge_core.ports.storage import UnitOfWork
from hedge_core.settlement.rows import is_traded
from hedge_core.use_cases.rates import rate_table
from hedge_core.use_cases.remap import mappings_of


@dataclass(frozen=True, slots=True)
class Origin:
    """One source of a line and what it rests on: `found` false where the record is not in the store any more, `details`
    as (name, value) for people."""

    line: int
    kind: str
    key: str
    found: bool
    details: tuple[tuple[str, str], ...] = ()


def trace_voucher(uow: UnitOfWork, voucher: Voucher) -> list[Origin]:
    """The origins of every line, in order; each source once per line."""
    return [
        _origin(uow, number, source)
        for number, line in enumerate(voucher.lines, 1)
        for source in dict.fromkeys(line.sources)
    ]


def _origin(uow: UnitOfWork, line: int, source: SourceRef) -> Origin:
    look = _LOOK.get(source.kind)
    details = look(uow, source.key) if look is not None else None
    return Origin(line, source.kind, source.key, details is not None, tuple((details or {}).items()))


def _fill(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    """A position lot's key is that of its opening fill: account/day/exchange/number/direction."""
    parts = key.split("/")
    try:
        account, day = parts[0], date.fromisoformat(parts[1])
    except (IndexError, ValueError):
        return _opening(uow, key)
    fill = next((one for one in uow.statements.fills(day, day) if one.key == key), None)
    if fill is None and not is_traded(key):  # opened by an exercise: the statement's row
        return _statement(uow, account, day) or None
    if fill is None:
        return _opening(uow, key)
    told = {"instrument": fill.instrument, "lots": str(fill.lots), "price": str(fill.price)}
    return {**told, **_statement(uow, account, day)}


def _opening(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    for state in uow.broker.openings():
        for lot in state.lots:
            if lot.lot_id == key:
                return {"opening": state.trading_day.isoformat(), "instrument": lot.instrument, "digest": state.digest}
    return None


def _statement(uow: UnitOfWork, account: str, day: date) -> dict[str, str]:
    stored = uow.statements.current(account, day)
    if stored is None:
        return {}
    return {"statement": stored.source_name, "version": str(stored.version), "digest": stored.digest}


def _cash(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    account, day, _, number = key.split(":")
    stored = uow.statements.current(account, date.fromisoformat(day))
    if stored is None or int(number) > len(stored.statement.cash):
        return None
    row = stored.statement.cash[int(number) - 1]
    told = {"row": number, "kind": row.kind, "amount": str(row.amount_in - row.amount_out)}
    return {**told, "statement": stored.source_name, "version": str(stored.version), "digest": stored.digest}


def _snapshot(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    stored = uow.results.snapshot(date.fromisoformat(key))
    if stored is None:
        return None
    named = mappings_of(stored).items()
    mappings = {f"mapping {'/'.join(kind)}": spec for kind, (_, _, spec) in sorted(named)}
    return {"version": str(stored.version), "digest": stored.digest, "inputs": stored.input_digest, **mappings}


def _contract_line(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    """`connection:kind:key`: the record as received and the mapping version that read it."""
    parts = key.split(":", 2)
    if len(parts) != 3:
        return None
    ref = ExternalRef(*parts)
    known = uow.records.known(ref.connection, ref.kind, [ref.key]).get(ref.key)
    line = uow.physical.contract_line(ref)
    if known is None:
        return None
    told = {"contract": f"{line.contract_no}/{line.line_no}"} if line is not None else {}
    return {**told, "digest": known[0], "mapping": known[1]}


def _designation(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    records = uow.accounting.designations(key)
    if not records:
        return {} if uow.document("designation", key) is not None else None
    last = records[-1]
    return {"version": str(last.version), "digest": last.digest, "approved_by": last.approved_by}


def _rate(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    """The rate in force on a day."""
    currency, day = key.split(":")
    try:
        rate = rate_table(uow).rate(currency, date.fromisoformat(day))
    except RuleBroken:
        return None
    return {"rate": str(rate)}


def _charge(uow: UnitOfWork, key: str) -> dict[str, str] | None:
    """A fee that stands in the summary of a statement only."""
    account, day, _ = key.split(":")
    return _statement(uow, account, date.fromisoformat(day)) or None


_LOOK = {
    "currency_rate": _rate,
    "statement_charge": _charge,
    "fill": _fill,
    "position_lot": _fill,
    "statement_cash": _cash,
    "snapshot": _snapshot,
    "contract_line": _contract_line,
    "designation": _designation,
    "relationship": _designation,
}
