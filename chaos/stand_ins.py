"""Stand-ins as processes of their own, whose books are read from their own files: what they hold is what counts."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.own_servers import free_port

CREDENTIALS = {
    "kingdee": {
        "acct_id": "chaos",
        "user": "bridge",
        "password": "p",
        "app_id": "300001_" + "c" * 32,
        "app_secret": "k" * 32,
    },
    "odoo": {"database": "chaos", "user": "bridge", "password": "p", "api_key": "o" * 40},
}
"""Invented; given at every start, so that a stand-in that was killed comes back as the same one."""

CONTROL = "chaos-control"

_VOUCHERS = {
    "kingdee": """SELECT DISTINCT e.FBUSNO, v.FBillNo FROM "GL_VOUCHER.FEntity" e JOIN GL_VOUCHER v ON v.id = e.parent
                  WHERE e.FBUSNO <> ''""",
    "odoo": """SELECT ref, name FROM "account.move" WHERE ref LIKE 'HB%' OR ref LIKE '%HB%'""",
}
_LINES = {
    "kingdee": """SELECT 'sale_line', parent || '/' || id FROM "SAL_SaleOrder.FSaleOrderEntry"
                  UNION ALL SELECT 'purchase_line', parent || '/' || id FROM "PUR_PurchaseOrder.FPOOrderEntry" """,
    "odoo": """SELECT 'sale_line', CAST(id AS TEXT) FROM "sale.order.line" WHERE COALESCE(display_type, '') = ''
               UNION ALL SELECT 'purchase_line', CAST(id AS TEXT) FROM "purchase.order.line"
               WHERE COALESCE(display_type, '') = ''""",
}


@dataclass
class StandIn:
    """One ERP: `name` is both the stand-in's and the system's."""

    name: str
    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start()

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.sqlite"

    def start(self) -> None:
        """Serve, on the same port, from the same books, with the same credentials as before."""
        chosen = [f"--{key.replace('_', '-')}={value}" for key, value in CREDENTIALS[self.name].items()]
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "sandbox", self.name, "--json", "--until-stdin-closes", f"--port={self.port}",
                f"--db={self.file}", f"--control-token={CONTROL}", *chosen, *self.options,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.told = json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def control(self, name: str, body: object | None = None) -> Any:
        request = urllib.request.Request(
            self.told["control_url"] + name,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Control-Token": CONTROL},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def fault(self, text: str) -> None:
        self.control("faults", {"fault": text})

    def fired(self) -> Counter[str]:
        return Counter(self.control("faults")["fired"])

    def clear(self) -> None:
        self.control("faults", {"clear": True})

    def vouchers(self) -> Counter[str]:
        """How many documents stand in the books under each of our references."""
        return Counter(str(row[0]) for row in self._read(_VOUCHERS[self.name]))

    def lines(self) -> set[tuple[str, str]]:
        """(kind, key) of every order line in the books."""
        return {(str(kind), str(key)) for kind, key in self._read(_LINES[self.name])}

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30) as books:
            return books.execute(query).fetchall()
