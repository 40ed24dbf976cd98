"""Reading Kingdee's answers: every shape that means success, refusal, a lost session or nothing we can trust.

Business failures come with HTTP 200. `decode` turns bytes into Python values whose fractional numbers are Decimal and
raises the error class that says what to do next; see `hedge_core.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.http import HttpAnswer
from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    Unavailable,
)

SESSION_LOST: Final = 1
"""`MsgCode` of a lost session; the same code also comes for a wrong account set or a missing authorisation."""

GATEWAY_AUTH_CODES: Final = {
    "4002": "application id missing or unknown at the gateway",
    "4006": "the request's timestamp is too old: check the clock of this machine",
}

_decoder = msgspec.json.Decoder(float_hook=Decimal)


class SessionLost(Exception):
    """The session is gone (or was never allowed). The client decides whether a re-login may help."""


def decode(answer: HttpAnswer, *, write: bool, where: str, system: str) -> Any:
    """The decoded body of a call that did something: of a batch maybe in part, which is for the caller to sort by `DIndex`.
    Raises `SessionLost` or one of the platform's errors."""
    if answer.status == 401:
        raise SessionLost("HTTP 401")
    text = answer.body.lstrip()
    if text.startswith(b"response_error:"):
        raise Rejected("response_error", _clean(text[len(b"response_error:") :]), system=system)
    try:
        value = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        kind = "an HTML page" if text[:1] == b"<" else "text that is not JSON"
        raise _unreadable(f"{where} answered with {kind} (HTTP {answer.status})", write, system) from error
    if answer.status != 200:
        raise _status_error(answer, value, write, system)
    _raise_for_firewall(value, system)
    status = response_status(value)
    if status is not None and not _is_true(status.get("IsSuccess")) and not status.get("SuccessEntitys"):
        raise _refusal(status, where, system)
    return value


def response_status(value: Any) -> Mapping[str, Any] | None:
    """The `ResponseStatus` of an answer in any of its wrappings, or None when it has none."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        result = value.get("Result")
        if isinstance(result, dict) and isinstance(result.get("ResponseStatus"), dict):
            status: Mapping[str, Any] = result["ResponseStatus"]
            return status
    return None


def error_text(status: Mapping[str, Any], index: int | None = None) -> str:
    """The vendor's messages, unchanged, joined by `; ` (only those of one `DIndex` when given)."""
    errors = [e for e in status.get("Errors") or [] if isinstance(e, dict)]
    if index is not None:
        errors = [e for e in errors if e.get("DIndex") == index]
    texts = [f"{e['FieldName']}: {e.get('Message')}" if e.get("FieldName") else str(e.get("Message")) for e in errors]
    return "; ".join(texts) or "(no message)"


def _refusal(status: Mapping[str, Any], where: str, system: str) -> Exception:
    if status.get("MsgCode") == SESSION_LOST:
        return SessionLost(error_text(status))
    if "Errors" not in status:
        return ContractViolation(where, "neither success nor an error list", system=system)
    return Rejected(str(status.get("MsgCode", "")), error_text(status), system=system)


def _raise_for_firewall(value: Any, system: str) -> None:
    """A web firewall answers a list of page actions with HTTP 200: the request was stopped before the application."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "actionname" in value[0]:
        params = value[0].get("params") or [{}]
        text = params[0].get("msg", "") if isinstance(params[0], dict) else ""
        raise Rejected("web-firewall", str(text), system=system)


def _status_error(answer: HttpAnswer, value: Any, write: bool, system: str) -> PlatformError:
    code = value.get("errcode") if isinstance(value, dict) else None
    if str(code) in GATEWAY_AUTH_CODES:
        return AuthFailed(f"{GATEWAY_AUTH_CODES[str(code)]} (errcode {code})", system=system)
    if code is not None and answer.status in (400, 403, 404, 422):
        text = next((str(v) for k, v in value.items() if k != "errcode"), "")
        return Rejected(str(code), text, system=system)
    return _unreadable(f"HTTP {answer.status}", write, system)


def _unreadable(reason: str, write: bool, system: str) -> PlatformError:
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)


def _clean(body: bytes) -> str:
    return body.decode("utf-8", "replace").strip()[:2000]


def _is_true(flag: object) -> bool:
    """`IsSuccess` is a boolean or the text "true"/"false", depending on the release."""
    return str(flag).lower() == "true"


__all__ = ["SessionLost", "decode", "error_text", "response_status"]
