"""Reference tables that come with the product: futures products and trading calendar of China's six exchanges."""

from adapters.reference.calendar import load_calendar, read_calendar
from adapters.reference.products import load_products, read_products

__all__ = ["load_calendar", "load_products", "read_calendar", "read_products"]
