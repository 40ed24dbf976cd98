"""The page of figures names tests that exist, and none of its lines is without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/figures-and-tests.md").read_text("utf-8")
ROWS = [row for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith("| noun")]
IDS = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the test functions of a file below tests/; empty if there is no such file."""
    file = ROOT / "tests" / path
    if not file.is_file():
        return frozenset()
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, kinds))


@pytest.mark.parametrize(("path", "name"), IDS, ids=[name for _, name in IDS])
def test_every_test_that_the_page_names_is_there(path: str, name: str) -> None:
    assert name in names_in(path)


def test_every_line_of_the_page_has_a_test() -> None:
    without = [row for row in ROWS if len(row.split(" | ")) != 3 or "::test_" not in row]
    assert len(ROWS) > 100
    assert without == []


def test_no_noun_stands_there_twice() -> None:
    nouns = [row.split(" | ")[0] for row in ROWS]
    assert len(nouns) == len(set(nouns))
