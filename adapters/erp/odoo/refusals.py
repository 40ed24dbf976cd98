"""What we refuse ourselves, before Odoo would round it, move it or misunderstand it: in both languages, without a call."""

from __future__ import annotations

from hedge_core.errors import Rejected
from messages import Message


def refused_here(code: str, text: str, **params: object) -> Rejected:
    """A `Rejected` of our own: `code` for machines, the message `text` for people."""
    reason = Message(text, params)
    error = Rejected(code, str(reason), system="HedgeBridge")
    error.message = Message("error.rejected", {"system": "HedgeBridge", "vendor_code": code, "vendor_text": reason})
    return error
