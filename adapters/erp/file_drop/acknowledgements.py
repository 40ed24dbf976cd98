"""What the ERP answered: files in `ack/`, one row per voucher, with its number and stage or the reason of a refusal.

Files are read in the order of their names, rows from top to bottom; the last word about a reference counts, with one
exception: a document that was taken once is not undone by a later refusal (an import that runs twice refuses its own repeat).
A row that cannot be understood concerns its own reference only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from adapters.erp.file_drop.read import column_names
from adapters.erp.file_drop.vendor import ACK_COLUMNS, REFUSED_WORDS, STAGE_WORDS
from connectors.drop_folder import Area, DropFolder, Dropped
from connectors.tabular import Cell, read_table
from hedge_core.errors import InvalidInput, PlatformError
from hedge_core.model.vouchers import Stage
from messages import Message

KEY: Final = re.compile(r"HB[0-9A-HJKMNP-TV-Z]{14}")
_DAY: Final = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?(?:[ T].*)?")
_AMOUNT: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Taken:
    """The ERP has the document: its number there (empty when it was not told), stage, and date and sum where told."""

    number: str
    stage: Stage
    posting_date: date | None = None
    total: Decimal | None = None


@dataclass(slots=True)
class Answers:
    """Everything said about one reference: documents by number, the last refusal, the last row that made no sense."""

    taken: dict[str, Taken] = field(default_factory=dict)
    refused: str | None = None
    unclear: InvalidInput | None = None


class Acknowledgements:
    """Reads the acknowledgements of one folder; a file that did not change is read once."""

    def __init__(self, folder: DropFolder) -> None:
        self._folder = folder
        self._read: dict[Dropped, list[tuple[str, Taken | str | InvalidInput]]] = {}

    def answers(self) -> Mapping[str, Answers]:
        """What was said, by reference. A file that waits or is no acknowledgement is left out; `problems` names it."""
        found: dict[str, Answers] = {}
        files = [file for file in self._folder.files(Area.ACK) if file.wait is None]
        self._read = {file: rows for file, rows in self._read.items() if file in files}
        for file in files:
            for key, said in self._rows(file):
                _add(found.setdefault(key, Answers()), said)
        return found

    def problems(self) -> list[InvalidInput]:
        """Files and rows that could not be understood."""
        self.answers()
        return [said for rows in self._read.values() for _, said in rows if isinstance(said, InvalidInput)]

    def _rows(self, file: Dropped) -> list[tuple[str, Taken | str | InvalidInput]]:
        if file not in self._read:
            try:
                self._read[file] = self._parsed(file)
            except InvalidInput as error:
                self._read[file] = [("", error)]
        return self._read[file]

    def _parsed(self, file: Dropped) -> list[tuple[str, Taken | str | InvalidInput]]:
        grid = read_table(file.name, self._folder.read(file), keep_wide_rows=True)
        names = [name.casefold() for name in column_names(file.name, grid)]
        places = {
            what: next((names.index(name) for name in known if name in names), None)
            for what, known in ACK_COLUMNS.items()
        }
        for needed in ("reference", "status"):
            if places[needed] is None:
                reason = Message("tabular.column_missing", {"columns": ", ".join(ACK_COLUMNS[needed])})
                raise InvalidInput(file.name, grid.header_line, needed, reason)
        parsed: list[tuple[str, Taken | str | InvalidInput]] = []
        for row in grid.rows:
            cells = {what: None if place is None else row.cells[place] for what, place in places.items()}
            key = str(cells["reference"] or "").strip().upper()
            if KEY.fullmatch(key):
                try:
                    parsed.append((key, _said(cells)))
                except ValueError as error:
                    reason = Message("tabular.bad_value", {"text": str(error)[:60]})
                    parsed.append((key, InvalidInput(file.name, row.line, key, reason)))
        return parsed


def conflicting(answers: Answers) -> bool:
    """Whether the ERP has more than one document under the reference."""
    return len(answers.taken) > 1


def unclear_error(answers: Answers) -> PlatformError | None:
    """The row that made no sense, where nothing clear was said."""
    return None if answers.taken or answers.refused is not None else answers.unclear


def _add(answers: Answers, said: Taken | str | InvalidInput) -> None:
    if isinstance(said, Taken):
        answers.taken.pop("", None)
        if said.number or not answers.taken:
            answers.taken[said.number] = said
    elif isinstance(said, InvalidInput):
        answers.unclear = said
    else:
        answers.refused = said


def _said(cells: Mapping[str, Cell]) -> Taken | str:
    """A row's meaning; ValueError with the cell that has none."""
    word = str(cells["status"] or "").strip().casefold()
    if word in REFUSED_WORDS:
        return str(cells["text"] or word)
    if word not in STAGE_WORDS:
        raise ValueError(word or "-")
    number = cells["number"]
    text = format(number, "f") if isinstance(number, Decimal) else str(number or "")
    return Taken(text.strip(), STAGE_WORDS[word], _day(cells["posting_date"]), _amount(cells["total"]))


def _day(cell: Cell) -> date | None:
    if cell is None or isinstance(cell, date):
        return cell
    match = _DAY.fullmatch(str(cell).strip())
    if match is None:
        raise ValueError(str(cell))
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise ValueError(str(cell)) from None


def _amount(cell: Cell) -> Decimal | None:
    if cell is None or isinstance(cell, Decimal):
        return cell
    text = str(cell).strip()
    if not _AMOUNT.fullmatch(text):
        raise ValueError(text)
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise ValueError(text) from None
