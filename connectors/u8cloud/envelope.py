"""Reading U8 Cloud's answers: `status` decides, the data is JSON inside a JSON string, refusals come with HTTP 200.

The vendor's published example of a refusal spells its status "falied"; other spellings may exist, so that everything that is not
"success" and names an error is a refusal. Nearly every refusal has the same error code (-32000), and no text about a wrong login
or too many calls is published. Both are therefore recognised by the HTTP status first and then by fragments that can be
configured per connection; what is not recognised is a refusal that a person reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.http import HttpAnswer
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
"""How long to wait when calls are refused as too many and nobody says for how long."""

_SUCCESS: Final = "success"


@dataclass(frozen=True, slots=True)
class RefusalTexts:
    """Fragments of the vendor's words that say more than "refused". Unconfirmed, hence configurable."""

    login: tuple[str, ...] = ("密码错误", "密码不正确", "用户不存在", "用户名或密码", "系统编码不存在", "认证失败")
    busy: tuple[str, ...] = ("访问过于频繁", "请求过于频繁", "调用次数超")
    unsure: tuple[str, ...] = ("超时", "timed out", "正在处理")


class Envelope(msgspec.Struct):
    """What every answer has around its data."""

    status: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    errorcode: str | int | None = None
    errormsg: Any = None


_envelope = msgspec.json.Decoder(Envelope, float_hook=Decimal)
_value = msgspec.json.Decoder(float_hook=Decimal)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])


def decode(answer: HttpAnswer, *, write: bool, where: str, system: str, texts: RefusalTexts) -> bytes:
    """The inner bytes of `data` of a call that did what it was asked, or one of the platform's errors."""
    if answer.status in (401, 403):
        raise AuthFailed(f"HTTP {answer.status}", system=system)
    try:
        envelope = _envelope.decode(answer.body)
        inner = _inner(bytes(envelope.data))
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        kind = "an HTML page" if answer.body.lstrip()[:1] == b"<" else "text that is not JSON"
        raise _unsure(f"{where} answered with {kind} (HTTP {answer.status})", write, system) from error
    if envelope.status == _SUCCESS and answer.status == 200:
        return inner
    if envelope.errormsg is None and envelope.errorcode is None:
        if write:
            raise OutcomeUnknown(f"{where} answered neither success nor an error", system=system)
        raise ContractViolation(where, "neither success nor an error", system=system)
    raise _refusal(str(envelope.errorcode or ""), str(envelope.errormsg or "(no message)"), write, system, texts)


def values(data: bytes) -> Any:
    """Decoded data; fractional numbers are Decimal."""
    return _value.decode(data)


def listed(data: bytes, total_field: str) -> tuple[list[bytes], int | None]:
    """The rows of a list as received and the number of all, where it is told. A list is `{"datas": […]}` or a bare array."""
    if data.lstrip().startswith(b"["):
        return [bytes(row) for row in _array.decode(data)], None
    if data.strip() in (b"", b"null"):
        return [], None
    whole = _object.decode(data)
    if "datas" not in whole:
        raise msgspec.DecodeError("no datas")
    rows = whole["datas"]
    told = bytes(whole.get(total_field) or b"null").strip(b'" ')
    total = int(told) if told.isdigit() else None
    return ([] if bytes(rows) == b"null" else [bytes(row) for row in _array.decode(rows)]), total


def _inner(data: bytes) -> bytes:
    """The JSON inside the string; data that is no string is taken as it is."""
    if not data.startswith(b'"'):
        return data
    return msgspec.json.decode(data, type=str).encode("utf-8")


def _refusal(code: str, text: str, write: bool, system: str, texts: RefusalTexts) -> PlatformError:
    if any(part in text for part in texts.login):
        return AuthFailed(f"{code} {text}".strip(), system=system)
    if any(part in text for part in texts.busy):
        return RateLimited(BUSY_SECONDS, system=system)
    if any(part in text for part in texts.unsure):
        return _unsure(f"{code} {text}".strip(), write, system)
    return Rejected(code, text, system=system)


def _unsure(reason: str, write: bool, system: str) -> PlatformError:
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)
