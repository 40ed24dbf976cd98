"""Reading YonBIP's answers: success, refusal, a bad token, a quota, or nothing we can trust; nearly all come with HTTP 200.

A code is text or a number, depending on the endpoint; a failure may hide in a successful answer (`failCount`), and a bad token
is sometimes told as plain text. Classified by code and structure. The one text that counts is the server's unspecific "logic
exception": it does not say whether anything was done, so that after a write the outcome is unknown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.http import HttpAnswer
from hedge_core.errors import ContractViolation, OutcomeUnknown, PlatformError, RateLimited, Rejected, Unavailable

QUOTA_SECONDS: Final = 60
"""The published quotas are per minute; whether the window slides is not documented."""

_SUCCESS: Final = frozenset({"200", "00000"})
_TOKEN: Final = frozenset({"310001", "310036"})
_QUOTA: Final = frozenset({"310032", "310039", "310042", "310046"})
_UNDECIDED: Final = frozenset({"202", "310504"})
_NOT_PASSED_ON: Final = frozenset({"310043"})
_TOKEN_TEXT: Final = "非法token"  # noqa: S105 - words of an answer
_UNSPECIFIC: Final = ("999", "服务端逻辑异常")


class TokenRefused(Exception):
    """The gateway does not accept the token. The client decides whether a new one may help."""


class Envelope(msgspec.Struct):
    """What every answer has around its data."""

    code: str | int | None = None
    message: Any = ""
    success: bool | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(Envelope, float_hook=Decimal)
_value = msgspec.json.Decoder(float_hook=Decimal)


def decode(answer: HttpAnswer, *, write: bool, where: str, system: str) -> bytes:
    """The bytes of `data` of a call that did what it was asked. Raises `TokenRefused` or one of the platform's errors."""
    if answer.status == 401:
        raise TokenRefused("HTTP 401")
    try:
        envelope = _envelope.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        text = answer.body.decode("utf-8", "replace").strip()
        if text.startswith(_TOKEN_TEXT):
            raise TokenRefused(text[:200]) from error
        kind = "an HTML page" if text[:1] == "<" else "text that is not JSON"
        raise _unsure(f"{where} answered with {kind} (HTTP {answer.status})", write, system) from error
    if envelope.code is None:
        if write:
            raise OutcomeUnknown(f"{where} answered without a code", system=system)
        raise ContractViolation(where, "an answer without a code", system=system)
    code, text = str(envelope.code), str(envelope.message or "(no message)")
    if code not in _SUCCESS:
        raise _failure(code, text, write, system)
    if answer.status != 200:
        raise _unsure(f"{where}: HTTP {answer.status}", write, system)
    _raise_for_hidden_failure(envelope, code, text, system)
    return bytes(envelope.data)


def values(data: bytes) -> Any:
    """Decoded data; fractional numbers are Decimal."""
    return _value.decode(data)


def _failure(code: str, text: str, write: bool, system: str) -> Exception:
    if code in _TOKEN:
        return TokenRefused(text)
    if code in _QUOTA:
        return RateLimited(QUOTA_SECONDS, system=system)
    if code in _NOT_PASSED_ON:
        return Unavailable(f"the gateway does not pass the call on: {text}", system=system)
    if code in _UNDECIDED or (code, text) == _UNSPECIFIC:
        return _unsure(f"{code} {text}", write, system)
    return Rejected(code, text, system=system)


def _raise_for_hidden_failure(envelope: Envelope, code: str, text: str, system: str) -> None:
    """`success: false`, or documents counted as failed, beside a code that says success."""
    if envelope.success is False:
        raise Rejected(code, text, system=system)
    if not bytes(envelope.data).lstrip().startswith(b"{"):
        return
    data = values(bytes(envelope.data))
    if str(data.get("failCount") or 0) != "0":
        said = data.get("messages") or [text]
        raise Rejected(code, "; ".join(map(str, said if isinstance(said, list) else [said])), system=system)


def _unsure(reason: str, write: bool, system: str) -> PlatformError:
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)
