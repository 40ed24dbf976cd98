"""An account that is known from statement files only, as a `BrokerAdapter`: read-only, a day late, complete.

The files may be a folder's or an upload's; each is read by the one entrance for statements. A file that cannot be read is one
quarantined record and stops nothing. Of several statements of a day the one read last counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from hedge_core.errors import InvalidInput, PlatformError, RuleBroken, Unavailable
from hedge_core.model.broker import BrokerAccount, FundsAnswer, HedgeOrder, OrderReceipt, Position
from hedge_core.model.futures import AccountStatement, Fill
from hedge_core.model.identity import ExternalRef
from hedge_core.model.records import Cursor, Mapped, Pulled, Quarantined, RawRecord
from hedge_core.ports.broker import BrokerCapabilities
from hedge_core.ports.erp import Health, HealthStep
from messages import Message

SPEC: Final = "statement-file@1"
CAPABILITIES: Final = BrokerCapabilities(
    system="statement_files",
    queries=frozenset({"funds", "positions", "fills"}),
    fills_of_past_days=True,
    keeps_hedge_flag=True,
    keeps_today_apart=True,
    fill_fields=frozenset({"fee", "premium", "realised_mtm", "turnover"}),
    statement=True,
    pushes=False,
    market_data=False,
    orders=False,
    order_reference="",
    settle_seconds=0,
)

Files = Callable[[], Iterable[tuple[str, bytes]]]
Read = Callable[[str, bytes], Sequence[AccountStatement]]


class StatementRoad:
    """`files` answers (name, bytes) of every file there is now, oldest first; `read` makes statements of one."""

    def __init__(self, name: str, files: Files, read: Read, now: Callable[[], datetime]) -> None:
        self.name = name
        self._files = files
        self._read = read
        self._now = now

    @property
    def capabilities(self) -> BrokerCapabilities:
        return CAPABILITIES

    def check(self) -> Health:
        """How many statements can be read, and the reason of the first file that cannot."""
        statements, refused = self._all()
        found = HealthStep("statements", bool(statements), Message("broker.statements", {"count": len(statements)}))
        return Health((found, *(HealthStep("file", False, error.message) for _, _, error in refused[:1])))

    def accounts(self) -> Sequence[BrokerAccount]:
        found = {(s.broker, s.account, s.funds.currency) for s in self._all()[0]}
        return [BrokerAccount(self.name, broker, account, currency) for broker, account, currency in sorted(found)]

    def trading_day(self) -> date:
        """The day of the latest statement; Unavailable without one."""
        days = [one.trading_day for one in self._all()[0]]
        if not days:
            raise Unavailable("there is no statement yet", system=self.name)
        return max(days)

    def pull_fills(self, account: BrokerAccount, since: Cursor | None) -> Iterator[Pulled[Fill]]:
        """Fills of every daily statement, day by day; the cursor is the day, which is read again: it may be corrected."""
        statements, refused = self._all()
        first = date.fromisoformat(since.partition(":")[2]) if since else date.min
        for name, body, error in refused:
            ref = ExternalRef(self.name, "statement_file", name)
            raw = RawRecord.of(ref, body, self._now())
            held = Quarantined(SPEC, "file", "", error.message, name)
            yield Pulled(ref, held, raw, since or Cursor(f"1:{date.min.isoformat()}"))
        mine = {s.trading_day: s for s in statements if _is(s, account) and s.first_day == s.trading_day >= first}
        for one in (mine[day] for day in sorted(mine)):
            cursor = Cursor(f"1:{one.trading_day.isoformat()}")
            for place, fill in enumerate(one.fills, 1):
                ref = ExternalRef(self.name, "fill", fill.key)
                raw = RawRecord.of(ref, repr(fill).encode("utf-8"), self._now())
                yield Pulled(ref, Mapped(fill, SPEC), raw, cursor, place == len(one.fills))

    def pushed_fills(self, account: BrokerAccount) -> Sequence[Pulled[Fill]]:
        return []

    def positions(self, account: BrokerAccount) -> Sequence[Position]:
        """Of the latest statement."""
        latest = self._latest(account)
        found: dict[str, Position] = {}
        for row in latest.positions:
            of_today = row.lots if row.open_date == latest.trading_day else 0
            one = Position(
                account=account.account,
                trading_day=latest.trading_day,
                instrument=row.instrument,
                direction=row.direction,
                hedge_flag=row.hedge_flag,
                today_lots=of_today,
                history_lots=row.lots - of_today,
                currency=account.currency,
            )
            known = found.get(one.key)
            found[one.key] = one if known is None else _together(known, one)
        return list(found.values())

    def funds(self, account: BrokerAccount) -> FundsAnswer:
        """Of the latest statement."""
        latest = self._latest(account)
        silent = tuple(name.partition(".")[2] for name in latest.unknown if name.startswith("funds."))
        return FundsAnswer(account.account, latest.trading_day, self._now(), latest.funds, silent)

    def statement(self, account: BrokerAccount, trading_day: date) -> AccountStatement | None:
        found = [s for s in self._all()[0] if _is(s, account) and s.trading_day == trading_day == s.first_day]
        return found[-1] if found else None

    def statement_text(self, account: BrokerAccount, trading_day: date) -> bytes | None:
        found = None
        for name, body in self._files():
            try:
                statements = self._read(name, body)
            except PlatformError:
                continue
            if any(_is(s, account) and s.trading_day == trading_day == s.first_day for s in statements):
                found = body
        return found

    def place_order(self, order: HedgeOrder) -> OrderReceipt:
        raise self._no_orders(order.key)

    def cancel_order(self, key: str) -> OrderReceipt:
        raise self._no_orders(key)

    def find_order(self, key: str) -> OrderReceipt | None:
        return None

    def close(self) -> None:
        """There is no session."""

    def _no_orders(self, key: str) -> RuleBroken:
        return RuleBroken("orders_off", key, Message("broker.no_orders_by_file", {"connection": self.name}))

    def _latest(self, account: BrokerAccount) -> AccountStatement:
        mine = [s for s in self._all()[0] if _is(s, account) and s.first_day == s.trading_day]
        if not mine:
            raise Unavailable(f"there is no statement of {account.account} yet", system=self.name)
        return max(mine, key=lambda s: s.trading_day)

    def _all(self) -> tuple[list[AccountStatement], list[tuple[str, bytes, InvalidInput]]]:
        statements: list[AccountStatement] = []
        refused = []
        for name, body in self._files():
            try:
                statements += self._read(name, body)
            except InvalidInput as error:
                refused.append((name, body, error))
        return statements, refused


def _is(statement: AccountStatement, account: BrokerAccount) -> bool:
    return (statement.account, statement.funds.currency) == (account.account, account.currency)


def _together(first: Position, second: Position) -> Position:
    return replace(
        first,
        today_lots=first.today_lots + second.today_lots,
        history_lots=first.history_lots + second.history_lots,
    )
