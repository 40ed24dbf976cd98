"""The words of CTP settlement statements: section titles, column labels, and what stands in coded columns.

A column is found by its English label or, where counters differ in it, by its Chinese one; both are compared without blanks,
dots and case. Section and field names are those of `hedge_core.model.futures`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hedge_core.model.futures import EXCHANGES, Direction, HedgeFlag, Offset

SECTIONS: Final = MappingProxyType(
    {
        "deposit/withdrawal": "cash",
        "transactionrecord": "fills",
        "exercisestatement": "exercises",
        "delivery": "deliveries",
        "positionclosed": "closed",
        "positionsdetail": "positions",
        "positions": "summary",
    }
)
VIEWS: Final = MappingProxyType({"盯市": "mtm", "逐笔": "trade"})

EXCHANGE_NAMES: Final = MappingProxyType(
    {
        "上期所": "SHFE",
        "能源中心": "INE",
        "上期能源": "INE",
        "大商所": "DCE",
        "郑商所": "CZCE",
        "中金所": "CFFEX",
        "广期所": "GFEX",
        **{code: code for code in EXCHANGES},
    }
)
DIRECTIONS: Final = MappingProxyType({"买": Direction.BUY, "卖": Direction.SELL})
OFFSETS: Final = MappingProxyType(
    {
        "开": Offset.OPEN,
        "开仓": Offset.OPEN,
        "平": Offset.CLOSE,
        "平仓": Offset.CLOSE,
        "平今": Offset.CLOSE_TODAY,
        "平昨": Offset.CLOSE_YESTERDAY,
        "强平": Offset.FORCED_CLOSE,
        "强减": Offset.FORCED_REDUCE,
        "本地强平": Offset.LOCAL_FORCED_CLOSE,
    }
)
FLAGS: Final = MappingProxyType(
    {
        "投": HedgeFlag.SPECULATION,
        "投机": HedgeFlag.SPECULATION,
        "交易": HedgeFlag.SPECULATION,  # the financial exchange's word for an account without a hedging quota
        "保": HedgeFlag.HEDGE,
        "套保": HedgeFlag.HEDGE,
        "套": HedgeFlag.ARBITRAGE,
        "套利": HedgeFlag.ARBITRAGE,
        "般": HedgeFlag.GENERAL,
        "一般": HedgeFlag.GENERAL,
        "做市商": HedgeFlag.MARKET_MAKER,
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a section: its labels in either language, and whether a statement without the column is refused."""

    labels: tuple[str, ...]
    required: bool = True


def _optional(*labels: str) -> Column:
    return Column(labels, required=False)


def _column(*labels: str) -> Column:
    return Column(labels)


_EXCHANGE = _column("Exchange", "交易所")
_INSTRUMENT = _column("Instrument", "合约")
_DIRECTION = _column("B/S", "买/卖")
_FLAG = _column("S/H", "投/保")
_OPEN_DATE = _column("Open Date", "开仓日期")
_OPEN_PRICE = _column("Pos. Open Price", "开仓价")
_PREVIOUS = _column("Prev. Sttl", "昨结算")
_REALISED = _column("Realized P/L", "平仓盈亏")
_PREMIUM = _optional("Premium Received/Paid", "权利金收支")
_ACCOUNT = _optional("AccountID", "资金账号")
_CURRENCY = _optional("Currency", "币种")

COLUMNS: Final[Mapping[str, Mapping[str, Column]]] = MappingProxyType(
    {
        "cash": {
            "account": _ACCOUNT,
            "currency": _CURRENCY,
            "moved_on": _column("Date", "发生日期"),
            "kind": _column("Type", "出入金类型"),
            "amount_in": _column("Deposit", "入金"),
            "amount_out": _column("Withdrawal", "出金"),
            "note": _optional("Note", "说明", "摘要"),
        },
        "fills": {
            "account": _ACCOUNT,
            "currency": _CURRENCY,
            "traded_on": _column("Date", "成交日期"),
            "exchange": _EXCHANGE,
            "instrument": _INSTRUMENT,
            "direction": _DIRECTION,
            "hedge_flag": _FLAG,
            "price": _column("Price", "成交价"),
            "lots": _column("Lots", "手数"),
            "turnover": _column("Turnover", "成交额"),
            "offset": _column("O/C", "开平"),
            "fee": _column("Fee", "手续费"),
            "realised_mtm": _REALISED,
            "premium": _PREMIUM,
            "fill_id": _column("Trans.No.", "成交序号"),
        },
        "closed": {
            "account": _ACCOUNT,
            "currency": _CURRENCY,
            "closed_on": _column("Close Date", "平仓日期"),
            "exchange": _EXCHANGE,
            "instrument": _INSTRUMENT,
            "open_date": _OPEN_DATE,
            "hedge_flag": _optional("S/H", "投/保"),
            "direction": _DIRECTION,
            "lots": _column("Lots", "手数"),
            "open_price": _OPEN_PRICE,
            "previous_settlement": _PREVIOUS,
            "close_price": _column("Trans. Price", "成交价", "平仓价"),
            "realised_mtm": _REALISED,
            "premium": _PREMIUM,
        },
        "positions": {
            "account": _ACCOUNT,
            "currency": _CURRENCY,
            "exchange": _EXCHANGE,
            "instrument": _INSTRUMENT,
            "open_date": _OPEN_DATE,
            "hedge_flag": _FLAG,
            "direction": _DIRECTION,
            "lots": _column("Positon", "Position", "持仓量"),
            "open_price": _OPEN_PRICE,
            "previous_settlement": _PREVIOUS,
            "settlement_price": _column("Settlement Price", "结算价", "今结算"),
            "floating": _column("Accum. P/L", "浮动盈亏"),
            "holding_mtm": _optional("MTM P/L", "盯市盈亏", "持仓盯市盈亏"),
            "margin": _column("Margin", "保证金"),
            "option_value": _optional("Market Value(Options)", "期权市值"),
        },
        "summary": {
            "account": _ACCOUNT,
            "currency": _CURRENCY,
            "exchange": _optional("Exchange", "交易所"),
            "instrument": _INSTRUMENT,
            "long_lots": _column("Long Pos.", "买持"),
            "long_average": _column("Avg Buy Price", "买均价"),
            "short_lots": _column("Short Pos.", "卖持"),
            "short_average": _column("Avg Sell Price", "卖均价"),
            "previous_settlement": _PREVIOUS,
            "settlement_price": _column("Sttl Today", "今结算"),
            "holding_mtm": _optional("MTM P/L", "持仓盯市盈亏", "盯市盈亏"),
            "margin": _column("Margin Occupied", "保证金占用"),
            "hedge_flag": _FLAG,
            "option_value_long": _optional("Market Value(Long)", "多头期权市值"),
            "option_value_short": _optional("Market Value(Short)", "空头期权市值"),
        },
        "exercises": {
            "account": _ACCOUNT,
            "currency": _CURRENCY,
            "traded_on": _column("Date", "成交日期", "行权日期"),
            "exchange": _EXCHANGE,
            "instrument": _INSTRUMENT,
            "hedge_flag": _FLAG,
            "direction": _DIRECTION,
            "outcome": _column("Exercise", "是否行权"),
            "lots": _column("Exercise Lots", "行权数量", "行权手数"),
            "strike": _column("Exercise Price", "行权价格", "行权价"),
            "amount": _column("Exercise Amount", "行权金额"),
            "result": _column("Exercise P/L", "行权盈亏"),
            "fee": _column("Exercise Fee", "行权手续费"),
        },
        "deliveries": {
            "account": _ACCOUNT,
            "currency": _CURRENCY,
            "delivered_on": _column("Delivery Date", "Date", "交割日期"),
            "exchange": _EXCHANGE,
            "instrument": _INSTRUMENT,
            "hedge_flag": _FLAG,
            "direction": _DIRECTION,
            "lots": _column("Lots", "手数", "交割手数", "交割数量"),
            "open_price": _optional("Pos. Open Price", "开仓价"),
            "delivery_price": _column("Delivery Price", "Settlement Price", "交割价", "交割结算价", "结算价"),
            "result": _optional("Delivery P/L", "交割盈亏"),
            "fee": _column("Delivery Fee", "Fee", "交割手续费", "手续费"),
        },
    }
)

FUNDS: Final = MappingProxyType(
    {
        "balance_bf": _column("Balance b/f"),
        "deposit_withdrawal": _column("Deposit/Withdrawal"),
        "realised_mtm": _column("Realized P/L"),
        "holding_mtm": _optional("MTM P/L"),
        "floating": _optional("Accum. P/L", "Floating P/L"),
        "exercise_result": _optional("Exercise P/L"),
        "delivery_result": _optional("Delivery P/L"),
        "fee": _column("Commission"),
        "exercise_fee": _optional("Exercise Fee"),
        "delivery_fee": _optional("Delivery Fee"),
        "fx_pledge_in": _optional("New FX Pledge"),
        "fx_pledge_out": _optional("FX Redemption"),
        "pledge_change": _optional("Chg in Pledge Amt"),
        "premium_received": _optional("Premium received"),
        "premium_paid": _optional("Premium paid"),
        "initial_margin": _optional("Initial Margin"),
        "balance_cf": _column("Balance c/f"),
        "pledge": _optional("Pledge Amount"),
        "equity": _column("Client Equity"),
        "fx_pledge_occupied": _optional("FX Pledge Occ."),
        "margin": _column("Margin Occupied"),
        "delivery_margin": _optional("Delivery Margin"),
        "option_value_long": _optional("Market value(long)"),
        "option_value_short": _optional("Market value(short)"),
        "market_equity": _optional("Market value(equity)"),
        "available": _column("Fund Avail."),
        "risk_degree": _column("Risk Degree"),
        "margin_call": _column("Margin Call"),
    }
)
"""资金状况 by English label. Lines for options and pledges are missing in older counters and mean zero; the margin call,
which closes the block, is required, so that a block cut short is noticed."""


def plain(label: str) -> str:
    """A label without blanks, dots and case, for comparing."""
    return re.sub(r"[\s.]+", "", label).casefold().replace("（", "(").replace("）", ")")
