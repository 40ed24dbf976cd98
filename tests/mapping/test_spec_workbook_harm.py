"""Workbooks that are no spec but mean harm are refused with a sentence, before the reader allocates for them."""

from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter

from hedge_core.errors import InvalidInput
from mapping.workbook_file import read_workbook


def workbook(*, row: int = 0, column: int = 0) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet("rows").write_string(row, column, "target")
    return out.getvalue()


def with_part(name: str, content: bytes) -> bytes:
    out = io.BytesIO(workbook())
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


HARMFUL = {
    "one cell in the last corner": (workbook(row=1048575, column=16383), "cells"),
    "a bomb": (with_part("xl/more.xml", b" " * (17 * 1024 * 1024)), "unpacks"),
    "cut": (workbook()[:-40], "zip"),
    "a page": (b"<html></html>", "zip"),
    "nothing": (b"", "zip"),
}


@pytest.mark.parametrize("kind", HARMFUL)
def test_a_workbook_that_means_harm_is_refused_with_the_reason(kind: str) -> None:
    content, word = HARMFUL[kind]
    with pytest.raises(InvalidInput) as refused:
        read_workbook(content, "spec.xlsx")
    assert refused.value.reason.id == "mapping.file_unreadable"
    assert word in str(refused.value.reason.params["detail"])
