"""The template's columns and the words they may hold, in English and Chinese; docs/statements.md shows it as a table.

Every row says in `record` what it is. Account, currency and trading day may be left empty where they repeat the row above.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hedge_core.model.futures import Direction, HedgeFlag, Offset

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "record": ("记录",),
        "account": ("账户", "资金账号"),
        "currency": ("币种",),
        "trading_day": ("交易日", "日期"),
        "name": ("项目", "类型"),
        "amount": ("金额",),
        "exchange": ("交易所",),
        "instrument": ("合约",),
        "fill_id": ("成交序号",),
        "direction": ("买卖", "买/卖"),
        "offset": ("开平", "开/平"),
        "hedge_flag": ("投保", "投/保"),
        "lots": ("手数",),
        "price": ("成交价", "价格"),
        "open_date": ("开仓日期",),
        "open_price": ("开仓价",),
        "previous_settlement": ("昨结算",),
        "settlement_price": ("今结算", "结算价"),
        "result": ("盈亏", "当日盈亏"),
        "floating": ("浮动盈亏",),
        "fee": ("手续费",),
        "turnover": ("成交额",),
        "margin": ("保证金",),
        "note": ("备注", "摘要"),
    }
)
"""Column name -> its Chinese names, the first of which the template writes."""

RECORDS: Final = MappingProxyType(
    {
        "funds": "funds", "资金": "funds",
        "fill": "fill", "成交": "fill",
        "closed": "closed", "平仓": "closed",
        "position": "position", "持仓": "position",
        "cash": "cash", "出入金": "cash",
    }
)  # fmt: skip

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "funds": ("name",),
        "fill": ("exchange", "instrument", "fill_id", "direction", "offset", "lots", "price", "fee"),
        "closed": ("exchange", "instrument", "open_date", "direction", "lots", "open_price", "price", "result"),
        "position": ("exchange", "instrument", "open_date", "direction", "lots", "open_price", "settlement_price"),
        "cash": ("name", "amount"),
    }
)
"""What a row of each record must fill, besides account, currency and trading day."""

OPTIONAL: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "fill": (
            ("hedge_flag", "fills.hedge_flag"),
            ("turnover", "fills.turnover"),
            ("result", "fills.realised_mtm"),
        ),
        "closed": (("hedge_flag", "closed.hedge_flag"), ("previous_settlement", "closed.previous_settlement")),
        "position": (
            ("hedge_flag", "positions.hedge_flag"),
            ("previous_settlement", "positions.previous_settlement"),
            ("result", "positions.holding_mtm"),
            ("floating", "positions.floating"),
            ("margin", "positions.margin"),
        ),
    }
)
"""What a row may leave empty, and the name under which the statement then lists it as unknown."""

FUNDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "balance_bf": "期初结存",
        "deposit_withdrawal": "出入金",
        "realised_mtm": "平仓盈亏",
        "holding_mtm": "持仓盯市盈亏",
        "fee": "手续费",
        "premium_received": "权利金收入",
        "premium_paid": "权利金支出",
        "exercise_result": "期权执行盈亏",
        "exercise_fee": "行权手续费",
        "delivery_result": "交割盈亏",
        "delivery_fee": "交割手续费",
        "balance_cf": "期末结存",
        "floating": "浮动盈亏",
        "pledge": "质押金",
        "equity": "客户权益",
        "margin": "保证金占用",
        "delivery_margin": "交割保证金",
        "available": "可用资金",
        "risk_degree": "风险度",
        "margin_call": "应追加资金",
    }
)
"""Figures of the account that a funds row may name, with their Chinese names."""
NEEDED_FUNDS: Final = ("balance_bf", "balance_cf")
VIEW: Final = ("view", "方式")
VIEWS: Final = MappingProxyType({"mtm": "mtm", "盯市": "mtm", "trade": "trade", "逐笔": "trade"})

DIRECTIONS: Final = MappingProxyType(
    {"buy": Direction.BUY, "买": Direction.BUY, "sell": Direction.SELL, "卖": Direction.SELL}
    | {"long": Direction.BUY, "多": Direction.BUY, "short": Direction.SELL, "空": Direction.SELL}
)
OFFSETS: Final = MappingProxyType(
    {offset.value: offset for offset in Offset}
    | {"开": Offset.OPEN, "平": Offset.CLOSE, "平今": Offset.CLOSE_TODAY, "平昨": Offset.CLOSE_YESTERDAY}
    | {"强平": Offset.FORCED_CLOSE, "强减": Offset.FORCED_REDUCE, "本地强平": Offset.LOCAL_FORCED_CLOSE}
)
FLAGS: Final = MappingProxyType(
    {flag.value: flag for flag in HedgeFlag}
    | {"投机": HedgeFlag.SPECULATION, "套保": HedgeFlag.HEDGE, "套利": HedgeFlag.ARBITRAGE}
    | {"一般": HedgeFlag.GENERAL, "做市商": HedgeFlag.MARKET_MAKER}
)

NEVER: Final = (
    "funds.initial_margin", "funds.fx_pledge", "funds.pledge_change", "funds.option_value", "funds.market_equity",
    "fills.premium", "positions.option_value", "summary", "exercises", "deliveries",
)  # fmt: skip
"""What the template has no place for."""


def plain(name: str) -> str:
    """A column name for comparing."""
    return "_".join(name.casefold().replace("_", " ").replace("-", " ").split())


def column_of(name: str) -> str | None:
    """The column that a header cell names, in either language; None for anything else."""
    wanted = plain(name)
    return next((column for column, names in COLUMNS.items() if wanted in (column, *map(plain, names))), None)
