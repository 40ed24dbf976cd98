"""The OData client: pages of one entity set, one entity, counts, metadata, and single writes with CSRF token and cookies.

Reads are repeated a few times when the system is unavailable; a write is attempted once. Two answers prove that a call was
not executed and are cured by doing it once more: a 401 after a token ended, and a 403 that asks for a CSRF token. A next
link is followed by its path only, on the configured origin and below the service it belongs to: systems behind a
dispatcher name hosts that are not theirs, and a password must not follow them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

import msgspec
from lxml import etree
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.http import HttpAnswer, HttpTransport
from connectors.sap.answers import error_of, unsure
from connectors.sap.logon import Authorisation, SapLogon
from connectors.sap.xml_reading import UnsafeXml, local, read_xml
from hedge_core.errors import ContractViolation, Unavailable

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="string")
_COOKIE_BORDER: Final = re.compile(r",(?=\s*[A-Za-z0-9_.\-]+=)")

Entity = dict[str, Any]
"""One entity as decoded: fractional numbers are Decimal, V2 numbers and dates are still text."""


@dataclass(frozen=True, slots=True)
class Service:
    """One OData service: its path below the system's address, and the protocol's version (2 or 4)."""

    path: str
    version: int


@dataclass(frozen=True, slots=True)
class Page:
    """Entities of one answer, the address of the next (relative to the origin; empty: no link was given), and the total
    where it was asked for."""

    rows: list[Entity]
    next_link: str = ""
    total: int | None = None


@dataclass(frozen=True, slots=True)
class _Session:
    """A CSRF token and the cookies it belongs to: one without the other is refused."""

    token: str
    cookies: str


class ODataClient:
    """One system and SAP client. `now` answers Unix seconds; `wait` sleeps (arguments, for the tests' sake)."""

    def __init__(
        self,
        transport: HttpTransport,
        logon: SapLogon,
        *,
        now: Callable[[], float],
        wait: Callable[[float], None],
        read_attempts: int = 4,
        tokens: HttpTransport | None = None,
    ) -> None:
        self._http = transport
        self._logon = logon
        self._authorisation = Authorisation(logon, transport, now, tokens)
        self._wait = wait
        self._read_attempts = read_attempts
        self._base_path = urlsplit(transport.origin.url).path.rstrip("/")
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._http.system

    # --- reads ---

    def page(
        self,
        service: Service,
        entity_set: str,
        *,
        select: Sequence[str],
        where: str = "",
        order: str = "",
        top: int = 1000,
        skip: int = 0,
        expand: Sequence[str] = (),
        count: bool = False,
    ) -> Page:
        """One page of a set. `select` is required: all columns of an order are ten times the bytes. In V4 a path such as
        `_Item/Product` of `select` becomes a nested option of `expand`."""
        if not select:
            raise ValueError("what to select must be named")
        options: dict[str, str] = {**_shape(service.version, select, expand), "$top": str(top)}
        if where:
            options["$filter"] = where
        if order:
            options["$orderby"] = order
        if skip:
            options["$skip"] = str(skip)
        if count:
            options |= {"$inlinecount": "allpages"} if service.version == 2 else {"$count": "true"}
        if service.version == 2:
            options["$format"] = "json"
        return self._page(service, self._address(service, entity_set, options), entity_set)

    def next_page(self, service: Service, page: Page) -> Page:
        """The page that a next link names."""
        return self._page(service, page.next_link, "next page")

    def count(self, service: Service, entity_set: str, where: str = "") -> int:
        """How many entities a set has."""
        options = {"$filter": where} if where else {}
        answer = self._read(self._address(service, f"{entity_set}/$count", options), "text/plain")
        try:
            return int(answer.body.decode("ascii"))
        except ValueError as error:
            raise ContractViolation(f"{entity_set}/$count", "not a number", system=self.system) from error

    def entity(self, service: Service, address: str, select: Sequence[str]) -> tuple[Entity, str] | None:
        """One entity by its address (`Set(Key='…')`) and its ETag ('' where it has none); None when it does not exist."""
        options = {"$select": ",".join(select)} | ({"$format": "json"} if service.version == 2 else {})
        answer = self._read(self._address(service, address, options), missing_is_none=True)
        if answer.status == 404:
            return None
        value = self._decoded(answer, address)
        found = value.get("d") if service.version == 2 else value
        if not isinstance(found, dict):
            raise ContractViolation(address, "not an entity", system=self.system)
        metadata = found.get("__metadata")
        etag = metadata.get("etag") if isinstance(metadata, dict) else None
        return found, str(answer.headers.get("etag") or etag or found.get("@odata.etag") or "")

    def fields(self, service: Service) -> dict[str, frozenset[str]]:
        """What this system's `$metadata` says: entity set -> names of its properties and navigations, custom ones included."""
        answer = self._read(self._address(service, "$metadata", {}), "application/xml")
        try:
            root = read_xml(answer.body)
        except UnsafeXml as error:
            raise ContractViolation("$metadata", str(error), system=self.system) from error
        return _fields_by_set(root)

    # --- writes: one attempt each ---

    def create(self, service: Service, address: str, entity: Mapping[str, Any]) -> Entity:
        """POST one entity to a set or navigation; the created entity is returned."""
        answer = self._write(service, "POST", address, entity, {})
        value = self._decoded(answer, address, write=True)
        found = value.get("d") if service.version == 2 else value
        return found if isinstance(found, dict) else {}

    def update(self, service: Service, address: str, changes: Mapping[str, Any], etag: str) -> None:
        """PATCH the named fields of one entity, only if it is still as it was when `etag` was read. Where a set has no ETags
        the condition is left out."""
        self._write(service, "PATCH", address, changes, {"If-Match": etag} if etag else {})

    # --- how a call goes out ---

    def _address(self, service: Service, rest: str, options: Mapping[str, str]) -> str:
        query = dict(options)
        if self._logon.client:
            query["sap-client"] = self._logon.client
        if self._logon.language:
            query["sap-language"] = self._logon.language
        text = urlencode(query, safe="$,'()/", quote_via=quote)
        path = f"{service.path.rstrip('/')}/" + quote(rest, safe="$/(),='")
        return path + (f"?{text}" if text else "")

    def _page(self, service: Service, address: str, where: str) -> Page:
        value = self._decoded(self._read(address), where)
        body = value.get("d") if service.version == 2 else value
        rows = body.get("results" if service.version == 2 else "value") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ContractViolation(where, "not a list of entities", system=self.system)
        link = body.get("__next" if service.version == 2 else "@odata.nextLink")
        total = body.get("__count" if service.version == 2 else "@odata.count")
        return Page(rows, self._rebased(service, str(link)) if link else "", None if total is None else int(total))

    def _rebased(self, service: Service, link: str) -> str:
        """A next link as a path below our own origin. ContractViolation when it leaves the service."""
        root = self._base_path + "/" + service.path.strip("/") + "/"
        parts = urlsplit(urljoin(root, link))
        if not parts.path.startswith(root) or ".." in unquote(parts.path).split("/"):
            raise ContractViolation("next link", "it leaves the service it came from", system=self.system)
        relative = parts.path.removeprefix(self._base_path)
        query = parts.query
        for name, value in (("sap-client", self._logon.client), ("sap-language", self._logon.language)):
            if value and f"{name}=" not in query:
                query += f"{'&' if query else ''}{name}={value}"
        return relative + (f"?{query}" if query else "")

    def _decoded(self, answer: HttpAnswer, where: str, *, write: bool = False) -> dict[str, Any]:
        try:
            value = _decoder.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
            kind = "an HTML page" if answer.body.lstrip()[:1] == b"<" else "something that is not JSON"
            raise unsure(f"{where} answered with {kind}", write=write, system=self.system) from error
        if not isinstance(value, dict):
            raise ContractViolation(where, "not an object", system=self.system)
        return value

    def _read(
        self, address: str, accept: str = "application/json;IEEE754Compatible=true", *, missing_is_none: bool = False
    ) -> HttpAnswer:
        retrying = Retrying(
            stop=stop_after_attempt(self._read_attempts),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_exception_type(Unavailable),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._read_once, address, accept, missing_is_none)

    def _read_once(self, address: str, accept: str, missing_is_none: bool) -> HttpAnswer:
        answer = self._authorised("GET", address, None, {"Accept": accept}, write=False)
        if answer.status == 200:
            if answer.headers.get("content-type", "").startswith("text/html"):
                raise Unavailable("answered with an HTML page, perhaps a logon form", system=self.system)
            return answer
        problem = error_of(answer, write=False, system=self.system)
        if missing_is_none and answer.status == 404 and not isinstance(problem, Unavailable):
            return answer
        raise problem

    def _write(
        self, service: Service, method: str, address: str, entity: Mapping[str, Any], headers: Mapping[str, str]
    ) -> HttpAnswer:
        answer = self._with_token(service, method, address, entity, headers)
        if _wants_token(answer):  # refused before it was executed: the token had ended
            with self._lock:
                self._sessions.pop(service.path, None)
            answer = self._with_token(service, method, address, entity, headers)
        if answer.status in (200, 201, 204):
            return answer
        raise error_of(answer, write=True, system=self.system)

    def _with_token(
        self, service: Service, method: str, address: str, entity: Mapping[str, Any], headers: Mapping[str, str]
    ) -> HttpAnswer:
        session = self._session(service)
        sent = {
            "Accept": "application/json;IEEE754Compatible=true",
            "Content-Type": "application/json;IEEE754Compatible=true" if service.version == 4 else "application/json",
            "x-csrf-token": session.token,
            **({"Cookie": session.cookies} if session.cookies else {}),
            **headers,
        }
        return self._authorised(method, self._address(service, address, {}), _encoder.encode(entity), sent, write=True)

    def _session(self, service: Service) -> _Session:
        with self._lock:
            known = self._sessions.get(service.path)
            if known is None:
                known = self._sessions[service.path] = self._fetch_session(service)
            return known

    def _fetch_session(self, service: Service) -> _Session:
        headers = {"x-csrf-token": "Fetch", "Accept": "application/json"}
        answer = self._authorised("GET", self._address(service, "", {}), None, headers, write=False)
        if answer.status != 200:
            raise error_of(answer, write=False, system=self.system)
        token = answer.headers.get("x-csrf-token", "")
        if not token or token.lower() == "required":
            raise Unavailable("no CSRF token was given; nothing was written", system=self.system)
        parts = _COOKIE_BORDER.split(answer.headers.get("set-cookie", ""))
        cookies = "; ".join(part.partition(";")[0].strip() for part in parts if "=" in part)
        return _Session(token, cookies)

    def _authorised(
        self, method: str, address: str, body: bytes | None, headers: Mapping[str, str], *, write: bool
    ) -> HttpAnswer:
        """One call, and one more after a 401 when a new token may help: a 401 is given before anything is executed."""
        answer = self._send(method, address, body, headers, write)
        if answer.status == 401 and self._authorisation.renewable:
            self._authorisation.forget()
            answer = self._send(method, address, body, headers, write)
        if answer.status == 401:
            raise self._authorisation.refuse("HTTP 401")
        return answer

    def _send(
        self, method: str, address: str, body: bytes | None, headers: Mapping[str, str], write: bool
    ) -> HttpAnswer:
        return self._http.send(method, address, body, {**headers, **self._authorisation.headers()}, write=write)


def _wants_token(answer: HttpAnswer) -> bool:
    return answer.status == 403 and answer.headers.get("x-csrf-token", "").lower() == "required"


def _shape(version: int, select: Sequence[str], expand: Sequence[str]) -> dict[str, str]:
    """`$select` and `$expand`: V2 lists paths flat, V4 nests what belongs to an expanded navigation."""
    if version == 2:
        return {"$select": ",".join(select)} | ({"$expand": ",".join(expand)} if expand else {})
    own = [name for name in select if "/" not in name]
    shape = {"$select": ",".join(own)}
    if expand:
        shape["$expand"] = _nested(select, expand)
    return shape


def _nested(select: Sequence[str], expand: Sequence[str]) -> str:
    parts = []
    for name in [one for one in expand if "/" not in one]:
        below = [one.removeprefix(name + "/") for one in select if one.startswith(name + "/")]
        deeper = [one.removeprefix(name + "/") for one in expand if one.startswith(name + "/")]
        inner = []
        own = [one for one in below if "/" not in one]
        if own:
            inner.append("$select=" + ",".join(own))
        if deeper:
            inner.append("$expand=" + _nested(below, deeper))
        parts.append(f"{name}({';'.join(inner)})" if inner else name)
    return ",".join(parts)


def _fields_by_set(root: etree._Element) -> dict[str, frozenset[str]]:
    types: dict[str, frozenset[str]] = {}
    sets: dict[str, str] = {}
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if local(element) == "EntityType":
            members = [one for one in element if local(one) in ("Property", "NavigationProperty")]
            types[str(element.get("Name"))] = frozenset(str(one.get("Name")) for one in members)
        elif local(element) == "EntitySet":
            sets[str(element.get("Name"))] = str(element.get("EntityType")).rpartition(".")[2]
    return {name: types[type_name] for name, type_name in sets.items() if type_name in types}
