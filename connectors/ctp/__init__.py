"""A thin session over CTP's trader API object: requests with their callbacks, flow control, re-login; dictionaries out."""

from connectors.ctp.library import CtpLibrary, load_ctp, new_trader_api
from connectors.ctp.orders import CtpOrders
from connectors.ctp.session import CtpLogin, CtpSession
from connectors.ctp.values import Row

__all__ = ["CtpLibrary", "CtpLogin", "CtpOrders", "CtpSession", "Row", "load_ctp", "new_trader_api"]
