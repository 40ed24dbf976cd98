"""Reading the relay's answers: `errcode` "0" is success, nearly everything comes with HTTP 200.

The vendor publishes no complete table of codes. What a code or a word of the text means (a bad token, a quota, an outcome that
nobody knows) is therefore data, `Signals`, that a connection may replace; every other refusal is a refusal.
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
"""No window of a quota is published; a minute is what the vendor's other gateways count in."""

_value = msgspec.json.Decoder(float_hook=Decimal)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class TokenRefused(Exception):
    """The relay does not accept the token. The client decides whether a new one may help."""


@dataclass(frozen=True, slots=True)
class Signals:
    """How three kinds of refusal are told: by code, or by a word of the text (lower case). All of it unconfirmed: a refusal
    that is none of these is `Rejected`."""

    token_codes: frozenset[str] = frozenset()
    token_words: tuple[str, ...] = ("token",)
    busy_codes: frozenset[str] = frozenset()
    busy_words: tuple[str, ...] = ("频繁", "频率", "调用次数")
    unsure_codes: frozenset[str] = frozenset()
    unsure_words: tuple[str, ...] = ("超时", "系统繁忙", "timeout")

    def kind(self, code: str, text: str) -> str:
        """`token`, `busy`, `unsure` or `refused`."""
        lowered = text.lower()
        for kind, codes, words in (
            ("token", self.token_codes, self.token_words),
            ("busy", self.busy_codes, self.busy_words),
            ("unsure", self.unsure_codes, self.unsure_words),
        ):
            if code in codes or any(word in lowered for word in words):
                return kind
        return "refused"


def decode(answer: HttpAnswer, signals: Signals, *, write: bool, where: str, system: str) -> Mapping[str, msgspec.Raw]:
    """The members of an answer that says success, each as received. Raises `TokenRefused` or one of the platform's errors."""
    if answer.status == 401:
        raise TokenRefused("HTTP 401")
    try:
        members = _members.decode(_without_mark(answer.body))
        code, text = _text(members, "errcode"), _text(members, "errmsg")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        kind = "an HTML page" if answer.body.lstrip()[:1] == b"<" else "text that is not a JSON object"
        raise unsure(f"{where} answered with {kind} (HTTP {answer.status})", write, system) from error
    if not code:
        if write:
            raise OutcomeUnknown(f"{where} answered without errcode", system=system)
        raise ContractViolation(where, "an answer without errcode", system=system)
    if code != "0":
        raise _failure(code, text or "(no errmsg)", signals, write, system)
    if answer.status != 200:
        raise unsure(f"{where}: HTTP {answer.status}", write, system)
    return members


def values(body: bytes) -> Any:
    """Decoded JSON; fractional numbers are Decimal. Numbers that come as text stay text, with every digit."""
    return _value.decode(body)


def unsure(reason: str, write: bool, system: str) -> PlatformError:
    """What an answer that proves nothing is: an unknown outcome on a write, an unavailable system on a read."""
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)


def _failure(code: str, text: str, signals: Signals, write: bool, system: str) -> Exception:
    match signals.kind(code, text):
        case "token":
            return TokenRefused(text)
        case "busy":
            return RateLimited(BUSY_SECONDS, system=system)
        case "unsure":
            return unsure(f"{code} {text}", write, system)
    return Rejected(code, text, system=system)


def _text(members: Mapping[str, msgspec.Raw], name: str) -> str:
    """A member that some calls answer as text and others as a number."""
    found = values(bytes(members[name])) if name in members else None
    return "" if found is None else str(found)


def _without_mark(body: bytes) -> bytes:
    return body.removeprefix(b"\xef\xbb\xbf")
