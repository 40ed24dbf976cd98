"""Quotes over the same protocol: subscribe, peek, and take what the tree holds of each instrument."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from connectors.diff.socket import PONG, Line
from connectors.diff.tree import Tree, applied, decoded


class DiffQuotes:
    """One look at a time: a line is opened, used and closed. Several gateways serve quotes at an address of their own."""

    def __init__(self, open_line: Callable[[float], Line], *, now: Callable[[], float], call_seconds: float) -> None:
        self._open_line = open_line
        self._now = now
        self._call_seconds = call_seconds

    def look(self, symbols: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The quote of each symbol that the gateway knows; those it does not answer within the deadline are left out.
        Unavailable when it is not reached or the line is cut."""
        if not symbols:
            return {}
        deadline = self._now() + self._call_seconds
        line = self._open_line(self._call_seconds)
        try:
            line.send(json.dumps({"aid": "subscribe_quote", "ins_list": ",".join(symbols)}))
            tree: Tree = {}
            line.send(json.dumps({"aid": "peek_message"}))
            while not all(_complete(tree, symbol) for symbol in symbols):
                left = deadline - self._now()
                frame = line.receive(left) if left > 0 else None
                if frame is None:
                    break
                if frame == PONG:
                    continue
                message = decoded(frame)
                if message["aid"] == "rtn_data":
                    tree = applied(tree, message.get("data") or [])
                    line.send(json.dumps({"aid": "peek_message"}))
        finally:
            line.close()
        quotes = tree.get("quotes", {})
        return {symbol: quotes[symbol] for symbol in symbols if _complete(tree, symbol)}


def _complete(tree: Tree, symbol: str) -> bool:
    """A quote with a time; a bare entry only says that the subscription was understood."""
    quotes = tree.get("quotes")
    quote = quotes.get(symbol) if isinstance(quotes, dict) else None
    return isinstance(quote, dict) and bool(quote.get("datetime"))
