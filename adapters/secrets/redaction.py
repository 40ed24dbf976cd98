"""The choke point where secrets are masked before anything is logged: by registered value, by name, and by shape."""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from collections.abc import Mapping, MutableMapping
from json import dumps
from typing import Any, Final
from urllib.parse import quote, quote_plus

import structlog

from messages import Message

MASK: Final = "***"
SHORTEST_REGISTERED: Final = 4
"""A shorter secret would mask half of every line; such a one is only masked where its name gives it away."""

_SUSPICIOUS: Final = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "signature", "authorization", "cookie", "credential",
    "apikey", "privatekey", "masterkey", "signingkey", "sessionid", "密码", "口令", "密钥", "令牌",
)  # fmt: skip
_NOT_LETTERS: Final = re.compile(r"[\W_]+")
_NAMES: Final = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|signature|authorization|cookie|credentials?"
    r"|(?:api|private|master|signing)[-_ ]?key|session[-_ ]?id|密码|口令|密钥|令牌"
)
# A quoted value may hold escaped quotes, and a text that was cut short lacks its closing one. In JSON inside a JSON string
# the quote itself is escaped, and a quote in the value three times.
_VALUE: Final = (
    r"""\\"(?:\\\\\\"|\\\\|[^"\\]|\\[^"\\])*(?:\\"|\\?\Z)"""
    r"""|"(?:[^"\\]|\\[\s\S])*(?:"|\\?\Z)|'(?:[^'\\]|\\[\s\S])*(?:'|\\?\Z)"""
    r"""|(?:(?:bearer|basic)\s{1,9})?[^\s,;&"'})\]]+"""
)
# Every repetition in front of what decides a match is bounded: a long line must not take quadratic time.
_SHAPES: Final = (
    # https://user:password@host
    (re.compile(r"(://[^\s/:@]{0,200}:)[^\s/@]{1,1000}(?=@)"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s{1,9}[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    # a whole header line holds several values
    (re.compile(r"(?i)\b((?:set-)?cookie\s{0,9}:\s{0,9})[^\r\n'\"]+"), rf"\1{MASK}"),
    # name=value, "name": "value", name: value; also inside a quoted JSON text
    (re.compile(rf"(?i)((?:{_NAMES})[\w-]{{0,40}}\\?[\"']?\s{{0,9}}[=:：]\s{{0,9}})(?:{_VALUE})"), rf"\1{MASK}"),
)
_PLAIN_TYPES: Final = (type(None), bool, int, float, complex)
_RECORD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def is_suspicious(name: object) -> bool:
    """Whether a member of this name is masked whatever it holds: `X-Api-Signature`, `app_secret`, `kdservice-sessionid`."""
    letters = _NOT_LETTERS.sub("", str(name)).lower()
    return any(word in letters for word in _SUSPICIOUS)


class Redactor:
    """Masks in texts and nested structures what was registered, what is named like a secret and what looks like one.

    One per process, made by the composition root. Register every secret as soon as it is plain: `SecretBox` does so
    through its `opened` argument."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._registered: re.Pattern[str] | None = None

    def register(self, value: str) -> None:
        """From now on `value` is masked, as it is and as it looks inside JSON, a URL or base64."""
        if len(value) < SHORTEST_REGISTERED:
            return
        forms = {
            value,
            dumps(value)[1:-1],
            dumps(value, ensure_ascii=False)[1:-1],
            repr(value)[1:-1],
            quote(value, safe=""),
            quote_plus(value),
            b64encode(value.encode("utf-8", "surrogatepass")).decode(),
        }
        if forms <= self._values:
            return
        self._values |= forms
        longest_first = sorted(self._values, key=len, reverse=True)
        self._registered = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """`text` with every registered value and everything of a secret's shape masked."""
        if self._registered is not None:
            text = self._registered.sub(MASK, text)
        for shape, masked in _SHAPES:
            text = shape.sub(masked, text)
        return text

    def redact(self, value: object) -> Any:
        """`value` with secrets masked at any depth. Structures are copied; an object of another type is kept when its
        `str` and `repr` are clean and otherwise becomes its masked text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, _PLAIN_TYPES):
            return value
        if isinstance(value, Message):
            return Message(value.id, self.redact(value.params))
        if isinstance(value, Mapping):
            return {self.redact(name): self._member(name, item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = [self.redact(item) for item in value]
            return items if isinstance(value, list) else tuple(items) if isinstance(value, tuple) else frozenset(items)
        if isinstance(value, bytes | bytearray):
            text = bytes(value).decode("utf-8", "backslashreplace")
            masked = self.text(text)
            return value if masked == text else masked.encode()
        try:
            forms = (str(value), repr(value))
        except Exception:  # noqa: BLE001 - an object that cannot show itself must not stop the line it stands in
            return f"<{type(value).__name__}>"
        for shown in forms:
            masked = self.text(shown)
            if masked != shown:
                return masked
        return value

    def processor(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor: the last one before the renderer. A traceback is turned into text here, so that no
        renderer shows an exception unmasked."""
        if event.get("exc_info"):
            event = structlog.processors.format_exc_info(logger, method, event)
        masked: MutableMapping[str, Any] = self.redact(event)
        return masked

    def _member(self, name: object, item: object) -> Any:
        if is_suspicious(name) and item is not None and item != "" and not isinstance(item, bool):
            return MASK
        return self.redact(item)


class RedactingFilter(logging.Filter):
    """Masks records of the standard library's loggers (requests, zeep, dramatiq). Add it to every *handler*: a filter of a
    logger does not see the records of the loggers below it."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; the record's message, traceback and extra members are masked in place."""
        redact = self._redactor.redact
        try:
            record.args = redact(record.args) if record.args else record.args
            record.msg = self._redactor.text(record.getMessage())
        except (TypeError, ValueError, KeyError):  # a format that does not fit its arguments must not stop the caller
            record.msg = self._redactor.text(f"{record.msg} {record.args}")
        record.args = ()
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None  # a handler that draws tracebacks itself would show local variables
        if record.exc_text:
            record.exc_text = self._redactor.text(record.exc_text)
        if record.stack_info:
            record.stack_info = self._redactor.text(record.stack_info)
        for name in set(vars(record)) - _RECORD_FIELDS:
            setattr(record, name, self._redactor._member(name, getattr(record, name)))
        return True
