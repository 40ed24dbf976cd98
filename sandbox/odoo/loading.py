"""`load()`: the import of journal entries with external ids, as it behaves: idempotent by id, and full of corners.

All records or none. Every error comes back as a message beside `ids: false`, in an answer that looks like success. A second
load of a *draft* updates it, and adds its lines again unless each line has an external id of its own. A posted entry refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.odoo.books import Books
from sandbox.odoo.moves import Moves
from sandbox.odoo.records import Caller
from sandbox.odoo.refusals import Refusal, UserError
from sandbox.odoo.texts import say

_IMPORT_MODULE = "__import__"


@dataclass(slots=True)
class _Entry:
    """One entry of the table: its own cells and those of its lines."""

    first_row: int
    cells: dict[str, str]
    lines: list[dict[str, str]] = field(default_factory=list)


class Conflict(Exception):
    """Another transaction wrote the same external id after this call had begun."""


class Loader:
    """Imports tables into `account.move`. `commits` counts the commits of external ids, to tell who came first."""

    def __init__(self, books: Books, moves: Moves) -> None:
        self.books = books
        self.moves = moves
        self.commits = 0
        self._written: dict[str, int] = {}

    def load(
        self, caller: Caller, fields: Sequence[str], data: Sequence[Sequence[Any]], arrived: int
    ) -> dict[str, Any]:
        """The answer of one import; `arrived` is the number of commits when the call came in."""
        entries = _entries(fields, data)
        ids: list[int] = []
        names: list[str] = []
        place = 0
        try:
            with self.books.transaction():
                for entry in entries:
                    names.append(entry.cells.get("id", ""))
                    if self._written.get(names[-1], -1) >= arrived:
                        raise Conflict
                    ids.append(self._entry(caller, entry))
                    place += 1
        except Conflict:
            return _refused(say("serialize", caller.lang), place, entries[place].first_row)
        except Refusal as refusal:
            return _refused(str(refusal), place, entries[place].first_row)
        self._written.update({name: self.commits for name in names if name})
        self.commits += 1
        return {"ids": ids, "messages": [], "nextrow": 0}

    def _entry(self, caller: Caller, entry: _Entry) -> int:
        record = self.find("account.move", entry.cells.get("id", ""))
        head = self._values(entry.cells)
        if record is None:
            lines = [(0, 0, self._values(line)) for line in entry.lines]
            record = self.moves.create(caller, {**head, "line_ids": lines})
            self._name("account.move", record, entry.cells.get("id", ""))
            for line, row in zip(entry.lines, self.moves.lines(record), strict=True):
                self._name("account.move.line", row["id"], line.get("id", ""))
            return record
        if self.books.row("account.move", record)["state"] != "draft":
            raise UserError(say("readonly", caller.lang, fields="line_ids"))
        self.moves.write(caller, [record], head)
        for line in entry.lines:
            known = self.find("account.move.line", line.get("id", ""))
            made = self.moves.put_line(caller, record, self._values(line), known)
            if known is None:
                self._name("account.move.line", made, line.get("id", ""))
        self.moves.checked(caller, record)
        return record

    def find(self, model: str, external: str) -> int | None:
        """The record of an external id, if it still exists."""
        if not external:
            return None
        module, name = _parted(external)
        sql = 'SELECT res_id FROM "ir.model.data" WHERE module = ? AND name = ? AND model = ?'
        found = self.books.one(sql, (module, name, model))
        return found if found and self.books.row(model, found) else None

    def reference(self, module: str, name: str) -> tuple[str, int] | None:
        """(model, id) behind an external id."""
        rows = self.books.rows(
            'SELECT model, res_id FROM "ir.model.data" WHERE module = ? AND name = ?', (module, name)
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def _name(self, model: str, record: int, external: str) -> None:
        if external:
            module, name = _parted(external)
            self.books.insert("ir.model.data", {"module": module, "name": name, "model": model, "res_id": record})

    def _values(self, cells: dict[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for path, text in cells.items():
            name, _, how = path.partition("/")
            if path == "id" or text == "":
                continue
            if how == ".id":
                values[name] = int(text)
            elif how == "id":
                found = self.reference(*_parted(text))
                if found is None:
                    raise UserError(say("no_external_id", name=text))
                values[name] = found[1]
            else:
                values[name] = text
        return values


def _entries(fields: Sequence[str], data: Sequence[Sequence[Any]]) -> list[_Entry]:
    """Rows of the table gathered into entries: a row without header cells carries another line of the entry above."""
    entries: list[_Entry] = []
    for place, row in enumerate(data):
        cells = {name: str(value) for name, value in zip(fields, row, strict=True) if value not in ("", None, False)}
        head = {name: value for name, value in cells.items() if not name.startswith("line_ids/")}
        line = {name.removeprefix("line_ids/"): value for name, value in cells.items() if name.startswith("line_ids/")}
        if head or not entries:
            entries.append(_Entry(place, head))
        if line:
            entries[-1].lines.append(line)
    return entries


def _parted(external: str) -> tuple[str, str]:
    module, dot, name = external.partition(".")
    return (module, name) if dot else (_IMPORT_MODULE, external)


def _refused(text: str, place: int, row: int) -> dict[str, Any]:
    message = {"type": "error", "message": text, "record": place, "rows": {"from": row, "to": row}}
    return {"ids": False, "messages": [message], "nextrow": 0}
