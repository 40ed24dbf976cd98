"""A stranger's first day with the command line, from `init` to a verified log: on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo.standin import StandIn
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.databases import *  # noqa: F403

DAY = "2026-03-04"
STAMP = "20260304"
PLANTED = {"CGDD900001/1", "CGDD900002/1", "XSDD900003/1", "XSDD900004/2", "CGDD900005/1"}


@pytest.mark.slow
def test_a_stranger_gets_from_an_empty_folder_to_vouchers_in_the_erp(
    command: CommandLine, erp: StandIn, inbox: Path, database_url: str
) -> None:
    command.use(database_url)
    command.set_up(erp)
    health = command("connection", "test", "k3", "--json").json
    assert health
    assert all(step["ok"] for step in health)

    # nothing is mapped yet: every line waits for the steward, and the exit code says so
    first = {row["what"]: row for row in command("sync", "--json", code=1).json}
    assert (first["contracts"]["quarantined"], first["inventory"]["quarantined"]) == (400, 60)
    assert command("quarantine", "list", code=1).out.count("1.01.CU01") == 2, "one row for a code, not one for a record"
    command.map_commodities()
    retried = command("quarantine", "retry", "--json", code=1).json
    assert retried == [{"connection": "k3", "read": 460, "stored": 455, "quarantined": 5}]
    waiting = command("quarantine", "list", "--json", code=1).json
    assert {entry["document"] for entry in waiting} == PLANTED
    assert command("sync", "--scope", "open", "--json").json[-1]["unchanged"] == 60

    # go-live and one trading day
    command("opening", "import", *sorted((inbox / "opening").iterdir()))
    command("statement", "import", *sorted((inbox / "statements").glob(f"*_{STAMP}.txt")))
    command("price", "import", inbox / "prices" / "cost.csv", "--kind", "cost")
    command("price", "import", inbox / "prices" / f"spot_{STAMP}.csv", "--kind", "spot")
    command("price", "import", inbox / "prices" / f"settlement_{STAMP}.csv", "--require", "SHFE.cu2604")
    assert command("settle", DAY, "--json").json["state"] == "settled"
    assert command("settle", DAY, "--json").json["state"] == "unchanged"
    matches = command("match", "--json").json
    assert matches
    assert command("match", "--json").json == []
    snapshot = command("snapshot", "show", DAY, "--json").json
    assert len(snapshot["funds"]) == 2
    assert command("snapshot", "diff", DAY, "--from", "1", "--to", "1", "--json").json == []
    exposure = command("exposure", "--json").json
    totals = {row["commodity"]: row for row in exposure if row["month"] == "total"}
    assert set(totals) == {"copper", "aluminium"}
    assert all(row["direction"] in ("long", "short", "flat") for row in exposure)

    # vouchers: made, approved by somebody else, delivered once
    command.map_accounts()
    made = command("voucher", "make", "--through", DAY, "--as", "zhang", "--json").json
    assert made["made"] == 6
    drafts = command("voucher", "list", "--status", "draft", "--json").json
    shown = command("voucher", "show", drafts[0]["voucher"], "--json").json
    assert shown["lines"][0]["sources"]
    assert command("voucher", "show", drafts[0]["voucher"], "--body").json["FEntity"]
    command("voucher", "approve", "--all", "--as", "zhang", code=1)
    command("voucher", "approve", "--all", "--as", "li")
    pushed = command("voucher", "push", "--as", "li", "--json").json
    assert pushed["done"] == 6 + len({match["leg"] for match in matches if ":stock:" not in match["leg"]})
    assert sum(pushed.values()) == pushed["done"]
    assert all(row["state"] == "done" for row in command("outbox", "list", "--json").json)
    delivered = command("voucher", "list", "--json").json
    assert {row["status"] for row in delivered} == {"delivered"}
    assert {row["stage"] for row in delivered} == {"submitted"}
    assert all(row["number"] for row in delivered)
    command("voucher", "push", "--as", "li")
    assert len(erp.control("vouchers")) == 6, "pushing again adds nothing"

    # and everything holds together
    assert command("reconcile", "--json").json == []
    audit = command("audit", "verify", "--json").json
    assert audit["ok"] is True
    assert command("doctor").code == 0
    settings = command("config", "show", "--sources", "--json").json
    assert {"setting", "value", "source"} == set(settings[0])
    secret = erp.access["app_secret"]
    assert all(secret not in run.out + run.err for run in command.runs), "a secret never shows"
    assert all("cli." not in run.out + run.err for run in command.runs), "every heading has a text"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("columns", ["80", "200"])
def test_tables_fit_the_screen_and_speak_one_language(
    command: CommandLine, erp: StandIn, inbox: Path, lang: str, columns: str
) -> None:
    command.set_up(erp)
    command.map_commodities()
    command("sync", code=1)
    command("opening", "import", *sorted((inbox / "opening").iterdir()))
    command("statement", "import", *sorted((inbox / "statements").glob(f"*_{STAMP}.txt")))
    command("settle", DAY)
    command("match")
    command("voucher", "make", "--through", DAY)
    voucher = command("voucher", "list", "--json").json[0]["voucher"]
    command.set("COLUMNS", columns)
    command.runs.clear()
    for line, code in (
        ("connection list", 0), ("connection test k3", 0), ("doctor", 0), ("config show --sources", 0),
        ("quarantine list", 1), ("quarantine list --each", 1), ("exposure", 0), ("exposure --totals", 0),
        (f"snapshot show {DAY}", 0), ("voucher list", 0), (f"voucher show {voucher}", 0), ("outbox list", 0),
        ("match --dry-run", 0), ("mapping preview k3/sale_line --limit 1", 0), ("audit verify", 0),
    ):  # fmt: skip
        run = command("--lang", lang, *line.split(), code=code)
        widest = max((_cells(row) for row in run.out.splitlines()), default=0)
        assert widest <= int(columns), f"{line}: {widest} cells"
        assert "cli." not in run.out + run.err, line
        assert "…" not in run.out, f"{line}: something was cut off"
        if lang == "zh":
            heading = next(row for row in (run.out or run.err).splitlines() if row.strip())
            assert any("\u4e00" <= letter <= "\u9fff" for letter in heading), f"{line}: {heading}"


def _cells(row: str) -> int:
    from rich.cells import cell_len

    return cell_len(row.rstrip())


def test_the_installed_command_ends_with_the_code_of_what_happened(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEBRIDGE_")}
    environment |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "HEDGEBRIDGE_LANG": "en"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=tmp_path,
            env=environment,
            text=True,
            capture_output=True,
            timeout=60,
        )

    no_database = run("exposure", "--json")
    assert (no_database.returncode, no_database.stdout) == (3, "")
    assert "hedgebridge init" in no_database.stderr
    assert run("init", "cu01").returncode == 0
    empty = run("exposure", "--json")
    assert (empty.returncode, empty.stdout) == (0, "[]\n")
    assert run("exposure", "--nonsense").returncode == 2
    assert run("doctor").returncode == 1
    assert (tmp_path / "var" / "hedgebridge.db").exists()
