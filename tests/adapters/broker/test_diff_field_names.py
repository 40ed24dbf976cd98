"""The names we read of a DIFF tree agree with another reader of the protocol: the objects of the package tqsdk.

The lists were typed from `tqsdk/objs.py` of release 3.10.4 (Apache-2.0). The package itself is not installed for a test: it
brings pandas, aiohttp and two closed binary packages with it. It adds names that it computes itself; the wire has some more.
"""

from __future__ import annotations

import pytest

from adapters.broker.diff import vendor

ACCOUNT = """currency pre_balance static_balance balance available ctp_balance ctp_available float_profit position_profit
    close_profit frozen_margin margin frozen_commission commission frozen_premium premium deposit withdraw risk_ratio
    market_value"""
POSITION = """exchange_id instrument_id pos_long_his pos_long_today pos_short_his pos_short_today volume_long_today
    volume_long_his volume_long volume_long_frozen_today volume_long_frozen_his volume_long_frozen volume_short_today
    volume_short_his volume_short volume_short_frozen_today volume_short_frozen_his volume_short_frozen open_price_long
    open_price_short open_cost_long open_cost_short position_price_long position_price_short position_cost_long
    position_cost_short float_profit_long float_profit_short float_profit position_profit_long position_profit_short
    position_profit margin_long margin_short margin market_value_long market_value_short market_value"""
ORDER = """order_id exchange_order_id exchange_id instrument_id direction offset offset_leg2 volume_orign volume_left
    limit_price price_type volume_condition time_condition insert_date_time last_msg status"""
TRADE = (
    """order_id trade_id exchange_trade_id exchange_id instrument_id direction offset price volume trade_date_time"""
)
QUOTE = """datetime last_price highest lowest open close average volume amount open_interest settlement upper_limit
    lower_limit pre_open_interest pre_settlement pre_close price_tick volume_multiple instrument_id exchange_id"""


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (vendor.ACCOUNT_FIELDS, ACCOUNT),
        (vendor.POSITION_FIELDS, POSITION),
        (vendor.ORDER_FIELDS, ORDER),
        (vendor.TRADE_FIELDS, TRADE),
        (vendor.QUOTE_FIELDS, QUOTE),
    ],
)
def test_every_name_we_read_is_a_name_of_tqsdk(ours: tuple[str, ...], theirs: str) -> None:
    assert set(ours) <= set(theirs.split())


def test_the_lists_are_what_the_reader_reads() -> None:
    """A name that is read and stands in no list would not be compared."""
    import inspect
    import re

    from adapters.broker.diff import read

    source = inspect.getsource(read)
    named = set(re.findall(r'(?:amount\(row, |row\.get\(|_text\(row, |_known\([\w.]+, row, )f?"([^"]+)"', source))
    named = {side for name in named for side in (name.replace("{side}", "long"), name.replace("{side}", "short"))}
    lists = (
        vendor.ACCOUNT_FIELDS, vendor.POSITION_FIELDS, vendor.ORDER_FIELDS, vendor.TRADE_FIELDS, vendor.QUOTE_FIELDS
    )  # fmt: skip
    known = {name for names in lists for name in names}
    assert named - known == {"trading_day"} | ({"commission"} - known), named - known
