"""The SAP S/4HANA connector: OData V2 and V4 as named reads and single-entity writes, journal entries by SOAP."""

from connectors.sap.journal import Confirmation, JournalEntryService, LogItem
from connectors.sap.literals import date_of, key_text, literal, moment_of
from connectors.sap.logon import SapLogon
from connectors.sap.odata import ODataClient, Page, Service

__all__ = [
    "Confirmation",
    "JournalEntryService",
    "LogItem",
    "ODataClient",
    "Page",
    "SapLogon",
    "Service",
    "date_of",
    "key_text",
    "literal",
    "moment_of",
]
