"""Setting up: a new installation, a book, connections. `doctor.py` looks whether everything is as it should be."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import make_url

from adapters.secrets import create_key_file
from adapters.storage import SchemaState, upgrade_database
from cli.session import AsOption, BookOption, JsonOption, Session, help_text
from connectors.http import Origin
from hedge_core.accounting.rule_sets import BookSettings
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import book_id
from hedge_core.ports.storage import Book, Connection
from messages import Message
from worker.bootstrap import SPEC_DOCUMENT, database_folder, secret_context, secret_variable
from worker.brokers import check_broker_address, known_system
from worker.settings import Settings, hide_password, read_settings, settings_with_sources

connection_app = typer.Typer(no_args_is_help=True, help=help_text("connection"))
config_app = typer.Typer(no_args_is_help=True, help=help_text("config"))


def register(app: typer.Typer) -> None:
    app.command("init", help=help_text("init"))(init)
    app.command("upgrade", help=help_text("upgrade"))(upgrade)
    app.add_typer(config_app, name="config")
    app.add_typer(connection_app, name="connection")


def init(
    book: Annotated[str, typer.Argument(metavar="BOOK", help=help_text("init_book"))],
    name: Annotated[str, typer.Option("--name", help=help_text("init_name"))] = "",
    currency: Annotated[str, typer.Option("--currency")] = "CNY",
    setting: Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help=help_text("init_set"))] = [],  # noqa: B006
    who: AsOption = "",
) -> None:
    settings = read_settings()
    for folder in (database_folder(settings.database), settings.key_file.parent):
        make_folder(folder)
    session = Session(book, who, settings=settings)
    chosen = pairs(setting)
    BookSettings.read(chosen)
    try:
        checked = book_id(book)
    except ValueError:
        raise InvalidInput("init", 0, "", Message("cli.book_form", {"book": book})) from None
    bring_up(settings)
    if not settings.key_file.exists() and "HEDGEBRIDGE_MASTER_KEY" not in os.environ:
        create_key_file(settings.key_file)
        session.screen.tell(Message("cli.key_made", {"path": settings.key_file}))
    if any(known.book == checked for known in session.app.store.books()):
        if chosen:
            with session.app.store.begin(checked, session.actor) as uow:
                uow.save_settings({**uow.book.settings, **chosen})
                uow.audit.append("book.settings", checked, dict(chosen))
        session.screen.tell(Message("cli.book_known", {"book": checked}))
        return
    session.app.store.add_book(Book(checked, name or checked, currency, chosen), session.actor)
    session.screen.tell(Message("cli.book_added", {"book": checked, "database": hide_password(settings.database)}))


def upgrade() -> None:
    settings = read_settings()
    make_folder(database_folder(settings.database))
    state = bring_up(settings)
    Session(settings=settings).screen.tell(Message("cli.upgraded", {"revision": state.current}))


def bring_up(settings: Settings) -> SchemaState:
    """The database at this program's schema, by its owner's hand where the settings name one."""
    return upgrade_database(settings.database_owner or settings.database, role_to_grant(settings))


def role_to_grant(settings: Settings) -> str:
    """The PostgreSQL role that runs the program, when another one owns the tables; empty otherwise."""
    return (make_url(settings.database).username or "") if settings.database_owner else ""


@config_app.command("show", help=help_text("config_show"))
def config_show(
    sources: Annotated[bool, typer.Option("--sources", help=help_text("config_sources"))] = False,
    as_json: JsonOption = False,
) -> None:
    screen = Session(as_json=as_json).screen
    columns = ("setting", "value", "source") if sources else ("setting", "value")
    rows = [{"setting": name, "value": value, "source": source} for name, value, source in settings_with_sources()]
    screen.rows("settings", columns, rows)


def make_folder(folder: Path | None) -> None:
    """The folder of the database or the key, where it does not exist yet."""
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(str(folder), 0, "", Message("cli.cannot_write", {"reason": error.strerror})) from None


# --- connections ------------------------------------------------------------------------------------------------------


@connection_app.command("add", help=help_text("connection_add"))
def connection_add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    kind: Annotated[str, typer.Option("--system", help=help_text("connection_system"))] = "",
    option: Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help=help_text("connection_set"))] = [],  # noqa: B006
    resume: Annotated[bool, typer.Option("--resume", help=help_text("connection_resume"))] = False,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    app, here = session.app, session.book
    with app.store.read(here) as uow:
        known = uow.connection(name)
    chosen = known_system(kind or (known.system if known else ""))
    given = {key: typed(value) for key, value in pairs(option).items()}
    for secret in (*chosen.secrets, *chosen.optional_secrets):
        if secret in given:
            message = Message("cli.secret_on_command_line", {"option": secret, "variable": secret_variable(secret)})
            raise InvalidInput(name, 0, secret, message)
    options = {**(known.options if known else {}), **given}
    for required in chosen.required:
        if not options.get(required):
            raise InvalidInput(
                name, 0, required, Message("connection.option_missing", {"option": required, "connection": name})
            )
    check_address(name, options)
    secrets = dict(known.secrets) if known else {}
    for secret in (*chosen.secrets, *chosen.optional_secrets):
        plain = os.environ.get(secret_variable(secret), "")
        if not plain and secret not in secrets and secret in chosen.secrets:
            plain = _asked(name, secret)
        if plain:
            secrets[secret] = app.secrets.seal(plain, secret_context(here, name, secret))
    connection = Connection(name, here, kind or (known.system if known else ""), options, secrets)
    if known is not None and not resume:
        connection = replace(connection, paused=known.paused, paused_reason=known.paused_reason)
    with app.store.begin(here, session.actor) as uow:
        uow.save_connection(connection)
        for spec in chosen.spec_names:
            if uow.document(SPEC_DOCUMENT, f"{name}/{spec}") is None:
                uow.save_document(SPEC_DOCUMENT, f"{name}/{spec}", chosen.default_spec(spec))
        uow.audit.append(
            "connection.saved", name, {"system": connection.system, "options": sorted(options), "resumed": resume}
        )
    session.screen.tell(Message("cli.connection_saved", {"connection": name}))


def _asked(connection: str, secret: str) -> str:
    """A secret typed by a person; a sentence where nobody is there to type it."""
    try:
        return str(typer.prompt(secret, hide_input=True))
    except typer.Abort:
        shown = {"connection": connection, "option": secret, "variable": secret_variable(secret)}
        raise InvalidInput(connection, 0, secret, Message("connection.secret_missing", shown)) from None


@connection_app.command("list", help=help_text("connection_list"))
def connection_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        rows = [
            {"connection": c.name, "system": c.system, "url": c.options.get("url", ""), "paused": c.paused,
             "reason": c.paused_reason}
            for c in uow.connections()
        ]  # fmt: skip
    session.screen.rows("connections", ("connection", "system", "url", "paused", "reason"), rows, spare=("url",))


# --- options ----------------------------------------------------------------------------------------------------------


def pairs(texts: list[str]) -> dict[str, str]:
    """`NAME=VALUE` options; InvalidInput for one without an equals sign."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidInput("--set", 0, "", Message("cli.set_form", {"text": text}))
        found[name.strip()] = value.strip()
    return found


def check_address(name: str, options: dict[str, Any]) -> None:
    """InvalidInput for an address that no connection would be opened to: better now than at the first call."""
    url = str(options.get("url") or "")
    if not url:
        return
    try:
        if not check_broker_address(options):
            listed = options.get("allowed_hosts") or []
            hosts = listed.split(",") if isinstance(listed, str) else listed
            Origin(url, bool(options.get("allow_private")), tuple(str(one).strip() for one in hosts)).check()
    except ValueError:
        raise InvalidInput(name, 0, "url", Message("cli.address", {"url": hide_password(url)})) from None


def typed(text: str) -> Any:
    """An option's value: JSON for objects and lists, a truth value for `true` and `false`, text for everything else."""
    if text in ("true", "false"):
        return text == "true"
    if text[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise InvalidInput("--set", 0, "", Message("cli.set_json", {"reason": str(error)})) from None
    return text
