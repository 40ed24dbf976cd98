"""XML-RPC, the API of Odoo 14 to 18: `common` to log in, `object` to call; numbers stay exact, a DOCTYPE is refused.

The standard library marshals and parses; HTTP goes through our transport, which has a total deadline and knows what was sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from xml.parsers import expat
from xmlrpc import client as xmlrpc

from connectors.http import HttpTransport
from connectors.odoo.answers import APPLICATION_FAULT, fault_error, raised, unsure
from connectors.odoo.client import OdooClient, OdooLogin
from hedge_core.errors import AuthFailed, Unavailable

_POSITIONAL: Final = {"create": "vals_list"}
"""Methods whose first argument must come by position: the server looks at it before it calls the method."""


class XmlRpcClient(OdooClient):
    """Speaks XML-RPC. The key (or password) goes with every call; the user's id is asked for once."""

    def __init__(
        self, transport: HttpTransport, login: OdooLogin, *, wait: Callable[[float], None], read_attempts: int = 4
    ) -> None:
        super().__init__(transport, login, wait=wait, read_attempts=read_attempts)
        self._uid: int | None = None
        self._uid_lock = threading.Lock()

    def _send(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        *,
        write: bool,
    ) -> Any:
        by_name = {**named, "context": dict(context)}
        positional: list[Any] = [] if ids is None else [list(ids)]
        if method in _POSITIONAL:
            positional.append(by_name.pop(_POSITIONAL[method]))
        who = self._login
        arguments = [who.database, self._user_id(), who.api_key, model, method, positional, by_name]
        return self._call("object", "execute_kw", arguments, write=write)

    def _user_id(self) -> int:
        """One `authenticate`. A refused one is never repeated; an unreachable one proves that the call was not sent."""
        with self._uid_lock:
            if self._uid is None:
                who = self._login
                answer = self._call("common", "authenticate", [who.database, who.user, who.api_key, {}], write=False)
                if not isinstance(answer, int) or answer is False:
                    raise AuthFailed("user or key is wrong", system=self.system)
                self._uid = answer
            return self._uid

    def _call(self, service: str, method: str, arguments: list[Any], *, write: bool) -> Any:
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        answer = self._http.post(f"xmlrpc/2/{service}", encode_call(method, arguments), headers, write=write)
        where = f"{service}.{method}"
        if answer.status != 200:
            raise unsure(f"{where}: HTTP {answer.status}", write=write, system=self.system)
        try:
            return decode_answer(answer.body)
        except xmlrpc.Fault as fault:
            raise _explained(fault, service, write, self.system) from None
        except (expat.ExpatError, xmlrpc.Error, ValueError, TypeError, LookupError, ArithmeticError) as error:
            reason = f"{where} answered with something that is not XML-RPC"
            raise unsure(reason, write=write, system=self.system) from error


def _explained(fault: xmlrpc.Fault, service: str, write: bool, system: str) -> Exception:
    if service == "common" and fault.faultCode == APPLICATION_FAULT:
        name, _ = raised(fault.faultString)  # an unknown database is a database driver's error here
        return Unavailable(f"the login service failed ({name}): is the database's name right?", system=system)
    return fault_error(fault.faultCode, fault.faultString, write=write, system=system)


class _Marshaller(xmlrpc.Marshaller):
    """Writes a Decimal with all its digits."""

    dispatch = dict(xmlrpc.Marshaller.dispatch)  # noqa: RUF012 - the base class's own table, copied and widened

    def _dump_decimal(self, value: Decimal, write: Any) -> None:
        write(f"<value><double>{value:f}</double></value>\n")

    dispatch[Decimal] = _dump_decimal  # type: ignore[assignment,index]


class _Unmarshaller(xmlrpc.Unmarshaller):
    """Reads a double as the Decimal it was written as."""

    dispatch = dict(xmlrpc.Unmarshaller.dispatch)  # noqa: RUF012

    def _end_double(self, text: str) -> None:
        self.append(Decimal(text))
        self._value = False

    dispatch["double"] = _end_double  # type: ignore[assignment]


def encode_call(method: str, arguments: Sequence[Any]) -> bytes:
    """The body of a method call in UTF-8."""
    params = _Marshaller("utf-8", allow_none=False).dumps(tuple(arguments))
    text = f"<?xml version='1.0'?>\n<methodCall>\n<methodName>{method}</methodName>\n{params}</methodCall>\n"
    return text.encode("utf-8")


def decode_answer(body: bytes) -> Any:
    """The one value of an answer; `xmlrpc.client.Fault` raised for a fault, ValueError for anything that is no answer."""
    reader = _Unmarshaller()
    reader.xml(None, None)  # type: ignore[arg-type]  # expat hands over text, already decoded
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.Parse(body, True)
    values = reader.close()
    if len(values) != 1:
        raise ValueError("an answer has exactly one value")
    return values[0]


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a DOCTYPE has no place in an answer")
