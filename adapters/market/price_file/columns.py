"""The column names of price lists, in Chinese and English, by field and kind of price."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

KINDS: Final = ("settlement", "close", "spot", "cost")

_INSTRUMENT: Final = ("合约", "合约代码", "instrument", "contract", "symbol", "code")
_COMMODITY: Final = ("品种", "commodity", "物料", "物料编码", "物料代码", "material", "material_no", "product")

SUBJECT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"settlement": _INSTRUMENT, "close": _INSTRUMENT, "spot": _COMMODITY, "cost": _COMMODITY[2:] + _COMMODITY[:2]}
)
"""What a price belongs to: settlement and close prices to an instrument, spot prices and costs to a commodity or material."""

PRICE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "settlement": ("结算价", "今结算", "今结算价", "settlement_price", "settlement", "settle", "价格", "price"),
        "close": ("收盘价", "今收盘", "今收盘价", "close_price", "close", "价格", "price"),
        "spot": ("现货价", "现货价格", "均价", "spot_price", "spot", "价格", "单价", "price"),
        "cost": ("成本价", "单位成本", "成本单价", "成本", "unit_cost", "cost_price", "cost", "价格", "单价", "price"),
    }
)
"""The most specific name first: a list with both 结算价 and 收盘价 is read for the kind that is asked."""

DAY: Final = ("日期", "交易日", "交易日期", "结算日期", "trading_day", "trade_date", "date", "day")
EXCHANGE: Final = ("交易所", "exchange")
CURRENCY: Final = ("币种", "货币", "currency")
SOURCE: Final = ("来源", "source")
VAT_INCLUDED: Final = ("含税", "是否含税", "vat_included", "incl_vat")
YES_NO: Final[Mapping[str, bool]] = MappingProxyType(
    {"是": True, "含税": True, "yes": True, "y": True, "true": True, "1": True}
    | {"否": False, "不含税": False, "no": False, "n": False, "false": False, "0": False}
)


def plain(name: str) -> str:
    """A column name for comparing: no case, blanks and hyphens as underscores, a unit in brackets left out."""
    name = name.replace("（", "(").partition("(")[0]
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
