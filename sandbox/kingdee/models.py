"""Turns the JSON Model of a Save into stored values, field by field, collecting what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.kingdee.books import Books, scaled, stored_time
from sandbox.kingdee.envelope import Trouble
from sandbox.kingdee.forms import Field, Form
from sandbox.kingdee.texts import say

LARGEST_DECIMAL = Decimal("9000000000000")


@dataclass(slots=True)
class Line:
    """One line of a Model: its id (0 = new) and the stored values of the keys it carries."""

    record: int
    values: dict[str, Any]


@dataclass(slots=True)
class Draft:
    """A Model that was read. `lines` is None when the Model says nothing about lines; `ignored` are unknown keys."""

    record: int
    values: dict[str, Any]
    lines: list[Line] | None
    troubles: list[Trouble] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """The options of A6 that change what a save does."""

    verify_base: bool
    by_number: bool
    validate: bool
    delete_missing_lines: bool
    only_fields: frozenset[str]
    return_fields: tuple[str, ...]
    submit_and_audit: bool
    refuse_repeat: bool

    @classmethod
    def read(cls, request: Mapping[str, Any]) -> SaveOptions:
        """Options may be booleans or the strings true and false; the defaults are the vendor's."""
        return cls(
            verify_base=_flag(request, "IsVerifyBaseDataField", False),
            by_number=_flag(request, "NumberSearch", True),
            validate=_flag(request, "ValidateFlag", True),
            delete_missing_lines=_flag(request, "IsDeleteEntry", True),
            only_fields=frozenset(_words(request.get("NeedUpDateFields"))),
            return_fields=tuple(_words(request.get("NeedReturnFields"))),
            submit_and_audit=_flag(request, "IsAutoSubmitAndAudit", False),
            refuse_repeat=_flag(request, "ValidateRepeatJson", False),
        )


def read_model(books: Books, form: Form, model: Mapping[str, Any], options: SaveOptions) -> Draft:
    """Read one Model. Keys must be spelt as in the form; unknown keys are ignored, as the real one does."""
    troubles: list[Trouble] = []
    record = _record_id(model.get(form.pk))
    groups = {one.group for one in form.fields if one.group}
    known = {one.key for one in form.fields if not one.group} | groups | {form.pk}
    ignored = [key for key in model if key not in known and (form.entry is None or key != form.lines.key)]
    values = _read_fields(books, [one for one in form.fields if not one.group], model, options, troubles)
    for group in sorted(groups):
        inside = model.get(group)
        if isinstance(inside, Mapping):
            declared = [one for one in form.fields if one.group == group]
            values |= _read_fields(books, declared, inside, options, troubles)
    lines = None
    if form.entry is not None and form.lines.key in model:
        lines = []
        given = model[form.lines.key]
        for place, one in enumerate(given if isinstance(given, list) else []):
            if not isinstance(one, Mapping):
                troubles.append(Trouble(say("bad_request", reason=form.lines.key)))
                continue
            allowed = {declared.key for declared in form.lines.fields} | {"FEntryID", "FDetailID"}
            ignored += [f"{form.lines.key}.{key}" for key in one if key not in allowed]
            line_values = _read_fields(books, form.lines.fields, one, options, troubles)
            line_values |= _read_dimensions(books, form, one.get("FDetailID"), options, troubles, ignored)
            line_values.setdefault("FSeq", place + 1)
            lines.append(Line(_record_id(one.get("FEntryID")), line_values))
    return Draft(record, values, lines, troubles, ignored)


def missing_fields(declared: Sequence[Field], values: Mapping[str, Any]) -> list[Trouble]:
    """One trouble for each required field without a value."""
    return [
        Trouble(say("required", key=one.key), one.key)
        for one in declared
        if one.required and values.get(one.key) in (None, "")
    ]


def _read_fields(
    books: Books,
    declared: Sequence[Field],
    source: Mapping[str, Any],
    options: SaveOptions,
    troubles: list[Trouble],
) -> dict[str, Any]:
    values = {}
    for one in declared:
        if one.key not in source or one.kind == "flex" or one.key == "FDetailID":
            continue
        try:
            values[one.key] = _read_value(books, one, source[one.key], options)
        except _BadValue as error:
            troubles.append(Trouble(str(error), one.key))
    return values


def _read_dimensions(
    books: Books, form: Form, source: Any, options: SaveOptions, troubles: list[Trouble], ignored: list[str]
) -> dict[str, Any]:
    if not isinstance(source, Mapping):
        return {}
    values = {}
    for key, value in source.items():
        slot = form.entry_field(key)
        if slot is None or slot.kind != "flex":
            ignored.append(f"FDetailID.{key}")
            continue
        try:
            values[slot.key] = _read_value(books, slot, value, options)
        except _BadValue as error:
            troubles.append(Trouble(str(error), key))
    return values


class _BadValue(ValueError):
    """A value that does not fit its field."""


def _read_value(books: Books, declared: Field, value: Any, options: SaveOptions) -> Any:
    kind = declared.kind
    if kind in ("base", "flex", "owner"):
        return _read_base(books, declared, value, options)
    if isinstance(value, Mapping):  # some text fields are sent as {"FNumber": ""}
        value = next(iter(value.values()), "")
    if kind == "decimal":
        return scaled(_decimal(declared, value))
    if kind == "integer":
        return int(_decimal(declared, value))
    if kind in ("date", "time"):
        if value in (None, ""):
            return None
        try:
            return stored_time(str(value))
        except ValueError as error:
            raise _BadValue(say("bad_date", key=declared.key, value=value)) from error
    if kind == "flag":
        return "true" if str(value).lower() in ("true", "1") else "false"
    text = "" if value is None else str(value)
    if len(text) > declared.size:
        raise _BadValue(say("too_long", key=declared.key, size=declared.size))
    return text


def _decimal(declared: Field, value: Any) -> Decimal:
    if value in (None, ""):
        return Decimal(0)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise _BadValue(say("bad_number", key=declared.key, value=value)) from error
    if not number.is_finite() or abs(number) > LARGEST_DECIMAL:
        raise _BadValue(say("bad_number", key=declared.key, value=value))
    return number


def _read_base(books: Books, declared: Field, value: Any, options: SaveOptions) -> int | None:
    if isinstance(value, Mapping):
        by_key = {str(key).lower(): inside for key, inside in value.items()}
        number = str(by_key.get("fnumber") or by_key.get("fname") or "").strip()
    else:
        number = "" if value in (None, 0, "0") else str(value).strip()
    if not number:
        return None
    if declared.kind == "owner":
        owner: int | None = books.one("SELECT id FROM owners WHERE FNumber = ?", (number,))
        return owner
    target = books.forms[declared.form.lower()]
    column = "FNumber" if options.by_number else "FName"
    found = books.find(target, number, column) if isinstance(value, Mapping) else _internal(books, target, number)
    if found is None:
        if options.verify_base:
            raise _BadValue(say("base_not_found", key=declared.key, value=number))
        return None  # without the check an unknown number silently becomes an empty field
    if books.one(f'SELECT FForbidStatus FROM "{target.id}" WHERE id = ?', (found,)) == "B":  # noqa: S608
        raise _BadValue(say("base_forbidden", key=declared.key, value=number))
    return found


def _internal(books: Books, target: Form, number: str) -> int | None:
    found: int | None = books.one(f'SELECT id FROM "{target.id}" WHERE id = ?', (number,))  # noqa: S608
    return found


def _record_id(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def _flag(request: Mapping[str, Any], key: str, default: bool) -> bool:
    value = request.get(key)
    return default if value in (None, "") else str(value).lower() == "true"


def _words(value: Any) -> list[str]:
    words = value if isinstance(value, list) else str(value or "").split(",")
    return [str(word).strip() for word in words if str(word).strip()]
