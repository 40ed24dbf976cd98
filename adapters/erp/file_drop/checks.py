"""What `connection test` and `doctor` look at: the sub-folders, the right to write, each list's file and columns, the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.erp.file_drop.acknowledgements import Acknowledgements
from adapters.erp.file_drop.read import ListReader
from adapters.erp.file_drop.vendor import FileDropOptions
from adapters.erp.records import Mapper
from connectors.drop_folder import AREAS, Area, DropFolder
from hedge_core.errors import AuthFailed, PlatformError
from hedge_core.ports.erp import Health, HealthStep
from messages import Message

NEEDED: Final = ("sale_line", "purchase_line", "stock")


class FolderCheck:
    """The health check of one connection."""

    def __init__(
        self,
        folder: DropFolder,
        lists: ListReader,
        acknowledgements: Acknowledgements,
        options: FileDropOptions,
        mappers: Mapping[str, Mapper[Any]],
    ) -> None:
        self._folder = folder
        self._lists = lists
        self._acknowledgements = acknowledgements
        self._options = options
        self._mappers = mappers

    def run(self) -> Health:
        """Stops at the first step without which the others mean nothing."""
        try:
            self._folder.files(Area.IN)
            self._folder.files(Area.ACK)
            self._folder.try_out()
        except AuthFailed as error:
            return Health((HealthStep("login", False, error.message),))
        except PlatformError as error:
            names = ", ".join(f"{area}/" for area in AREAS)
            finding = Message("file_drop.unreachable", {"reason": error.message, "folders": names})
            return Health((HealthStep("reach", False, finding),))
        steps = [HealthStep("reach", True, Message("file_drop.reached"))]
        steps += [self._list(kind) for kind in self._mappers]
        if self._options.acknowledged:
            steps.append(self._answers())
        return Health(tuple(steps))

    def _list(self, kind: str) -> HealthStep:
        name = f"list:{kind}"
        try:
            files = self._lists.files(kind)
            if not files:
                starts = " / ".join(self._options.names_of(kind))
                return HealthStep(name, kind not in NEEDED, Message("file_drop.no_file", {"names": starts}))
            file = files[-1]
            if file.wait is not None:
                finding = Message(
                    "file_drop.waits", {"file": file.name, "why": Message(f"file_drop.{file.wait.value}")}
                )
                return HealthStep(name, False, finding)
            names, grid = self._lists.table(file)
        except PlatformError as error:
            return HealthStep(name, False, error.message)
        wanted = {*self._mappers[kind].spec.fields, *self._options.keys_of(kind)}
        missing = sorted(wanted - set(names))
        if missing:
            shown = {"file": file.name, "columns": ", ".join(missing)}
            return HealthStep(name, False, Message("file_drop.columns_missing", shown))
        return HealthStep(name, True, Message("file_drop.list_ok", {"file": file.name, "rows": len(grid.rows)}))

    def _answers(self) -> HealthStep:
        try:
            problems = self._acknowledgements.problems()
            waiting = [file for file in self._folder.files(Area.ACK) if file.wait is not None]
        except PlatformError as error:
            return HealthStep("acknowledgements", False, error.message)
        if problems:
            shown = {"count": len(problems), "first": problems[0].message}
            return HealthStep("acknowledgements", False, Message("file_drop.ack_problems", shown))
        return HealthStep("acknowledgements", True, Message("file_drop.acks_ok", {"waiting": len(waiting)}))
