"""How the stand-in says no: exceptions that carry what each protocol shows of them (status and name, or fault code)."""

from __future__ import annotations


class Refusal(Exception):
    """Base. `name` is what JSON-2 and JSON-RPC call it, `status` the HTTP status of JSON-2, `fault` the XML-RPC code."""

    name = "odoo.exceptions.UserError"
    status = 422
    fault = 2

    @property
    def fault_text(self) -> str:
        """What the XML-RPC fault carries: the sentence, or a whole traceback for application errors (code 1)."""
        return str(self)


class UserError(Refusal):
    """A rule of the business was broken."""


class ValidationError(Refusal):
    name = "odoo.exceptions.ValidationError"


class MissingError(Refusal):
    name = "odoo.exceptions.MissingError"
    status = 404


class AccessError(Refusal):
    name = "odoo.exceptions.AccessError"
    status = 403
    fault = 4


class AccessDenied(Refusal):
    name = "odoo.exceptions.AccessDenied"
    status = 403
    fault = 3


class BadKey(Refusal):
    """The bearer key is unknown (JSON-2 only)."""

    name = "werkzeug.exceptions.Unauthorized"
    status = 401
    fault = 3


class NotThere(Refusal):
    """Unknown model or method."""

    name = "werkzeug.exceptions.NotFound"
    status = 404


class NoMethod(NotThere):
    """Unknown method: an AttributeError where there is no router."""

    fault = 1

    @property
    def fault_text(self) -> str:
        return traceback_text("builtins.AttributeError", str(self))


class BadArguments(Refusal):
    """A call that does not fit the method: unknown argument, `ids` for a method of the model."""

    name = "werkzeug.exceptions.UnprocessableEntity"


class BadJson(Refusal):
    name = "werkzeug.exceptions.BadRequest"
    status = 400


class Mistake(Refusal):
    """A Python exception inside the server: 500 in JSON-2, code 1 with a traceback in XML-RPC."""

    name = "builtins.ValueError"
    status = 500
    fault = 1

    @property
    def fault_text(self) -> str:
        return traceback_text(self.name, str(self))


class Crash(Mistake):
    """An exception nobody meant: a call without a required argument, a value of the wrong type."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.name = f"builtins.{type(error).__name__}"


class DriverError(Mistake):
    """The database driver's own exception."""

    name = "psycopg2.OperationalError"


class CannotMarshal(Mistake):
    """The answer cannot be written as XML-RPC. Raised after the commit."""

    name = "builtins.TypeError"


def traceback_text(name: str, text: str) -> str:
    """A traceback as a server prints it, with the frames of nowhere."""
    frames = '  File "/opt/odoo/http.py", line 1, in dispatch\n    result = endpoint(**params)\n'
    return f"Traceback (most recent call last):\n{frames}{name.removeprefix('builtins.')}: {text}\n"
