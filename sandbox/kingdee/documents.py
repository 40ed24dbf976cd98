"""Save, Draft, Submit, Audit, UnAudit and Delete: what they change, and what they refuse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.kingdee.books import SCALE, Books, lines_table, site_now
from sandbox.kingdee.envelope import Outcome, Refused, Trouble
from sandbox.kingdee.forms import Form
from sandbox.kingdee.models import Draft, SaveOptions, missing_fields, read_model
from sandbox.kingdee.query import as_json
from sandbox.kingdee.texts import say
from sandbox.kingdee.vouchers import complete_voucher, number_voucher, voucher_troubles

TRANSITIONS: Mapping[str, tuple[str, str]] = {
    # operation -> (states it starts from, state it leads to)
    "Submit": ("AD", "B"),
    "Audit": ("B", "C"),
    "UnAudit": ("C", "D"),
    "Delete": ("ZAD", ""),
}
EDITABLE = "ZAD"
KEPT_BY_THE_SITE = ("FDocumentStatus", "FCreateDate", "FModifyDate", "FApproveDate")
"""Fields a Model may carry but never sets."""
MOST_MODELS = 500


class Documents:
    """The document operations of one site."""

    def __init__(self, books: Books, *, refuse_repeats: bool = False, note_ignored: Callable[[str], None]) -> None:
        self._books = books
        self._refuse_repeats = refuse_repeats
        self._packages: set[str] = set()
        self._note_ignored = note_ignored

    def save(self, form: Form, request: Mapping[str, Any], *, draft: bool = False) -> Outcome:
        """Save or Draft one Model."""
        return self._save_all(form, request, [request.get("Model")], draft=draft)

    def save_batch(self, form: Form, request: Mapping[str, Any]) -> Outcome:
        """Save several Models; each stands or falls alone, matched by DIndex."""
        models = request.get("Model")
        models = _parsed(models)
        if not isinstance(models, list) or len(models) > MOST_MODELS:
            raise Refused(Trouble(say("bad_request", reason="Model")))
        return self._save_all(form, request, models, draft=False)

    def move(self, form: Form, operation: str, request: Mapping[str, Any]) -> Outcome:
        """Submit, Audit, UnAudit or Delete the documents named by Ids or Numbers, each by itself."""
        outcome = Outcome()
        for place, (record, trouble) in enumerate(self._named(form, request)):
            if record is None:
                outcome.troubles.append(Trouble(trouble, None, place))
                continue
            try:
                with self._books.transaction():
                    number = self._move_one(form, operation, record)
            except Refused as refused:
                outcome.troubles += [Trouble(one.message, one.field, place) for one in refused.troubles]
            else:
                outcome.done(record, number, place)
        if not outcome.entities and not outcome.troubles:
            raise Refused(Trouble(say("nothing_named")))
        return outcome

    def _save_all(self, form: Form, request: Mapping[str, Any], models: Sequence[Any], *, draft: bool) -> Outcome:
        options = SaveOptions.read(request)
        outcome = Outcome()
        for place, source in enumerate(models):
            model = _parsed(source)
            try:
                if not isinstance(model, Mapping):
                    raise Refused(Trouble(say("bad_request", reason="Model")))
                with self._books.transaction():
                    record = self._save_one(form, model, options, draft=draft)
                    if options.submit_and_audit and not draft:
                        self._move_one(form, "Submit", record)
                        self._move_one(form, "Audit", record)
            except Refused as refused:
                outcome.troubles += [Trouble(one.message, one.field, place) for one in refused.troubles]
            else:
                outcome.done(record, str(self._books.held(form, record)[form.number] or ""), place)
                outcome.returned.append(self._asked_back(form, record, options.return_fields))
        return outcome

    def _save_one(self, form: Form, model: Mapping[str, Any], options: SaveOptions, *, draft: bool) -> int:
        package = self._package(form, model, options)
        read = read_model(self._books, form, model, options)
        for key in read.ignored:
            self._note_ignored(f"{form.id}.{key}")
        if read.troubles:
            raise Refused(*read.troubles)
        for key in KEPT_BY_THE_SITE:
            read.values.pop(key, None)
        record = self._update(form, read, options, draft) if read.record else self._create(form, read, options, draft)
        if package:
            self._packages.add(package)
        return record

    def _create(self, form: Form, read: Draft, options: SaveOptions, draft: bool) -> int:
        head = dict(read.values)
        lines = [line.values for line in read.lines or []]
        head["FDocumentStatus"] = "Z" if draft else "A"
        record = self._books.next_id()
        self._complete(form, head, lines, record, check=options.validate and not draft)
        now = site_now()
        head |= {key: now for key in ("FCreateDate", "FModifyDate") if form.header_field(key)}
        self._books.insert(form.id, head, record)
        for line in lines:
            self._books.insert(lines_table(form), {"parent": record, **line})
        return record

    def _update(self, form: Form, read: Draft, options: SaveOptions, draft: bool) -> int:
        stored = self._books.head(form, read.record)
        if stored is None:
            raise Refused(Trouble(say("not_found", which=read.record), form.pk))
        old_lines = {row["id"]: dict(row) for row in self._books.lines(form, read.record)}
        changes = {key: value for key, value in read.values.items() if _asked(key, options.only_fields)}
        editable = form.header_field("FDocumentStatus") is None or stored["FDocumentStatus"] in EDITABLE
        if not editable:
            _refuse_locked(form, dict(stored), changes, read, old_lines, options)
        if not changes.get(form.number):
            changes.pop(form.number, None)
        head = {**dict(stored), **changes}
        del head["id"]
        if form.id == "GL_VOUCHER" and head["FDate"] != stored["FDate"]:
            head |= {key: changes.get(key) for key in ("FYEAR", "FPERIOD", "FVOUCHERGROUPNO")}
        head["FDocumentStatus"] = _status_after_save(stored["FDocumentStatus"], draft)
        lines = self._merged_lines(form, read, old_lines, options)
        # A form that is locked takes its one editable field without the checks of a new document.
        self._complete(form, head, lines, read.record, check=options.validate and not draft and editable)
        head["FModifyDate"] = site_now()
        self._books.update(form.id, read.record, head)
        self._write_lines(form, read.record, lines, old_lines)
        return read.record

    def _merged_lines(
        self, form: Form, read: Draft, old_lines: Mapping[int, dict[str, Any]], options: SaveOptions
    ) -> list[dict[str, Any]]:
        """The lines after the save; those kept carry `id`."""
        if read.lines is None:
            return list(old_lines.values())
        if form.id == "GL_VOUCHER":  # a voucher saved with its internal id is replaced, not merged
            return [line.values for line in read.lines]
        given: dict[int, dict[str, Any]] = {}
        new = []
        for line in read.lines:
            if not line.record:
                new.append(line.values)
                continue
            if line.record not in old_lines:
                raise Refused(Trouble(say("entry_not_found", which=line.record), "FEntryID"))
            allowed = {
                key: value for key, value in line.values.items() if _asked(key, options.only_fields) and key != "FSeq"
            }
            given[line.record] = {**old_lines[line.record], **allowed}
        kept = given if options.delete_missing_lines else {**old_lines, **given}
        for place, values in enumerate(new, len(kept) + 1):
            values["FSeq"] = place
        return [*kept.values(), *new]

    def _write_lines(
        self, form: Form, record: int, lines: Sequence[dict[str, Any]], old: Mapping[int, dict[str, Any]]
    ) -> None:
        kept = {line["id"] for line in lines if "id" in line}
        for gone in old.keys() - kept:
            self._books.delete_line(form, gone)
        for line in lines:
            values = {key: value for key, value in line.items() if key not in ("id", "parent")}
            if "id" in line:
                if line != old[line["id"]]:
                    self._books.update(lines_table(form), line["id"], values)
            else:
                self._books.insert(lines_table(form), {"parent": record, **values})

    def _complete(
        self, form: Form, head: dict[str, Any], lines: list[dict[str, Any]], record: int, *, check: bool
    ) -> None:
        """Checks, derived fields and number, on stored values."""
        troubles: list[Trouble] = []
        if check:
            troubles += missing_fields(form.fields, head) if form.document else missing_fields(form.fields[:2], head)
            if form.entry is not None and form.entry.required:
                if not lines:
                    troubles.append(Trouble(say("no_entries", key=form.lines.key), form.lines.key))
                for line in lines:
                    troubles += missing_fields(form.lines.fields, line)
        if form.id == "GL_VOUCHER":
            complete_voucher(self._books, head, lines)
            if check:
                troubles += voucher_troubles(self._books, head, lines)
            if not troubles:
                troubles += number_voucher(self._books, head, record)
        else:
            if check and form.document:
                troubles += _order_troubles(lines)
            if not troubles:
                troubles += self._number(form, head, record)
                _complete_amounts(form, head, lines)
        if troubles:
            raise Refused(*troubles)

    def _number(self, form: Form, head: dict[str, Any], record: int) -> list[Trouble]:
        if form.number == form.pk:
            return []
        number = (head.get(form.number) or "").strip()
        if not number and form.prefix:
            head[form.number] = self._next_number(form)
            return []
        if any(one != record for one in self._books.find_all(form, number)):
            return [Trouble(say("number_taken", value=number), form.number)]
        return []

    def _next_number(self, form: Form) -> str:
        """The next free automatic number; numbers that people gave are passed over."""
        start = 1 + self._books.one(f'SELECT COUNT(*) FROM "{form.id}"')  # noqa: S608
        while True:
            number = f"{form.prefix}{self._books.next_id(form.id, start):06d}"
            if self._books.find(form, number) is None:
                return number

    def _move_one(self, form: Form, operation: str, record: int) -> str:
        starts, leads_to = TRANSITIONS[operation]
        head = self._books.head(form, record)
        if head is None:
            raise Refused(Trouble(say("not_found", which=record)))
        number = str(head[form.number] or "")
        state = head["FDocumentStatus"] or ""
        if state not in starts or not state:
            raise Refused(Trouble(say("wrong_status", which=number, status=state, operation=operation)))
        if form.id == "GL_VOUCHER" and operation == "UnAudit":
            self._refuse_closed_period(head)
        if operation == "Delete":
            self._books.delete(form, record)
            return number
        now = site_now()
        changes: dict[str, Any] = {"FDocumentStatus": leads_to, "FModifyDate": now}
        if form.header_field("FApproveDate"):
            changes["FApproveDate"] = now if operation == "Audit" else None
        self._books.update(form.id, record, changes)
        return number

    def _refuse_closed_period(self, head: Any) -> None:
        year, period = head["FYEAR"], head["FPERIOD"]
        if not self._books.one("SELECT is_open FROM periods WHERE year = ? AND period = ?", (year, period)):
            raise Refused(Trouble(say("period_closed", period=f"{year}-{period:02d}")))

    def _named(self, form: Form, request: Mapping[str, Any]) -> list[tuple[int | None, str]]:
        """Each document asked for as (id, "") or (None, what is wrong)."""
        named: list[tuple[int | None, str]] = []
        ids = request.get("Ids")
        for one in ids if isinstance(ids, list) else [part for part in str(ids or "").split(",") if part.strip()]:
            word = str(one).strip()
            found = (
                word.isascii() and word.isdigit() and len(word) < 19 and self._books.head(form, int(word)) is not None
            )
            named.append((int(word), "") if found else (None, say("not_found", which=word)))
        numbers = request.get("Numbers")
        for one in numbers if isinstance(numbers, list) else []:
            records = self._books.find_all(form, str(one))
            if len(records) == 1:
                named.append((records[0], ""))
            else:
                named.append((None, say("ambiguous_number" if records else "not_found", which=one)))
        return named

    def _asked_back(self, form: Form, record: int, keys: Sequence[str]) -> dict[str, Any]:
        """NeedReturnFields: header keys at the top, line keys in a list under the entry's key."""
        head = self._books.held(form, record)
        result: dict[str, Any] = {}
        line_keys = []
        for key in keys:
            last = key.split(".")[-1]
            declared = form.header_field(last)
            if last.lower() == form.pk.lower():
                result[key] = record
            elif declared is not None and "." not in key:
                result[key] = as_json(head[declared.key], declared.kind)
            elif form.entry is not None and (last.lower() == "fentryid" or form.entry_field(last)):
                line_keys.append(last)
        if line_keys:
            result[form.lines.key] = [_line_back(form, row, line_keys) for row in self._books.lines(form, record)]
        return result

    def _package(self, form: Form, model: Mapping[str, Any], options: SaveOptions) -> str:
        """Best effort at ValidateRepeatJson: an identical Model of the same form is refused while the site runs."""
        if not (self._refuse_repeats and options.refuse_repeat):
            return ""
        text = json.dumps([form.id, model], sort_keys=True, default=str)
        package = hashlib.sha256(text.encode()).hexdigest()
        if package in self._packages:
            raise Refused(Trouble(say("repeat_package")))
        return package


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _asked(key: str, only_fields: frozenset[str]) -> bool:
    return not only_fields or key in only_fields


def _status_after_save(before: str | None, draft: bool) -> str | None:
    return "A" if before == "Z" and not draft else before


def _refuse_locked(
    form: Form,
    stored: Mapping[str, Any],
    changes: Mapping[str, Any],
    read: Draft,
    old_lines: Mapping[int, dict[str, Any]],
    options: SaveOptions,
) -> None:
    """A submitted or audited document takes changes to fields marked editable after audit, and nothing else."""
    changed = [(form.header_field(key), key) for key, value in changes.items() if value != stored[key]]
    given = set()
    for line in read.lines or []:
        if line.record not in old_lines:
            raise Refused(Trouble(say("entries_locked"), form.lines.key))
        given.add(line.record)
        old = old_lines[line.record]
        changed += [
            (form.entry_field(key), key)
            for key, value in line.values.items()
            if _asked(key, options.only_fields) and key != "FSeq" and value != old[key]
        ]
    if read.lines is not None and options.delete_missing_lines and given != set(old_lines):
        raise Refused(Trouble(say("entries_locked"), form.lines.key))
    locked = [key for declared, key in changed if declared is None or not declared.after_audit]
    if locked:
        raise Refused(*(Trouble(say("locked_after_submit", key=key), key) for key in locked))


def _order_troubles(lines: Sequence[Mapping[str, Any]]) -> list[Trouble]:
    return [
        Trouble(say("quantity_positive", line=place), "FQty")
        for place, line in enumerate(lines, 1)
        if (line.get("FQty") or 0) <= 0
    ]


def _complete_amounts(form: Form, head: dict[str, Any], lines: Sequence[dict[str, Any]]) -> None:
    """Amounts of an order line that the site computes when they are not given: tax price × pricing quantity."""
    total = 0
    for line in lines:
        quantity = line.get("FPriceUnitQty") or line.get("FQty") or 0
        if line.get("FTaxPrice") and not line.get("FAllAmount"):
            line["FAllAmount"] = quantity * line["FTaxPrice"] // SCALE
        total += line.get("FAllAmount") or 0
    if form.header_field("FBillAllAmount"):
        head["FBillAllAmount"] = total


def _line_back(form: Form, row: Any, keys: Sequence[str]) -> dict[str, Any]:
    result = {}
    for key in keys:
        if key.lower() == "fentryid":
            result[key] = row["id"]
        elif (declared := form.entry_field(key)) is not None:
            result[key] = as_json(row[declared.key], declared.kind)
    return result
