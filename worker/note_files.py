"""Hedge notes as files, for a connection whose ERP has no place for them: the option `notes_folder`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adapters.erp.file_drop.vendor import FileDropOptions
from adapters.erp.file_drop.write import HedgeWriter
from connectors.drop_folder import DropFolder

if TYPE_CHECKING:
    from worker.systems import Wiring


def note_files(wiring: Wiring) -> HedgeWriter | None:
    """The writer of the files; None where no folder is named. ValueError when it is not an absolute path."""
    folder, clock = str(wiring.option("notes_folder", "")), wiring.clock
    if not folder:
        return None
    return HedgeWriter(DropFolder(Path(folder), now=lambda: clock.now().timestamp()), FileDropOptions())
