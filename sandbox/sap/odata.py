"""OData answers: sets, entities, counts, navigations, expansions, pages with next links, created and changed entities.

V2 and V4 differ in nearly every byte, so each has its own way of showing a value and a list. Next links are what makes
clients careless: in V2 they name the host `localhost`, whatever host was asked (as systems behind a dispatcher do); in V4 they
are relative to the service.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from sandbox.sap.books import Books, Duplicate, Row
from sandbox.sap.filters import BadFilter, compile_filter
from sandbox.sap.schema import TYPES, EntityType, Property, Service, View, shown_names

_SEGMENT = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]*)(?:\((.*)\))?")
_KEY = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*)=)?'((?:[^']|'')*)'")
_ETAG_DIGITS = 24
_MARKED = re.compile('"\ue000([-0-9.]+)\ue000"')


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A request that is answered with SAP's error object."""

    status: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What is answered: status, decoded body (None: no body), further headers."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Options:
    """The query options of one read, split."""

    select: tuple[str, ...]
    expand: tuple[str, ...]
    top: int | None
    skip: int
    order: tuple[tuple[str, bool], ...]
    where: str
    count: bool


class ODataSite:
    """Runs OData requests of one service against the books."""

    def __init__(self, books: Books, *, most_rows: int, plain_numbers: bool) -> None:
        self._books = books
        self._most_rows = most_rows
        self._plain_numbers = plain_numbers

    # --- reading ---

    def read(self, service: Service, path: str, query: str, headers: Mapping[str, str]) -> Shown:
        """A GET below the service's path."""
        parts = [unquote(part) for part in path.split("/") if part]
        if not parts:
            return self._service_document(service)
        count = parts[-1] == "$count"
        view, rows, single = self._resolve(service, parts[:-1] if count else parts)
        options = _options(service, query)
        exact = service.version == 2 or "ieee754compatible=true" in headers.get("accept", "").lower()
        if single:
            return self._single(service, view, rows, options, exact)
        names = shown_names(view)
        kind = TYPES[view.type]
        try:
            fits = compile_filter(options.where, kind, names, service.version) if options.where else None
        except BadFilter as error:
            raise Refused(400, "/IWBEP/CM_MGW_RT/022", str(error)) from error
        found = rows if fits is None else [row for row in rows if fits(row)]
        if count:
            return Shown(200, None, text=str(len(found)))
        return self._list(service, view, found, options, exact, query)

    def _resolve(self, service: Service, parts: list[str]) -> tuple[View, list[Row], bool]:
        """Follow the path: set, key, navigation. Answers the view, its rows, and whether one entity is meant."""
        view: View | None = None
        rows: list[Row] = []
        single = False
        for part in parts:
            found = _SEGMENT.fullmatch(part)
            if found is None:
                raise Refused(404, "/IWFND/CM_BEC/026", f"Resource not found for segment '{part}'")
            name, key = found.groups()
            if view is None:
                view = service.views.get(name)
                if view is None:
                    raise Refused(404, "/IWFND/CM_BEC/026", f"Resource not found for segment '{name}'")
                rows = self._books.rows(view.type)
            else:
                if not single or not rows:
                    raise Refused(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{name}'")
                view, rows = self._navigate(service, view, rows[0], name)
            single = key is not None
            if key is not None:
                wanted = _keys(TYPES[view.type], shown_names(view), key)
                rows = [row for row in rows if all(row[own] == value for own, value in wanted.items())]
        if view is None:
            raise Refused(404, "/IWFND/CM_BEC/026", "Resource not found")
        return view, rows, single

    def _navigate(self, service: Service, view: View, row: Row, shown: str) -> tuple[View, list[Row]]:
        navigation = TYPES[view.type].navigations.get(shown_names(view).get(shown, ""))
        target = next((one for one in service.views.values() if navigation and one.type == navigation.target), None)
        if navigation is None or target is None:
            raise Refused(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{shown}'")
        equal = {theirs: row[ours] for theirs, ours in navigation.match.items()}
        return target, _sorted(TYPES[target.type], self._books.rows(target.type, **equal))

    def _single(self, service: Service, view: View, rows: list[Row], options: _Options, exact: bool) -> Shown:
        if not rows:
            raise Refused(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{view.name}'")
        shown = self._entity(service, view, rows[0], options.select, options.expand, exact)
        tag = _etag(TYPES[view.type], rows[0])
        headers = (("ETag", tag),) if tag else ()
        return Shown(200, {"d": shown} if service.version == 2 else shown, headers)

    def _list(self, service: Service, view: View, rows: list[Row], options: _Options, exact: bool, query: str) -> Shown:
        kind, names = TYPES[view.type], shown_names(view)
        ordered = _sorted(kind, rows)
        for shown, descending in reversed(options.order):
            own = names.get(shown)
            if own not in kind.properties:
                raise Refused(400, "/IWBEP/CM_MGW_RT/022", f'Property "{shown}" does not exist in {view.name}')
            ordered.sort(key=lambda row, own=own: _sortable(row[own]), reverse=descending)  # type: ignore[misc]
        start = options.skip + _token(query)
        wanted = ordered[start:] if options.top is None else ordered[start : options.skip + options.top]
        page = wanted[: self._most_rows]
        entities = [self._entity(service, view, row, options.select, options.expand, exact) for row in page]
        link = ""
        if len(wanted) > len(page):
            token = base64.urlsafe_b64encode(str(start - options.skip + len(page)).encode()).decode().rstrip("=")
            rest = "&".join(
                f"{quote(name, safe='$')}={quote(value, safe='')}"
                for name, value in parse_qsl(query)
                if name != "$skiptoken"
            )
            link = f"{view.name}?{rest}&$skiptoken={token}"
        if service.version == 2:
            body: dict[str, Any] = {"results": entities}
            if options.count:
                body["__count"] = str(len(rows))
            if link:
                body["__next"] = f"http://localhost:9{service.path}{link}"
            return Shown(200, {"d": body})
        body = {"@odata.context": f"$metadata#{view.name}"}
        if options.count:
            body["@odata.count"] = len(rows)
        body["value"] = entities
        if link:
            body["@odata.nextLink"] = link
        return Shown(200, body)

    def _service_document(self, service: Service) -> Shown:
        names = list(service.views)
        if service.version == 2:
            return Shown(200, {"d": {"EntitySets": names}})
        return Shown(200, {"@odata.context": "$metadata", "value": [{"name": one, "url": one} for one in names]})

    # --- one entity ---

    def _entity(
        self, service: Service, view: View, row: Row, select: tuple[str, ...], expand: tuple[str, ...], exact: bool
    ) -> dict[str, Any]:
        kind, names = TYPES[view.type], shown_names(view)
        own_select = {one.partition("/")[0] for one in select}
        unknown = [one for one in (*own_select, *(e.partition("/")[0] for e in expand)) if one not in names]
        if unknown:
            raise Refused(400, "/IWBEP/CM_MGW_RT/022", f'Property "{unknown[0]}" does not exist in {view.name}')
        shown: dict[str, Any] = {}
        if service.version == 2:
            shown["__metadata"] = _metadata(service, view, row)
        for name, own in names.items():
            if select and name not in own_select:
                continue
            if own in kind.properties:
                shown[name] = self._value(service.version, kind.properties[own], row[own], exact)
            elif service.version == 2:
                shown[name] = {"__deferred": {"uri": f"{_metadata(service, view, row)['uri']}/{name}"}}
        for name in dict.fromkeys(one.partition("/")[0] for one in expand):
            target, found = self._navigate(service, view, row, name)
            inner_select = tuple(one.partition("/")[2] for one in select if one.startswith(name + "/"))
            inner_expand = tuple(one.partition("/")[2] for one in expand if one.startswith(name + "/"))
            entities = [self._entity(service, target, one, inner_select, inner_expand, exact) for one in found]
            shown[name] = {"results": entities} if service.version == 2 else entities
        return shown

    def _value(self, version: int, one: Property, value: Any, exact: bool) -> Any:
        if isinstance(value, Decimal):
            if exact and not self._plain_numbers:
                return format(value, "f")
            return _Number(format(value, "f"))
        if isinstance(value, datetime):
            moment = value.astimezone(UTC)
            milliseconds = calendar.timegm(moment.timetuple()) * 1000 + moment.microsecond // 1000
            return f"/Date({milliseconds}+0000)/" if version == 2 else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if isinstance(value, date):
            return f"/Date({calendar.timegm(value.timetuple()) * 1000})/" if version == 2 else value.isoformat()
        return value

    # --- writing ---

    def create(self, service: Service, path: str, body: bytes) -> Shown:
        """POST to a set, or to a navigation of one entity."""
        parts = [unquote(part) for part in path.split("/") if part]
        given = _json_object(body)
        if len(parts) == 2:
            parent_view, parents, single = self._resolve(service, parts[:1])
            if not single or not parents:
                raise Refused(404, "/IWBEP/CM_MGW_RT/020", "Resource not found")
            view, _ = self._navigate(service, parent_view, parents[0], parts[1])
            navigation = TYPES[parent_view.type].navigations[parts[1]]
            given = {**{theirs: parents[0][ours] for theirs, ours in navigation.match.items()}, **given}
        else:
            view = service.views.get(parts[0]) or _no_set(parts[0])
        if view.name not in service.writable:
            raise Refused(405, "/IWFND/CM_MGW/096", f"{view.name} cannot be created here")
        values = _parsed(TYPES[view.type], given)
        try:
            with self._books.transaction():
                row = self._books.add(view.type, **values)
        except Duplicate as error:
            raise Refused(400, "/IWBEP/CM_MGW_RT/041", "An entity with this key exists already") from error
        entity = self._entity(service, view, row, (), (), True)
        return Shown(201, {"d": entity}, (("Location", str(entity["__metadata"]["uri"])),))

    def change(self, service: Service, path: str, body: bytes, headers: Mapping[str, str]) -> Shown:
        """PATCH or MERGE of one entity; a set with ETags demands `If-Match`."""
        parts = [unquote(part) for part in path.split("/") if part]
        view, rows, single = self._resolve(service, parts)
        if not single or not rows:
            raise Refused(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{view.name}'")
        if view.name not in service.writable:
            raise Refused(405, "/IWFND/CM_MGW/096", f"{view.name} cannot be changed here")
        kind = TYPES[view.type]
        tag, given = _etag(kind, rows[0]), headers.get("if-match", "")
        if tag and not given:
            raise Refused(428, "/IWFND/CM_MGW/553", "The request must be conditional: use If-Match")
        if tag and given not in ("*", tag):
            raise Refused(412, "/IWBEP/CM_MGW_RT/040", "The entity was changed by another request")
        values = _parsed(kind, _json_object(body))
        keys = {name: rows[0][name] for name in kind.keys}
        if any(values.get(name, keys[name]) != keys[name] for name in keys):
            raise Refused(400, "/IWBEP/CM_MGW_RT/022", "A key cannot be changed")
        with self._books.transaction():
            self._books.change(view.type, keys, {n: v for n, v in values.items() if n not in keys})
        return Shown(204, None)


class _Number(str):
    """A decimal that is written as a JSON number, digit for digit."""


def encode(value: Any) -> bytes:
    """JSON with decimals digit for digit: they are written as marked text, and the marks are taken off with the quotes."""
    return _MARKED.sub(r"\1", json.dumps(_marked(value), ensure_ascii=False)).encode("utf-8")


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _marked(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_marked(one) for one in value]
    return f"\ue000{value}\ue000" if isinstance(value, _Number) else value


def _no_set(name: str) -> View:
    raise Refused(404, "/IWFND/CM_BEC/026", f"Resource not found for segment '{name}'")


def _metadata(service: Service, view: View, row: Row) -> dict[str, str]:
    kind = TYPES[view.type]
    keys = [(name, str(row[name]).replace("'", "''")) for name in kind.keys]
    text = f"'{keys[0][1]}'" if len(keys) == 1 else ",".join(f"{name}='{value}'" for name, value in keys)
    uri = f"http://localhost:9{service.path}{view.name}(" + quote(text, safe="=,'") + ")"
    tag = _etag(kind, row)
    return {"id": uri, "uri": uri, "type": f"{service.name}.{view.type}Type"} | ({"etag": tag} if tag else {})


def _etag(kind: EntityType, row: Row) -> str:
    """Made of the full stamp, which V2's milliseconds do not show: nobody can rebuild it from the date."""
    if not kind.etag:
        return ""
    digest = hashlib.sha256(row[kind.stamp].isoformat().encode()).hexdigest()[:_ETAG_DIGITS]
    return f'W/"{digest}"'


def _keys(kind: EntityType, names: Mapping[str, str], text: str) -> dict[str, str]:
    found = [(name, value.replace("''", "'")) for name, value in _KEY.findall(text)]
    if len(found) == 1 and not found[0][0] and len(kind.keys) == 1:
        return {kind.keys[0]: found[0][1]}
    keys = {names.get(name, name): value for name, value in found}
    if set(keys) - set(kind.properties) or not keys:
        raise Refused(400, "/IWBEP/CM_MGW_RT/022", "The key is not complete or not known")
    return keys


def _options(service: Service, query: str) -> _Options:
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in given:
            raise Refused(400, "/IWFND/CM_BEC/011", f"Option {name} stands twice")
        given[name] = value
    foreign = {"$inlinecount", "$format"} & set(given) if service.version == 4 else {"$count"} & set(given)
    if foreign - {"$format"}:
        raise Refused(400, "/IWFND/CM_BEC/011", f"{min(foreign)} is no option of OData V{service.version}")
    select = tuple(one for one in given.get("$select", "").split(",") if one)
    expand = tuple(one for one in given.get("$expand", "").split(",") if one)
    if service.version == 4 and given.get("$expand"):
        nested_select, expand = _nested(given["$expand"])
        select += nested_select if select or nested_select else ()
    order = []
    for part in given.get("$orderby", "").split(","):
        name, _, direction = part.strip().partition(" ")
        if name:
            order.append((name, direction.strip() == "desc"))
    try:
        top = int(given["$top"]) if "$top" in given else None
        skip = int(given.get("$skip", "0"))
    except ValueError as error:
        raise Refused(400, "/IWFND/CM_BEC/011", "$top and $skip are numbers") from error
    count = given.get("$inlinecount") == "allpages" or given.get("$count") == "true"
    return _Options(select, expand, top, skip, tuple(order), given.get("$filter", ""), count)


def _nested(text: str, path: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """V4's nested expand as flat paths: `_Item($select=A;$expand=_B)` gives (`_Item/A`, …), (`_Item`, `_Item/_B`)."""
    select: list[str] = []
    expand: list[str] = []
    for part in _split(text, ","):
        name, parenthesis, inner = part.partition("(")
        here = path + name
        expand.append(here)
        if parenthesis:
            for option in _split(inner[:-1], ";"):
                key, _, value = option.partition("=")
                if key == "$select":
                    select += [f"{here}/{one}" for one in value.split(",")]
                elif key == "$expand":
                    deeper_select, deeper_expand = _nested(value, here + "/")
                    select += deeper_select
                    expand += deeper_expand
                else:
                    raise Refused(400, "/IWFND/CM_BEC/011", f"{key} inside $expand is not supported here")
    return tuple(select), tuple(expand)


def _split(text: str, border: str) -> list[str]:
    parts, depth, last = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == border and depth == 0:
            parts.append(text[last:place])
            last = place + 1
    return [*parts, text[last:]]


def _token(query: str) -> int:
    token = dict(parse_qsl(query)).get("$skiptoken", "")
    try:
        return int(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()) if token else 0
    except ValueError as error:
        raise Refused(400, "/IWFND/CM_BEC/011", "The skip token is not one of ours") from error


def _sorted(kind: EntityType, rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [row[name] for name in kind.keys])


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Refused(400, "/IWFND/CM_MGW/565", "The body is not JSON") from error
    if not isinstance(value, dict):
        raise Refused(400, "/IWFND/CM_MGW/565", "The body is not an entity")
    return value


def _parsed(kind: EntityType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a written entity, typed and checked for length."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name == "__metadata":
            continue
        one = kind.properties.get(name)
        if one is None:
            raise Refused(400, "/IWBEP/CM_MGW_RT/022", f'Property "{name}" does not exist in {kind.name}')
        try:
            values[name] = _typed(one, value)
        except (ValueError, InvalidOperation) as error:
            raise Refused(400, "/IWBEP/CM_MGW_RT/022", f'Property "{name}" has the value "{value}"') from error
    return values


def _typed(one: Property, value: Any) -> Any:
    if one.type == "text":
        if not isinstance(value, str) or len(value) > one.size:
            raise ValueError(f"longer than {one.size}")
        return value
    if one.type == "decimal":
        if not isinstance(value, str):
            raise ValueError("decimals are written as text")
        return Decimal(value)
    if one.type == "bool":
        if not isinstance(value, bool):
            raise ValueError("not a boolean")
        return value
    raise ValueError("dates cannot be written here")
