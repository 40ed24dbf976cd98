"""What every table is made of: the metadata with its naming rules, and the columns that stand on many tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData

from adapters.storage.types import Key

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def book_column() -> Column[str]:
    return Column("book_id", Key, ForeignKey("books.book_id"), primary_key=True)


def key(name: str) -> Column[str]:
    return Column(name, Key, primary_key=True)


def must(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)


def record_columns() -> tuple[Column[str], Column[str], Column[str], Column[str]]:
    """Book and external reference: the key of whatever came from another system."""
    return book_column(), key("connection"), key("kind"), key("key")
