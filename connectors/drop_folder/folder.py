"""`DropFolder`: one folder with four fixed sub-folders, and every way in which a disk or share can fail sorted by what to do.

    in/    the other side puts its lists here                 read
    ack/   the other side answers here                        read
    out/   our files for the other side, which may take them  written
    sent/  what we have published; nobody else touches it     read and written

A file goes out in two steps: it is written whole and forced to disk below `sent/.staging`, then renamed into `out/`. A rename is
one act on one file system: somebody who looks sees the whole file or none, and a file that is still staged was never published.

    the folder or a sub-folder is missing, a read or a preparation fails  -> Unavailable: nothing was published
    no right to read or write                                             -> AuthFailed
    the rename fails                                                      -> OutcomeUnknown: on a share it may have happened

The sub-folders are never made here: an empty mount point must not look like a folder to which nothing was ever sent.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from hedge_core.errors import AuthFailed, InvalidInput, OutcomeUnknown, Unavailable
from messages import Message

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one file after which it is refused unread."""

_STAGING: Final = ".staging"
_UNFINISHED: Final = (".part", ".partial", ".crdownload", ".tmp", ".download", ".filepart", ".writing")
_LOCKS: Final = ("~$", ".~", ".~lock.")
"""What office programs lay beside a workbook while it is open: `~$name`, and `.~lock.name#`."""

_OUR_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Area(StrEnum):
    """The sub-folders."""

    IN = "in"
    ACK = "ack"
    OUT = "out"
    SENT = "sent"


AREAS: Final = tuple(Area)


class Wait(StrEnum):
    """Why a file is not read yet."""

    OPEN_ELSEWHERE = "open_elsewhere"
    STILL_YOUNG = "still_young"
    NO_MARKER = "no_marker"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that the other side has put down: size in bytes, modification time in nanoseconds, and what it waits for."""

    area: Area
    name: str
    size: int
    modified: int
    wait: Wait | None = None


class DropFolder:
    """One folder. `now` answers Unix seconds.

    A file counts when nobody has touched it for `rest_seconds`, no office program has it open, and, where a `marker` such as
    `.ok` is agreed, a file of the same name with that ending lies beside it."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float],
        rest_seconds: float = 10,
        marker: str = "",
        system: str = "ERP files",
    ) -> None:
        """ValueError when `path` is not absolute."""
        if not path.is_absolute():
            raise ValueError(f"a drop folder has an absolute path, not {path}")
        self._path = path
        self._now = now
        self._rest_seconds = rest_seconds
        self._marker = marker.casefold()
        self.system = system

    # --- what the other side has put down ---

    def files(self, area: Area) -> list[Dropped]:
        """The files of `in` or `ack` in the order of their names, numbers in them by value (`list_9` before `list_10`).
        Links, folders, hidden files, markers and unfinished downloads do not count."""
        folder = self._area(area)
        with self._reaching(area):
            entries = {
                entry.name: entry.stat(follow_symlinks=False)
                for entry in os.scandir(folder)
                if not entry.is_symlink() and entry.is_file(follow_symlinks=False)
            }
        names = {name.casefold() for name in entries}
        return [
            Dropped(area, name, status.st_size, status.st_mtime_ns, self._wait(name, names, status.st_mtime))
            for name, status in sorted(entries.items(), key=lambda entry: _natural(entry[0]))
            if self._counts(name)
        ]

    def read(self, file: Dropped) -> bytes:
        """The whole file, unchanged since it was listed; Unavailable when somebody writes into it meanwhile."""
        if file.size > MAX_BYTES:
            message = Message("tabular.too_large", {"size": file.size, "limit": MAX_BYTES})
            raise InvalidInput(file.name, 0, "file", message)
        with self._reaching(file.name):
            handle = os.open(self._area(file.area) / file.name, os.O_RDONLY | _NO_FOLLOW)
            with os.fdopen(handle, "rb") as opened:
                body = opened.read(MAX_BYTES + 1)
                status = os.fstat(opened.fileno())
        if (len(body), status.st_size, status.st_mtime_ns) != (file.size, file.size, file.modified):
            raise Unavailable(f"{file.name} is being written", system=self.system)
        return body

    # --- what we put down ---

    def stage(self, name: str, body: bytes) -> None:
        """Write a file whole, and on the disk, where nobody looks for it yet."""
        _ours(name)
        with self._reaching(name):
            self._staging().mkdir(exist_ok=True)
            self._write(self._staging() / name, body)

    def is_staged(self, name: str) -> bool:
        """Whether a staged file was never published."""
        _ours(name)
        with self._reaching(name):
            return (self._staging() / name).is_file()

    def publish(self, staged: str, name: str) -> None:
        """Rename a staged file into `out/`, replacing one of that name. OutcomeUnknown when the rename fails."""
        source, target = self._staging() / _ours(staged), self._named(Area.OUT, name)
        try:
            os.replace(source, target)
        except OSError as error:
            raise OutcomeUnknown(f"{name} could not be put down: {_why(error)}", system=self.system) from error
        _sync(target.parent)
        _sync(source.parent)

    def keep_new(self, name: str, body: bytes) -> bool:
        """Keep a note of our own in `sent/`, whole or not at all; False when there is one of that name already."""
        path = self._named(Area.SENT, name)
        with self._reaching(name):
            draft = path.with_name(f".{path.name}.new")
            self._write(draft, body)
            try:
                os.link(draft, path)
            except FileExistsError:
                return False
            except OSError:  # a file system without second names
                return self._keep_exclusively(path, body)
            finally:
                draft.unlink(missing_ok=True)
            _sync(path.parent)
        return True

    def keep(self, name: str, body: bytes) -> None:
        """Keep a note of our own in `sent/`, replacing the one of that name."""
        with self._reaching(name):
            self._write(self._named(Area.SENT, name), body)

    def kept(self, name: str) -> bytes | None:
        """A note of our own, or None."""
        path = self._named(Area.SENT, name)
        with self._reaching(name):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def try_out(self) -> None:
        """Prove that files can be written, forced to disk and renamed into `out/`: a trial file that nobody keeps."""
        trial = "hedgebridge-trial.txt"
        self.stage(trial, b"")
        with self._reaching("out"):
            target = self._area(Area.OUT) / f".{trial}"
            os.replace(self._staging() / trial, target)
            target.unlink(missing_ok=True)

    # --- how it is done ---

    def _area(self, area: Area) -> Path:
        """A sub-folder; Unavailable when it is missing or a link to elsewhere."""
        path = self._path / area
        with self._reaching(area):
            mode = path.lstat().st_mode
        if not stat.S_ISDIR(mode):
            raise Unavailable(f"{area}/ is not a folder of its own", system=self.system)
        return path

    def _named(self, area: Area, name: str) -> Path:
        _ours(name)
        return self._area(area) / name

    def _staging(self) -> Path:
        return self._area(Area.SENT) / _STAGING

    def _counts(self, name: str) -> bool:
        low = name.casefold()
        marks = bool(self._marker) and low.endswith(self._marker)
        return not (name.startswith((".", *_LOCKS)) or low.endswith(_UNFINISHED) or marks)

    def _wait(self, name: str, names: set[str], modified: float) -> Wait | None:
        low = name.casefold()
        stem = low.partition(".")[0]
        locks = {f"~${low}", f"~${low[2:]}", f".~{low}", f".~lock.{low}#"}
        if locks & names:
            return Wait.OPEN_ELSEWHERE
        if self._marker and not {low + self._marker, stem + self._marker} & names:
            return Wait.NO_MARKER
        if self._now() - modified < self._rest_seconds:
            return Wait.STILL_YOUNG
        return None

    def _write(self, path: Path, body: bytes) -> None:
        draft = path.with_name(f".{path.name}.writing")
        with draft.open("wb") as opened:
            opened.write(body)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(draft, path)
        _sync(path.parent)

    def _keep_exclusively(self, path: Path, body: bytes) -> bool:
        try:
            opened = path.open("xb")
        except FileExistsError:
            return False
        with opened:
            opened.write(body)
            opened.flush()
            os.fsync(opened.fileno())
        _sync(path.parent)
        return True

    @contextmanager
    def _reaching(self, what: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise AuthFailed(f"no right to use {what}: {_why(error)}", system=self.system) from error
        except OSError as error:
            raise Unavailable(f"{what} cannot be used: {_why(error)}", system=self.system) from error


def _ours(name: str) -> str:
    """A name we may give to a file: it can never lead out of its folder. ValueError otherwise."""
    if not _OUR_NAME.fullmatch(name):
        raise ValueError(f"not a file name of ours: {name!r}")
    return name


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"([0-9]+)", name.casefold().rpartition(".")[0] or name.casefold())
    return [(0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in parts if part]


def _sync(folder: Path) -> None:
    """Force a folder's entries to disk where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
