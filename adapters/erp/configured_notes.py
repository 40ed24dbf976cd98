"""Hedge notes where no vendor publishes one way: a free field of an order line, written by a call that the connection describes.

Nothing here knows a system. The option `hedge_note` names, by kind of record, the call and the free field; the adapter lends two
functions, one that reads every line of a document and one that sends. After a write the document is read again: the note must
be there, and nothing else may differ. What does differ is named to the user; a server that fills in defaults, recalculates
or drops lines is found with the first note and not in the books.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

import msgspec

from hedge_core.errors import ContractViolation, OutcomeUnknown, PlatformError, Rejected, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Stage
from hedge_core.notes import NOTE_LENGTH, hedge_note
from hedge_core.ports.erp import ErpCapabilities
from messages import Message

HEDGE_PLACE: Final = "a free field of the order line (hedge_note), or a file (notes_folder)"
"""What the card of a system names whose notes are configured; without these options there is no place for notes."""

SHAPES: Final = ("documents", "heads", "document", "flat")
"""How a request is built: a list of documents with their lines; the same with the head as a part of its own; one document with
its lines; or document, line and field side by side."""

EMPTY: Final = frozenset({"", "~", "None"})
_SHOWN: Final = 6
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)

ReadLines = Callable[["NoteCall", ExternalRef], Mapping[str, bytes]]
"""Every line of the document that a line belongs to, as received, by the key of its reference. Empty without such a document."""
Send = Callable[[str, dict[str, Any]], object]
"""Path and body of one call that changes something: one attempt, with the errors of a write."""


class Turn:
    """A lock that can be forgotten when nobody holds it any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class NoteFiles(Protocol):
    """Where notes go that have no place in the ERP: a file per hedged record."""

    def find(self, leg: ExternalRef) -> str | None: ...
    def push(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt: ...


@dataclass(frozen=True, slots=True)
class NoteCall:
    """One kind of order: where and how its free field is written. Names with dots reach into nested objects.

    `path` is the call; `field` the free field's name in the request, `read_from` its name in a record as the mapping sees it
    (empty: the same); `document` and `line` name the two ids in the request (`document` empty: not sent), `document_from` and
    `line_from` the record's fields that hold them (empty: from the reference). `holder`, `head` and `lines` name the parts
    of the request, `body`, `head_values` and `line_values` are sent besides; a text that begins with `=` is copied from the
    record, for example the revision that guards against somebody else's change. `find` is the parameter by which a query
    answers one document (empty: the whole list is read). `may_change` are fields that every save changes. `length` is
    how many characters fit into the free field."""

    path: str
    field: str
    shape: str = "documents"
    document: str = "id"
    line: str = "id"
    document_from: str = ""
    line_from: str = ""
    holder: str = "data"
    head: str = ""
    lines: str = ""
    read_from: str = ""
    find: str = ""
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    head_values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    line_values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    may_change: tuple[str, ...] = ()
    length: int = NOTE_LENGTH

    def __post_init__(self) -> None:
        """Each shape has the parts it is made of."""
        if self.shape not in SHAPES:
            raise ValueError(f"shape of hedge_note must be one of {', '.join(SHAPES)}")
        wanted = {
            "documents": ("holder", "lines"),
            "document": ("holder", "lines"),
            "heads": ("holder", "head", "lines"),
        }
        for name in ("path", "field", "line", *wanted.get(self.shape, ())):
            if not getattr(self, name):
                raise ValueError(f"hedge_note must name {name}")
        if self.length < 1:
            raise ValueError("length of hedge_note must be at least 1")

    @property
    def shown_as(self) -> str:
        """The note's field in a record as read."""
        return self.read_from or self.field

    def request(self, leg: ExternalRef, record: Mapping[str, Any], text: str) -> dict[str, Any]:
        """The body of the call. Raises `Rejected`, by ourselves, when the record lacks something that is to be copied."""
        document, _, line = leg.key.partition("/")
        head, entry = self._copied(self.head_values, record), self._copied(self.line_values, record)
        if self.document:
            _put(head, self.document, self._from(record, self.document_from) if self.document_from else document)
        _put(entry, self.line, self._from(record, self.line_from) if self.line_from else line)
        _put(entry, self.field, text)
        body = self._copied(self.body, record)
        if self.shape == "flat":
            return {**body, **head, **entry}
        if self.shape == "heads":
            return {**body, self.holder: [{self.head: head, self.lines: [entry]}]}
        whole = {**head, self.lines: [entry]}
        return {**body, self.holder: whole if self.shape == "document" else [whole]}

    def _copied(self, values: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in values.items():
            copied = isinstance(value, str) and value.startswith("=")
            _put(found, name, self._from(record, value[1:]) if copied else value)
        return found

    def _from(self, record: Mapping[str, Any], name: str) -> Any:
        if name not in record:
            raise refused_here("hedge-note", "hedge_note.field_absent", field=name)
        return record[name]


def note_calls(
    given: Mapping[str, Mapping[str, Any]], published: Mapping[str, Mapping[str, Any]], kinds: Sequence[str]
) -> dict[str, NoteCall]:
    """The configured calls by kind of record; what a vendor publishes is the default of what is not given. ValueError for a
    kind that is none, a setting that is unknown or one that is missing."""
    if unknown := set(given) - set(kinds):
        raise ValueError(f"hedge_note does not know {', '.join(sorted(unknown))}")
    found = {}
    for kind, settings in given.items():
        if stranger := set(settings) - set(NoteCall.__dataclass_fields__):
            raise ValueError(f"hedge_note does not know {', '.join(sorted(stranger))}")
        whole = {"path": "", "field": "", **published.get(kind, {}), **settings}
        listed: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in whole.items()}
        found[kind] = NoteCall(**listed)
    return found


class ConfiguredNotes:
    """The hedge notes of one connection. `fields` reads a raw line as the mapping does; `stamps` are the names there that a save
    changes in this system (time of change, person). `files` takes the notes of kinds without a call."""

    def __init__(
        self,
        calls: Mapping[str, NoteCall],
        read: ReadLines,
        send: Send,
        fields: Callable[[bytes], dict[str, Any]],
        system: str,
        stamps: frozenset[str],
        files: NoteFiles | None = None,
    ) -> None:
        self._calls = calls
        self._read = read
        self._send = send
        self._fields = fields
        self._system = system
        self._stamps = stamps
        self._files = files

    def card(self, card: ErpCapabilities) -> ErpCapabilities:
        """The card of this connection: it writes notes where a call or a folder is configured."""
        named = ", ".join(f"{kind}: {call.shown_as}" for kind, call in self._calls.items())
        places = [f"free field of the order line ({named})"] if named else []
        places += ["a file per hedged record"] if self._files else []
        return replace(card, writes_hedges=True, hedge_place=", else ".join(places)) if places else card

    def find(self, leg: ExternalRef) -> HedgeNote | None:
        """The note now on the line; None without such a line, and where nothing is configured."""
        call = self._calls.get(leg.kind)
        if call is None:
            text = self._files.find(leg) if self._files else None
            return None if text is None else HedgeNote(text)
        found = self._read(call, leg)
        return HedgeNote(self._note(call, found[leg.key])) if leg.key in found else None

    def push(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        """Write the whole current note, then read the document back. The same text on the line already is a success: so a
        write whose answer was lost is settled by the next attempt."""
        call = self._calls.get(leg.kind)
        if call is None and self._files:
            return self._files.push(leg, matches)
        if call is None:
            raise refused_here("no-place", "hedge_note.no_place", kind=leg.kind)
        wanted = hedge_note(matches)
        if len(wanted) > call.length:
            raise refused_here("too-long", "hedge_note.too_long", note=wanted, length=call.length)
        document = leg.key.partition("/")[0]
        with _turns(leg.connection, document):
            before = self._read(call, leg)
            if leg.key not in before:
                raise Rejected("not-found", f"order line {leg.key} does not exist any more", system=self._system)
            if self._note(call, before[leg.key]) != wanted:
                self._write(call, leg, before, wanted)
        return PostingReceipt(key=leg.key, number=leg.key, external_id=document, stage=Stage.SAVED)

    def seen(self, kind: str, record: Mapping[str, Any]) -> tuple[bool, Message] | None:
        """Whether a line that was read has the field of the note, for a check; None where no call is configured."""
        call = self._calls.get(kind)
        if call is None or not record:
            return None
        if call.shown_as not in record:
            return False, Message("hedge_note.not_shown", {"field": call.shown_as, "kind": kind})
        return True, Message("hedge_note.shown", {"field": call.shown_as, "kind": kind})

    def _write(self, call: NoteCall, leg: ExternalRef, before: Mapping[str, bytes], wanted: str) -> None:
        try:
            self._send(call.path, call.request(leg, self._fields(before[leg.key]), wanted))
        except OutcomeUnknown:
            self._look_after(call, leg, before, wanted)
            raise
        except Rejected as refused:
            if self._read(call, leg) != before:
                raise _somebody_was_quicker(refused.vendor_text, self._system) from refused
            raise
        after = self._read(call, leg)
        self._nothing_else(call, leg, before, after, wanted)
        if leg.key not in after or self._note(call, after[leg.key]) != wanted:
            raise ContractViolation("read-back", "the hedge note differs from what was written", system=self._system)

    def _look_after(self, call: NoteCall, leg: ExternalRef, before: Mapping[str, bytes], wanted: str) -> None:
        """After an unknown outcome the state before the write is at hand for the last time: damage is told now or never."""
        try:
            after = self._read(call, leg)
        except PlatformError:
            return
        self._nothing_else(call, leg, before, after, wanted)

    def _nothing_else(
        self, call: NoteCall, leg: ExternalRef, before: Mapping[str, bytes], after: Mapping[str, bytes], wanted: str
    ) -> None:
        changed = list(self._differences(call, leg, before, after, wanted))
        if changed:
            more = f", +{len(changed) - _SHOWN}" if len(changed) > _SHOWN else ""
            details = {"line": leg.key, "fields": ", ".join(changed[:_SHOWN]) + more}
            raise refused_here("changed-elsewhere", "hedge_note.changed_elsewhere", **details)

    def _differences(
        self, call: NoteCall, leg: ExternalRef, before: Mapping[str, bytes], after: Mapping[str, bytes], wanted: str
    ) -> Iterator[str]:
        """Another worker may write the note of another line meanwhile: that field of other lines counts only where it took on
        the very text that was written here."""
        ignored = self._stamps | set(call.may_change)
        for key in sorted({*before, *after}):
            if key not in before or key not in after:
                yield key
                continue
            one, two = (self._compared(bodies[key]) for bodies in (before, after))
            for name in sorted({*one, *two} - ignored):
                if one.get(name) == two.get(name):
                    continue
                if name != call.shown_as or (key != leg.key and str(two.get(name)).strip() == wanted):
                    yield f"{key} {name}"

    def _compared(self, body: bytes) -> dict[str, Any]:
        """The fields that the mapping sees, and the lists that it leaves out."""
        return {**dict(_lists(_decoder.decode(body), "")), **self._fields(body)}

    def _note(self, call: NoteCall, body: bytes) -> str:
        text = str(self._fields(body).get(call.shown_as)).strip()
        return "" if text in EMPTY else text


_waiting: Final[WeakValueDictionary[tuple[str, str], Turn]] = WeakValueDictionary()
_table: Final = threading.Lock()


def _turns(connection: str, document: str) -> Turn:
    """One note of a document at a time within this process: two lines of one order would see each other's change."""
    with _table:
        found = _waiting.get((connection, document))
        if found is None:
            found = _waiting[connection, document] = Turn()
        return found


def refused_here(code: str, text: str, **params: object) -> Rejected:
    """A `Rejected` of our own, in both languages: `code` for machines, the message `text` for people."""
    reason = Message(text, params)
    error = Rejected(code, str(reason), system="HedgeBridge")
    error.message = Message("error.rejected", {"system": "HedgeBridge", "vendor_code": code, "vendor_text": reason})
    return error


def _somebody_was_quicker(said: str, system: str) -> Unavailable:
    """The order moved on between reading and writing: a refusal that is about that passes, with the next attempt."""
    reason = Message("hedge_note.changed_meanwhile", {"said": said})
    error = Unavailable(str(reason), system=system)
    error.message = reason
    return error


def _lists(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield f"{path}[]", value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _lists(part, f"{path}.{name}" if path else name)


def _put(into: dict[str, Any], name: str, value: Any) -> None:
    """Set a value at a dotted name."""
    *parents, last = name.split(".")
    for parent in parents:
        into = into.setdefault(parent, {})
    into[last] = value
