"""Paged JSON and OData lists over GET: any of five ways to page, four ways to say who calls, every row exactly as received."""

from connectors.json_pages.chosen import ChosenFields
from connectors.json_pages.client import Access, JsonClient
from connectors.json_pages.pages import ListMoved, Page, pages
from connectors.json_pages.rows import flat_record, identity, record_bodies, records_of
from connectors.json_pages.source import Auth, Envelope, PageStyle, Source

__all__ = [
    "Access",
    "Auth",
    "ChosenFields",
    "Envelope",
    "JsonClient",
    "ListMoved",
    "Page",
    "PageStyle",
    "Source",
    "flat_record",
    "identity",
    "pages",
    "record_bodies",
    "records_of",
]
