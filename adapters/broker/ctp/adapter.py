"""`BrokerAdapter` over a CTP session: one login, one account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from adapters.broker.codes import exchange_code
from adapters.broker.ctp import read, vendor
from adapters.broker.ctp.capabilities import CAPABILITIES
from adapters.broker.ctp.write import order_fields
from adapters.broker.ctp_statement import read_statements
from adapters.broker.fill_records import fill_key, pulled_fills
from adapters.broker.health import checked, orders_step
from connectors.ctp import CtpOrders, CtpSession
from hedge_core.errors import Rejected, RuleBroken
from hedge_core.model.broker import (
    BrokerAccount,
    CommissionRate,
    FundsAnswer,
    HedgeOrder,
    InstrumentTerms,
    MarginRate,
    OrderReceipt,
    OrderState,
    Position,
    Quote,
)
from hedge_core.model.futures import AccountStatement, Fill, HedgeFlag, PositionDetail
from hedge_core.model.records import Cursor, Pulled
from hedge_core.ports.broker import BrokerCapabilities
from hedge_core.ports.erp import Health
from hedge_core.product_table import ProductTable
from hedge_core.trading_calendar import TradingCalendar
from messages import Message

SPEC: Final = "ctp-trade@1"
"""Named beside each fill: the table that reads it."""


@dataclass(frozen=True, slots=True)
class CtpOptions:
    """`orders`: whether this connection may send orders. `confirm_settlement`: whether it may confirm statements in the
    client's name, which orders need once a day. Both are decisions of a person and off by default."""

    orders: bool = False
    confirm_settlement: bool = False


class CtpAdapter:
    """One account at one counter."""

    def __init__(
        self,
        name: str,
        session: CtpSession,
        products: ProductTable,
        calendar: TradingCalendar,
        options: CtpOptions,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._session = session
        self._products = products
        self._calendar = calendar
        self._options = options
        self._now = now

    @property
    def capabilities(self) -> BrokerCapabilities:
        return replace(CAPABILITIES, orders=self._options.orders)

    def check(self) -> Health:
        """Connect, authenticate, log in, read the funds; with orders on, whether the statement is confirmed."""
        return checked(
            [
                ("login", lambda: self._logged_in()),
                ("funds", lambda: self._funds_seen()),
                ("orders", lambda: orders_step(self._options.orders)),
                *([("confirmation", self._confirmation)] if self._options.orders else []),
            ]
        )

    def accounts(self) -> Sequence[BrokerAccount]:
        """One per currency; an account that the counter has no funds row of is in CNY."""
        login = self._session.login
        found = {row["CurrencyID"] or "CNY" for row in self._session.query("TradingAccount")} or {"CNY"}
        return [BrokerAccount(self.name, login.broker, login.account, currency) for currency in sorted(found)]

    def trading_day(self) -> date:
        return read.day_of(self._session.trading_day())

    def pull_fills(self, account: BrokerAccount, since: Cursor | None) -> Iterator[Pulled[Fill]]:
        """All fills of the trading day, every time: CTP's own positions in that list shift when the counter restarts."""
        rows = self._session.query("Trade")
        yield from self._pulled(account, rows)

    def pushed_fills(self, account: BrokerAccount) -> Sequence[Pulled[Fill]]:
        return list(self._pulled(account, self._session.take_events("OnRtnTrade")))

    def positions(self, account: BrokerAccount) -> Sequence[Position]:
        rows = self._session.query("InvestorPosition")
        return read.positions_of(rows, account.account, self.trading_day())

    def position_details(self, account: BrokerAccount) -> Sequence[PositionDetail]:
        """Open lots one by one, with the opening date and price of each."""
        return read.details_of(self._session.query("InvestorPositionDetail"), self.trading_day())

    def funds(self, account: BrokerAccount) -> FundsAnswer:
        """`Rejected` where the counter has no account in that currency."""
        rows = self._session.query("TradingAccount", CurrencyID=account.currency)
        found = [row for row in rows if (row["CurrencyID"] or "CNY") == account.currency]
        if not found:
            raise Rejected("", f"no account {account.account} in {account.currency}", system="CTP")
        return read.funds_of(found[0], account.account, self.trading_day(), self._now())

    def statement(self, account: BrokerAccount, trading_day: date) -> AccountStatement | None:
        body = self.statement_text(account, trading_day)
        if body is None:
            return None
        found = read_statements(f"{self.name} {trading_day:%Y%m%d}", body, self._products)
        return next((one for one in found if one.funds.currency == account.currency), None)

    def statement_text(self, account: BrokerAccount, trading_day: date) -> bytes | None:
        return self._session.settlement_text(f"{trading_day:%Y%m%d}") or None

    # --- reference and prices -----------------------------------------------------------------------------------------

    def instruments(self) -> Sequence[InstrumentTerms]:
        """Futures as the counter knows them today."""
        today = self.trading_day()
        rows = self._session.query("Instrument")
        return [read.terms_of(row, today) for row in rows if row["ProductClass"] == "1"]

    def margin_rates(self, instrument: str, flag: HedgeFlag) -> Sequence[MarginRate]:
        exchange, code = exchange_code(instrument)
        rows = self._session.query(
            "InstrumentMarginRate", InstrumentID=code, ExchangeID=exchange, HedgeFlag=vendor.HEDGE_FLAG_CODES[flag]
        )
        return [read.margin_rate_of(row, instrument) for row in rows]

    def commission_rates(self, instrument: str) -> Sequence[CommissionRate]:
        exchange, code = exchange_code(instrument)
        rows = self._session.query("InstrumentCommissionRate", InstrumentID=code, ExchangeID=exchange)
        return [read.commission_rate_of(row) for row in rows]

    def quotes(self, instruments: Sequence[str]) -> dict[str, Quote]:
        """One depth query per instrument; a counter that does not list it answers nothing."""
        found: dict[str, Quote] = {}
        for instrument in instruments:
            exchange, code = exchange_code(instrument)
            for row in self._session.query("DepthMarketData", InstrumentID=code, ExchangeID=exchange):
                if row["InstrumentID"] == code:
                    found[instrument] = read.quote_of(row, instrument, self._calendar)
        return found

    # --- orders -------------------------------------------------------------------------------------------------------

    def place_order(self, order: HedgeOrder) -> OrderReceipt:
        self._may_send(order)
        fields = order_fields(order)
        if self._options.confirm_settlement and not self._session.settlement_confirmed():
            self._session.confirm_settlement()
        receipt = read.receipt_of(CtpOrders(self._session).insert(fields), order.key)
        if receipt.state is OrderState.REFUSED:
            raise Rejected(receipt.vendor_code, receipt.vendor_text, system="CTP")
        return receipt

    def cancel_order(self, key: str) -> OrderReceipt:
        if not self._options.orders:
            raise RuleBroken("orders_off", key, Message("broker.orders_off", {"connection": self.name}))
        return read.receipt_of(CtpOrders(self._session).cancel(key), key)

    def find_order(self, key: str) -> OrderReceipt | None:
        row = CtpOrders(self._session).find(key)
        return None if row is None else read.receipt_of(row, key)

    def close(self) -> None:
        self._session.close()

    # --- parts --------------------------------------------------------------------------------------------------------

    def _may_send(self, order: HedgeOrder) -> None:
        if not self._options.orders:
            raise RuleBroken("orders_off", order.key, Message("broker.orders_off", {"connection": self.name}))
        if order.account != self._session.login.account:
            details = {"account": order.account, "connection": self.name}
            raise RuleBroken("order_account", order.key, Message("broker.order_account", details))

    def _pulled(self, account: BrokerAccount, rows: Sequence[dict[str, Any]]) -> Iterator[Pulled[Fill]]:
        if not rows:
            return
        today = self.trading_day()
        keyed = (
            (
                fill_key(
                    account.account,
                    row["TradingDay"] or f"{today:%Y%m%d}",
                    row["ExchangeID"],
                    row["TradeID"],
                    row["Direction"],
                ),
                row,
            )
            for row in rows
        )
        yield from pulled_fills(
            self.name,
            keyed,
            lambda row: read.fill_of(row, account.account, today, self._products, self._calendar),
            SPEC,
            Cursor(f"1:{today:%Y%m%d}"),
            self._now,
        )

    def _logged_in(self) -> tuple[bool, Message]:
        day = self.trading_day()
        return True, Message("broker.login_ok", {"account": self._session.login.account, "day": day})

    def _funds_seen(self) -> tuple[bool, Message]:
        accounts = self.accounts()
        return True, Message("broker.funds_ok", {"currencies": ", ".join(account.currency for account in accounts)})

    def _confirmation(self) -> tuple[bool, Message]:
        if self._options.confirm_settlement:
            return True, Message("broker.confirms_itself")
        confirmed = self._session.settlement_confirmed()
        return confirmed, Message("broker.confirmed" if confirmed else "broker.not_confirmed")
