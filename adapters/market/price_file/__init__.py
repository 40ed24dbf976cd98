"""Price lists in CSV and Excel as `SettlementPrice`s: `read_prices(file name, bytes, kind)`."""

from adapters.market.price_file.read import PriceFileRefused, read_prices

__all__ = ["PriceFileRefused", "read_prices"]
