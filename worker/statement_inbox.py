"""One look into a book's watched folders: what a schedule, `hedgebridge inbox run` and `hedgebridge statement watch` call.

A folder is the book's setting `statement_folder` or the option of that name of a connection. What was seen at the look before
is kept beside the files, so that looks of different processes add up: a file is taken when two looks found it unchanged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adapters.broker.inbox import TAKING, Stamp, Taken, look_into
from adapters.broker.statement_files import read_any_statement
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import Actor, BookId
from hedge_core.use_cases.statements import NEEDS_ACCEPTANCE, NEEDS_REOPENING, ImportedStatement, import_statements
from messages import Message
from worker.bootstrap import WORKER, App

SETTING: Final = "statement_folder"
_SEEN: Final = ".seen.json"


def statement_folders(app: App, book: BookId) -> list[Path]:
    """The folders that a book watches: its own, then those of its connections; each once."""
    with app.store.read(book) as uow:
        named = [uow.book.settings.get(SETTING, "")]
        named += [str(connection.options.get(SETTING) or "") for connection in uow.connections()]
    return list(dict.fromkeys(Path(name) for name in named if name))


def look_once(
    app: App, book: BookId, actor: Actor = WORKER, folders: Sequence[Path] = ()
) -> tuple[list[Taken], list[str]]:
    """Look into every folder (`folders`, else those of the book) once: what became of each file, and the names of those that
    still wait. InvalidInput for a folder that cannot be used."""
    taken: list[Taken] = []
    waiting: list[str] = []
    calendar = app.calendar(book)

    def take(name: str, body: bytes) -> Message | None:
        done = import_statements(
            app.store, book, name, body, read_any_statement, app.products, actor, app.clock, calendar=calendar
        )
        return next((_decision(one) for one in done if one.state in (NEEDS_ACCEPTANCE, NEEDS_REOPENING)), None)

    for folder in folders or statement_folders(app, book):
        try:
            look = look_into(folder, _remembered(folder), take)
            _remember(folder, dict(look.seen))
        except OSError as error:
            reason = Message("inbox.folder_unusable", {"reason": error.strerror or str(error)})
            raise InvalidInput(str(folder), 0, "", reason) from None
        taken += look.taken
        waiting += look.seen
    return taken, waiting


def _decision(result: ImportedStatement) -> Message:
    """Why a person has to look at a statement, for the sentence beside the file."""
    told = result.warnings[0].message if result.warnings else Message("inbox.settled_day")
    return Message("inbox.needs_person", {"account": result.account, "day": result.trading_day, "finding": told})


def _remembered(folder: Path) -> dict[str, Stamp]:
    """What the look before saw; nothing if that cannot be read: then a file waits for one look more."""
    try:
        seen = json.loads((folder / TAKING / _SEEN).read_text(encoding="utf-8"))
        return {str(name): (int(size), int(time)) for name, (size, time) in seen.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _remember(folder: Path, seen: dict[str, Stamp]) -> None:
    file = folder / TAKING / _SEEN
    draft = file.with_name(f"{_SEEN}.part")
    draft.write_text(json.dumps(seen), encoding="utf-8")
    os.replace(draft, file)
