"""The words of CFMMC workbooks: section titles, labels of the funds block, column labels, and what the form never says.

Labels are compared by `plain`: full and half width alike, without blanks, what stands in brackets left out. Section and
field names are those of `hedge_core.model.futures`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TITLES: Final = ("客户交易结算日报", "客户交易结算月报")
MONTHLY: Final = "月报"
VIEWS: Final = MappingProxyType({"逐日盯市": "mtm", "逐笔对冲": "trade"})
TOTAL: Final = frozenset({"合计", "总计"})

SECTIONS: Final = MappingProxyType(
    {
        "期货期权账户出入金明细": "cash",
        "出入金明细": "cash",
        "其它资金明细": "other_charges",
        "其他资金明细": "other_charges",
        "期货持仓汇总": "summary",
        "成交明细": "fills",
        "期货成交明细": "fills",
        "平仓明细": "closed",
        "期货平仓明细": "closed",
        "持仓明细": "positions",
        "期货持仓明细": "positions",
        "期货成交汇总": "",
        "品种汇总": "",
    }
)
"""Section titles; the empty ones repeat in other words what the fills say. Any other title is reported as not read."""

DETAILS: Final = frozenset({"fills", "closed", "positions", "summary"})
"""Tables that end with a total row; one with rows and without it has been cut."""

ACCOUNT: Final = ("客户期货期权内部资金账户", "客户内部资金账户", "资金账户")
CLIENT: Final = ("客户名称",)
BROKER: Final = ("期货公司名称",)
DAY: Final = ("交易日期", "交易月份", "结算月份")
ASKED: Final = ("查询时间",)
EQUITY: Final = ("客户权益",)

FUNDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "balance_bf": ("上日结存", "上月结存"),
        "deposit_withdrawal": ("当日存取合计", "当月存取合计"),
        "fee": ("当日手续费", "当月手续费"),
        "balance_cf": ("当日结存", "当月结存"),
        "equity": EQUITY,
        "margin": ("保证金占用",),
        "available": ("可用资金",),
    }
)
"""Labels without which the block is incomplete."""

RESULT: Final = ("当日盈亏", "当月盈亏")
REALISED: Final = ("平仓盈亏",)
FLOATING: Final = ("浮动盈亏",)
PREMIUM: Final = ("当日总权利金", "当月总权利金")
PLEDGE: Final = ("非货币充抵金额",)
RISK: Final = ("风险度",)
MARGIN_CALL: Final = ("追加保证金",)
UNREAD: Final = (("货币充抵金额",),)
"""Labels whose place in the balance no document has shown yet: named as not read when they are not zero."""

LABELS: Final = frozenset(
    {
        *ACCOUNT, *CLIENT, *BROKER, *DAY, *ASKED, *RESULT, *REALISED, *FLOATING, *PREMIUM, *PLEDGE, *RISK,
        *MARGIN_CALL, "货币充抵金额", "实有货币资金", "冻结资金", *(name for names in FUNDS.values() for name in names),
    }
)  # fmt: skip

_FLAG: Final = ("投机/套保/套利", "投机/一般/套保/套利", "投/保")
_DATE: Final = ("实际成交日期",)
COLUMNS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "fills": {
            "instrument": ("合约",),
            "fill_id": ("成交序号",),
            "time": ("成交时间",),
            "direction": ("买/卖",),
            "hedge_flag": _FLAG,
            "price": ("成交价",),
            "lots": ("手数",),
            "turnover": ("成交额",),
            "offset": ("开/平",),
            "fee": ("手续费",),
            "realised_mtm": ("平仓盈亏",),
            "traded_on": _DATE,
            "trading_day": ("交易日期",),
        },
        "closed": {
            "instrument": ("合约",),
            "fill_id": ("成交序号",),
            "direction": ("买/卖",),
            "close_price": ("成交价",),
            "open_price": ("开仓价",),
            "lots": ("手数",),
            "previous_settlement": ("昨结算价",),
            "realised_mtm": ("平仓盈亏",),
            "open_fill": ("原成交序号",),
            "closed_on": _DATE,
            "trading_day": ("交易日期",),
        },
        "positions": {
            "instrument": ("合约",),
            "fill_id": ("成交序号",),
            "long_lots": ("买持仓",),
            "long_price": ("买入价",),
            "short_lots": ("卖持仓",),
            "short_price": ("卖出价",),
            "previous_settlement": ("昨结算价",),
            "settlement_price": ("今结算价",),
            "result": ("持仓盈亏", "浮动盈亏", "持仓盯市盈亏"),
            "hedge_flag": _FLAG,
            "open_date": _DATE,
        },
        "summary": {
            "instrument": ("合约",),
            "long_lots": ("买持仓",),
            "long_average": ("买均价",),
            "short_lots": ("卖持仓",),
            "short_average": ("卖均价",),
            "previous_settlement": ("昨结算价",),
            "settlement_price": ("今结算价",),
            "result": ("持仓盈亏", "浮动盈亏", "持仓盯市盈亏"),
            "margin": ("交易保证金", "保证金占用"),
            "hedge_flag": _FLAG,
        },
        "cash": {
            "moved_on": ("发生日期",),
            "amount_in": ("入金",),
            "amount_out": ("出金",),
            "kind": ("方式",),
            "note": ("摘要",),
        },
        "other_charges": {
            "moved_on": ("发生日期",),
            "exchange": ("交易所",),
            "kind": ("类型",),
            "amount": ("金额",),
            "note": ("备注",),
        },
    }
)
OPTIONAL: Final = frozenset({"time", "traded_on", "trading_day", "closed_on", "exchange", "note"})

UNKNOWN: Final = (
    "funds.initial_margin",
    "funds.delivery_margin",
    "funds.exercise_result",
    "funds.exercise_fee",
    "funds.delivery_result",
    "funds.delivery_fee",
    "funds.fx_pledge",
    "funds.pledge_change",
    "funds.option_value",
    "funds.market_equity",
    "fills.premium",
    "positions.margin",
    "positions.option_value",
    "positions.trading_day_of_opening",
    "summary.option_value",
    "closed.hedge_flag",
)
"""What no CFMMC workbook says although a broker's own statement does."""


def plain(text: str) -> str:
    """A label for comparing: half width, no blanks, nothing in brackets, no colon at the end."""
    folded = unicodedata.normalize("NFKC", text)
    return re.sub(r"\([^()]*\)|\s+", "", folded).rstrip(":")
