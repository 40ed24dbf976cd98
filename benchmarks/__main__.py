"""Run every benchmark, print one table with the machine named, and write `var/bench/summary.json`.

    python -m benchmarks [NAME…]      names of modules in this folder, e.g. mapping_speed

A row is a name, a value, a unit, and peers measured in the same run with the ratio of our value to each. No limit is
asserted anywhere: figures are for people to compare.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

MODULES = (
    "mapping_speed",
    "ingest",
    "settlement_speed",
    "recalculation_speed",
    "whole_recalculation_speed",
    "matching_speed",
    "exposure_speed",
    "alerts_speed",
    "audit_speed",
    "audit_share",
    "statement_speed",
    "jobs",
    "vouchers",
    "backlog",
    "erp_speed",
)
SUMMARY = Path("var/bench/summary.json")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def main(names: list[str]) -> int:
    rows: list[dict[str, Any]] = []
    for name in names or MODULES:
        sys.stderr.write(f"measuring {name} …\n")
        rows += importlib.import_module(f"benchmarks.{name}").measure()
    named = machine()
    table = Table(title="  ".join(f"{key}: {value}" for key, value in named.items()), title_justify="left")
    for column in ("benchmark", "value", "unit", "peer", "peer's value", "ours ÷ peer"):
        table.add_column(column, justify="left" if column in ("benchmark", "unit", "peer") else "right")
    for row in rows:
        peers = row.get("peers") or {"": {"value": "", "ratio": ""}}
        for number, (peer, figures) in enumerate(peers.items()):
            own = (row["name"], _shown(row["value"]), row["unit"]) if number == 0 else ("", "", "")
            table.add_row(*own, peer, _shown(figures["value"]), _shown(figures["ratio"]))
    Console(width=160).print(table)
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps([{**row, "machine": named} for row in rows], indent=2, default=str) + "\n")
    sys.stderr.write(f"written to {SUMMARY}\n")
    return 0


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
