"""Reading NC Cloud's answers: `success` decides, `code` and `message` say why not; nearly all of it comes with HTTP 200.

No table of codes is published: what a refusal means beyond "refused" is told by words, and the words are data (`Signals`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Rejected,
    Unavailable,
)

BUSY_SECONDS: Final = 60
"""No window of a quota is published."""


class TokenRefused(Exception):
    """The token is not accepted any more. The client decides whether a new one may help."""


@dataclass(frozen=True, slots=True)
class Signals:
    """Words (lower case) by which a refusal is more than one: a token that ended, a login that cannot work, a quota, and an
    outcome that nobody knows. Those about tokens and logins were seen on a live system, the others are guesses."""

    token_words: tuple[str, ...] = ("access_token has expired", "access_token is invalid")
    login_words: tuple[str, ...] = (
        "not registered",
        "not authorized",
        "failed to verify signature",
        "账套编码",
        "busicenter",
    )
    busy_words: tuple[str, ...] = ("频繁", "频率", "too many requests")
    unsure_words: tuple[str, ...] = ("超时", "timeout", "timed out")

    def kind(self, text: str) -> str:
        """`token`, `login`, `busy`, `unsure` or `refused`."""
        lowered = text.lower()
        for kind, words in (
            ("token", self.token_words),
            ("login", self.login_words),
            ("busy", self.busy_words),
            ("unsure", self.unsure_words),
        ):
            if any(word in lowered for word in words):
                return kind
        return "refused"


class Envelope(msgspec.Struct):
    """What every answer has around its data."""

    success: bool | str | None = None
    code: str | int | None = None
    message: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(Envelope, float_hook=Decimal)
_value = msgspec.json.Decoder(float_hook=Decimal)


def decode(body: bytes, status: int, signals: Signals, *, write: bool, where: str, system: str) -> bytes:
    """The bytes of `data` of a call that did what it was asked. Raises `TokenRefused` or one of the platform's errors."""
    if status == 401:
        raise TokenRefused("HTTP 401")
    try:
        envelope = _envelope.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        if status in (404, 405):  # the server knows no such call: nothing was executed
            raise Rejected(str(status), f"{where}: no such call", system=system) from error
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "something that is not JSON"
        raise unsure(f"{where} answered with {kind} (HTTP {status})", write, system) from error
    if envelope.success is None:
        if write:
            raise OutcomeUnknown(f"{where} answered without success", system=system)
        raise ContractViolation(where, "an answer without success", system=system)
    if str(envelope.success).lower() != "true":
        code = "" if envelope.code is None else str(envelope.code)
        raise _failure(code, str(envelope.message or "(no message)"), signals, write, system)
    if status != 200:
        raise unsure(f"{where}: HTTP {status}", write, system)
    return bytes(envelope.data)


def values(body: bytes) -> Any:
    """Decoded JSON; fractional numbers are Decimal."""
    return _value.decode(body)


def unsure(reason: str, write: bool, system: str) -> PlatformError:
    """What an answer that proves nothing is: an unknown outcome on a write, an unavailable system on a read."""
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)


def _failure(code: str, text: str, signals: Signals, write: bool, system: str) -> Exception:
    match signals.kind(text):
        case "token":
            return TokenRefused(text)
        case "login":
            return AuthFailed(text, system=system)
        case "busy":
            return RateLimited(BUSY_SECONDS, system=system)
        case "unsure":
            return unsure(f"{code} {text}", write, system)
    return Rejected(code, text, system=system)
