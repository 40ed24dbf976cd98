"""The `hedgebridge` command: every subject's commands under one roof."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer import rich_utils

from cli.commands import (
    audit,
    backups,
    basis,
    books,
    broker_answers,
    brokers,
    deliveries,
    demo,
    doctor,
    inbox,
    jobs,
    keys,
    ledger,
    mappings,
    matching,
    movements,
    outbox,
    plans,
    positions,
    pricing,
    recalc,
    reconciliation,
    records,
    support,
    terms,
    voucher_life,
    vouchers,
    worker,
)
from cli.screen import Screen
from cli.session import BUG, OK, PERSON_NEEDED, USAGE, guarded, help_text, language, speak, take_language
from messages import Message, say

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=help_text("root"))

_USAGE_ERROR = typer.BadParameter.__bases__[0]
"""What every misuse of the command line derives from; typer does not export it under a name of its own."""

for panel in ("ARGUMENTS", "OPTIONS", "COMMANDS", "ERRORS"):
    setattr(rich_utils, f"{panel}_PANEL_TITLE", help_text(f"panel_{panel.lower()}"))


@app.callback()
def options(
    lang: Annotated[str, typer.Option("--lang", metavar="en|zh", help=help_text("lang"))] = "",
) -> None:
    if lang:
        raise typer.BadParameter(say(Message("cli.lang", {"lang": lang}), language()), param_hint="--lang")


for subject in (
    books, records, brokers, broker_answers, inbox, movements, deliveries, mappings,
    positions, matching, pricing, plans, basis, terms,
    recalc, vouchers, voucher_life, ledger, reconciliation, outbox, jobs, worker, audit, keys, backups, support, demo, doctor,
):  # fmt: skip
    subject.register(app)


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
