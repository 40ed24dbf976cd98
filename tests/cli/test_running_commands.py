"""Language, exit codes and remedies: what happens around a command, whatever the command is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from cli.session import EXIT_CODES, exit_code, guarded, take_language
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
from messages import Message
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.databases import *  # noqa: F403

REASON = Message("cli.no_file")
ERRORS = {
    InvalidInput("a.csv", 1, "x", REASON): 3,
    MappingError("1", "x", REASON): 3,
    RuleBroken("rule", "record", REASON): 1,
    Rejected("7", "no"): 1,
    IdempotencyConflict("HB1"): 1,
    Unavailable("refused"): 4,
    RateLimited(5): 4,
    AuthFailed("password"): 4,
    ContractViolation("query", "HTML"): 4,
    OutcomeUnknown("cut"): 5,
}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_has_its_exit_code_and_ends_as_a_sentence(
    error: PlatformError, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert guarded(fail) == exit_code(error) == ERRORS[error]
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_no_error_class_is_without_an_exit_code() -> None:
    assert {kind for kind, _ in EXIT_CODES} == set(PlatformError.__subclasses__())


def test_the_place_of_a_wrong_entry_is_named_as_far_as_there_is_one() -> None:
    assert str(InvalidInput("a.csv", 3, "price", REASON)).startswith("a.csv, row 3, field price: ")
    assert str(InvalidInput("a.csv", 0, "price", REASON)).startswith("a.csv, field price: ")
    assert str(InvalidInput("a.csv", 0, "", REASON)).startswith("a.csv: ")


@pytest.mark.parametrize(
    ("arguments", "lang", "rest"),
    [
        (["--lang", "zh", "exposure"], "zh", ["exposure"]),
        (["exposure", "--totals", "--lang=zh"], "zh", ["exposure", "--totals"]),
        (["exposure", "--lang", "fr"], "", ["exposure", "--lang", "fr"]),
        (["exposure", "--lang"], "", ["exposure", "--lang"]),
        (["--lang=fr"], "", ["--lang=fr"]),
        (["exposure"], "", ["exposure"]),
    ],
)
def test_the_language_may_stand_anywhere(arguments: list[str], lang: str, rest: list[str]) -> None:
    assert take_language(arguments) == (lang, rest)


def test_an_unknown_language_and_a_wrong_option_are_misuses(command: CommandLine) -> None:
    assert "fr" in command("--lang", "fr", "exposure", code=2).said[0]
    run = command("--lang", "zh", "sync", "--what", "everything", code=2)
    assert run.said[0].startswith("命令用法有误")
    assert "hedgebridge sync --help" in run.said[0]
    assert "Value error" not in run.err
    assert "YYYY-MM-DD" in command("settle", "yesterday", code=2).err
    command("settle", "2026-02-30", code=2)
    command("nonsense", code=2)


def test_without_a_database_the_remedy_is_init_and_no_file_is_left_behind(command: CommandLine) -> None:
    for arguments in (("exposure", "--json"), ("sync",), ("audit", "verify"), ("connection", "list")):
        run = command(*arguments, code=3)
        assert run.out == ""
        assert "hedgebridge init" in run.said[0]
    assert "hedgebridge init" in command("doctor", code=1).out
    assert not (command.folder / "hedgebridge.db").exists()


def test_a_database_that_is_not_upgraded_or_too_new_names_the_remedy(command: CommandLine) -> None:
    (command.folder / "hedgebridge.db").touch()
    assert "hedgebridge upgrade" in command("exposure", code=3).said[0]
    assert "hedgebridge upgrade" in command("doctor", code=1).out
    command("upgrade")
    assert "hedgebridge init" in command("exposure", code=3).said[0]
    engine = create_engine(command.database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert "9999" in command("--lang", "zh", "exposure", code=3).said[0]


def test_a_book_that_is_wrong_unknown_or_not_said(command: CommandLine) -> None:
    command("init", "cu01")
    assert "cu01" in command("exposure", "--book", "al01", code=3).said[0]
    assert "2 to 12" in command("exposure", "--book", "AL-01", code=3).said[0]
    command("init", "al01")
    assert re.search("(cu01, al01|al01, cu01)", command("exposure", code=3).said[0])
    assert command("exposure", "--book", "al01", "--json").json == []


def test_a_wrong_book_name_leaves_no_database_behind(command: CommandLine) -> None:
    assert "2 to 12" in command("init", "Kupfer AG", code=3).said[0]
    assert not (command.folder / "hedgebridge.db").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('databas = "x"\n', "no such setting"),
        ("database = \n", "no TOML"),
        ('log_level = "LOUD"\n', "“LOUD” does not fit"),
        ("worker_threads = 0\n", "“0” does not fit"),
    ],
)
def test_a_wrong_settings_file_is_named_with_what_is_wrong(command: CommandLine, content: str, said: str) -> None:
    file = command.folder / "hedgebridge.toml"
    file.write_text(content, encoding="utf-8")
    run = command("doctor", code=3)
    assert run.said[0].startswith(str(file))
    assert said in run.said[0]


def test_the_language_of_the_settings_file_is_spoken(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEDGEBRIDGE_LANG")
    (command.folder / "hedgebridge.toml").write_text('lang = "zh"\n', encoding="utf-8")
    assert "尚无数据库" in command("exposure", code=3).said[0]


def test_a_wrong_variable_is_named(command: CommandLine) -> None:
    command.set("HEDGEBRIDGE_WORKER_THREADS", "many")
    assert command("config", "show", code=3).said[0].startswith("HEDGEBRIDGE_WORKER_THREADS")


def test_settings_say_where_they_come_from_and_hide_the_password(command: CommandLine) -> None:
    (command.folder / "hedgebridge.toml").write_text("worker_threads = 2\n", encoding="utf-8")
    command.use("postgresql+psycopg://hb:top-secret@127.0.0.1:1/hb")
    run = command("config", "show", "--sources", "--json")
    rows = {row["setting"]: (row["value"], row["source"]) for row in run.json}
    assert rows["database"] == ("postgresql+psycopg://hb:***@127.0.0.1:1/hb", "HEDGEBRIDGE_DATABASE")
    assert rows["worker_threads"] == ("2", str(command.folder / "hedgebridge.toml"))
    assert rows["broker"][1] == "default"
    assert "top-secret" not in run.out + run.err
    refused = command("exposure", code=4)
    assert "top-secret" not in refused.err


def test_a_missing_key_is_a_sentence_with_the_remedy(command: CommandLine) -> None:
    command("init", "cu01")
    (command.folder / "hedgebridge.key").unlink()
    command.set("HEDGEBRIDGE_SECRET_APP_SECRET", "invented")
    options = ("url=http://127.0.0.1:9/k3cloud/", "acct_id=a", "user=u", "app_id=1_x", "org=1", "account_book=1")
    given = [part for option in options for part in ("--set", option)]
    run = command("connection", "add", "k3", "--system", "kingdee", *given, code=3)
    assert "hedgebridge init" in run.said[0]
    assert "master key" in command("doctor", code=1).out


def test_a_secret_is_not_taken_from_the_command_line(command: CommandLine) -> None:
    command("init", "cu01")
    run = command("connection", "add", "k3", "--system", "kingdee", "--set", "app_secret=hush", code=3)
    assert "HEDGEBRIDGE_SECRET_APP_SECRET" in run.said[0]
    assert "hush" not in run.err


def test_an_erp_that_does_not_answer_ends_with_4_for_every_command_and_doctor_with_1(command: CommandLine) -> None:
    command("init", "cu01")
    command.set("HEDGEBRIDGE_SECRET_APP_SECRET", "invented")
    app_id = "1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    options = ("url=http://127.0.0.1:9/k3cloud/", "acct_id=a", "user=u", f"app_id={app_id}", "org=1", "account_book=1")
    command("connection", "add", "k3", "--system", "kingdee", *(p for o in options for p in ("--set", o)))
    assert command("sync", code=4).err.count("cannot be reached") == 1
    command("doctor", code=1)
    command("connection", "test", "k3", code=4)
    assert "k3" in command("connection", "test", "k4", code=3).said[0]


def test_a_book_without_connections_is_told_what_to_do(command: CommandLine) -> None:
    command("init", "cu01")
    for arguments in (("sync",), ("doctor",)):
        run = command(*arguments, code=1)
        assert "hedgebridge connection add" in run.out + run.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("statement", "import"),
        ("opening", "import"),
        ("price", "import"),
        ("accounts", "import"),
        ("designation", "import"),
        ("mapping", "check"),
    ],
    ids=" ".join,
)
def test_a_file_that_is_not_there_is_a_sentence(command: CommandLine, arguments: tuple[str, ...]) -> None:
    command("init", "cu01")
    before = command.dump()
    run = command(*arguments, command.folder / "absent.csv", code=3)
    assert "no such file" in run.said[0]
    assert "Errno" not in run.err
    assert command.dump() == before


def test_files_that_are_something_else_are_refused_by_name(command: CommandLine) -> None:
    command("init", "cu01")
    (command.folder / "folder.csv").mkdir()
    assert "folder.csv" in command("price", "import", command.folder / "folder.csv", code=3).said[0]
    odd = command.folder / "odd.json"
    odd.write_text('{"relationship_id": 7}', encoding="utf-8")
    assert command("designation", "import", odd, code=3).said[0].startswith("odd.json")
    assert "odd.json" in command("mapping", "check", odd, code=3).said[0]
    assert "odd.json" in command("accounts", "import", odd, code=3).said[0]
    assert "settlement" in command("price", "import", odd, "--kind", "guess", code=3).said[0]


def test_a_spec_of_another_kind_is_not_applied(command: CommandLine) -> None:
    command("init", "cu01")
    command.set("HEDGEBRIDGE_SECRET_APP_SECRET", "invented")
    options = ("url=http://127.0.0.1:9/k3cloud/", "acct_id=a", "user=u", "app_id=1_x", "org=1", "account_book=1")
    command("connection", "add", "k3", "--system", "kingdee", *(p for o in options for p in ("--set", o)))
    spec = command.folder / "sale.yaml"
    command("mapping", "export", "k3/sale_line", "--to", spec)
    before = command.dump()
    assert "k3/stock needs inventory_lot" in command("mapping", "apply", "k3/stock", spec, code=3).said[0]
    assert "sale_line" in command("mapping", "apply", "k3/sale", spec, code=3).said[0]
    assert ".xlsx" in command("mapping", "export", "k3/stock", "--to", "stock.txt", code=3).said[0]
    command("mapping", "export", "k3/stock", "--to", command.folder / "none" / "stock.yaml", code=3)
    assert command.dump() == before
    command("mapping", "apply", "k3/purchase_line", spec)


def test_approving_nothing_in_particular_is_a_misuse_and_unknown_things_are_named(command: CommandLine) -> None:
    command("init", "cu01")
    assert "--all" in command("voucher", "approve", code=2).said[0]
    assert command("voucher", "show", "V9", code=3).said[0].startswith("V9")
    assert "9" in command("outbox", "retry", "9", "--reason", "x", code=3).said[0]
    assert "2026-03-04" in command("snapshot", "show", "2026-03-04", code=3).said[0]
    assert "import an opening state" in command("match", code=1).said[0]


READING = (
    "connection list", "quarantine list", "exposure", "voucher list", "outbox list", "audit verify", "config show",
    "doctor",
)  # fmt: skip


@pytest.mark.parametrize("line", READING)
def test_json_of_a_reading_command_is_one_document_and_nothing_else(command: CommandLine, line: str) -> None:
    command("init", "cu01")
    run = command(*line.split(), "--json", code=None)
    assert run.code in (0, 1)
    assert isinstance(run.json, list | dict)


def test_help_speaks_chinese_where_the_environment_does(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "HEDGEBRIDGE_LANG": "en", "COLUMNS": "100"}
    shown = subprocess.run(
        [sys.executable, "-m", "cli.main", "exposure", "--help", "--lang", "zh"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert "选项" in shown
    assert "敞口" in shown
    assert "cli.main" not in shown


@pytest.mark.postgres
def test_a_new_book_is_told_without_the_password_in_the_databases_address(
    command: CommandLine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = make_url(postgres_url).password
    monkeypatch.setenv("HEDGEBRIDGE_DATABASE", postgres_url)
    done = command("init", "copper1")
    assert done.code == 0 and "copper1 is ready in postgresql" in done.err
    assert password and password not in done.out + done.err
