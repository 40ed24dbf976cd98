"""Odoo's external API: XML-RPC (14 to 18) and JSON-2 (19 and later) behind one client, dictionaries in and out."""

from connectors.odoo.answers import VALUE_ERROR
from connectors.odoo.client import Domain, OdooClient, OdooLogin
from connectors.odoo.json2 import Json2Client
from connectors.odoo.xmlrpc import XmlRpcClient

ANSWERED_STATUSES = frozenset({500})
"""For the transport: JSON-2 names the exception in the body of a 500, and that name decides what to do next."""

__all__ = ["ANSWERED_STATUSES", "VALUE_ERROR", "Domain", "Json2Client", "OdooClient", "OdooLogin", "XmlRpcClient"]
