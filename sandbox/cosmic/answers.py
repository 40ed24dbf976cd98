"""The shapes of an answer: status, error code, message and data; exact numbers; refusals with HTTP 200."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from sandbox.http_server import Answer

_NUMBER = re.compile(r'"@@(-?[0-9.]+)@@"')


class Refused(Exception):
    """The call is refused: the vendor's code and the words."""

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


def success(data: Any) -> Answer:
    """A call that was carried out; of a save each document says for itself what became of it."""
    return success_with(encode(data))


def success_with(data: str) -> Answer:
    """A call that was carried out, with this JSON as its data."""
    return Answer(f'{{"data":{data},"errorCode":"0","message":null,"status":true}}'.encode())


def refusal(refused: Refused) -> Answer:
    """A refusal; always with HTTP 200."""
    body = {"data": None, "errorCode": refused.code, "message": refused.text, "status": False}
    return Answer(encode(body).encode("utf-8"))


def result_of(index: int, *, number: str = "", key: str = "", errors: list[str] | None = None) -> dict[str, Any]:
    """What became of one document of a save, submit or audit."""
    rows = [{"entityKey": "gl_voucher", "keys": {}, "rowMsg": errors}] if errors else []
    return {
        "billIndex": index, "billStatus": not errors, "errors": rows, "id": key, "keys": {"number": number},
        "number": number, "type": "Add",
    }  # fmt: skip


def results(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The data of a save, submit or audit; counts are text."""
    good = sum(one["billStatus"] for one in found)
    return {"failCount": str(len(found) - good), "result": found, "successCount": str(good)}


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"@@{value:f}@@"
    raise TypeError(f"{type(value).__name__} is no JSON")
