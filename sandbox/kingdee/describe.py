"""View and QueryBusinessInfo: a whole document, and what a form consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.kingdee.books import Books
from sandbox.kingdee.forms import OWNER_FORMS, Entry, Field, Form
from sandbox.kingdee.query import as_json

VIEW_NAMES: Mapping[str, Mapping[str, str]] = {
    # View's names of a voucher differ from Save's; these are known, all others lose their leading F.
    "GL_VOUCHER": {
        "FVOUCHERGROUPNO": "VOUCHERGROUPNO",
        "FDEBITTOTAL": "DEBITTOTAL",
        "FCREDITTOTAL": "FCREDITTOTAL",
        "FEntity": "GL_VOUCHERENTRY",
    },
}
_ELEMENT_TYPES = {"text": 1, "integer": 2, "decimal": 3, "date": 4, "time": 4, "flag": 8, "base": 13, "owner": 21}
"""Invented numbers: the vendor's own are not public."""


def view(books: Books, form: Form, record: int) -> dict[str, Any]:
    """The document as `Result.Result`."""
    head = books.held(form, record)
    names = VIEW_NAMES.get(form.id, {})
    result: dict[str, Any] = {"Id": record}
    for one in form.fields:
        result[_view_name(names, one.key)] = _view_value(books, one, head[one.key])
    if form.entry is not None:
        result[_view_name(names, form.lines.key)] = [
            {
                "Id": row["id"],
                **{_view_name(names, one.key): _view_value(books, one, row[one.key]) for one in form.lines.fields},
            }
            for row in books.lines(form, record)
        ]
    return result


def business_info(form: Form) -> dict[str, Any]:
    """NeedReturnData of QueryBusinessInfo. The shape is from memory of the vendor's documentation, not confirmed."""
    entries = [_entity("FBillHead", form.name, form.fields, form.pk)]
    if form.entry is not None:
        entries.append(_entity(form.lines.key, form.lines.key, _with_slots(form.entry), "FEntryID"))
    return {
        "Id": form.id,
        "Name": _localised(form.name),
        "PkFieldName": form.pk,
        "PkFieldType": "LONG",
        "Entrys": entries,
    }


def _view_name(names: Mapping[str, str], key: str) -> str:
    return names.get(key) or (key[1:] if key.startswith("F") else key)


def _view_value(books: Books, declared: Field, value: Any) -> Any:
    if declared.kind not in ("base", "flex", "owner"):
        return as_json(value, declared.kind)
    if not value:
        return None
    for form_id in (declared.form,) if declared.form else OWNER_FORMS:
        found = books.rows(f'SELECT FNumber, FName FROM "{form_id}" WHERE id = ?', (value,))  # noqa: S608
        if found:
            return {"Id": value, "Number": found[0]["FNumber"], "Name": _localised(found[0]["FName"])}
    return None


def _with_slots(entry: Entry) -> tuple[Field, ...]:
    return tuple(one for one in entry.fields if one.key != "FSeq")


def _entity(key: str, name: str, declared: tuple[Field, ...], pk: str) -> dict[str, Any]:
    return {
        "Id": key,
        "Key": key,
        "EntryName": key,
        "Name": _localised(name),
        "EntryPkFieldName": pk,
        "Fields": [
            {
                "Key": one.key,
                "FieldName": one.key.upper(),
                "PropertyName": one.key[1:] if one.key.startswith("F") and not one.custom else one.key,
                "Name": _localised(one.key),
                "ElementType": _ELEMENT_TYPES.get(one.kind, 1),
                "MustInput": 1 if one.required else 0,
                "LookUpObjectFormId": one.form or None,
                "EditableAfterAudit": one.after_audit,
                "IsCustom": one.custom,
                "EditLen": one.size if one.kind == "text" else None,
            }
            for one in declared
        ],
    }


def _localised(text: str | None) -> list[dict[str, Any]]:
    return [{"Key": 2052, "Value": text or ""}]
