"""A drop folder with an importing ERP behind it, for the conformance suite and the adapter's own tests."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from adapters.erp.file_drop import SPEC_NAMES, FileDropAdapter, FileDropOptions
from conformance import Access, Booked, BookedLine, Fault, NotSwitchable, On, Planted, Planting, sample_voucher
from connectors.drop_folder import DropFolder, Dropped
from hedge_core.errors import AuthFailed, OutcomeUnknown, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.vouchers import Stage, Voucher
from mapping import SCHEMAS, ValueMap, compile_spec, load_spec
from sandbox.company.facts import MATERIALS
from sandbox.file_drop.importer import Importer
from sandbox.file_drop.lists import lists, table

NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
SPECS = Path("adapters/erp/file_drop/specs")
SALES = "sales_20260331.csv"
OPTIONS = FileDropOptions(dimensions={"broker_account": "期货账户"})


@cache
def specs() -> dict[str, Any]:
    """The packaged specs with the demo company's materials mapped, compiled."""
    compiled = {}
    for name in SPEC_NAMES:
        spec = load_spec(SPECS / f"{name}.yaml")
        known = ValueMap("commodities", tuple((row[0], row[2]) for row in MATERIALS))
        maps = tuple(known if one.name == "commodities" else one for one in spec.value_maps)
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


def adapter(folder: DropFolder, options: FileDropOptions = OPTIONS) -> FileDropAdapter:
    return FileDropAdapter("erp", folder, specs(), options, lambda: NOW)


def drop(path: Path, **chosen: Any) -> DropFolder:
    """A folder in which every file counts as rested unless the test says otherwise."""
    given: dict[str, Any] = {"now": lambda: NOW.timestamp() * 2, **chosen}
    return DropFolder(path, **given)


def rows_of(path: Path) -> list[dict[str, str]]:
    """A CSV list as dictionaries."""
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    path.write_bytes(table(list(rows[0]), [list(row.values()) for row in rows]))


class WatchedFolder(DropFolder):
    """A folder whose ERP imports every file as soon as it lies there, on a share that can fail."""

    def __init__(self, path: Path, under_test: FileDropUnderTest, **options: Any) -> None:
        super().__init__(path, **options)
        self._under_test = under_test

    def publish(self, staged: str, name: str) -> None:
        super().publish(staged, name)
        self._under_test.importer.run_once()
        if self._under_test.fails(On.WRITES):
            raise OutcomeUnknown("the share went away", system=self.system)

    def read(self, file: Dropped) -> bytes:
        if self._under_test.fails(On.READS):
            raise Unavailable("the share went away", system=self.system)
        return super().read(file)


class ForbiddenFolder(DropFolder):
    """A folder on which the process has no rights."""

    def files(self, *_: Any) -> Any:
        raise AuthFailed("no right to use in", system=self.system)

    def kept(self, *_: Any) -> Any:
        raise AuthFailed("no right to use sent", system=self.system)


class FileDropUnderTest:
    """The file drop for the conformance suite."""

    name = "file_drop"
    may_write = True
    secrets: Sequence[str] = ()
    not_applicable: Mapping[str, str] = {
        "E07": "a folder is never asked too often, it has no throttling",
        "E08": "a folder has no session that could be lost",
        "E18": "reading and writing files has no deadline of its own; a hanging share is the operating system's",
    }

    def __enter__(self) -> FileDropUnderTest:
        self._stack = ExitStack()
        self._path = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="file-drop-")))
        self.importer = Importer(self._path)
        self._stack.callback(self.importer.close)
        for name, body in lists().items():
            (self._path / "in" / name).write_bytes(body)
        self._faults: dict[On, int] = {}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        given: dict[str, Any] = {"now": lambda: NOW.timestamp() * 2}
        if access is Access.UNREACHABLE:
            return adapter(DropFolder(self._path / "not-mounted", **given))
        if access is Access.WRONG_SECRET:
            return adapter(ForbiddenFolder(self._path, **given))
        return adapter(WatchedFolder(self._path, self, **given))

    def fault(self, fault: Fault, on: On, times: int) -> None:
        if fault not in (Fault.ANSWER_LOST, Fault.ANSWER_CUT):
            raise NotSwitchable("a folder has only one way to fail: it is gone")
        self._faults[on] = times

    def clear(self) -> None:
        self._faults.clear()

    def fails(self, on: On) -> bool:
        left = self._faults.get(on, 0)
        self._faults[on] = max(0, left - 1)
        return left > 0

    def plant(self, what: Planted) -> Planting:
        path = self._path / "in" / SALES
        rows = rows_of(path)
        sound = next(
            row for row in rows if row["定价方式"] == "一口价" and row["状态"] == "已审核" and row["单位"] == "吨"
        )
        changes = {
            Planted.EXACT_LINE: {"数量": "12345.678901", "含税单价": "90123.456789"},
            Planted.UNKNOWN_VALUE: {"单位": "捆"},
            Planted.MISSING_VALUE: {"合同日期": ""},
            Planted.EXTRA_FIELD: {"备用列": "x"},
        }[what]
        extra = {"备用列": ""} if what is Planted.EXTRA_FIELD else {}
        write_rows(
            path, [*({**row, **extra} for row in rows), {**sound, "合同号": "XSDD777777", "行号": "1", **changes}]
        )
        net = (Decimal("90123.456789") / Decimal("1.13")).quantize(Decimal("0.000001"), ROUND_HALF_UP)
        expected = {"ordered": Decimal("12345.678901"), "price": net, "vat_rate": Decimal("0.13")}
        ref = ExternalRef("erp", "sale_line", "XSDD777777/1")
        return Planting(ref, expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        path = self._path / "in" / SALES
        rows = rows_of(path)
        row = next(row for row in rows if row["状态"] == "已审核")
        row["已交数量"] = "1.5"
        newer = path.with_name("sales_20260401.csv")
        write_rows(newer, rows)
        return ExternalRef("erp", "sale_line", f"{row['合同号']}/{row['行号']}")

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        dimensions = (("broker_account", "80010001"),)
        day = date(2026, 3, 31)
        return sample_voucher(number, amount, day, debit="3101", credit="6101", dimensions=dimensions)

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("10.00"), date(2026, 3, 31), debit="3101", credit="9999.99")

    def closed_period(self) -> tuple[Voucher, str]:
        words = self.importer.close_period("2026-01")
        return sample_voucher(501, Decimal("10.00"), date(2026, 1, 30), debit="3101", credit="6101"), words

    def booked(self, key: str) -> Sequence[Booked]:
        return [
            Booked(
                number,
                Stage(state),
                date.fromisoformat(day),
                tuple(BookedLine(line.account, line.debit, line.credit) for line in lines),
            )
            for number, state, day, lines in self.importer.documents(key)
        ]

    def hedged_line(self) -> ExternalRef:
        row = next(row for row in rows_of(self._path / "in" / SALES) if row["状态"] == "已审核" and row["行号"] == "2")
        return ExternalRef("erp", "sale_line", f"{row['合同号']}/2")

    def rest_of(self, leg: ExternalRef) -> object:
        """Everything in the lists: a hedge note is a file of its own."""
        return {name: (self._path / "in" / name).read_bytes() for name in sorted(os.listdir(self._path / "in"))}
