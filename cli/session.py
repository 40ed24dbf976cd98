"""What every command starts from: the options they share, the application, the book, the actor, and the exit codes."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.screen import Screen
from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    IdempotencyConflict,
    InvalidInput,
    MappingError,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Rejected,
    RuleBroken,
    Unavailable,
)
from hedge_core.model.identity import Actor, BookId, book_id
from hedge_core.plausible_days import is_plausible
from messages import LANGUAGES, Message, resolve_language, say

if TYPE_CHECKING:
    from worker.bootstrap import App
    from worker.settings import Settings

OK: Final = 0
PERSON_NEEDED: Final = 1
USAGE: Final = 2
INPUT_REFUSED: Final = 3
UNREACHABLE: Final = 4
UNKNOWN_OUTCOME: Final = 5
BUG: Final = 70

EXIT_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (InvalidInput, INPUT_REFUSED),
    (MappingError, INPUT_REFUSED),
    (OutcomeUnknown, UNKNOWN_OUTCOME),
    (Unavailable, UNREACHABLE),
    (RateLimited, UNREACHABLE),
    (AuthFailed, UNREACHABLE),
    (ContractViolation, UNREACHABLE),
    (Rejected, PERSON_NEEDED),
    (IdempotencyConflict, PERSON_NEEDED),
    (RuleBroken, PERSON_NEEDED),
)


def exit_code(error: PlatformError) -> int:
    """The exit code an error ends a command with."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), BUG)


_LANG: Final = "--lang"


def take_language(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The language of `--lang`, wherever it stands, and the arguments without it; empty when it is not asked for."""
    lang, rest = "", []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name == _LANG and (value := value if equals else next(words, "")) in LANGUAGES:
            lang = value
        else:
            rest += [word] if name != _LANG or equals else [word, *([value] if value else [])]
    return lang, rest


_language = take_language(sys.argv[1:])[0]
"""The language of this run; help texts are read while the commands are put together, before any option is."""


def speak(lang: str) -> None:
    """`--lang` of this run."""
    global _language
    _language = lang


def language() -> str:
    """The language of this run: `--lang`, HEDGEBRIDGE_LANG, the locale."""
    return resolve_language(_language)


def help_text(name: str) -> str:
    """A help sentence in the language of this run."""
    return say(Message(f"help.{name}"), language())


def calendar_day(text: str) -> datetime:
    """A day of an argument or option, written 2026-03-04; one before 1990 or after 2100 is a slip."""
    try:
        found = datetime.strptime(text.strip(), "%Y-%m-%d")  # noqa: DTZ007 - a calendar day, not a moment
    except ValueError:
        raise typer.BadParameter(say(Message("cli.no_day", {"text": text}), language())) from None
    if not is_plausible(found.date()):
        raise typer.BadParameter(say(Message("cli.far_day", {"text": text}), language()))
    return found


calendar_day.__name__ = "day"  # what typer's help shows as its type


BookOption = Annotated[str, typer.Option("--book", metavar="BOOK", help=help_text("book"))]
AsOption = Annotated[str, typer.Option("--as", metavar="NAME", help=help_text("as"))]
JsonOption = Annotated[bool, typer.Option("--json", help=help_text("json"))]
FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE…", help=help_text("files"))]


def _settings() -> Settings:
    from worker.settings import read_settings  # a question for help reads none

    return read_settings()


@dataclass(slots=True)
class Session:
    """One run of one command."""

    book_name: str = ""
    who: str = ""
    as_json: bool = False
    settings: Settings = field(default_factory=_settings)
    _app: App | None = None

    def __post_init__(self) -> None:
        if not _language and self.settings.lang:
            speak(self.settings.lang)

    @property
    def screen(self) -> Screen:
        return Screen(language(), self.as_json)

    @property
    def app(self) -> App:
        if self._app is None:
            from worker.bootstrap import database_file, start

            file = database_file(self.settings.database)
            if file is not None and not file.exists():
                raise InvalidInput("database", 0, "", Message("cli.no_database", {"path": file}))
            self._app = start(self.settings)
        return self._app

    @property
    def actor(self) -> Actor:
        """`--as`, else the operating system's login; not authenticated either way."""
        return Actor(self.who or getpass.getuser())

    @property
    def book(self) -> BookId:
        """`--book`, else the setting, else the only book there is."""
        named = self.book_name or self.settings.book
        if named:
            try:
                return book_id(named)
            except ValueError:
                message = Message("cli.book_form", {"book": named})
                raise InvalidInput("--book", 0, "", message) from None
        books = [book.book for book in self.app.store.books()]
        if len(books) != 1:
            message = Message("cli.which_book", {"known": ", ".join(books)}) if books else Message("cli.no_book")
            raise InvalidInput("--book", 0, "", message)
        return books[0]

    def end(self, code: int) -> None:
        """Leave with an exit code other than 0."""
        if code:
            raise typer.Exit(code)

    def each_file(self, files: Iterable[Path], act: Callable[[Path], None]) -> int:
        """Do the same with every file: one that is refused is told and does not keep the others out. Answers the exit
        code of the first refusal."""
        code = OK
        for path in files:
            try:
                act(path)
            except PlatformError as error:
                tell_error(self.screen, error)
                code = code or exit_code(error)
        return code


_SHOWN: Final = 20


def tell_error(screen: Screen, error: PlatformError) -> None:
    """An error as a sentence on standard error; one with several problems shows the first of them."""
    screen.tell(error.message, "red")
    problems = getattr(error, "problems", None) or getattr(error, "findings", ())
    for problem in problems[1:_SHOWN]:
        screen.tell(problem.message, "red")
    if len(problems) > _SHOWN:
        screen.tell(Message("cli.more_problems", {"count": len(problems) - _SHOWN}), "red")


def guarded(run: Callable[[], int]) -> int:
    """Run the command line; answer the exit code. Platform errors become one sentence on standard error."""
    try:
        return run()
    except PlatformError as error:
        tell_error(Screen(language()), error)
        return exit_code(error)
