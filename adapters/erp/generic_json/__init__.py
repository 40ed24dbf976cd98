"""Any ERP with paged JSON or OData lists, configured without code: contracts, stock and masters in, nothing out."""

from adapters.erp.generic_json.adapter import SPEC_NAMES, GenericJsonAdapter
from adapters.erp.generic_json.vendor import GenericJsonOptions

__all__ = ["SPEC_NAMES", "GenericJsonAdapter", "GenericJsonOptions"]
