"""`BrokerAdapter` over a DIFF session: one login, one account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from adapters.broker.ctp_statement import read_statements
from adapters.broker.diff import read
from adapters.broker.diff.capabilities import CAPABILITIES
from adapters.broker.diff.write import order_fields
from adapters.broker.fill_records import fill_key, pulled_fills
from adapters.broker.health import checked, orders_step
from connectors.diff import DiffOrders, DiffSession
from hedge_core.errors import Rejected, RuleBroken
from hedge_core.model.broker import BrokerAccount, FundsAnswer, HedgeOrder, OrderReceipt, OrderState, Position
from hedge_core.model.futures import AccountStatement, Fill
from hedge_core.model.records import Cursor, Pulled
from hedge_core.ports.broker import BrokerCapabilities
from hedge_core.ports.erp import Health
from hedge_core.product_table import ProductTable
from hedge_core.trading_calendar import TradingCalendar
from messages import Message

SPEC: Final = "diff-trade@1"
"""Named beside each fill: the table that reads it."""


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """`orders`: whether this connection may send orders: a person's decision, off by default. `broker`: how the broker is
    called beside its accounts."""

    orders: bool = False
    broker: str = ""


class DiffAdapter:
    """One user at one gateway."""

    def __init__(
        self,
        name: str,
        session: DiffSession,
        products: ProductTable,
        calendar: TradingCalendar,
        options: DiffOptions,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._session = session
        self._products = products
        self._calendar = calendar
        self._options = options
        self._now = now
        self._heard: set[str] = set()

    @property
    def capabilities(self) -> BrokerCapabilities:
        return replace(CAPABILITIES, orders=self._options.orders)

    def check(self) -> Health:
        """Connect, log in, read the funds; says that hedge flags are lost on this road."""
        return checked(
            [
                ("login", self._logged_in),
                ("funds", self._funds_seen),
                ("hedge_flag", lambda: (True, Message("broker.no_hedge_flag"))),
                ("orders", lambda: orders_step(self._options.orders)),
            ]
        )

    def accounts(self) -> Sequence[BrokerAccount]:
        """One per currency of the user's tree."""
        rows = self._part("accounts") or {"CNY": {}}
        broker = self._options.broker or self._session.login.broker
        return [BrokerAccount(self.name, broker, self._session.login.user, currency) for currency in sorted(rows)]

    def trading_day(self) -> date:
        return read.day_of(self._session.view())

    def pull_fills(self, account: BrokerAccount, since: Cursor | None) -> Iterator[Pulled[Fill]]:
        """All fills of the trading day: the tree is the whole day, whatever was read of it before."""
        return self._pulled(account, self._session.view())

    def pushed_fills(self, account: BrokerAccount) -> Sequence[Pulled[Fill]]:
        """Fills that stand in the tree since the last call."""
        new = [one for one in self._pulled(account, self._session.view()) if one.ref.key not in self._heard]
        self._heard |= {one.ref.key for one in new}
        return new

    def positions(self, account: BrokerAccount) -> Sequence[Position]:
        view = self._session.view()
        return read.positions_of(_part_of(view, "positions"), account.account, read.day_of(view))

    def funds(self, account: BrokerAccount) -> FundsAnswer:
        """`Rejected` where the gateway has no account in that currency."""
        view = self._session.view()
        row = _part_of(view, "accounts").get(account.currency)
        if not isinstance(row, dict):
            raise Rejected("", f"no account {account.account} in {account.currency}", system=read.SYSTEM)
        return read.funds_of(row, account.account, read.day_of(view), self._now())

    def statement(self, account: BrokerAccount, trading_day: date) -> AccountStatement | None:
        body = self.statement_text(account, trading_day)
        if body is None:
            return None
        found = read_statements(f"{self.name} {trading_day:%Y%m%d}", body, self._products)
        return next((one for one in found if one.funds.currency == account.currency), None)

    def statement_text(self, account: BrokerAccount, trading_day: date) -> bytes | None:
        """None also where nobody answers: a simulation has no statements."""
        text = self._session.settlement_text(int(f"{trading_day:%Y%m%d}"))
        return text.encode("gb18030") if text else None

    # --- orders -------------------------------------------------------------------------------------------------------

    def place_order(self, order: HedgeOrder) -> OrderReceipt:
        self._may_send(order.key)
        if order.account != self._session.login.user:
            details = {"account": order.account, "connection": self.name}
            raise RuleBroken("order_account", order.key, Message("broker.order_account", details))
        receipt = self._receipt(DiffOrders(self._session).insert(order_fields(order)))
        if receipt.state is OrderState.REFUSED:
            raise Rejected(receipt.vendor_code, receipt.vendor_text, system=read.SYSTEM)
        return receipt

    def cancel_order(self, key: str) -> OrderReceipt:
        self._may_send(key)
        return self._receipt(DiffOrders(self._session).cancel(key))

    def find_order(self, key: str) -> OrderReceipt | None:
        row = DiffOrders(self._session).find(key)
        return None if row is None else self._receipt(row)

    def close(self) -> None:
        self._session.close()

    # --- parts --------------------------------------------------------------------------------------------------------

    def _may_send(self, key: str) -> None:
        if not self._options.orders:
            raise RuleBroken("orders_off", key, Message("broker.orders_off", {"connection": self.name}))

    def _receipt(self, row: dict[str, Any]) -> OrderReceipt:
        return read.receipt_of(row, read.day_of(self._session.own()))

    def _part(self, name: str) -> dict[str, Any]:
        return _part_of(self._session.view(), name)

    def _pulled(self, account: BrokerAccount, view: dict[str, Any]) -> Iterator[Pulled[Fill]]:
        today = read.day_of(view)
        keyed = (
            (
                fill_key(
                    account.account,
                    f"{today:%Y%m%d}",
                    str(row.get("exchange_id")),
                    str(row.get("exchange_trade_id")),
                    str(row.get("direction")),
                ),
                row,
            )
            for row in _part_of(view, "trades").values()
        )
        return pulled_fills(
            self.name,
            keyed,
            lambda row: read.fill_of(row, account.account, today, self._products, self._calendar),
            SPEC,
            Cursor(f"1:{today:%Y%m%d}"),
            self._now,
        )

    def _logged_in(self) -> tuple[bool, Message]:
        day = self.trading_day()
        return True, Message("broker.login_ok", {"account": self._session.login.user, "day": day})

    def _funds_seen(self) -> tuple[bool, Message]:
        accounts = self.accounts()
        return True, Message("broker.funds_ok", {"currencies": ", ".join(account.currency for account in accounts)})


def _part_of(view: dict[str, Any], name: str) -> dict[str, Any]:
    part = view.get(name)
    return part if isinstance(part, dict) else {}
