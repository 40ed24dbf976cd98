"""The methods that can be called, by name: their arguments, whether they belong to records, and what runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.odoo.addon import HedgeAddon
from sandbox.odoo.books import Books
from sandbox.odoo.loading import Loader
from sandbox.odoo.moves import Moves
from sandbox.odoo.records import Caller, Records
from sandbox.odoo.refusals import AccessError, BadArguments, Crash, Mistake, NoMethod, NotThere, Refusal
from sandbox.odoo.schema import Model
from sandbox.odoo.texts import say

WRITES = frozenset(
    {
        "create", "write", "unlink", "load", "action_post", "button_draft", "message_post", "hedge_create_and_post",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewRecords:
    """Records a call answers with: ids in JSON-2, one id or a list in the older protocols."""

    ids: tuple[int, ...]
    single: bool


@dataclass(frozen=True, slots=True)
class Method:
    """One public method. `on_records`: the first thing it takes are ids. `models` empty: every model has it."""

    arguments: tuple[str, ...]
    on_records: bool
    models: tuple[str, ...] = ()


METHODS: Mapping[str, Method] = {
    "search": Method(("domain", "offset", "limit", "order"), False),
    "search_read": Method(("domain", "fields", "offset", "limit", "order"), False),
    "search_count": Method(("domain", "limit"), False),
    "read": Method(("fields", "load"), True),
    "fields_get": Method(("allfields", "attributes"), False),
    "create": Method(("vals_list",), False),
    "write": Method(("vals",), True),
    "unlink": Method((), True),
    "has_access": Method(("operation",), True),
    "check_access_rights": Method(("operation", "raise_exception"), False),
    "get_external_id": Method((), True),
    "load": Method(("fields", "data"), False, ("account.move",)),
    "action_post": Method((), True, ("account.move",)),
    "button_draft": Method((), True, ("account.move",)),
    "hedge_create_and_post": Method(("vouchers", "post"), False, ("account.move",)),
    "message_post": Method(
        ("body", "message_type", "subtype_xmlid"), True, ("sale.order", "purchase.order", "account.move")
    ),
    "context_get": Method((), False, ("res.users",)),
    "check_object_reference": Method(("module", "xml_id", "raise_on_access_error"), False, ("ir.model.data",)),
}


class Calls:
    """Runs one call in one transaction."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.records = Records(books)
        self.moves = Moves(books, self.records)
        self.loader = Loader(books, self.moves)
        self.addon = HedgeAddon(books, self.moves) if books.release.addon else None

    def run(
        self,
        caller: Caller,
        model_name: str,
        method_name: str,
        ids: Sequence[int],
        given: Mapping[str, Any],
        arrived: int,
    ) -> Any:
        """The method's result: plain values, or `NewRecords`."""
        model, _ = self.known(model_name, method_name)
        special: Callable[..., Any] | None = getattr(self, f"_{method_name}", None)
        if special is None:
            raise NoMethod(say("no_method", model=model_name, method=method_name))
        try:
            with self.books.transaction():
                if method_name == "load":
                    return special(caller, model, ids, given, arrived)
                return special(caller, model, ids, given)
        except Refusal:
            raise
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise Crash(error) from error

    def known(self, model_name: str, method_name: str) -> tuple[Model, Method]:
        """The model and the method; AccessError for a private one, NotThere for what does not exist."""
        if model_name not in self.books.release.models:
            raise NotThere(say("no_model", model=model_name))
        if method_name.startswith("_"):
            raise AccessError(say("private", method=method_name))
        method = METHODS.get(method_name)
        absent = method_name == "hedge_create_and_post" and self.addon is None
        if method is None or absent or (method.models and model_name not in method.models):
            raise NoMethod(say("no_method", model=model_name, method=method_name))
        return self.books.model(model_name), method

    # --- every model ---

    def _search(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> Any:
        found = self.records.search(
            caller, model, given.get("domain") or [], given.get("offset") or 0, given.get("limit"), given.get("order")
        )
        return NewRecords(tuple(found), False)

    def _search_read(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> Any:
        found = self._search(caller, model, _, given)
        return self.records.read(caller, model, found.ids, given.get("fields"))

    def _search_count(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> int:
        return self.records.search_count(caller, model, given.get("domain") or [])

    def _read(self, caller: Caller, model: Model, ids: Sequence[int], given: Mapping[str, Any]) -> Any:
        rows = self.records.read(caller, model, ids, given.get("fields"))
        if given.get("load", "_classic_read") != "_classic_read":  # many2one as bare ids
            for row in rows:
                for name, one in model.fields.items():
                    if one.type == "many2one" and row.get(name):
                        row[name] = row[name][0]
        return rows

    def _fields_get(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> Any:
        return self.records.fields_get(caller, model, given.get("attributes"))

    def _create(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> NewRecords:
        values = given.get("vals_list")
        single = isinstance(values, Mapping)
        rows = [values] if isinstance(values, Mapping) else list(values or [])
        if model.name == "account.move":
            made = [self.moves.create(caller, row) for row in rows]
        else:
            made = [self.records.create(caller, model, row) for row in rows]
        return NewRecords(tuple(made), single)

    def _write(self, caller: Caller, model: Model, ids: Sequence[int], given: Mapping[str, Any]) -> bool:
        if model.name == "account.move":
            return self.moves.write(caller, ids, given["vals"])
        return self.records.write(caller, model, ids, given["vals"])

    def _unlink(self, caller: Caller, model: Model, ids: Sequence[int], _: Any) -> bool:
        return (
            self.moves.unlink(caller, ids) if model.name == "account.move" else self.records.unlink(caller, model, ids)
        )

    def _has_access(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> bool:
        return self.records.may(caller, model, given["operation"])

    def _check_access_rights(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> bool:
        if given.get("raise_exception", True):
            self.records.require(caller, model, write=given["operation"] != "read")
        return self.records.may(caller, model, given["operation"])

    def _get_external_id(self, caller: Caller, model: Model, ids: Sequence[int], _: Any) -> dict[int, str]:
        names = {}
        for one in ids:
            rows = self.books.rows(
                'SELECT module, name FROM "ir.model.data" WHERE model = ? AND res_id = ?', (model.name, one)
            )
            names[one] = f"{rows[0][0]}.{rows[0][1]}" if rows else ""
        return names

    # --- some models ---

    def _load(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any], arrived: int) -> Any:
        self.records.require(caller, model, write=True)
        return self.loader.load(caller, given["fields"], given["data"], arrived)

    def _action_post(self, caller: Caller, _: Model, ids: Sequence[int], __: Any) -> bool:
        return self.moves.post(caller, ids)

    def _button_draft(self, caller: Caller, _: Model, ids: Sequence[int], __: Any) -> None:
        self.moves.draft(caller, ids)

    def _hedge_create_and_post(self, caller: Caller, model: Model, _: Any, given: Mapping[str, Any]) -> Any:
        self.records.require(caller, model, write=True)
        assert self.addon is not None  # noqa: S101 - `known` has refused it otherwise
        return self.addon.create_and_post(caller, given["vouchers"], post=bool(given.get("post", True)))

    def _message_post(self, caller: Caller, model: Model, ids: Sequence[int], given: Mapping[str, Any]) -> NewRecords:
        self.records.require(caller, model)
        self.records.exists(model, ids, caller.lang)
        body = str(given.get("body") or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        made = self.books.insert(
            "mail.message",
            {"model": model.name, "res_id": ids[0], "body": f"<p>{body}</p>", "message_type": "comment"},
        )
        return NewRecords((made,), True)

    def _context_get(self, caller: Caller, _: Model, __: Any, ___: Any) -> dict[str, Any]:
        return {"lang": caller.lang, "tz": "Asia/Shanghai", "uid": caller.user}

    def _check_object_reference(self, caller: Caller, _: Model, __: Any, given: Mapping[str, Any]) -> list[Any]:
        found = self.loader.reference(given["module"], given["xml_id"])
        if found is None:
            raise Mistake(say("no_external_id", name=f"{given['module']}.{given['xml_id']}"))
        return list(found)


def bound(method: Method, positional: Sequence[Any], named: Mapping[str, Any]) -> tuple[list[int], dict[str, Any]]:
    """(ids, arguments by name) of a call of the older protocols: ids first, then arguments by position or by name."""
    rest = list(positional)
    ids: list[int] = []
    if method.on_records and rest:
        first = rest.pop(0)
        ids = [int(first)] if isinstance(first, int) else [int(one) for one in first]
    if len(rest) > len(method.arguments):
        raise BadArguments(say("argument", argument=rest[-1]))
    given = dict(zip(method.arguments, rest, strict=False))
    for name, value in named.items():
        if name not in method.arguments:
            raise Mistake(say("argument", argument=name))
        given[name] = value
    return ids, given
