"""DIFF over websocket (众期, 快期 and counters behind Shinny's gateway): a business tree kept by merge patches."""

from connectors.diff.orders import DiffOrders
from connectors.diff.quotes import DiffQuotes
from connectors.diff.session import DiffLogin, DiffSession
from connectors.diff.socket import DiffAddress, Line, connect
from connectors.diff.tree import Tree, number, whole

__all__ = [
    "DiffAddress",
    "DiffLogin",
    "DiffOrders",
    "DiffQuotes",
    "DiffSession",
    "Line",
    "Tree",
    "connect",
    "number",
    "whole",
]
