"""`MarketData` from a broker's depth prices (CTP) or a quote gateway (DIFF): a price is of the trading day asked for, or missing.

What counts is the source's own settlement or closing field on that trading day. The last price, yesterday's settlement or a
quote without a trading day are never put in its place: a gap says what is there instead and since when.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from adapters.broker.codes import exchange_code
from adapters.broker.diff.read import quote_of
from connectors.diff import DiffQuotes
from hedge_core.model.broker import PriceAnswer, PriceGap, Quote
from hedge_core.model.futures import SettlementPrice
from hedge_core.trading_calendar import EXCHANGE_TIME
from messages import Message

KINDS: Final = ("settlement", "close")
Look = Callable[[Sequence[str]], dict[str, Quote]]


class BrokerPrices:
    """`look` answers the latest quote of each instrument; `source` is named beside each price, with its time."""

    def __init__(self, source: str, look: Look) -> None:
        self._source = source
        self._look = look

    @property
    def source(self) -> str:
        return self._source

    def quotes(self, instruments: Sequence[str]) -> dict[str, Quote]:
        return self._look(instruments)

    def prices(self, kind: str, instruments: Sequence[str], trading_day: date) -> PriceAnswer:
        """ValueError for another kind than settlement and close."""
        if kind not in KINDS:
            raise ValueError(f"a quote has no {kind} price")
        found = self._look(instruments)
        prices: list[SettlementPrice] = []
        gaps: list[PriceGap] = []
        for instrument in instruments:
            quote = found.get(instrument)
            reason = _gap(kind, quote, trading_day)
            price = None if quote is None else quote.settlement if kind == "settlement" else quote.close
            if reason is not None or quote is None or price is None:
                gaps.append(PriceGap(instrument, reason or Message("market.unknown", {"instrument": instrument})))
            else:
                prices.append(SettlementPrice(kind, instrument, trading_day, price, "CNY", self._dated(quote)))
        return PriceAnswer(tuple(prices), tuple(gaps))

    def _dated(self, quote: Quote) -> str:
        at = "" if quote.at is None else f" {quote.at.astimezone(EXCHANGE_TIME):%Y-%m-%d %H:%M:%S}"
        return f"{self._source}{at}"


def _gap(kind: str, quote: Quote | None, trading_day: date) -> Message | None:
    if quote is None:
        return None
    since = "-" if quote.at is None else f"{quote.at.astimezone(EXCHANGE_TIME):%Y-%m-%d %H:%M:%S}"
    if quote.trading_day is None:
        return Message("market.undated", {"instrument": quote.instrument, "since": since})
    if quote.trading_day != trading_day:
        details = {"instrument": quote.instrument, "day": quote.trading_day, "wanted": trading_day, "since": since}
        return Message("market.stale", details)
    price = quote.settlement if kind == "settlement" else quote.close
    if price is None:
        return Message(f"market.no_{kind}", {"instrument": quote.instrument, "since": since})
    return None


def diff_look(quotes: DiffQuotes) -> Look:
    """How quotes are looked at through a DIFF gateway, which writes Zhengzhou's months with three digits."""

    def look(instruments: Sequence[str]) -> dict[str, Quote]:
        symbols = {".".join(exchange_code(instrument)): instrument for instrument in instruments}
        found = quotes.look(list(symbols))
        return {symbols[symbol]: quote_of(row, symbols[symbol]) for symbol, row in found.items()}

    return look
