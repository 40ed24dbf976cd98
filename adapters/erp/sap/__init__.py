"""The adapter for SAP S/4HANA."""

from adapters.erp.sap.adapter import SPEC_NAMES, SapAdapter
from adapters.erp.sap.vendor import SapOptions

__all__ = ["SPEC_NAMES", "SapAdapter", "SapOptions"]
