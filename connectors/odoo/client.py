"""What both protocols of Odoo share: named calls, a fixed language and company, retried reads, writes sent once.

After the first refused login nothing is sent any more: Odoo does not throttle API logins, so we stop by ourselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.http import HttpTransport
from hedge_core.errors import AuthFailed, ContractViolation, Unavailable

Domain = Sequence[Any]
"""Odoo's search domain in Polish notation: `("field", "operator", value)` terms with `"|"`, `"&"` and `"!"` before them."""

MACHINE_LANGUAGE: Final = "en_US"


@dataclass(frozen=True, slots=True)
class OdooLogin:
    """Who calls: database, login and API key (or password, XML-RPC only) of the integration user, and the company.

    `company_id` goes into every call: without it a user of several companies sees the records of all of them."""

    database: str
    user: str
    api_key: str
    company_id: int

    def __repr__(self) -> str:
        return f"OdooLogin(database={self.database!r}, user={self.user!r}, company_id={self.company_id})"


class OdooClient(ABC):
    """One database and company. `wait` sleeps (an argument, for the tests' sake). Fractional numbers arrive as Decimal."""

    def __init__(
        self, transport: HttpTransport, login: OdooLogin, *, wait: Callable[[float], None], read_attempts: int = 4
    ) -> None:
        self._http = transport
        self._login = login
        self._wait = wait
        self._read_attempts = read_attempts
        self._refused: AuthFailed | None = None

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._http.system

    def run(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        *,
        write: bool,
        ids: Sequence[int] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a public method by the names of its arguments; `ids` for methods of records. A read is repeated a few times
        when Odoo is unavailable, a write is attempted once."""
        if self._refused is not None:
            raise AuthFailed(self._refused.reason, system=self.system)
        surroundings = {
            "lang": MACHINE_LANGUAGE,
            "allowed_company_ids": [self._login.company_id],
            **(context or {}),
        }
        try:
            if write:
                return self._send(model, method, named, ids, surroundings, write=True)
            return self._repeating(self._send, model, method, named, ids, surroundings, write=False)
        except AuthFailed as refused:
            self._refused = refused
            raise

    # --- reads ---

    def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: str = "id asc",
        limit: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """The records of a domain; without a limit all of them, whatever their number."""
        named: dict[str, Any] = {"domain": list(domain), "fields": list(fields), "order": order}
        if limit is not None:
            named["limit"] = limit
        rows = self.run(model, "search_read", named, write=False, context=context)
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
            raise ContractViolation(f"{model}.search_read", "not a list of records", system=self.system)
        return rows

    def fields_get(self, model: str) -> dict[str, dict[str, Any]]:
        """The model's fields as this database has them, custom ones included: name -> its type and what it refers to."""
        fields = self.run(model, "fields_get", {"attributes": ["type", "relation"]}, write=False)
        if not isinstance(fields, dict):
            raise ContractViolation(f"{model}.fields_get", "not an object", system=self.system)
        return fields

    # --- how a call goes out ---

    @abstractmethod
    def _send(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        *,
        write: bool,
    ) -> Any: ...

    def _repeating(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        retrying = Retrying(
            stop=stop_after_attempt(self._read_attempts),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_exception_type(Unavailable),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(call, *given, **named)
