"""Bytes of a settlement statement to text: GB18030 or a refusal that says what the file really is and what to do."""

from __future__ import annotations

from typing import Final

from hedge_core.errors import InvalidInput
from messages import Message

MAX_BYTES: Final = 32 * 1024 * 1024
"""A year of a busy account stays below this; a bigger file is not a statement."""

_SIGNATURES: Final = (
    (b"PK\x03\x04", "statement.is_excel"),
    (b"\xd0\xcf\x11\xe0", "statement.is_excel"),
    (b"%PDF", "statement.is_pdf"),
    (b"\xff\xfe", "statement.is_utf16"),
    (b"\xfe\xff", "statement.is_utf16"),
    (b"\xef\xbb\xbf", "statement.is_utf8"),
)
_MARKS: Final = ("交易结算单", "交易核算单", "资金状况", "客户号")
"""Words that every statement has. Found as UTF-8 bytes they prove a file saved in the wrong encoding."""


def decode_statement(source: str, body: bytes) -> str:
    """The text of a statement file. Raises `InvalidInput` (field `file`) for anything but GB18030 text.

    A file in UTF-8 is refused although it could be read: it has been through an editor, which is how statements lose
    characters, and the broker's original is always at hand."""
    if not body.strip():
        raise _refused(source, "statement.empty")
    if len(body) > MAX_BYTES:
        raise _refused(source, "statement.too_large", size=len(body), limit=MAX_BYTES)
    for signature, reason in _SIGNATURES:
        if body.startswith(signature):
            raise _refused(source, reason)
    if body.lstrip()[:1] == b"<":
        raise _refused(source, "statement.is_html")
    if any(mark.encode() in body for mark in _MARKS) or _is_utf8(body):
        raise _refused(source, "statement.is_utf8")
    try:
        text = body.decode("gb18030")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        if not body[error.start + 4 :].strip():
            raise _refused(source, "statement.cut_in_character", line) from None
        raise _refused(source, "statement.undecodable", line, offset=error.start) from None
    if not any(mark in text for mark in _MARKS):
        raise _refused(source, "statement.not_a_statement")
    return text


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _refused(source: str, reason: str, line: int = 0, /, **params: object) -> InvalidInput:
    return InvalidInput(source, line, "file", Message(reason, params))
