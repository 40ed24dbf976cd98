"""A folder on a share that others administer, at best write-once: one file per checkpoint, never overwritten."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hedge_core.errors import IdempotencyConflict, Unavailable

_SYSTEM = "anchor folder"


@dataclass(frozen=True, slots=True)
class FolderAnchor:
    """Fits the port `Anchor`."""

    folder: Path

    @property
    def place(self) -> str:
        return str(self.folder)

    def keep(self, name: str, note: str) -> str:
        """The file's path. Unavailable when the folder cannot be written."""
        path = self.folder / name
        body = note.encode()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        except FileExistsError:
            return self._compared(path, body)
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}", system=_SYSTEM) from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}", system=_SYSTEM) from None
        return str(path)

    def _compared(self, path: Path, body: bytes) -> str:
        try:
            there = path.read_bytes()
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}", system=_SYSTEM) from None
        if there != body:
            raise IdempotencyConflict(str(path), system=_SYSTEM)
        return str(path)
