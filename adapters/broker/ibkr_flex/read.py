"""From Flex rows to exact figures: one `AccountStatement` per account and currency.

Only executions count (levelOfDetail): a report may list the same trade again as order, summary and closed lot. Positions by
lot are 持仓明细, positions by summary are 持仓汇总. Times are New York's. A commission charged in another currency than the
contract's is a charge of that currency's statement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from adapters.broker.ibkr_flex import vendor
from adapters.broker.table_cells import Place, T, day_of, lots, money, word
from connectors.ibkr_flex import FlexRow, FlexStatementXml, parse_flex
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.foreign_instruments import delivery_of, foreign_instrument
from hedge_core.model.futures import (
    AccountFunds,
    AccountStatement,
    CashMovement,
    Direction,
    Fill,
    HedgeFlag,
    PositionDetail,
    PositionSummary,
)
from hedge_core.product_table import ProductTable

BROKER: Final = "Interactive Brokers"
REPORT_TIME: Final = ZoneInfo("America/New_York")
_ZERO: Final = Decimal(0)
_MOMENT = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})(?:[;, T]{1,2}(\d{2}):?(\d{2}):?(\d{2}))?(?: (?:EST|EDT|US/Eastern|America/New_York))?",
    re.ASCII,
)


def read_statements(source_name: str, body: bytes, products: ProductTable | None = None) -> list[AccountStatement]:
    """The statements in a Flex report (Activity), one per account and currency, in the report's order.

    Instruments are `exchange.rootYYMM` (`NYMEX.CL2612`). A fill's trading day is the report's date for it. `products` is
    not needed: rows carry their contract size, and turnover is checked against it. Raises `InvalidInput` naming line and
    attribute."""
    del products
    found: list[AccountStatement] = []
    for statement in parse_flex(source_name, body).statements:
        found += _Reader(source_name, statement).statements()
    return found


@dataclass(slots=True)
class _Currency:
    """What one currency's statement will hold."""

    fills: list[Fill] = field(default_factory=list)
    positions: list[PositionDetail] = field(default_factory=list)
    summary: list[PositionSummary] = field(default_factory=list)
    cash: list[CashMovement] = field(default_factory=list)
    charges: list[CashMovement] = field(default_factory=list)


class _Reader:
    """One FlexStatement."""

    def __init__(self, source: str, statement: FlexStatementXml) -> None:
        self.source = source
        self.statement = statement
        head = FlexRow("FlexStatement", statement.line, statement.values)
        self.account = self._text(head, "accountId")
        self.first_day, self.last_day = self._day(head, "fromDate"), self._day(head, "toDate")
        if self.first_day > self.last_day:
            period = f"{self.first_day}-{self.last_day}"
            raise self._place(head, "fromDate").refused("statement.period_backwards", text=period)
        created = head.get("whenGenerated")
        self.created = self._moment(head, "whenGenerated")[0] if created else None
        self.unread: list[str] = []
        self.currencies: dict[str, _Currency] = {}

    def statements(self) -> list[AccountStatement]:
        reports = {
            row.get("currency"): row
            for row in self._section("CashReport")
            if row.get("currency") not in ("", vendor.BASE_SUMMARY)
        }
        self._fills()
        by_lot = self._positions()
        self._cash()
        self.unread += [name for name, rows in self.statement.sections.items() if name not in vendor.HARMLESS and rows]
        for currency in self.currencies:
            if currency not in reports:
                head = FlexRow("FlexStatement", self.statement.line, {})
                raise self._place(head, "CashReport").refused("flex.no_cash_report", currency=currency)
        unknown = vendor.UNKNOWN if by_lot else (*vendor.UNKNOWN, "positions")
        if any(row.get("assetCategory") not in vendor.FUTURES for row in self._section("Trades")):
            unknown = (*unknown, "fills.fee")  # the cash report's commissions are those of all asset categories
        return [self._one(currency, row, unknown) for currency, row in reports.items()]

    def _one(self, currency: str, row: FlexRow, unknown: tuple[str, ...]) -> AccountStatement:
        found = self.currencies.get(currency, _Currency())
        if not found.summary:
            unknown = (*unknown, "summary")
        return AccountStatement(
            broker=BROKER,
            account=self.account,
            client_name="",
            trading_day=self.last_day,
            first_day=self.first_day,
            created_on=self.created,
            view="mtm",
            funds=self._funds(currency, row),
            fills=tuple(found.fills),
            positions=tuple(found.positions),
            summary=tuple(found.summary),
            cash=tuple(found.cash),
            unread_sections=tuple(self.unread),
            unknown=unknown,
            other_charges=tuple(found.charges),
        )

    def _funds(self, currency: str, row: FlexRow) -> AccountFunds:
        def amount(*names: str) -> Decimal:
            return sum((self._money(row, name, _ZERO) for name in names), _ZERO)

        moved = amount("depositWithdrawals") if row.get("depositWithdrawals") else amount("deposits", "withdrawals")
        ending = self._money(row, "endingCash")
        return AccountFunds(
            currency=currency,
            balance_bf=self._money(row, "startingCash"),
            deposit_withdrawal=moved + amount(*vendor.MOVEMENTS),
            realised_mtm=_ZERO,
            holding_mtm=amount(*vendor.RESULTS),
            fee=-amount(*vendor.COMMISSIONS),
            premium_received=amount("netTradesSales"),
            premium_paid=-amount("netTradesPurchases"),
            balance_cf=ending,
            equity=ending,
            market_equity=ending,
            exercise_result=_ZERO,
            delivery_result=_ZERO,
            exercise_fee=_ZERO,
            delivery_fee=_ZERO,
            fx_pledge_in=_ZERO,
            fx_pledge_out=_ZERO,
            pledge_change=_ZERO,
            initial_margin=_ZERO,
            pledge=_ZERO,
            fx_pledge_occupied=_ZERO,
            margin=_ZERO,
            delivery_margin=_ZERO,
            option_value_long=_ZERO,
            option_value_short=_ZERO,
            available=_ZERO,
            risk_degree=_ZERO,
            margin_call=_ZERO,
        )

    # --- trades ---

    def _fills(self) -> None:
        rows = [row for row in self._ours("Trades") if row.tag == "Trade"]
        executions = [row for row in rows if row.get("levelOfDetail") in ("EXECUTION", "")]
        if rows and not executions:
            levels = ", ".join(sorted({row.get("levelOfDetail") for row in rows}))
            raise self._place(rows[0], "levelOfDetail").refused("flex.no_executions", levels=levels[:80])
        seen: dict[str, int] = {}
        for row in self._without_cancelled(executions):
            fill = self._fill(row)
            if fill.key in seen:
                raise self._place(row, "tradeID").refused("flex.twice", number=fill.fill_id, first=seen[fill.key])
            seen[fill.key] = row.line
            self._of(fill.currency).fills.append(fill)

    def _without_cancelled(self, rows: Sequence[FlexRow]) -> Iterator[FlexRow]:
        """Executions, without pairs of a trade and its cancellation. A cancellation of an earlier report's trade is named
        as not read: the trade it takes back is not here."""
        cancels = [row for row in rows if vendor.CANCELS in row.get("buySell")]
        wanted = Counter(row.get("origTradeID") for row in cancels)
        for row in rows:
            if vendor.CANCELS in row.get("buySell"):
                continue
            number = row.get("tradeID")
            if wanted[number] > 0:
                wanted[number] -= 1
                continue
            yield row
        left = [number or "-" for number, count in wanted.items() if count > 0]
        self.unread += [f"Trades {vendor.CANCELS} {number}" for number in left]

    def _fill(self, row: FlexRow) -> Fill:
        number = row.get("tradeID") or row.get("ibExecID") or row.get("transactionID")
        if not number:
            raise self._place(row, "tradeID").refused("statement.fill_number_missing")
        traded_on, traded_at = self._moment(row, "dateTime")
        day = self._day(row, "reportDate" if row.get("reportDate") else "tradeDate")
        offset = row.get("openCloseIndicator")
        if ";" in offset:
            raise self._place(row, "openCloseIndicator").refused("flex.closes_and_opens", number=number)
        currency, count, price = (
            self._text(row, "currency"),
            self._lots(row, "quantity"),
            self._money(row, "tradePrice"),
        )
        turnover = price * count * self._money(row, "multiplier")
        printed = abs(self._money(row, "tradeMoney", turnover))
        if abs(turnover) != printed:
            shown = {"number": number, "expected": abs(turnover), "found": printed}
            raise self._place(row, "tradeMoney").refused("flex.turnover", **shown)
        instrument = self._instrument(row)
        return Fill(
            account=self.account,
            exchange=instrument.split(".")[0],
            fill_id=number,
            trading_day=day,
            instrument=instrument,
            direction=self._word(row, "buySell", vendor.DIRECTIONS),
            offset=self._word(row, "openCloseIndicator", vendor.OFFSETS),
            hedge_flag=HedgeFlag.GENERAL,
            lots=count,
            price=price,
            turnover=turnover,
            fee=self._fee(row, currency, day),
            realised_mtm=_ZERO,
            premium=self._money(row, "proceeds", _ZERO) if row.get("assetCategory") == "FOP" else _ZERO,
            currency=currency,
            traded_at=traded_at,
            traded_on=None if traded_on == day else traded_on,
        )

    def _fee(self, row: FlexRow, currency: str, day: date) -> Decimal:
        fee = -(self._money(row, "ibCommission", _ZERO) + self._money(row, "taxes", _ZERO))
        charged = row.get("ibCommissionCurrency") or currency
        if charged == currency:
            return fee
        note = f"{row.get('symbol')} {row.get('tradeID')}"
        self._of(charged).charges.append(CashMovement(day, "ibCommission", _ZERO, fee, charged, note))
        return _ZERO

    # --- positions and cash ---

    def _positions(self) -> bool:
        """Positions by lot and by summary; whether the report lists lots where there are positions at all."""
        rows = self._ours("OpenPositions")
        by_lot = [row for row in rows if row.get("levelOfDetail") == "LOT"]
        for row in by_lot:
            instrument = self._instrument(row)
            opened, _ = self._moment(row, "openDateTime")
            self._of(self._text(row, "currency")).positions.append(
                PositionDetail(
                    exchange=instrument.split(".")[0],
                    instrument=instrument,
                    open_date=opened,
                    hedge_flag=HedgeFlag.GENERAL,
                    direction=self._side(row),
                    lots=self._lots(row, "position"),
                    open_price=self._money(row, "openPrice"),
                    previous_settlement=_ZERO,
                    settlement_price=self._money(row, "markPrice"),
                    floating=self._money(row, "fifoPnlUnrealized"),
                    holding_mtm=_ZERO,
                    margin=_ZERO,
                )
            )
        summaries = [row for row in rows if row.get("levelOfDetail") in ("SUMMARY", "")]
        for row in summaries:
            count, price = self._lots(row, "position"), self._money(row, "openPrice", _ZERO)
            long = self._side(row) is Direction.BUY
            self._of(self._text(row, "currency")).summary.append(
                PositionSummary(
                    instrument=self._instrument(row),
                    hedge_flag=HedgeFlag.GENERAL,
                    long_lots=count if long else 0,
                    long_average=price if long else _ZERO,
                    short_lots=0 if long else count,
                    short_average=_ZERO if long else price,
                    previous_settlement=_ZERO,
                    settlement_price=self._money(row, "markPrice"),
                    holding_mtm=_ZERO,
                    margin=_ZERO,
                )
            )
        return bool(by_lot) or not summaries

    def _cash(self) -> None:
        for row in self._section("CashTransactions"):
            if row.get("levelOfDetail") in ("SUMMARY",):
                continue
            amount, currency = self._money(row, "amount"), self._text(row, "currency")
            moved_on, _ = self._moment(row, "dateTime" if row.get("dateTime") else "reportDate")
            movement = CashMovement(
                moved_on, row.get("type"), max(amount, _ZERO), max(-amount, _ZERO), currency, row.get("description")
            )
            self._of(currency).cash.append(movement)

    # --- rows ---

    def _section(self, name: str) -> tuple[FlexRow, ...]:
        return self.statement.sections.get(name, ())

    def _ours(self, name: str) -> list[FlexRow]:
        """The rows about futures; other asset categories are named as not read."""
        others = Counter(
            row.get("assetCategory") or "-"
            for row in self._section(name)
            if row.get("assetCategory") not in vendor.FUTURES
        )
        self.unread += [f"{name} {category} ({count})" for category, count in sorted(others.items())]
        return [row for row in self._section(name) if row.get("assetCategory") in vendor.FUTURES]

    def _of(self, currency: str) -> _Currency:
        return self.currencies.setdefault(currency, _Currency())

    def _instrument(self, row: FlexRow) -> str:
        symbol, description = row.get("symbol"), row.get("description")
        option = row.get("assetCategory") == "FOP"
        root = row.get("underlyingSymbol") or symbol
        delivery = delivery_of(symbol, description, self.last_day) or delivery_of(root, "", self.last_day)
        if delivery is None:
            shown = {"symbol": symbol[:40], "description": description[:60]}
            raise self._place(row, "symbol").refused("flex.no_delivery_month", **shown)
        if (letters := re.fullmatch(r"([A-Z0-9]{1,5}?)[FGHJKMNQUVXZ][0-9]{1,2}", root.upper())) and root == symbol:
            root = letters[1]
        exchange = row.get("listingExchange") or row.get("exchange")
        try:
            if not option:
                return foreign_instrument(exchange, root, *delivery)
            strike = self._money(row, "strike")
            return foreign_instrument(exchange, root, *delivery, self._text(row, "putCall")[:1], str(strike))
        except RuleBroken as error:
            raise InvalidInput(self.source, row.line, f"{row.tag} symbol", error.reason) from None

    def _side(self, row: FlexRow) -> Direction:
        if row.get("side"):
            return Direction.BUY if row.get("side").upper() == "LONG" else Direction.SELL
        return Direction.BUY if self._money(row, "position") > 0 else Direction.SELL

    def _place(self, row: FlexRow, name: str) -> Place:
        return Place(self.source, row.line, f"{row.tag} {name}")

    def _text(self, row: FlexRow, name: str) -> str:
        if not row.get(name):
            raise self._place(row, name).refused("flex.attribute_missing")
        return row.get(name)

    def _money(self, row: FlexRow, name: str, empty: Decimal | None = None) -> Decimal:
        if not row.get(name) and empty is None:
            raise self._place(row, name).refused("flex.attribute_missing")
        return money(self._place(row, name), row.get(name), empty)

    def _lots(self, row: FlexRow, name: str) -> int:
        return lots(self._place(row, name), abs(self._money(row, name)))

    def _day(self, row: FlexRow, name: str) -> date:
        return day_of(self._place(row, name), self._text(row, name))

    def _moment(self, row: FlexRow, name: str) -> tuple[date, datetime | None]:
        """The New York date, and the moment in UTC where a time is given."""
        text = self._text(row, name)
        match = _MOMENT.fullmatch(text)
        try:
            parts = [int(part) for part in match.groups() if part is not None] if match else []
            if len(parts) == 3:
                return date(*parts), None
            at = datetime(*parts[:6], tzinfo=REPORT_TIME) if parts else None  # type: ignore[misc,arg-type]
            if at is not None:
                return at.date(), at.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self._place(row, name).refused("flex.not_a_moment", text=text[:40])

    def _word(self, row: FlexRow, name: str, known: Mapping[str, T]) -> T:
        return word(self._place(row, name), self._text(row, name), known)
