"""The filter parser by itself: whatever the text, it reads it, or refuses it, and never lets it reach SQL."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kingdee.books import scaled
from sandbox.kingdee.filters import BadFilter, read_filter

COLUMNS = {"name": ("t.name", "text"), "quantity": ("t.quantity", "decimal"), "day": ("t.day", "date")}
ROWS = [("it's", 1.5, "2026-03-01"), ("B", 2, "2026-03-02"), ("", -3, "2026-12-31"), ("甲", 0, "2025-01-01")]


def _resolve(key: str) -> tuple[str, str]:
    if key.lower() not in COLUMNS:
        raise BadFilter(key)
    return COLUMNS[key.lower()]


@pytest.fixture(scope="module")
def table():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (name TEXT COLLATE NOCASE, quantity INTEGER, day TEXT)")
    stored = [(name, int(quantity * 1_000_000), f"{day}T00:00:00") for name, quantity, day in ROWS]
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", stored)
    yield connection
    connection.close()


def _kept(table: sqlite3.Connection, source: object) -> list[str]:
    condition = read_filter(source, _resolve)
    assert condition is not None
    sql = f"SELECT name FROM t WHERE {condition.sql} ORDER BY rowid"
    return [row[0] for row in table.execute(sql, condition.parameters)]


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("name = 'it''s'", ["it's"]),
        ("name=N'b'", ["B"]),
        ("quantity>=1.50", ["it's", "B"]),
        ("quantity<-2 OR day < '2026/01/01'", ["", "甲"]),
        ("name='B' or name='' and quantity>0", ["B"]),
        ("(name='B' or name='') and quantity>0", ["B"]),
        ("(name='B' or name='') and quantity<0", [""]),
        ("not name='B' and not (quantity<0)", ["it's", "甲"]),
        ("day between '2026-03-01' and '2026-03-02 00:00:00'", ["it's", "B"]),
        ("name is not null and quantity not in (0, 2)", ["it's", ""]),
        ("name is null", []),
        ("1=0", []),
    ],
)
def test_precedence_quotes_and_dates(table, source, kept):
    assert _kept(table, source) == kept


@pytest.mark.parametrize("source", ["", None, [], "   "])
def test_an_empty_filter_is_no_condition(source):
    assert read_filter(source, _resolve) is None


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    try:
        condition = read_filter(text, _resolve)
    except BadFilter:
        return
    assert condition is None or condition.sql.count("?") == len(condition.parameters)


@given(st.text(max_size=30).filter(lambda text: "\x00" not in text))
def test_any_value_stays_a_value(text):
    condition = read_filter("name = '" + text.replace("'", "''") + "'", _resolve)
    assert condition is not None
    assert (condition.sql, condition.parameters) == ("(t.name = ?)", [text])


@given(st.decimals(-10_000, 10_000, places=6))
def test_decimals_compare_exactly(number):
    condition = read_filter(f"quantity = {number}", _resolve)
    assert condition is not None
    assert condition.parameters == [scaled(number)]
