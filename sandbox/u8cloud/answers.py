"""The shapes of an answer: data as JSON inside a JSON string, exact numbers, refusals with HTTP 200."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from sandbox.http_server import Answer
from sandbox.u8cloud.texts import PREFIX, REFUSED_CODE, REFUSED_STATUS

_NUMBER = re.compile(r'"@@(-?[0-9.]+)@@"')


class Refused(Exception):
    """The call is refused with these words."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def encode(value: Any) -> str:
    """JSON with Decimals as numbers, every digit kept."""
    return _NUMBER.sub(r"\1", json.dumps(value, ensure_ascii=False, default=_marked))


def parse(text: str | bytes) -> Any:
    """JSON with fractional numbers as Decimal."""
    return json.loads(text, parse_float=Decimal)


def as_text(value: Any) -> Any:
    """The same with every number written as text, as some lists show them."""
    if isinstance(value, dict):
        return {name: as_text(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_text(part) for part in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def success(data: str) -> Answer:
    """A successful answer with this JSON inside."""
    body = {"status": "success", "data": data, "taskNumber": "202603310001"}
    return Answer(json.dumps(body, ensure_ascii=False).encode("utf-8"))


def refusal(refused: Refused) -> Answer:
    """A refusal; always with HTTP 200."""
    body = {"status": REFUSED_STATUS, "errorcode": REFUSED_CODE, "errormsg": PREFIX + refused.text}
    return Answer(json.dumps(body, ensure_ascii=False).encode("utf-8"))


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"@@{value:f}@@"
    raise TypeError(f"{type(value).__name__} is no JSON")
