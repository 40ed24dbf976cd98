"""The page of traps names tests that exist, every line has one, and Odoo's ten stand there with their numbers."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/traps-and-tests.md").read_text("utf-8")
ROWS = [row for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith("| trap")]
IDS = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the test functions of a file below tests/; empty if there is no such file."""
    file = ROOT / "tests" / path
    if not file.is_file():
        return frozenset()
    return frozenset(
        one.name for one in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(one, ast.FunctionDef)
    )


@pytest.mark.parametrize(("path", "name"), IDS, ids=[name for _, name in IDS])
def test_every_test_that_the_page_names_is_there(path: str, name: str) -> None:
    assert name in names_in(path)


def test_every_trap_has_a_remedy_and_a_test() -> None:
    assert len(ROWS) > 50
    assert [row for row in ROWS if len(row.split(" | ")) != 3 or "::test_" not in row] == []


def test_every_test_that_is_named_after_a_trap_stands_on_the_page() -> None:
    files = [path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    named = {(path, name) for path in files for name in names_in(path) if name.startswith("test_trap_")}
    assert len(named) > 10
    assert named <= set(IDS)


def test_odoos_numbered_traps_are_those_of_its_page() -> None:
    numbers = [int(one) for one in re.findall(r"^\| (\d+)\. ", PAGE, re.M)]
    told = (ROOT / "docs/connections/odoo.md").read_text("utf-8")
    assert numbers == [int(one) for one in re.findall(r"^\| (\d+) \| ", told, re.M)] == list(range(1, 11))
