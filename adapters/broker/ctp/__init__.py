"""A CTP counter as a `BrokerAdapter`: read-only unless the connection is configured to send orders."""

from adapters.broker.ctp.adapter import CtpAdapter, CtpOptions
from adapters.broker.ctp.capabilities import CAPABILITIES

__all__ = ["CAPABILITIES", "CtpAdapter", "CtpOptions"]
