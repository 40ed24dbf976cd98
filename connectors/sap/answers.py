"""What SAP's OData answers mean: refusals in each of their shapes, and answers that prove nothing.

The error body is JSON with the message as an object (V2) or as text (V4), XML where the Accept header was lost, and HTML or
plain text from everything in front of SAP. Only a body in SAP's own shape is a refusal; a bare status is not evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.http import HttpAnswer
from connectors.sap.xml_reading import UnsafeXml, child_text, local, read_xml
from hedge_core.errors import OutcomeUnknown, PlatformError, Rejected, Unavailable

_LONGEST_TEXT: Final = 2000
_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Refusal:
    """SAP's own words: code (T100 `class/number` or what else stood there), text, details, and the transaction id by which
    the basis team finds the call in its logs."""

    code: str
    text: str
    details: tuple[tuple[str, str], ...] = ()
    transaction: str = ""

    def spoken(self) -> str:
        """The text with those details that say more, unchanged, joined by `; `."""
        parts = [self.text, *(text for _, text in self.details if text and text != self.text)]
        joined = "; ".join(dict.fromkeys(part for part in parts if part)) or "(no message)"
        return joined[:_LONGEST_TEXT] + (f" [transaction {self.transaction}]" if self.transaction else "")


def refusal_of(body: bytes) -> Refusal | None:
    """The refusal in an error body, or None when the body has none of SAP's shapes."""
    start = body.lstrip()[:1]
    if start == b"{":
        try:
            value = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError):
            return None
        error = value.get("error") if isinstance(value, dict) else None
        return _from_json(error) if isinstance(error, dict) else None
    return _from_xml(body) if start == b"<" else None


def _from_json(error: Mapping[str, Any]) -> Refusal | None:
    code = error.get("code")
    if not isinstance(code, str | int):
        return None
    inner = error.get("innererror")
    inner = inner if isinstance(inner, dict) else {}
    listed = inner.get("errordetails") or error.get("details") or []
    details = tuple(
        (str(one.get("code") or ""), _text(one.get("message")))
        for one in listed
        if isinstance(one, dict) and one.get("severity", "error") != "info"
    )
    return Refusal(str(code), _text(error.get("message")), details, str(inner.get("transactionid") or ""))


def _text(message: object) -> str:
    if isinstance(message, dict):
        message = message.get("value")
    return str(message or "").strip()


def _from_xml(body: bytes) -> Refusal | None:
    try:
        root = read_xml(body)
    except UnsafeXml:
        return None
    if local(root) != "error":
        return None
    return Refusal(child_text(root, "code"), child_text(root, "message"))


def error_of(answer: HttpAnswer, *, write: bool, system: str) -> PlatformError:
    """The error of an answer whose status is neither a success nor handled by the client (401, CSRF). On a write, 412 and
    428 mean that the document changed since it was read: positively not written, so it is read again later."""
    refusal = refusal_of(answer.body)
    if refusal is not None and answer.status in (412, 428):
        return Unavailable(f"changed by somebody else meanwhile: {refusal.spoken()}", system=system)
    if refusal is not None and 400 <= answer.status < 500:
        return Rejected(refusal.code, refusal.spoken(), system=system)
    kind = answer.headers.get("content-type", "").partition(";")[0] or "no content type"
    return unsure(f"HTTP {answer.status} with {kind}", write=write, system=system)


def unsure(reason: str, *, write: bool, system: str) -> PlatformError:
    """No usable answer: unknown on a write, to be repeated on a read."""
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)
