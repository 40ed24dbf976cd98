"""Files that accountants hand in: the account map and earlier matches as tables, a designation as JSON."""

from adapters.documents.account_map import read_account_map
from adapters.documents.designation import read_designation
from adapters.documents.opening_matches import read_opening_matches

__all__ = ["read_account_map", "read_designation", "read_opening_matches"]
