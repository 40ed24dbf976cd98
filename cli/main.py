"""The `hedgebridge` command: every subject's commands under one roof."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from typer import rich_utils

from cli.screen import Screen
from cli.session import BUG, OK, PERSON_NEEDED, USAGE, guarded, help_text, language, speak, take_language
from messages import Message, say

SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "books": ("init", "upgrade", "config", "connection"),
    "records": ("sync", "quarantine"),
    "brokers": ("opening", "statement", "price"),
    "broker_answers": ("broker",),
    "inbox": ("inbox", "calendar"),
    "movements": ("movement",),
    "deliveries": ("delivery",),
    "mappings": ("mapping", "accounts", "designation"),
    "positions": ("exposure", "settle", "snapshot"),
    "morning": ("morning",),
    "matching": ("match", "matches", "unmatch", "result", "roll"),
    "pricing": ("pricing",),
    "plans": ("plan",),
    "basis": ("basis", "allocation"),
    "limits": ("limit", "alert"),
    "orders": ("order",),
    "terms": ("terms",),
    "recalc": ("recalc", "day"),
    "vouchers": ("voucher",),
    "voucher_life": (),
    "ledger": ("period", "trial-balance"),
    "reconciliation": ("reconcile",),
    "outbox": ("outbox",),
    "jobs": ("job", "schedule"),
    "worker": ("worker",),
    "audit": ("audit",),
    "keys": ("key",),
    "backups": ("backup", "restore", "verify"),
    "support": ("support",),
    "demo": ("demo", "sandbox"),
    "doctor": ("doctor",),
}
"""Module of `cli.commands` -> the words that it puts below `hedgebridge`, in the order of the help. A run that begins with one
of them loads that module and no other: loading all of them takes longer than most commands."""

ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "connection": ("doctor", "outbox"),
    "designation": ("ledger",),
    "statement": ("inbox",),
    "voucher": ("voucher_life",),
}
"""Words below which other modules put commands of their own."""

ALONE: Final = frozenset(
    ("init", "upgrade", "sync", "exposure", "settle", "morning", "match", "matches", "unmatch", "result", "trial-balance",
     "worker", "backup", "restore", "verify", "support", "demo", "sandbox", "doctor")
)  # fmt: skip
"""Words that are commands by themselves; below the others stand several."""

_HELP: Final[Mapping[str, str]] = {"day": "day_app"}
"""Words whose sentence has another name than theirs."""

_USAGE_ERROR = typer.BadParameter.__bases__[0]
"""What every misuse of the command line derives from; typer does not export it under a name of its own."""

for panel in ("ARGUMENTS", "OPTIONS", "COMMANDS", "ERRORS"):
    setattr(rich_utils, f"{panel}_PANEL_TITLE", help_text(f"panel_{panel.lower()}"))


def options(
    lang: Annotated[str, typer.Option("--lang", metavar="en|zh", help=help_text("lang"))] = "",
) -> None:
    if lang:
        raise typer.BadParameter(say(Message("cli.lang", {"lang": lang}), language()), param_hint="--lang")


def application(first: str = "") -> typer.Typer:
    """The command line: with the one subject that `first` names, or with all of them where it names none (a question for
    help, a word that is none of ours)."""
    subject = next((module for module, words in SUBJECTS.items() if first in words), None)
    wanted = [*SUBJECTS] if subject is None else [subject, *ALSO.get(first, ())]
    loaded = {module: importlib.import_module(f"cli.commands.{module}") for module in sorted(wanted)}
    made = _root()
    for module in SUBJECTS if subject is None else (subject,):
        loaded[module].register(made)
    return made


def contents() -> typer.Typer:
    """What the help of the whole lists: every word with its sentence, and none of the modules behind them. A run never
    gets as far as the empty commands in here."""
    made = _root()
    for word in (word for words in SUBJECTS.values() for word in words):
        text = help_text(_HELP.get(word, word.replace("-", "_")))
        if word in ALONE:
            made.command(word, help=text)(_nothing)
        else:
            below = typer.Typer(help=text)
            below.command("_")(_nothing)
            made.add_typer(below, name=word)
    return made


def _nothing() -> None:
    raise AssertionError("a table of contents was run")


def _root() -> typer.Typer:
    made = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=help_text("root")
    )
    made.callback()(options)
    return made


def __getattr__(name: str) -> Any:
    """`app`, the whole command line, made when somebody asks for it."""
    if name != "app":
        raise AttributeError(name)
    return globals().setdefault("app", application())


def main(arguments: Sequence[str]) -> int:
    """Run one command line; answers the exit code: 0 ok, 1 a person is needed, 2 usage, 3 input refused, 4 unreachable,
    5 outcome unknown, 70 a bug."""
    lang, rest = take_language(arguments)
    speak(lang)
    try:
        return guarded(lambda: _called(rest))
    except _USAGE_ERROR as error:
        return _misused(error)
    except typer.Abort:
        Screen(language()).tell(Message("cli.aborted"))
        return PERSON_NEEDED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is named, never a bare trace for users
        traceback.print_exc()
        Screen(language()).tell(Message("cli.bug", {"type": type(error).__name__}))
        return BUG


def _called(arguments: Sequence[str]) -> int:
    first = arguments[0] if arguments else ""
    asks = first in ("", "--help")
    app = contents() if asks else application(first)
    code = app(arguments, prog_name="hedgebridge", standalone_mode=False)
    return code if isinstance(code, int) else OK


def _misused(error: Any) -> int:
    """Say what is wrong with the command line, in typer's words, and where its help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "hedgebridge"
    text = error.format_message().replace("Value error, ", "")
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{text}\n")
    else:
        Screen(language()).tell(Message("cli.usage", {"text": text, "command": command}), "red")
    return USAGE


def run() -> None:
    """Entry point."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
