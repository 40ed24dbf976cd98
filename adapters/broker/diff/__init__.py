"""A DIFF gateway (众期, 快期, counters behind Shinny's) as a `BrokerAdapter`: read-only unless configured otherwise."""

from adapters.broker.diff.adapter import DiffAdapter, DiffOptions
from adapters.broker.diff.capabilities import CAPABILITIES

__all__ = ["CAPABILITIES", "DiffAdapter", "DiffOptions"]
