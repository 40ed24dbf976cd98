"""How a book's stored records are read by the mappings of any time and by proposed ones, and runs that propose some."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

from hedge_core.model.identity import Actor, BookId
from hedge_core.model.records import Mapped, Quarantined, RawRecord
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.storage import Connection
from hedge_core.use_cases.history_inputs import Progress, quiet
from hedge_core.use_cases.past_records import Kind, NewMapping, RecordChange
from hedge_core.use_cases.recalculate import Proposed, accept
from hedge_core.use_cases.remap import MAPPING, in_force, propose_mappings, proposed_mappings, record_changes
from mapping import SpecFormat, load_spec
from worker.bootstrap import DEFAULT_ZONE, App, compile_body
from worker.brokers import is_broker
from worker.systems import system

COUNTED: Final = ("contract_line", "inventory_lot")
"""The targets whose records are part of a settled day."""


class BookReader:
    """`hedge_core.use_cases.past_records.Reader` of one book. All mappings there ever were are read when it is made, in a
    transaction of its own; an adapter is built for each of them that is asked for, and reads nothing but raw records."""

    def __init__(self, app: App, book: BookId, new: Mapping[Kind, bytes] | None = None) -> None:
        self._app = app
        self._connections: dict[str, Connection] = {}
        self._live: dict[str, dict[str, bytes]] = {}
        self._ever: dict[Kind, dict[str, bytes]] = {}
        with app.store.read(book) as uow:
            for connection in uow.connections():
                if is_broker(connection.system):
                    continue
                self._connections[connection.name] = connection
                packaged = system(connection.system)
                newest = dict(uow.document_versions(MAPPING, f"{connection.name}/"))
                for kind in packaged.spec_names:
                    name = f"{connection.name}/{kind}"
                    bodies = [packaged.default_spec(kind)]
                    for version in range(1, newest.get(name, 0) + 1):
                        body = uow.document(MAPPING, name, version)
                        bodies += [] if body is None else [body]
                    self._live.setdefault(connection.name, {})[kind] = bodies[-1]
                    self._ever[connection.name, kind] = {_identity(body, name): body for body in bodies}
        for one, body in (new or {}).items():
            self._ever.setdefault(one, {})[_identity(body, "/".join(one))] = body
        self._adapters: dict[tuple[Kind, str], ErpAdapter] = {}

    def kinds(self) -> Sequence[Kind]:
        return [
            (connection, kind)
            for connection, bodies in self._live.items()
            for kind, body in bodies.items()
            if load_spec(body, SpecFormat.YAML, kind).kind in COUNTED
        ]

    def live(self, kind: Kind) -> str:
        return _identity(self._live[kind[0]][kind[1]], "/".join(kind))

    def read(self, kind: Kind, spec: str) -> Callable[[RawRecord], Mapped[Any] | Quarantined]:
        return self._adapter(kind, spec).remap

    def new_fields(self, kind: Kind, body: bytes) -> list[str]:
        """Source fields that this mapping reads and the live one does not."""
        name = "/".join(kind)
        live = compile_body(self._live[kind[0]][kind[1]], name, DEFAULT_ZONE)
        return sorted(set(compile_body(body, name, DEFAULT_ZONE).fields) - set(live.fields))

    def fields(self, kind: Kind, raw: RawRecord) -> Collection[str]:
        """The names of the source fields a record came with."""
        return self._adapter(kind, self.live(kind)).raw_fields(raw).keys()

    def _adapter(self, kind: Kind, spec: str) -> ErpAdapter:
        known = (kind, spec if spec in self._ever[kind] else self.live(kind))
        if known not in self._adapters:
            connection, name = kind
            bodies = {**self._live[connection], name: self._ever[kind][known[1]]}
            self._adapters[known] = self._app.reading(self._connections[connection], bodies)
        return self._adapters[known]


def propose_with(
    app: App, book: BookId, from_day: date, bodies: Mapping[Kind, bytes], actor: Actor, progress: Progress = quiet
) -> tuple[Proposed, list[RecordChange]]:
    """A run from a day on with these mappings (as YAML) in place of the live ones."""
    reader = BookReader(app, book, bodies)
    new = [
        NewMapping(kind, _identity(body, "/".join(kind)), body, reader.live(kind))
        for kind, body in sorted(bodies.items())
    ]
    return propose_mappings(app.store, book, from_day, reader, new, app.products, actor, app.clock, progress)


def never_received(app: App, book: BookId, bodies: Mapping[Kind, bytes]) -> dict[str, tuple[int, int]]:
    """Source fields that a proposed mapping reads and the live one does not, with how many of the kept versions of records
    came without them, and of how many: where an ERP is asked for fields by name, earlier records lack new ones, and an absent
    field reads as empty."""
    reader = BookReader(app, book, bodies)
    found: dict[str, tuple[int, int]] = {}
    for kind, body in sorted(bodies.items()):
        fields = reader.new_fields(kind, body)
        if not fields:
            continue
        with app.store.read(book) as uow:
            versions = uow.record_versions.versions(*kind)
        names = [reader.fields(kind, version.raw) for version in versions]
        for field in fields:
            lacking = sum(field not in known for known in names)
            if lacking:
                found[f"{'/'.join(kind)} {field}"] = lacking, len(names)
    return found


def changes_of(app: App, book: BookId, run: int) -> list[RecordChange]:
    """What the mappings of a stored run make of its records."""
    reader = _reader_of(app, book, run)
    with app.store.read(book) as uow:
        return record_changes(uow, run, reader)


def accept_run(app: App, book: BookId, run: int, reason: str, actor: Actor) -> tuple[date, ...]:
    """Accept a run, with the mappings it proposes if it does; answers the days that must be settled again."""
    mappings = in_force(_reader_of(app, book, run), app.clock)
    return accept(app.store, book, run, reason, app.products, actor, mappings=mappings)


def _reader_of(app: App, book: BookId, run: int) -> BookReader:
    with app.store.read(book) as uow:
        proposed = proposed_mappings(uow, run)
    return BookReader(app, book, {kind: one.body for kind, (one, _) in proposed.items()})


def _identity(body: bytes, name: str) -> str:
    return load_spec(body, SpecFormat.YAML, name).identity
