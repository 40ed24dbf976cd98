"""The shapes of an answer: `errcode` as text, every number as text, refusals with HTTP 200."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sandbox.http_server import Answer
from sandbox.u8openapi.texts import say


class Refused(Exception):
    """The call is refused: the relay's code and words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def encode(value: Any) -> str:
    """JSON; whatever is a Decimal becomes text with every digit, as the relay answers numbers."""
    return json.dumps(value, ensure_ascii=False, default=_as_text)


def success(members: dict[str, Any]) -> Answer:
    """A successful answer with its members beside `errcode`."""
    return Answer(encode({"errcode": "0", "errmsg": "", **members}).encode("utf-8"))


def refusal(refused: Refused) -> Answer:
    """A refusal, with HTTP 200."""
    return Answer(encode({"errcode": refused.code, "errmsg": refused.text}).encode("utf-8"))


def page(resource: str, rows: list[Any], count: int, index: int, size: int) -> dict[str, Any]:
    """The members of a list answer; the counts are text too."""
    pages = -(-count // size)
    return {
        "page_index": str(index), "rows_per_page": str(size), "row_count": str(count), "page_count": str(pages),
        resource: rows,
    }  # fmt: skip


def no(which: str, /, **given: object) -> Refused:
    """A refusal of U8 itself; the code is invented, like most of the words."""
    return Refused("-1001", say(which, **given))


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} is no JSON")
