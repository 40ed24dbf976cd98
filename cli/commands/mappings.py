"""What data stewards edit: mapping specs, the account map, designations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from adapters.documents import read_account_map, read_designation
from cli.commands.brokers import content
from cli.screen import plain
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, FilesArgument, JsonOption, Session, help_text
from hedge_core.accounting.rule_sets import BookSettings
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import ExternalRef
from hedge_core.use_cases.designations import record_designation
from mapping import (
    SCHEMAS,
    CompiledSpec,
    MappingSpec,
    PreviewRow,
    Severity,
    SpecFormat,
    TargetSchema,
    check_spec,
    compile_spec,
    dump_spec,
    load_spec,
    preview,
)
from messages import Message
from worker.bootstrap import DEFAULT_ZONE, SPEC_DOCUMENT
from worker.systems import system

mapping_app = typer.Typer(no_args_is_help=True, help=help_text("mapping"))
accounts_app = typer.Typer(no_args_is_help=True, help=help_text("accounts"))
designation_app = typer.Typer(no_args_is_help=True, help=help_text("designation"))

SpecName = Annotated[str, typer.Argument(metavar="CONNECTION/KIND", help=help_text("mapping_name"))]


SPEC_ENDINGS: Final = {
    ".yaml": SpecFormat.YAML,
    ".yml": SpecFormat.YAML,
    ".csv": SpecFormat.CSV,
    ".xlsx": SpecFormat.XLSX,
}


def register(app: typer.Typer) -> None:
    app.add_typer(mapping_app, name="mapping")
    app.add_typer(accounts_app, name="accounts")
    app.add_typer(designation_app, name="designation")


@mapping_app.command("check", help=help_text("mapping_check"))
def mapping_check(files: FilesArgument, as_json: JsonOption = False) -> None:
    session = Session(as_json=as_json)
    rows: list[dict[str, object]] = []

    def check(path: Path) -> None:
        spec = spec_of(path)
        for finding in check_spec(spec, schema_of(spec, path.name)):
            rows.append({"file": path.name, "severity": finding.severity, "finding": finding.message})

    refused = session.each_file(files, check)
    if rows or as_json or not refused:
        session.screen.rows("mapping_check", ("file", "severity", "finding"), rows)
    wrong = any(row["severity"] is Severity.ERROR for row in rows)
    session.end(refused or (PERSON_NEEDED if wrong else OK))


def spec_of(path: Path) -> MappingSpec:
    """The spec in a file; InvalidInput says what keeps it from being read."""
    ending = path.suffix.lower()
    if ending not in SPEC_ENDINGS:
        raise InvalidInput(path.name, 0, "", Message("cli.spec_ending"))
    return load_spec(content(path), SPEC_ENDINGS[ending], path.name)


def schema_of(spec: MappingSpec, source: str) -> TargetSchema:
    """The fields a spec has to fill; InvalidInput for a kind of record that nobody knows."""
    if spec.kind not in SCHEMAS:
        raise InvalidInput(source, 0, "kind", Message("cli.spec_kind", {"known": ", ".join(sorted(SCHEMAS))}))
    return SCHEMAS[spec.kind]


@mapping_app.command("export", help=help_text("mapping_export"))
def mapping_export(
    name: SpecName,
    to: Annotated[Path, typer.Option("--to", help=help_text("mapping_to"))],
    book: BookOption = "",
) -> None:
    session = Session(book)
    spec = load_spec(_live(session, name), SpecFormat.YAML, name)
    if to.suffix.lower() not in SPEC_ENDINGS:
        raise InvalidInput(to.name, 0, "", Message("cli.spec_ending"))
    try:
        to.write_bytes(dump_spec(spec, SPEC_ENDINGS[to.suffix.lower()]))
    except OSError as error:
        raise InvalidInput(str(to), 0, "", Message("cli.cannot_write", {"reason": error.strerror})) from None
    session.screen.tell(Message("cli.written", {"path": to}))


@mapping_app.command("apply", help=help_text("mapping_apply"))
def mapping_apply(
    name: SpecName,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    app, here = session.app, session.book
    spec, compiled = spec_for(session, name, file)
    with app.store.begin(here, session.actor) as uow:
        version = uow.save_document(SPEC_DOCUMENT, name, dump_spec(spec, SpecFormat.YAML))
        uow.audit.append("mapping.applied", name, {"spec": compiled.identity, "version": version})
    session.screen.tell(Message("cli.spec_applied", {"name": name, "spec": compiled.identity, "version": version}))


def spec_for(session: Session, name: str, file: Path) -> tuple[MappingSpec, CompiledSpec]:
    """The mapping in a file, fit for `connection/kind`; InvalidInput or SpecRefused say what keeps it from being one."""
    connection, _, kind = name.partition("/")
    known = system(session.app.connection(session.book, connection).system)
    if kind not in known.spec_names:
        raise InvalidInput(name, 0, "", Message("cli.spec_kind", {"known": ", ".join(known.spec_names)}))
    spec = spec_of(file)
    wanted = load_spec(known.default_spec(kind), SpecFormat.YAML, name).kind
    if spec.kind != wanted:
        reason = Message("cli.spec_other_kind", {"kind": spec.kind, "wanted": wanted, "name": name})
        raise InvalidInput(file.name, 0, "kind", reason)
    return spec, compile_spec(spec, schema_of(spec, file.name), DEFAULT_ZONE)


@mapping_app.command("preview", help=help_text("mapping_preview"))
def mapping_preview(
    name: SpecName,
    file: Annotated[Path | None, typer.Option("--spec", help=help_text("mapping_spec"))] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 10,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    connection, _, kind = name.partition("/")
    spec = spec_of(file) if file else load_spec(_live(session, name), SpecFormat.YAML, name)
    with session.app.store.read(session.book) as uow:
        keys = sorted(uow.records.keys(connection, kind))[:limit]
        raws = [raw for key in keys if (raw := uow.records.raw(ExternalRef(connection, kind, key))) is not None]
    adapter = session.app.erp(session.book, connection)
    records = [adapter.raw_fields(raw) for raw in raws]
    shown = preview(spec, records, schema_of(spec, name), DEFAULT_ZONE)
    wrong = [finding.message for finding in shown.findings if finding.severity is Severity.ERROR]
    for sentence in wrong:
        session.screen.tell(sentence, "red")
    tried = list(zip(raws, shown.rows, strict=not wrong))
    if as_json:
        session.screen.data(
            [
                {"record": raw.ref.key, "result": plain(row.outputs, session.screen.lang),
                 "findings": [session.screen.text(error.message) for error in row.errors]}
                for raw, row in tried
            ]
        )  # fmt: skip
    else:
        rows = [
            {"record": raw.ref.key, "field": field, "value": value, "finding": finding}
            for raw, row in tried
            for field, value, finding in _tried_fields(row)
        ]
        session.screen.rows("mapping_preview", ("record", "field", "value", "finding"), rows)
    session.end(PERSON_NEEDED if wrong or any(row.errors for _, row in tried) else OK)


def _tried_fields(row: PreviewRow) -> Iterator[tuple[str, object, Message | str]]:
    """(target field, value, what went wrong) of one record; the fields that failed come first."""
    yield from ((error.column, "", error.message) for error in row.errors)
    yield from ((field, value, "") for field, value in row.outputs.items())


def _live(session: Session, name: str) -> bytes:
    connection, _, kind = name.partition("/")
    bodies = session.app.spec_bodies(session.book, session.app.connection(session.book, connection))
    if kind not in bodies:
        raise InvalidInput(name, 0, "", Message("cli.spec_kind", {"known": ", ".join(bodies)}))
    return bodies[kind]


@accounts_app.command("import", help=help_text("accounts_import"))
def accounts_import(file: Annotated[Path, typer.Argument()], book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    body = content(file)
    with session.app.store.begin(session.book, session.actor) as uow:
        settings = BookSettings.read(uow.book.settings)
        rows = read_account_map(body, file.name, settings.rule_set).rows
        version = uow.save_document("accounts", "map", body)
        uow.audit.append("accounts.imported", file.name, {"rows": len(rows), "version": version})
    session.screen.tell(Message("cli.accounts_imported", {"rows": len(rows), "version": version}))


@designation_app.command("import", help=help_text("designation_import"))
def designation_import(files: FilesArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    for path, body in [(path, content(path)) for path in files]:
        record = record_designation(
            session.app.store, session.book, body, partial(read_designation, source=path.name), session.actor
        )
        name = record.relationship_id
        session.screen.tell(Message("cli.designated", {"name": name, "version": record.version}))
