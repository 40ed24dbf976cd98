"""How fast the audit log grows in memory: canonical bytes, leaf hash, tree, beside hashing plain JSON lines in a chain."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from hedge_core.audit.events import AuditEvent, event_bytes
from hedge_core.audit.tree import Frontier, leaf_hash
from hedge_core.model.identity import BookId


def measure(events: int = 100_000) -> list[dict[str, Any]]:
    """Events per second appended one at a time."""
    at = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
    started = perf_counter()
    frontier = Frontier()
    for number in range(events):
        event = AuditEvent(
            BookId("bench"), number, at, "clerk", False, "voucher.approved", f"v{number}", {"content_hash": "ab" * 32}
        )
        frontier = frontier.append(leaf_hash(event_bytes(event)))
    ours = events / (perf_counter() - started)
    started = perf_counter()
    link = b""
    for number in range(events):
        line = json.dumps(
            {"book": "bench", "sequence": number, "at": at.isoformat(), "actor": "clerk", "kind": "voucher.approved",
             "subject": f"v{number}", "details": {"content_hash": "ab" * 32}},
            sort_keys=True,
        )  # fmt: skip
        link = hashlib.sha256(link + line.encode()).digest()
    chain = events / (perf_counter() - started)
    return [
        {
            "name": f"audit log, {events} events appended in memory", "value": round(ours), "unit": "events/s",
            "peers": {"json.dumps and a hash chain": {"value": round(chain), "ratio": round(ours / chain, 3)}},
        }
    ]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(f"{measure()}\n")
