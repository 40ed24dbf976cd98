"""Reading Cosmic's answers: `status` and `errorCode` decide, most refusals come with HTTP 200, also one about the token.

A save answers per document: a call that succeeded may hold a document that did not. No code for too many calls is published, so
such refusals are known by HTTP 429 and by fragments that can be configured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.http import HttpAnswer
from hedge_core.errors import ContractViolation, OutcomeUnknown, PlatformError, RateLimited, Rejected, Unavailable

BUSY_SECONDS: Final = 60
"""The published limit of the token service counts calls per minute."""

_SUCCESS: Final = "0"
_TOKEN: Final = frozenset({"401", "612"})


@dataclass(frozen=True, slots=True)
class RefusalTexts:
    """Fragments of the vendor's words that say more than "refused". Unconfirmed, hence configurable."""

    busy: tuple[str, ...] = ("频率", "频繁", "限流")
    unsure: tuple[str, ...] = ("超时", "timed out", "timeout")


class TokenRefused(Exception):
    """The token is not accepted. The client decides whether a new one may help."""


class Envelope(msgspec.Struct, rename="camel"):
    """What every answer has around its data."""

    status: bool | str | None = None
    error_code: str | int | None = None
    message: Any = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(Envelope, float_hook=Decimal)
_value = msgspec.json.Decoder(float_hook=Decimal)


def decode(answer: HttpAnswer, *, write: bool, where: str, system: str, texts: RefusalTexts) -> bytes:
    """The bytes of `data` of a call that was carried out. Raises `TokenRefused` or one of the platform's errors."""
    if answer.status == 401:
        raise TokenRefused("HTTP 401")
    try:
        envelope = _envelope.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        kind = "an HTML page" if answer.body.lstrip()[:1] == b"<" else "text that is not JSON"
        raise _unsure(f"{where} answered with {kind} (HTTP {answer.status})", write, system) from error
    if envelope.status is None and envelope.error_code is None:
        if write:
            raise OutcomeUnknown(f"{where} answered neither success nor an error", system=system)
        raise ContractViolation(where, "neither success nor an error", system=system)
    code = str(envelope.error_code or "")
    if str(envelope.status).lower() == "true" and code in (_SUCCESS, "") and answer.status == 200:
        return bytes(envelope.data)
    text = str(envelope.message or "") or "; ".join(_errors_below(envelope)) or "(no message)"
    raise _failure(code, text, write, system, texts)


def values(data: bytes) -> Any:
    """Decoded data; fractional numbers are Decimal."""
    return _value.decode(data)


def document_errors(result: Mapping[str, Any]) -> str:
    """The vendor's words about one document of a save, unchanged, joined by `; `."""
    return "; ".join(_words(result.get("errors"))) or "(no message)"


def _errors_below(envelope: Envelope) -> list[str]:
    """The words about single documents, in an answer that has none of its own."""
    data = values(bytes(envelope.data))
    if not isinstance(data, dict):
        return []
    results = [one for one in data.get("result") or [] if isinstance(one, dict)]
    return [*_words(data.get("errorInfo")), *(word for one in results for word in _words(one.get("errors")))]


def _words(errors: Any) -> list[str]:
    """The messages of a list of errors, which are texts, objects with a message, or lists of rows with messages."""
    if isinstance(errors, str):
        return [errors] if errors else []
    if isinstance(errors, dict):
        own = [str(errors[name]) for name in ("message", "msg", "errorMsg") if errors.get(name)]
        return own or [word for part in errors.values() if isinstance(part, list | dict) for word in _words(part)]
    return [word for one in errors or [] for word in _words(one)]


def _failure(code: str, text: str, write: bool, system: str, texts: RefusalTexts) -> Exception:
    if any(part in text for part in texts.busy):
        return RateLimited(BUSY_SECONDS, system=system)
    if code in _TOKEN:
        return TokenRefused(f"{code} {text}")
    if any(part in text for part in texts.unsure):
        return _unsure(f"{code} {text}".strip(), write, system)
    return Rejected(code, text, system=system)


def _unsure(reason: str, write: bool, system: str) -> PlatformError:
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)
