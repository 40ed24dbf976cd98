"""A run loads the modules of its own command only, and finds there what the whole command line has."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command

from cli.main import ALSO, SUBJECTS, app, application

WORDS = [word for words in SUBJECTS.values() for word in words]


def listed(command: Any) -> Any:
    """The commands below a command, with their options, in their order."""
    below = getattr(command, "commands", None)
    if below is None:
        return [(parameter.name, parameter.opts) for parameter in command.params]
    return [(name, listed(one)) for name, one in below.items()]


WHOLE = dict(listed(get_command(app)))


def test_the_table_names_every_command_in_the_order_of_the_help() -> None:
    assert sorted(WHOLE) == sorted(WORDS)
    assert len(set(WORDS)) == len(WORDS)
    assert set(ALSO) <= set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_a_command_by_itself_is_the_command_of_the_whole(word: str) -> None:
    assert dict(listed(get_command(application(word))))[word] == WHOLE[word]


def test_a_word_that_is_none_of_ours_and_no_word_at_all_bring_the_whole() -> None:
    for first in ("", "--help", "no-such-command"):
        assert dict(listed(get_command(application(first)))) == WHOLE


def test_the_shared_groups_are_complete_in_a_process_that_loaded_nothing_else() -> None:
    program = (
        "import json, sys\n"
        "from typer.main import get_command\n"
        "from cli.main import application\n"
        "word = sys.argv[1]\n"
        "print(json.dumps(sorted(get_command(application(word)).commands[word].commands)))\n"
        "print(json.dumps(sorted(n for n in sys.modules if n.startswith('cli.commands.'))))\n"
    )
    for word in ALSO:
        done = subprocess.run([sys.executable, "-c", program, word], check=True, capture_output=True, text=True)
        names, modules = map(json.loads, done.stdout.splitlines())
        assert names == sorted(name for name, _ in WHOLE[word]), word
        assert "cli.commands.demo" not in modules
