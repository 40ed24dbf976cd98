"""The exposure of many contract lines: computed from all of them, and from the changed ones alone.

python -m benchmarks.exposure_speed [LINES] [CHANGED]      default 100,000 lines, 1,000 changed
"""

from __future__ import annotations

import random
import statistics
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from time import process_time
from typing import Any

from hedge_core.exposure import exposure
from hedge_core.exposure_index import ExposureIndex
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.physical import ContractLine, LineStatus, PricingKind, Side

BOOK = BookId("bench")
COMMODITIES = tuple(f"metal{number}" for number in range(10))
RATES = dict.fromkeys(COMMODITIES, Decimal("0.13"))


def invented_lines(count: int) -> list[ContractLine]:
    """Purchases and sales of ten commodities over twelve months; the same on every run."""
    dice = random.Random(count)
    return [
        ContractLine(
            ExternalRef("erp", "contract_line", f"{number:07d}"), f"HT{number}", 1, dice.choice(tuple(Side)), "P1", "M1",
            dice.choice(COMMODITIES), date(2026, 3, 1), None, f"2026-{dice.randint(1, 12):02d}", "t",
            Decimal(dice.randint(1, 900_00)) / 100, Decimal(0), Decimal(0), LineStatus.OPEN,
            dice.choice((PricingKind.PRICED, PricingKind.FLOATING)), None, None, None, "CNY", Decimal("0.13"), None,
        )
        for number in range(count)
    ]  # fmt: skip


def measure(count: int = 100_000, changed: int = 1_000) -> list[dict[str, Any]]:
    """Processor milliseconds of both; the figures are compared before anything is reported."""
    lines = invented_lines(count)
    index = ExposureIndex(BOOK, {}, RATES)
    started = process_time()
    index.put(lines)
    built = process_time() - started
    dice = random.Random(1)
    anew, followed = [], []
    for _ in range(5):
        chosen = dice.sample(range(count), changed)
        for place in chosen:
            lines[place] = replace(lines[place], ordered=lines[place].ordered + 1)
        started = process_time()
        index.put([lines[place] for place in chosen])
        ours = index.exposure()
        followed.append(process_time() - started)
        started = process_time()
        full = exposure(BOOK, lines, [], [], {}, RATES)
        anew.append(process_time() - started)
        assert (ours.rows, ours.totals, ours.broken) == (full.rows, full.totals, full.broken)
    fast, slow = statistics.median(followed) * 1000, statistics.median(anew) * 1000
    return [
        {
            "name": f"exposure of {count:,} lines after {changed:,} changed",
            "value": round(fast, 1),
            "unit": "ms",
            "peers": {"computed from all lines": {"value": round(slow, 1), "ratio": round(fast / slow, 4)}},
        },
        {"name": f"first build of the index, {count:,} lines", "value": round(built, 2), "unit": "s"},
    ]


if __name__ == "__main__":
    for row in measure(*(int(text) for text in sys.argv[1:])):
        sys.stdout.write(f"{row}\n")
