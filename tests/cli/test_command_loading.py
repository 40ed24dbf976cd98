"""A run loads the modules of its own command only, and finds there what the whole command line has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from adapters.secrets import create_key_file
from adapters.storage import upgrade_database
from cli.main import ALSO, SUBJECTS, app, application, contents
from tests.support.company import DAYS, Company

FIRST = DAYS[0]
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


def test_the_table_of_contents_reads_like_the_whole() -> None:
    whole, listed_only = get_command(app), get_command(contents())
    assert whole.help == listed_only.help

    def shown(command: Any) -> list[tuple[str, str, bool]]:
        return [(name, one.help, hasattr(one, "commands")) for name, one in command.commands.items()]

    assert shown(listed_only) == shown(whole)


HEAVY = ("alembic", "dramatiq", "mapping", "openpyxl", "psycopg", "requests", "scipy", "urllib3", "xlsxwriter", "zeep")
"""What only some commands need, and takes longer to load than most of them to run."""


def loaded_by(arguments: list[str], **environment: str) -> tuple[set[str], str]:
    """The modules that one run loads, and what it says."""
    program = (
        "import sys\n"
        "from cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "assert code == 0, code\n"
        "sys.stderr.write('\\n' + ' '.join(sorted(sys.modules)))\n"
    )
    line = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(line, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("\n")[2].split()), done.stdout


def below(modules: set[str], *packages: str) -> list[str]:
    return sorted(name for name in modules if name.startswith(packages) and name.partition(".")[0] in packages)


def test_a_question_for_help_loads_neither_commands_nor_database() -> None:
    modules, said = loaded_by(["--help"], COLUMNS="200")
    assert [word for word in WORDS if f" {word} " not in said] == []
    assert below(modules, "adapters", "worker", "connectors", "numpy", "sqlalchemy", "pydantic", *HEAVY) == []
    assert [name for name in modules if name.startswith(("cli.commands.", "hedge_core.use_cases"))] == []


def test_the_help_of_a_command_loads_no_database() -> None:
    modules, said = loaded_by(["recalc", "--help"], COLUMNS="200")
    assert "--exposure" in said
    assert below(modules, "adapters", "worker", "connectors", "sqlalchemy", "pydantic_settings", *HEAVY) == []


def test_a_run_on_a_database_loads_no_system_no_broker_and_no_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hedgebridge.db"
    upgrade_database(url)
    company = Company.open(url, tmp_path)
    company.go_live()
    assert company.business_day(FIRST).state == "settled"
    company.store.close()
    key = tmp_path / "hedgebridge.key"
    create_key_file(key)
    for command in (
        ["recalc", "--from", FIRST.isoformat()],
        ["day", "list"],
        ["exposure"],
        ["matches"],
        ["key", "list"],
    ):
        modules, _ = loaded_by(command, HEDGEBRIDGE_DATABASE=url, HEDGEBRIDGE_KEY_FILE=str(key))
        assert "sqlalchemy" in modules, command
        assert below(modules, *HEAVY) == [], command
        elsewhere = ("worker.systems", "worker.brokers", "adapters.erp.", "adapters.broker.")
        assert [name for name in modules if name.startswith(elsewhere)] == [], command
