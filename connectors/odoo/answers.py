"""What Odoo's refusals mean: by HTTP status and exception name (JSON-2) or fault code (XML-RPC), never by their text.

Texts are translated into the user's language and differ between releases. They are kept, unchanged, for people. A server
traceback (`debug` of JSON-2, the whole fault string of XML-RPC code 1) is neither kept nor shown: it names hosts and paths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hedge_core.errors import AuthFailed, OutcomeUnknown, PlatformError, Rejected, Unavailable

VALUE_ERROR: Final = "builtins.ValueError"
"""Vendor code of a ValueError on the server: unknown field, malformed date, unknown external id."""

_REFUSING_STATUSES: Final = frozenset({400, 403, 404, 405, 409, 413, 415, 422})

_LOGIN_NAMES: Final = frozenset({"odoo.exceptions.AccessDenied"})

_MISTAKES: Final = frozenset(
    {VALUE_ERROR, "builtins.TypeError", "builtins.KeyError", "builtins.AttributeError", "builtins.IndexError"}
)
"""Exceptions that JSON-2 dresses as a 500 although the request was at fault. They end the call's transaction, which is the
whole call: nothing was written, and sending it again changes nothing."""

_MISTAKES_BEFORE_COMMIT: Final = frozenset({VALUE_ERROR})
"""Over XML-RPC the answer is marshalled after the commit, and a value that cannot be is a TypeError or an OverflowError: only
an exception that marshalling never raises proves that nothing was written."""

APPLICATION_FAULT: Final = 1
USER_FAULT: Final = 2
LOGIN_FAULT: Final = 3
ACCESS_FAULT: Final = 4

_EXCEPTION_LINE: Final = re.compile(r"^([A-Za-z_][\w.]*)(?::\s?(.*))?$")


def unsure(reason: str, *, write: bool, system: str) -> PlatformError:
    """No usable answer: unknown on a write, to be repeated on a read."""
    return OutcomeUnknown(reason, system=system) if write else Unavailable(reason, system=system)


def json2_error(status: int, body: Any, *, write: bool, system: str) -> PlatformError:
    """The error of a JSON-2 answer that is not a 200. `body` is the decoded JSON, or None when it was none."""
    name, text = _named(body)
    if status == 401 or name in _LOGIN_NAMES:
        return AuthFailed(text or f"HTTP {status}", system=system)
    if name and (status in _REFUSING_STATUSES or name in _MISTAKES):
        return Rejected(name, text, system=system)
    what = name or "no error object of Odoo's: is the database's name right?"
    return unsure(f"HTTP {status} ({what})", write=write, system=system)


def _named(body: Any) -> tuple[str, str]:
    if isinstance(body, Mapping) and isinstance(body.get("name"), str):
        return body["name"], str(body.get("message") or "")
    return "", ""


def fault_error(code: object, text: str, *, write: bool, system: str) -> PlatformError:
    """The error of an XML-RPC fault."""
    if code == LOGIN_FAULT:
        return AuthFailed(text, system=system)
    if code in (USER_FAULT, ACCESS_FAULT):
        return Rejected(f"fault {code}", text, system=system)
    name, last_words = raised(text)
    proven = _MISTAKES_BEFORE_COMMIT if write else _MISTAKES
    if code == APPLICATION_FAULT and name in proven:
        return Rejected(name, last_words, system=system)
    return unsure(f"fault {code} ({name or 'no exception named'})", write=write, system=system)


def raised(traceback: str) -> tuple[str, str]:
    """(exception name, its text) from the last line of a Python traceback that names an exception. Built-in exceptions are
    printed without their module there and get it here, so that both protocols speak of the same names."""
    for line in reversed(traceback.splitlines()):
        found = _EXCEPTION_LINE.match(line)
        if found and not line.startswith("Traceback"):
            name, text = found.groups()
            return (name if "." in name else f"builtins.{name}"), text or ""
    return "", ""
