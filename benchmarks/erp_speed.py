"""Every ERP adapter from its stand-in: rows pulled, mapped and stored a second, and vouchers pushed, beside the bare protocol.

pull+map+store   the use case with the demo company's some 400 open lines, into SQLite (every transaction synced)
vouchers pushed  the adapter's own batches, look-ups included
bare client      the very same requests, recorded, sent again over one open connection and thrown away: what the stand-in and
                 the protocol allow. A stand-in that knows a voucher already may answer its repetition faster or slower.
The stand-ins run in this process and share its interpreter with the adapter: a system of its own would leave more to both.

python -m benchmarks erp_speed
"""

from __future__ import annotations

import http.client
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.clock import SystemClock
from adapters.storage import SqlStore, open_store, upgrade_database
from connectors.http import HttpTransport
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book, Connection
from hedge_core.use_cases.pull import pull_contracts

BOOK: Final = BookId("bench")
WHO: Final = Actor("bench")
VOUCHERS: Final = 40
SYSTEMS: Final[Mapping[str, str]] = {
    "kingdee": "tests.support.kingdee:KingdeeUnderTest",
    "odoo": "tests.adapters.erp.odoo.test_conformance_odoo:OdooUnderTest",
    "sap": "tests.support.sap:SapUnderTest",
    "yonbip": "tests.support.yonbip:YonBipUnderTest",
    "u8cloud": "tests.support.u8cloud:U8CloudUnderTest",
    "u8openapi": "tests.support.u8openapi:U8UnderTest",
    "nccloud": "tests.support.nccloud:NcCloudUnderTest",
    "cosmic": "tests.support.cosmic:CosmicUnderTest",
    "file_drop": "tests.support.file_drop:FileDropUnderTest",
    "generic_json": "tests.support.generic_json:GenericJsonUnderTest",
}
"""The systems as the conformance suite sets them up, small pages included: the wire is measured with many short calls."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it left."""

    url: str
    method: str
    body: bytes | None
    headers: Mapping[str, str]


def measure() -> list[dict[str, Any]]:
    _own_tests()
    rows: list[dict[str, Any]] = []
    for name, place in SYSTEMS.items():
        module, _, kind = place.partition(":")
        with getattr(import_module(module), kind)() as erp, tempfile.TemporaryDirectory() as scratch:
            rows += [_pulled(name, erp, Path(scratch)), *_pushed(name, erp)]
    return rows


def _own_tests() -> None:
    """`tests` is this checkout's folder, whatever other package of that name is installed."""
    own = ModuleType("tests")
    own.__path__ = [str(Path(__file__).resolve().parents[1] / "tests")]
    sys.modules["tests"] = own


def _pulled(name: str, erp: Any, folder: Path) -> dict[str, Any]:
    store, adapter = _store(folder, name), erp.adapter()
    with _recorded() as sent:
        started = perf_counter()
        count = pull_contracts(store, BOOK, "erp", adapter, WHO, SystemClock()).read
        took = perf_counter() - started
    return _row(f"{name}: {count} lines pulled+mapped+stored", "rows/s", count, took, sent)


def _pushed(name: str, erp: Any) -> Iterator[dict[str, Any]]:
    adapter = erp.adapter()
    card = adapter.capabilities
    if not card.reference_field:
        return
    vouchers = [erp.voucher(1000 + number, Decimal("70619.47") + number) for number in range(VOUCHERS)]
    with _recorded() as sent:
        started = perf_counter()
        for first in range(0, VOUCHERS, card.max_batch):
            outcomes = adapter.push_vouchers(vouchers[first : first + card.max_batch])
            failed = [one for one in outcomes if isinstance(one, Exception)]
            if failed:
                raise failed[0]
        took = perf_counter() - started
    yield _row(f"{name}: {VOUCHERS} vouchers in batches of {card.max_batch}", "vouchers/s", VOUCHERS, took, sent)


def _row(name: str, unit: str, count: int, took: float, sent: list[Sent]) -> dict[str, Any]:
    rate = count / took
    row: dict[str, Any] = {"name": name, "value": round(rate), "unit": unit}
    if sent:
        floor = count / _sent_again(sent)
        row["peers"] = {f"bare client, {len(sent)} calls": {"value": round(floor), "ratio": round(rate / floor, 3)}}
    return row


@contextmanager
def _recorded() -> Iterator[list[Sent]]:
    """Every request that our transport sends inside the block."""
    sent: list[Sent] = []
    real = HttpTransport._call

    def noting(self: HttpTransport, method: str, path: str, body: bytes | None, headers: Any, *more: Any) -> Any:
        sent.append(Sent(self.origin.join(path), method, body, dict(headers)))
        return real(self, method, path, body, headers, *more)

    HttpTransport._call = noting  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        HttpTransport._call = real  # type: ignore[method-assign]


def _sent_again(sent: list[Sent]) -> float:
    """Seconds that the same requests take over one connection, answers read and thrown away."""
    parts = urlsplit(sent[0].url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    started = perf_counter()
    for one in sent:
        where = urlsplit(one.url)
        link.request(one.method, where.path + (f"?{where.query}" if where.query else ""), one.body, dict(one.headers))
        link.getresponse().read()
    took = perf_counter() - started
    link.close()
    return took


def _store(folder: Path, name: str) -> SqlStore:
    url = f"sqlite:///{folder / 'bench.db'}"
    upgrade_database(url)
    store = open_store(url, SystemClock())
    store.add_book(Book(BOOK, "bench", "CNY"), WHO)
    with store.begin(BOOK, WHO) as uow:
        uow.save_connection(Connection("erp", BOOK, name, {}, {}))
    return store
