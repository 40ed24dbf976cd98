"""The shapes of an answer: an envelope with a code as text or number, exact numbers, refusals with HTTP 200."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from sandbox.http_server import Answer
from sandbox.yonbip.texts import say

_NUMBER = re.compile(r'"@@(-?[0-9.]+)@@"')


class Refused(Exception):
    """The call is refused: the vendor's code, the words, and the HTTP status it comes with."""

    def __init__(self, code: str, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


def encode(value: Any) -> str:
    """JSON with Decimals as numbers, every digit kept."""
    return _NUMBER.sub(r"\1", json.dumps(value, ensure_ascii=False, default=_marked))


def parse(text: str | bytes) -> Any:
    """JSON with fractional numbers as Decimal."""
    return json.loads(text, parse_float=Decimal)


def success(data: Any, *, code: str = "200", numeric: bool = False) -> Answer:
    """A successful answer."""
    return _answer({"code": int(code) if numeric else code, "message": say("ok"), "data": data})


def refusal(refused: Refused, *, numeric: bool = False) -> Answer:
    """A refusal; nearly always with HTTP 200."""
    code: str | int = int(refused.code) if numeric else refused.code
    return _answer({"code": code, "message": refused.text, "data": {}}, refused.status)


def _answer(value: Any, status: int = 200) -> Answer:
    return Answer(encode(value).encode("utf-8"), status)


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"@@{value:f}@@"
    raise TypeError(f"{type(value).__name__} is no JSON")
