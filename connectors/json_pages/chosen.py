"""Only the fields that somebody reads, out of rows that have many more: the same values as a flat record, at a third of its cost.

The wanted names become types for msgspec, which skips everything else, and a function written for them fills the flat record.
Rows that a typed reader could understand otherwise than `flat_record` does (a name with a dot in it beside a nested one, a
text where an object is expected, damaged text) are left to `flat_record`; so whatever comes out is what it would say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from connectors.json_pages.rows import MAX_DEPTH, UNREADABLE, dated, line_bodies, parts, records_of

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()

_Tree = dict[str, "_Tree | None"]
Fill = Callable[[bytes, dict[str, Any]], bool]
"""Put the wanted fields of an object into a flat record; False when only the long way can tell."""


class ChosenFields:
    """Reads the rows of one list. `fields` are dotted names as in a flat record, `lines` the name of the lines or empty."""

    def __init__(self, fields: Iterable[str], lines: str = "") -> None:
        wanted = dict.fromkeys(fields)
        prefix = f"{lines}." if lines else ""
        inner = [name for name in wanted if prefix and name.startswith(prefix)]
        outer = [name for name in wanted if name not in inner and name != lines]
        self._lines = lines
        self._ending = b',"at":' + msgspec.json.encode(lines) + b"}"
        self._row = _filler(outer, "", [piece for name in inner for piece in _beginnings(name)])
        self._line = _filler([name.removeprefix(prefix) for name in inner], prefix) if prefix else None

    def columns_of(self, rows: Sequence[bytes]) -> tuple[list[bytes], list[dict[str, Any]]]:
        """`records_of` of all rows of a page, one after the other: the raw records and the flat ones."""
        bodies: list[bytes] = []
        flats: list[dict[str, Any]] = []
        usual = self._line is not None and self._row is not None and _plain(b"".join(rows))
        for row in rows:
            if not (usual and self._lines_of(row, bodies, flats)):
                for body, flat in self.records_of(row):
                    bodies.append(body)
                    flats.append(flat)
        return bodies, flats

    def _lines_of(self, row: bytes, bodies: list[bytes], flats: list[dict[str, Any]]) -> bool:
        """The records of a row that is an object with an array of lines and nothing odd in it; False, and nothing added, for
        every other row."""
        try:
            members = _object.decode(row)
            listed = members.pop(self._lines, None)
            if listed is None:
                return False
            elements = _list.decode(listed)
        except (*UNREADABLE, msgspec.ValidationError):
            return False
        head = _encoder.encode(members)
        shared: dict[str, Any] = {}
        if not self._row(head, shared):  # type: ignore[misc]
            return False
        own = [shared.copy() for _ in elements]
        if not all(map(self._line, elements, own)):  # type: ignore[arg-type]
            return False
        flats += own
        before, ending = b'{"row":' + head + b',"line":', self._ending
        bodies += [b"".join((before, line, ending)) for line in elements]
        return True

    def records_of(self, row: bytes) -> list[tuple[bytes, dict[str, Any]]]:
        """As `rows.records_of`; a flat record has at least the wanted fields that are there."""
        if self._row is None or (self._lines and self._line is None) or not _plain(row):
            return records_of(row, self._lines)
        elements, head = parts(row, self._lines)
        flat: dict[str, Any] = {}
        if elements is None:
            if self._lines or not self._row(row, flat):
                return records_of(row, self._lines)
            return [(b'{"row":' + row + b"}", flat)]
        if not self._row(head, flat):
            return records_of(row, self._lines)
        records = []
        for line, body in zip(elements, line_bodies(elements, head, self._lines), strict=True):
            own = flat.copy()
            if not self._line(line, own):  # type: ignore[misc]
                return records_of(row, self._lines)
            records.append((body, own))
        return records


def _plain(row: bytes) -> bool:
    """Whether no text in it can be damaged: what is skipped is not looked at, and `flat_record` refuses a row for it."""
    if b"\\ud" in row or b"\\uD" in row:
        return False
    try:
        row.decode()
    except UnicodeDecodeError:
        return False
    return True


def _filler(names: list[str], prefix: str, refused: Iterable[str] = ()) -> Fill | None:
    """None for names that cannot be typed: one is also the object that holds another, or they are too deep. An object that
    has a member of a `refused` name is left to the long way."""
    tree: _Tree = {}
    for name in names:
        pieces = name.split(".")
        if len(pieces) > MAX_DEPTH or not all(pieces):
            return None
        at: _Tree = tree
        for piece in pieces[:-1]:
            deeper = at.setdefault(piece, {})
            if deeper is None:
                return None
            at = deeper
        if at.setdefault(pieces[-1], None) is not None:
            return None
    code = ["def fill(body, flat):", " try:", "  o = decode(body)", " except UNREADABLE:", "  return False"]
    names_used: dict[str, Any] = {
        "UNREADABLE": (*UNREADABLE, msgspec.ValidationError),
        "UNSET": msgspec.UNSET,
        "dated": dated,
    }
    shape = _shape(tree, prefix, "o", code, names_used, 1, refused)
    code.append(" return True")
    names_used["decode"] = msgspec.json.Decoder(shape, float_hook=Decimal).decode
    exec(compile("\n".join(code), "<chosen fields>", "exec"), names_used)  # noqa: S102 - names go in as constants only
    fill: Fill = names_used["fill"]
    return fill


def _shape(
    tree: _Tree,
    prefix: str,
    holder: str,
    code: list[str],
    used: dict[str, Any],
    depth: int,
    refused: Iterable[str] = (),
) -> Any:
    """The type of an object with these members, and the lines that read it from the variable `holder`."""
    members: list[tuple[str, Any, Any]] = []
    renamed: dict[str, str] = {}
    pad = " " * depth
    literals = {*refused, *(name for piece, inner in tree.items() if inner for name in _joined(piece, inner))}
    for number, literal in enumerate(sorted(literals)):
        extra = f"x{number}"
        members.append((extra, Any, msgspec.UNSET))
        renamed[extra] = literal
        code += [f"{pad}if {holder}.{extra} is not UNSET:", f"{pad} return False"]
    for piece, inner in tree.items():
        own = f"f{len(members)}"
        variable = f"v{len(used)}"
        key = f"k{len(used)}"
        renamed[own] = piece
        used[key] = prefix + piece
        code.append(f"{pad}{variable} = {holder}.{own}")
        if inner is None:
            members.append((own, Any, msgspec.UNSET))
            code += [
                f"{pad}if {variable} is not UNSET:",
                f"{pad} c = {variable}.__class__",
                f"{pad} if c is str:",
                f"{pad}  flat[{key}] = dated({variable}) if {variable}.startswith('/Date(') else {variable}",
                f"{pad} elif c is not dict and c is not list:",
                f"{pad}  flat[{key}] = {variable}",
            ]
            continue
        code.append(f"{pad}if {variable} is None:")
        code.append(f"{pad} flat[{key}] = None")
        code.append(f"{pad}elif {variable} is not UNSET:")
        below = _shape(inner, f"{prefix}{piece}.", variable, code, used, depth + 1)
        members.append((own, below | None, msgspec.UNSET))
    return msgspec.defstruct("Chosen", members, rename=renamed)


def _beginnings(name: str) -> Iterable[str]:
    """A dotted name and what it begins with, each with a dot at least."""
    pieces = name.split(".")
    return (".".join(pieces[:count]) for count in range(2, len(pieces) + 1))


def _joined(piece: str, inner: _Tree) -> Iterable[str]:
    """The names with dots in them that would say the same as members below `piece`, were they written that way."""
    for name, deeper in inner.items():
        yield f"{piece}.{name}"
        if deeper:
            yield from _joined(f"{piece}.{name}", deeper)
