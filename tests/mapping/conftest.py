"""Fixtures of the mapping tests: one formula evaluated by the product, specs in short form, the example specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import DecimalException, localcontext
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mapping import FieldType, MappingSpec, Row, TargetField, TargetSchema, ValueMap, WorkCounter
from mapping.checker import check_formula
from mapping.faults import Fault
from mapping.limits import ARITHMETIC
from mapping.listing import Listing, Site
from mapping.parser import parse
from mapping.values import Clock
from mapping.writer import FormulaWriter, runtime

CODES = {"codes": {"A": "draft", "C": "open", "1": "one", "none": ""}}


class Refused(Exception):
    """The checker refuses the formula whatever the record."""


class Failed(Exception):
    """The formula fails on this record."""


def _evaluate(formula: str, record: Mapping[str, Any] | None = None, counter: WorkCounter | None = None) -> Any:
    """One formula on one record by tokenizer, parser, checker and compiler, without a spec around it."""
    root = parse(formula).root
    maps = {name: ValueMap(name, tuple(codes.items())) for name, codes in CODES.items()}
    checked = check_formula(root, maps, has_source=False)
    if checked.problems:
        raise Refused(str(checked.problems[0].message))
    listing = Listing(counter)
    tables = {
        name: listing.constant({code: result or None for code, result in codes.items()})
        for name, codes in CODES.items()
    }
    part = FormulaWriter(listing, Site(1, "target", "formula", 0, ""), tables).write(root)
    listing.line(f"return {part.name}")
    names = {**runtime(Clock(ZoneInfo("Asia/Shanghai"))), **listing.names}
    exec("def run(g):\n" + "\n".join(listing.lines), names)  # noqa: S102
    with localcontext(ARITHMETIC):
        try:
            return names["run"]((record or {}).get)
        except Fault as error:
            raise Failed(str(error.problem)) from None
        except DecimalException as error:
            raise Failed(type(error).__name__) from None


@pytest.fixture(scope="session")
def evaluate() -> Callable[..., Any]:
    return _evaluate


@pytest.fixture(scope="session")
def refused() -> type[Exception]:
    return Refused


@pytest.fixture(scope="session")
def failed() -> type[Exception]:
    return Failed


@pytest.fixture(scope="session")
def one_field() -> Callable[..., tuple[MappingSpec, TargetSchema]]:
    """A spec and schema with one target field `t`, from the cells of its rows."""

    def build(
        *rows: dict[str, str],
        type: FieldType = FieldType.TEXT,
        required: bool = True,
        maps: Mapping[str, Mapping[str, str]] | None = None,
        **bounds: Any,
    ) -> tuple[MappingSpec, TargetSchema]:
        value_maps = tuple(ValueMap(name, tuple(codes.items())) for name, codes in (maps or {}).items())
        spec = MappingSpec("one", 1, "one", "", tuple(Row("t", **cells) for cells in rows), value_maps)
        return spec, TargetSchema("one", (TargetField("t", type, required, **bounds),))

    return build


@pytest.fixture(scope="session")
def specs() -> Path:
    return Path(__file__).parent / "specs"
