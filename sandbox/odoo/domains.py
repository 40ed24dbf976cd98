"""Search domains in Polish notation, turned into SQL over the books; dotted paths follow many2one fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sandbox.odoo.books import stored
from sandbox.odoo.refusals import Mistake
from sandbox.odoo.schema import Field, Model, Release
from sandbox.odoo.texts import say

_COMPARISONS = {"=", "!=", "<>", ">", ">=", "<", "<="}
_PATTERNS = {"like": "%{}%", "ilike": "%{}%", "=like": "{}", "=ilike": "{}", "not like": "%{}%", "not ilike": "%{}%"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")

Sql = tuple[str, list[Any]]


def where(release: Release, model: Model, domain: Sequence[Any]) -> Sql:
    """The condition of a domain on alias-free columns of the model's table."""
    terms = list(domain)
    parts: list[Sql] = []
    while terms:
        parts.append(_next(release, model, terms))
    return _joined(parts, "AND") if parts else ("1", [])


def column(release: Release, model: Model, one: Field) -> str:
    """The SQL expression of a field: its column, or the field of the record it is related to."""
    if not one.related:
        return f'"{model.name}"."{one.name}"'
    link, _, name = one.related.partition(".")
    other = release.models[model.fields[link].relation]
    inner = column(release, other, other.fields[name])
    return f"(SELECT {inner} FROM {other.table} WHERE {other.table}.id = {column(release, model, model.fields[link])})"  # noqa: S608


def field_of(model: Model, name: str) -> Field:
    """The field of that name, `id` included; the server's own ValueError otherwise."""
    if name == "id":
        return Field("id", "integer")
    if name not in model.fields:
        raise Mistake(say("unknown_field", field=name, model=model.name))
    return model.fields[name]


def moment(one: Field, value: Any) -> Any:
    """A date or date-time in the only spelling that is accepted; `T`, `Z` and offsets are not."""
    if not value or one.type not in ("date", "datetime"):
        return value
    pattern, form = (_DATE, "%Y-%m-%d") if one.type == "date" else (_DATETIME, "%Y-%m-%d %H:%M:%S")
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Mistake(say("bad_date", value=value, format=form))
    return value


def _next(release: Release, model: Model, terms: list[Any]) -> Sql:
    if not terms:
        raise Mistake(say("bad_operator", operator="(end)"))
    term = terms.pop(0)
    if term == "!":
        sql, given = _next(release, model, terms)
        return f"NOT ({sql})", given
    if term in ("|", "&"):
        left, right = _next(release, model, terms), _next(release, model, terms)
        return _joined([left, right], "OR" if term == "|" else "AND")
    if not isinstance(term, list | tuple) or len(term) != 3:
        raise Mistake(say("bad_operator", operator=term))
    return _term(release, model, str(term[0]), str(term[1]), term[2])


def _joined(parts: Sequence[Sql], word: str) -> Sql:
    return "(" + f" {word} ".join(sql for sql, _ in parts) + ")", [value for _, given in parts for value in given]


def _term(release: Release, model: Model, path: str, operator: str, value: Any) -> Sql:
    name, _, rest = path.partition(".")
    one = field_of(model, name)
    if rest:
        other = release.models[one.relation]
        sql, given = _term(release, other, rest, operator, value)
        inside = f"SELECT {other.table}.id FROM {other.table} WHERE {sql}"  # noqa: S608
        if one.inverse:
            link = f'"{one.inverse}"'
            return f'"{model.name}".id IN (SELECT {link} FROM {other.table} WHERE {sql})', given  # noqa: S608
        return f"{column(release, model, one)} IN ({inside})", given
    left = column(release, model, one)
    if one.type == "datetime" and one.readonly:
        left = f"substr({left}, 1, 19)"  # compared by whole seconds, as shown
    if one.type == "many2many":
        values = list(value) if isinstance(value, list | tuple) else [value]
        marks = ",".join("?" * len(values))
        found = f"EXISTS (SELECT 1 FROM json_each({left}) WHERE value IN ({marks}))"  # noqa: S608
        return (f"NOT {found}" if operator in ("!=", "not in") else found), values
    if operator in ("in", "not in"):
        values = [stored(one, moment(one, each)) for each in value]
        marks = ",".join("?" * len(values))
        return f"{left} {operator.upper()} ({marks})", values
    if operator in _PATTERNS:
        pattern = _PATTERNS[operator].format(value)
        return f"{left} {'NOT ' if operator.startswith('not') else ''}LIKE ?", [pattern]
    if operator not in _COMPARISONS:
        raise Mistake(say("bad_operator", operator=operator))
    return _comparison(left, one, operator, moment(one, value))


def _comparison(left: str, one: Field, operator: str, value: Any) -> Sql:
    if value is False or value is None:
        if one.type == "boolean":
            return f"COALESCE({left}, 0) {'<>' if operator in ('!=', '<>') else '='} 0", []
        return f"{left} IS {'NOT ' if operator in ('!=', '<>') else ''}NULL", []
    try:
        wanted = stored(one, value)
    except (ValueError, ArithmeticError) as error:
        raise Mistake(say("bad_number", value=value)) from error
    if one.type == "datetime" and len(str(wanted)) == 10:
        wanted = f"{wanted} 00:00:00"
    if operator in ("!=", "<>"):
        return f"({left} IS NULL OR {left} <> ?)", [wanted]
    return f"{left} {operator} ?", [wanted]
