"""The shapes of an answer: `success`, `code`, `message`, `data`; exact numbers, refusals with HTTP 200."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from sandbox.nccloud.texts import say

_NUMBER = re.compile(r'"@@(-?[0-9.]+)@@"')
NO_RIGHT, REFUSED = "1000000010", "1000000000"


class Refused(Exception):
    """The call is refused: code and words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def encode(value: Any) -> str:
    """JSON with Decimals as numbers, every digit kept."""
    return _NUMBER.sub(r"\1", json.dumps(value, ensure_ascii=False, default=_marked))


def parse(text: str | bytes) -> Any:
    """JSON with fractional numbers as Decimal."""
    return json.loads(text, parse_float=Decimal)


def success(data: Any) -> bytes:
    """A successful answer."""
    return encode({"success": True, "code": "1000000000", "message": None, "data": data}).encode("utf-8")


def refusal(refused: Refused) -> bytes:
    """A refusal."""
    return encode({"success": False, "code": refused.code, "message": refused.text, "data": None}).encode("utf-8")


def no(which: str, /, **given: object) -> Refused:
    """A refusal of a module; its code is invented."""
    return Refused(REFUSED, say(which, **given))


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"@@{value:f}@@"
    raise TypeError(f"{type(value).__name__} is no JSON")
