"""The watched folder: a statement dropped there is imported once and ends in `done/` or, with the sentence, in `refused/`.

A look at the folder is a function: what was seen last time goes in, what happened and what is seen now come out; there is no
thread and no clock here. A file counts when its size and time have not changed since the look before. It is first moved to
`.taking/`, so that nobody replaces it under our hands, then imported whole, then moved on; after a crash the next look finds
it there and imports it again, which changes nothing (the same file twice is one import). One worker looks at a folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hedge_core.errors import InvalidInput, PlatformError, RuleBroken
from messages import Message
from messages.catalog import say

DONE: Final = "done"
REFUSED: Final = "refused"
TAKING: Final = ".taking"
REASON_SUFFIX: Final = ".reason.txt"
MAX_BYTES: Final = 64 * 1024 * 1024

_UNFINISHED: Final = (".part", ".partial", ".crdownload", ".tmp", ".download", ".filepart")
_OWN_LOCKS: Final = ("~$", ".~")
"""What Excel and its kin lay beside an open workbook."""

Stamp = tuple[int, int]
"""Size in bytes and modification time in nanoseconds."""

ImportFile = Callable[[str, bytes], Message | None]
"""(file name, bytes) -> None when everything was imported, or why a person must decide (then nothing was stored). It may raise
`InvalidInput` and `RuleBroken`: refused; any other `PlatformError`: the file stays and is tried again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file: `state` is done, refused or left (tried again at the next look). `error` is a bug met on the
    way, for the log; its file is refused, so that it does not hold up the others."""

    name: str
    state: str
    message: Message | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The result of one look: files dealt with, and what is still there with its stamp, for the next look."""

    taken: tuple[Taken, ...]
    seen: Mapping[str, Stamp]


def look_into(folder: Path, seen: Mapping[str, Stamp], import_file: ImportFile) -> Look:
    """Import every file that has come to rest, in the order of their names. Directories, links, hidden and unfinished
    files are left alone. OSError if the folder itself cannot be used."""
    for name in (DONE, REFUSED, TAKING):
        (folder / name).mkdir(parents=True, exist_ok=True)
    taken = [_take(folder, folder / TAKING / name, import_file) for name in sorted(_files(folder / TAKING))]
    now: dict[str, Stamp] = {}
    for name, stamp in sorted(_files(folder).items()):
        if seen.get(name) != stamp:
            now[name] = stamp
            continue
        claimed = folder / TAKING / name
        if claimed.exists():  # an earlier file of this name still waits: it must not be overwritten
            now[name] = stamp
            continue
        try:
            os.replace(folder / name, claimed)
        except OSError:  # gone, or held open by a program that forbids moving it
            now[name] = stamp
            continue
        taken.append(_take(folder, claimed, import_file))
    return Look(tuple(taken), now)


def _files(folder: Path) -> dict[str, Stamp]:
    found: dict[str, Stamp] = {}
    for entry in os.scandir(folder):
        name = entry.name
        ours = name.startswith((".", *_OWN_LOCKS)) or name.casefold().endswith((REASON_SUFFIX, *_UNFINISHED))
        if ours or entry.is_symlink() or not entry.is_file():
            continue
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat()
            found[name] = (status.st_size, status.st_mtime_ns)
    return found


def _take(folder: Path, claimed: Path, import_file: ImportFile) -> Taken:
    """Import one claimed file and move it to where it belongs."""
    name = claimed.name
    try:
        before = claimed.stat()
        if before.st_size > MAX_BYTES:
            message = Message("statement.too_large", {"size": before.st_size, "limit": MAX_BYTES})
            return _put(folder, claimed, REFUSED, Taken(name, "refused", message))
        body = claimed.read_bytes()
        after = claimed.stat()
    except OSError:
        return Taken(name, "left")
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(body) != after.st_size:
        return Taken(name, "left")  # somebody still writes into it: the next look takes it up from here
    try:
        reason = import_file(name, body)
    except (InvalidInput, RuleBroken) as error:
        return _put(folder, claimed, REFUSED, Taken(name, "refused", error.message))
    except PlatformError as error:
        return Taken(name, "left", error.message)
    except Exception as error:  # noqa: BLE001  a bug met on one file must not keep all later files from being read
        message = Message("inbox.bug", {"kind": type(error).__name__})
        return _put(folder, claimed, REFUSED, Taken(name, "refused", message, error))
    if reason is not None:
        return _put(folder, claimed, REFUSED, Taken(name, "refused", reason))
    return _put(folder, claimed, DONE, Taken(name, "done"))


def _put(folder: Path, claimed: Path, where: str, taken: Taken) -> Taken:
    """Move the file, its sentence first: a refused file is never without one. A name already there gets a number."""
    target = next(path for path in _names(folder / where, claimed.name) if not path.exists())
    if taken.message is not None:
        sentence = target.with_name(target.name + REASON_SUFFIX)
        draft = sentence.with_name(f".{sentence.name}")
        draft.write_text(f"{say(taken.message, 'zh')}\n{say(taken.message, 'en')}\n", encoding="utf-8")
        os.replace(draft, sentence)
    try:
        os.replace(claimed, target)
    except OSError:
        return Taken(taken.name, "left", taken.message, taken.error)
    return taken


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(2, 1_000_000):
        yield folder / f"{stem} ({number}){suffix}"
