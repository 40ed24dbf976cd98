"""The `hedgebridge` command as a test types it: a folder of its own, an environment of its own, and what came out.

from tests.support.command import *  # noqa: F403   (fixtures `command`, `erp`, `inbox`)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, select

from cli.demo.month import ACCOUNT_ROWS, COMMODITIES
from cli.demo.standin import StandIn
from cli.main import main
from sandbox.company.broker_files import files
from tests.support.databases import owner_url

__all__ = ["CommandLine", "Run", "command", "erp", "inbox"]

ROOT = Path(__file__).resolve().parents[2]
BOOK = "jinhe"
BOOK_SETTINGS = ("rule_set=none", "variation=sweep", "futures_cash=margin", "post=day", "item_carrying=adjustment")


@dataclass(frozen=True, slots=True)
class Run:
    """One command: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document it has to be."""
        return json.loads(self.out)

    @property
    def said(self) -> list[str]:
        """The sentences on standard error."""
        return [line for line in self.err.splitlines() if line.strip()]


class CommandLine:
    """Runs commands in this process, in `folder`, speaking English unless told otherwise."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capture = capture
        self._environment = environment
        self.runs: list[Run] = []
        for name, value in {
            "HEDGEBRIDGE_LANG": "en",
            "HEDGEBRIDGE_KEY_FILE": str(folder / "hedgebridge.key"),
            "HEDGEBRIDGE_CONFIG": str(folder / "hedgebridge.toml"),
            "COLUMNS": "200",
        }.items():
            environment.setenv(name, value)
        self.use(f"sqlite:///{folder / 'hedgebridge.db'}")
        environment.chdir(folder)

    def use(self, database: str) -> None:
        """Work on the database at this address from now on."""
        self.database = database
        self.set("HEDGEBRIDGE_DATABASE", database)

    def set(self, name: str, value: str) -> None:
        """An environment variable for the commands that follow."""
        self._environment.setenv(name, value)

    def __call__(self, *arguments: str | Path, code: int | None = 0) -> Run:
        """Run one command line. `code` is the exit code it has to end with; None takes any."""
        self._capture.readouterr()
        ended = main([str(argument) for argument in arguments])
        out, err = self._capture.readouterr()
        run = Run(ended, out, err)
        self.runs.append(run)
        assert code is None or ended == code, f"{arguments} ended with {ended}:\n{out}\n{err}"
        return run

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        engine = create_engine(owner_url(self.database).replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.connect() as connection:
                schema = MetaData()
                schema.reflect(connection)
                return {
                    table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                    for table in schema.sorted_tables
                }
        finally:
            engine.dispose()

    # --- what a person sets up ---

    def set_up(self, erp: StandIn) -> None:
        """Book and connection."""
        self("init", BOOK, "--name", "锦禾金属贸易有限公司", *(part for s in BOOK_SETTINGS for part in ("--set", s)))
        self.connect(erp)

    def connect(self, erp: StandIn, *, code: int = 0) -> Run:
        """The connection `k3`; its secret comes by variable."""
        access = erp.access
        self.set("HEDGEBRIDGE_SECRET_APP_SECRET", access["app_secret"])
        options = {name: access[name] for name in ("url", "acct_id", "user", "app_id", "org", "account_book")}
        options["dimensions"] = json.dumps({"broker_account": "FDETAILID__FF100002"})
        options["hedge_fields"] = json.dumps({"sale_line": "F_HB_Hedge", "purchase_line": "F_HB_Hedge"})
        given = [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        return self("connection", "add", "k3", "--system", "kingdee", *given, code=code)

    def map_commodities(self, kinds: tuple[str, ...] = ("sale_line", "purchase_line", "stock")) -> None:
        """What a steward does: export the spec, fill in the company's materials, apply it."""
        for kind in kinds:
            file = self.folder / f"{kind}.csv"
            self("mapping", "export", f"k3/{kind}", "--to", file)
            text = file.read_text(encoding="utf-8-sig")
            rows = "".join(f"commodities,{code},{commodity}\n" for code, commodity in COMMODITIES.items())
            assert text.count("commodities,EXAMPLE-MATERIAL,copper\n") == 1
            file.write_text(text.replace("commodities,EXAMPLE-MATERIAL,copper\n", rows), encoding="utf-8-sig")
            self("mapping", "check", file)
            self("mapping", "apply", f"k3/{kind}", file)

    def map_accounts(self) -> None:
        """The company's account map."""
        file = self.folder / "accounts.csv"
        file.write_text(ACCOUNT_ROWS, encoding="utf-8")
        self("accounts", "import", file)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line in an empty folder."""
    folder = tmp_path / "company"
    folder.mkdir()
    return CommandLine(folder, capsys, monkeypatch)


@pytest.fixture
def erp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A fresh stand-in ERP with the demo company."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the tests may stand in another folder
    with StandIn("kingdee", db=tmp_path / "kingdee.db") as running:
        yield running


@pytest.fixture(scope="session")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo company's broker files in a folder."""
    folder = tmp_path_factory.mktemp("inbox")
    for name, content in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
