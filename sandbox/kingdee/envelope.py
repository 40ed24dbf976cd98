"""The shapes of an answer: success, refusal, session lost, and the answers that are no answers at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.http_server import Answer
from sandbox.kingdee.texts import say

REFUSED_MSG_CODE = 9
"""Seen in one documented sample of a refusal; the vendor publishes no table."""

LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>登录</title></head>"
    '<body><form action="/k3cloud/html5/login.aspx"><input name="user"></form></body></html>'
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One line of Errors."""

    message: str
    field: str | None = None
    index: int = 0


class Refused(ValueError):
    """The books refuse a call; carries every reason found."""

    def __init__(self, *troubles: Trouble) -> None:
        super().__init__("; ".join(one.message for one in troubles))
        self.troubles = troubles


@dataclass(slots=True)
class Outcome:
    """What a call did, document by document."""

    entities: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    returned: list[dict[str, Any]] = field(default_factory=list)

    def done(self, record: int, number: str, index: int) -> None:
        """One document went through."""
        self.entities.append({"Id": str(record), "Number": number, "DIndex": index})


def status(*, success: bool, string_flags: bool = False, **parts: Any) -> dict[str, Any]:
    """A ResponseStatus. `string_flags` writes IsSuccess as a string, as some sites do."""
    flag: bool | str = ("true" if success else "false") if string_flags else success
    return {
        "ErrorCode": parts.get("code", "" if success else 500),
        "IsSuccess": flag,
        "Errors": [
            {"FieldName": one.field, "Message": one.message, "DIndex": one.index} for one in parts.get("troubles", ())
        ],
        "SuccessEntitys": parts.get("entities", []),
        "SuccessMessages": [],
        "MsgCode": parts.get("msg_code", 0 if success else REFUSED_MSG_CODE),
    }


def outcome_result(outcome: Outcome, *, single: bool, string_flags: bool = False) -> dict[str, Any]:
    """The answer of Save, BatchSave, Submit and their like. `single` adds Id and Number beside the status."""
    success = not outcome.troubles and bool(outcome.entities)
    result: dict[str, Any] = {
        "ResponseStatus": status(
            success=success, string_flags=string_flags, troubles=outcome.troubles, entities=outcome.entities
        )
    }
    if single:
        result["Id"] = int(outcome.entities[0]["Id"]) if success else ""
        result["Number"] = outcome.entities[0]["Number"] if success else ""
    result["NeedReturnData"] = outcome.returned or [{}]
    return {"Result": result}


def refusal(troubles: Sequence[Trouble], string_flags: bool = False) -> dict[str, Any]:
    """A plain refusal with ErrorCode 500 inside HTTP 200."""
    return {"Result": {"ResponseStatus": status(success=False, string_flags=string_flags, troubles=troubles)}}


def session_lost() -> dict[str, Any]:
    """MsgCode 1: log in again, or the configuration is wrong."""
    return {"Result": {"ResponseStatus": status(success=False, troubles=[Trouble(say("session_lost"))], msg_code=1)}}


def wrapped(body: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """How ExecuteBillQuery returns a failure: as if it were one row with one column."""
    return [[body]]


def firewall() -> list[dict[str, Any]]:
    """The web firewall's list."""
    return [
        {"actionname": "showConfirm", "params": [{"title": "", "msg": say("waf"), "option": 0, "msgType": 0}]},
    ]


def json_answer(body: Any, *, http_status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Any body as JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(text.encode("utf-8"), status=http_status, headers=headers)


def html_answer(text: str, http_status: int = 200) -> Answer:
    """A page where JSON was expected."""
    return Answer(text.encode("utf-8"), status=http_status, content_type="text/html; charset=utf-8")
