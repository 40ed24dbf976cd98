"""Reads a request body in the shapes clients really send, into one call: form, operation number and data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

FORM_FREE = frozenset(
    {
        "ExecuteBillQuery",
        "BillQuery",
        "QueryBusinessInfo",
        "QueryGroupInfo",
        "WorkflowAudit",
        "SwitchOrg",
        "SendMsg",
        "AttachmentUpload",
    }
)
"""Operations whose first argument is the data itself; all others name the form first."""
LOGINS = frozenset({"LoginBySign", "ValidateUser", "LoginByAppSecret", "Logout"})
"""Their parameters are plain texts, not JSON inside JSON."""


class BadBody(ValueError):
    """The body is not one of the shapes."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `asynchronous` asks for a task id first and the result later."""

    form_id: str
    data: Mapping[str, Any]
    parameters: list[Any]
    body: Mapping[str, Any]
    asynchronous: bool


def read_call(operation: str, content_type: str, body: bytes) -> Call:
    """Named keys, positional `parameters` (also inside the old envelope) or form-encoded; extra keys are welcome."""
    source = _read_form(body) if "form-urlencoded" in content_type.lower() else _read_json(body)
    parameters = source.get("parameters")
    if isinstance(parameters, str):
        parameters = _inner(parameters)
    parameters = parameters if isinstance(parameters, list) else []
    if operation in LOGINS:
        return Call("", {}, parameters, source, asynchronous=False)
    if parameters and operation in FORM_FREE:
        form_id, data = "", _inner(parameters[0])
    elif parameters:
        form_id, data = str(parameters[0]), _inner(parameters[1]) if len(parameters) > 1 else {}
    else:
        form_id, data = str(source.get("formid") or source.get("FormId") or ""), _inner(source.get("data"))
    data = data if isinstance(data, Mapping) else {}
    return Call(form_id or str(data.get("FormId") or ""), data, parameters, source, "beginmethod" in source)


def login_parameters(call: Call, names: tuple[str, ...]) -> list[Any]:
    """Arguments of a login: positional, or named as in a form post."""
    if call.parameters:
        return call.parameters
    by_name = {str(key).lower(): value for key, value in call.body.items()}
    return [by_name.get(name.lower(), "") for name in names]


def exact_json(text: str | bytes) -> Any:
    """JSON with exact numbers. Raises BadBody."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadBody(type(error).__name__) from error


def _read_json(body: bytes) -> dict[str, Any]:
    source = exact_json(body) if body.strip() else {}
    if not isinstance(source, dict):
        raise BadBody("not an object")
    return source


def _read_form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise BadBody("form") from error
    return {key: values[-1] for key, values in pairs.items()}


def _inner(value: Any) -> Any:
    return exact_json(value) if isinstance(value, str) and value.strip() else value
