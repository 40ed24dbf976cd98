"""What every model can do: search, read, create, write, delete, describe itself; with the caller's rights and companies."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.odoo.books import Books, plain, stored
from sandbox.odoo.domains import column, field_of, moment, where
from sandbox.odoo.refusals import AccessError, MissingError, Mistake, UserError, ValidationError
from sandbox.odoo.schema import Field, Model
from sandbox.odoo.texts import say

_NO_ACCOUNTING = ("account.move", "account.move.line", "account.journal")
UNREADABLE = {
    "bot": ("ir.model.data",),
    "reader": ("ir.model.data", *_NO_ACCOUNTING),
    "admin": (),
}
"""Models a role may not even read. Reading `ir.model.data` itself is denied to accounting users too."""

WRITABLE = {
    "bot": ("account.move", "account.move.line", "mail.message", "hedge.match", "ir.attachment"),
    "reader": (),
    "admin": ("*",),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls and in which surroundings. `companies` are those the call sees, the first one is the current company."""

    user: int
    role: str
    companies: tuple[int, ...]
    lang: str = "en_US"
    active_test: bool = True


class Records:
    """The models' common methods."""

    def __init__(self, books: Books) -> None:
        self.books = books

    # --- rights ---

    def require(self, caller: Caller, model: Model, *, write: bool = False) -> None:
        """AccessError unless the caller's role may read (write) the model."""
        denied = model.name in UNREADABLE[caller.role]
        allowed = WRITABLE[caller.role]
        if denied or (write and "*" not in allowed and model.name not in allowed):
            raise AccessError(say("no_model_right", caller.lang, label=model.label, model=model.name))

    def may(self, caller: Caller, model: Model, operation: str) -> bool:
        """Whether the role may do `read`, `create`, `write` or `unlink`."""
        try:
            self.require(caller, model, write=operation != "read")
        except AccessError:
            return False
        return True

    # --- reading ---

    def search(
        self,
        caller: Caller,
        model: Model,
        domain: Sequence[Any],
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
    ) -> list[int]:
        """Ids of a domain, in the model's own order unless another one is asked for; no limit means everything."""
        self.require(caller, model)
        condition, given = self._condition(caller, model, domain)
        sql = f"SELECT {model.table}.id FROM {model.table} WHERE {condition} ORDER BY {self._order(model, order)}"  # noqa: S608
        if limit or offset:
            sql += f" LIMIT {int(limit) if limit else -1} OFFSET {int(offset)}"
        return [row[0] for row in self.books.rows(sql, given)]

    def search_count(self, caller: Caller, model: Model, domain: Sequence[Any]) -> int:
        """How many records a domain has."""
        self.require(caller, model)
        condition, given = self._condition(caller, model, domain)
        return int(self.books.one(f"SELECT COUNT(*) FROM {model.table} WHERE {condition}", given))  # noqa: S608

    def read(
        self, caller: Caller, model: Model, ids: Sequence[int], fields: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """The records' values in the order of `ids`. A record that does not exist is left out, without an error."""
        self.require(caller, model)
        wanted = [field_of(model, name) for name in fields or model.fields if name not in ("id", "display_name")]
        columns = [
            f'{column(self.books.release, model, one)} AS "{one.name}"' for one in wanted if one.type != "one2many"
        ]
        listed = ", ".join([f"{model.table}.id AS id", *columns])
        marks = ",".join("?" * len(ids))
        found = {
            row["id"]: row
            for row in self.books.rows(f"SELECT {listed} FROM {model.table} WHERE id IN ({marks})", list(ids))  # noqa: S608
        }
        names: dict[tuple[str, int], str] = {}
        rows = [self._shown(caller, model, wanted, found[one], names) for one in ids if one in found]
        if fields and "display_name" in fields:
            for row in rows:
                row["display_name"] = self.display_name(caller, model, row["id"])
        return rows

    def exists(self, model: Model, ids: Sequence[int], lang: str) -> None:
        """MissingError if one of the records is gone."""
        for one in ids:
            if self.books.row(model.name, one) is None:
                raise MissingError(say("missing_record", lang))

    def fields_get(self, caller: Caller, model: Model, attributes: Sequence[str] | None) -> dict[str, dict[str, Any]]:
        """The model's fields with the attributes asked for."""
        self.require(caller, model)
        described = {}
        for one in (
            Field("id", "integer", readonly=True),
            Field("display_name", "char", readonly=True),
            *model.fields.values(),
        ):
            told: dict[str, Any] = {
                "type": one.type, "string": one.label, "required": one.required, "readonly": one.readonly,
                "name": one.name,
            }  # fmt: skip
            if one.relation:
                told["relation"] = one.relation
            if one.type == "selection":
                told["selection"] = []
            described[one.name] = {key: told[key] for key in told if not attributes or key in attributes}
        return described

    def display_name(self, caller: Caller, model: Model, record: int) -> str:
        """The name a many2one shows."""
        row = self.books.row(model.name, record)
        if row is None:
            return ""
        first, _, rest = model.shown.partition(" ")
        if not rest:
            return str(row[first] or "")
        code = row[first.strip("[]")]
        if model.name == "account.account" and not self._in_company(caller, row):
            code = None
        text = f"[{code}]" if first.startswith("[") else code
        return f"{text} {row[rest]}" if code else str(row[rest])

    # --- writing ---

    def create(self, caller: Caller, model: Model, values: Mapping[str, Any]) -> int:
        """One plain record. Journal entries have their own rules."""
        self.require(caller, model, write=True)
        record = self.books.insert(model.name, self.to_store(model, values))
        if model.name == "ir.attachment":
            self.books.update(model.name, record, {"file_size": len(base64.b64decode(str(values.get("datas") or "")))})
        self.require_filled(model, record, caller.lang)
        return record

    def write(self, caller: Caller, model: Model, ids: Sequence[int], values: Mapping[str, Any]) -> bool:
        """Change plain records."""
        self.require(caller, model, write=True)
        self.exists(model, ids, caller.lang)
        for one in ids:
            self.books.update(model.name, one, self.to_store(model, values))
            self.require_filled(model, one, caller.lang)
        return True

    def unlink(self, caller: Caller, model: Model, ids: Sequence[int]) -> bool:
        """Delete plain records."""
        self.require(caller, model, write=True)
        self.exists(model, ids, caller.lang)
        for one in ids:
            self.books.delete(model.name, one)
        return True

    def to_store(self, model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of a call as columns: unknown names and bad dates are the caller's mistake, numbers round silently."""
        kept = {}
        for name, value in values.items():
            one = field_of(model, name)
            if not one.stored:
                continue
            if one.relation and one.type == "many2one" and value:
                self._refer(one, value)
            try:
                kept[name] = stored(one, moment(one, value), self.books.digits(one))
            except (ValueError, TypeError, ArithmeticError) as error:
                raise Mistake(say("bad_number", value=value)) from error
        return kept

    def require_filled(self, model: Model, record: int, lang: str) -> None:
        """ValidationError for the first required field left empty."""
        row = self.books.row(model.name, record)
        for one in model.fields.values():
            if one.required and one.stored and row is not None and row[one.name] is None:
                raise ValidationError(say("required", lang, label=one.label, field=one.name))

    # --- inside ---

    def _refer(self, one: Field, value: Any) -> None:
        if self.books.row(one.relation, int(value)) is None:
            if one.relation == "account.account":
                raise UserError(say("misleading_account"))
            raise MissingError(say("missing_record"))

    def _condition(self, caller: Caller, model: Model, domain: Sequence[Any]) -> tuple[str, list[Any]]:
        release = self.books.release
        terms: list[Any] = list(domain)
        named = json.dumps(terms, default=str)
        if caller.active_test and "active" in model.fields and '"active"' not in named:
            terms = ["&", ("active", "=", True), *_anded(terms)] if terms else [("active", "=", True)]
        condition, given = where(release, model, terms)
        limit = self._company_limit(caller, model)
        return (f"{condition} AND {limit}", given) if limit else (condition, given)

    def _company_limit(self, caller: Caller, model: Model) -> str:
        """Record rules: only records of the companies the call sees (and those that belong to none)."""
        companies = ",".join(str(one) for one in caller.companies)
        if model.name == "account.account":
            one = model.fields.get("company_ids")
            if one is None:
                return f"{model.table}.company_id IN ({companies})"
            return f"EXISTS (SELECT 1 FROM json_each({model.table}.company_ids) WHERE value IN ({companies}))"  # noqa: S608
        if not model.company:
            return ""
        where_it_is = column(self.books.release, model, model.fields[model.company])
        return f"({where_it_is} IS NULL OR {where_it_is} IN ({companies}))"

    def _in_company(self, caller: Caller, row: Any) -> bool:
        owners = json.loads(row["company_ids"] or "[]") if "company_ids" in row.keys() else [row["company_id"]]  # noqa: SIM118
        return caller.companies[0] in owners

    def _order(self, model: Model, order: str | None) -> str:
        parts = []
        for part in (order or model.order).split(","):
            name, _, direction = part.strip().partition(" ")
            one = field_of(model, name)
            turned = "DESC" if direction.strip().lower() == "desc" else "ASC"
            where_it_is = f"{model.table}.id" if name == "id" else column(self.books.release, model, one)
            parts.append(f"{where_it_is} {turned}")
        return ", ".join(parts)

    def _shown(
        self, caller: Caller, model: Model, wanted: Sequence[Field], row: Any, names: dict[tuple[str, int], str]
    ) -> dict[str, Any]:
        told: dict[str, Any] = {"id": row["id"]}
        for one in wanted:
            if one.type == "one2many":
                sql = f'SELECT id FROM "{one.relation}" WHERE "{one.inverse}" = ? ORDER BY id'  # noqa: S608
                told[one.name] = [line[0] for line in self.books.rows(sql, (row["id"],))]
                continue
            told[one.name] = self._value(caller, one, row[one.name], names)
        if model.name == "account.account" and "code" in told:
            whole = self.books.row(model.name, row["id"])
            if not self._in_company(caller, whole):
                told["code"] = False
        return told

    def _value(self, caller: Caller, one: Field, held: Any, names: dict[tuple[str, int], str]) -> Any:
        if one.type in ("float", "monetary"):
            return float(plain(held))
        if one.type == "boolean":
            return bool(held)
        if one.type == "integer":
            return held or 0
        if one.type == "many2many":
            return json.loads(held or "[]")
        if held is None:
            return False
        if one.type == "many2one":
            key = (one.relation, held)
            if key not in names:
                names[key] = self.display_name(caller, self.books.model(one.relation), held)
            return [held, names[key]]
        return held[:19] if one.type == "datetime" else held


def _anded(terms: list[Any]) -> list[Any]:
    """A domain whose top-level terms are joined by explicit `&`, so that another term can stand before it."""
    needed, count = 0, 0
    for term in terms:
        if term in ("|", "&"):
            needed += 1
        elif term != "!":
            count += 1
    return ["&"] * (count - 1 - needed) + terms
