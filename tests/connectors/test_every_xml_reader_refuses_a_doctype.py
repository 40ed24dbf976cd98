"""Every place that parses XML from outside refuses a document type declaration, whatever it says and however it is encoded.

The table is held to the code: a module that imports a parser stands in it, or among those that parse only what they wrote."""

from __future__ import annotations

import ast
import io
import re
import tempfile
import xmlrpc.client
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
import xlsxwriter
from zeep.exceptions import DTDForbidden, EntitiesForbidden

from connectors.ibkr_flex import parse_flex
from connectors.odoo.xmlrpc import decode_answer
from connectors.sap.answers import refusal_of
from connectors.sap.journal import JournalEntryService
from connectors.sap.xml_reading import UnsafeXml, read_xml
from connectors.tabular import read_table
from connectors.u8openapi import eai
from hedge_core.errors import InvalidInput
from mapping import load_spec
from mapping.workbook_file import read_workbook, write_workbook
from sandbox.odoo.protocols import read_call
from sandbox.sap.journal import ACTION, BadEnvelope, JournalEndpoint
from sandbox.u8openapi.eai import receive
from worker.systems import system

HOUSE: Final = Path(__file__).parents[2]
WSDL: Final = (HOUSE / "connectors/sap/definitions/journal_entry.wsdl").read_text(encoding="utf-8")
FOLDERS: Final = (
    "hedge_core", "mapping", "connectors", "adapters", "worker", "cli", "messages", "conformance", "sandbox", "chaos",
    "benchmarks",
)  # fmt: skip
PARSERS: Final = frozenset({"lxml", "xml", "xmlrpc", "zeep", "python_calamine", "openpyxl", "defusedxml", "bs4"})

SPEC: Final = load_spec(system("odoo").default_spec("stock"), "yaml", name="stock")
LAUGHS: Final = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
DOCTYPES: Final[Mapping[str, str]] = {
    "bare": "<!DOCTYPE ROOT>",
    "internal": '<!DOCTYPE ROOT [<!ENTITY x "y">]>',
    "external file": '<!DOCTYPE ROOT SYSTEM "file:///etc/hostname">',
    "external address": '<!DOCTYPE ROOT PUBLIC "-//X//Y" "http://127.0.0.1:9/x.dtd">',
    "external entity": '<!DOCTYPE ROOT [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
    "parameter entity": '<!DOCTYPE ROOT [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>',
    "billion laughs": f'<!DOCTYPE ROOT [<!ENTITY l0 "ha">{LAUGHS}]>',
}


def _wsdl(body: bytes) -> object:
    with tempfile.NamedTemporaryFile(suffix=".wsdl") as file:
        file.write(body)
        file.flush()
        return JournalEntryService(None, None, wsdl=Path(file.name))._definition  # type: ignore[arg-type]


def _table(body: bytes) -> object:
    plain = io.BytesIO()
    with xlsxwriter.Workbook(plain) as book:
        book.add_worksheet().write_row(0, 0, ["code", "name"])
    return read_table("prices", _repacked(plain.getvalue(), "xl/sharedStrings.xml", body))


def _spec(body: bytes) -> object:
    return read_workbook(_repacked(write_workbook(SPEC), "docProps/core.xml", body), "spec.xlsx")


def _repacked(workbook: bytes, part: str, body: bytes) -> bytes:
    """A sound workbook with one of its parts replaced."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, body if name == part else old.read(name))
    return changed.getvalue()


def _eai_stand_in(body: bytes) -> object:
    answer = receive(None, body)  # type: ignore[arg-type]  # refused before the books are asked
    if b'succeed="102"' in answer.body:
        raise ValueError("refused")
    return answer


def _refusal(body: bytes) -> object:
    found = refusal_of(body)
    if found is None:
        raise ValueError("not taken for a refusal")
    return found


def _journal_stand_in(body: bytes) -> object:
    endpoint = JournalEndpoint(None, None, interface_name=True, honours_test=False, answer_zeros=False)  # type: ignore[arg-type]
    return endpoint.answer(body, ACTION, "")


CALL: Final = xmlrpc.client.dumps((1,), "version").partition("?>")[2]
ANSWER: Final = "<methodResponse><params><param><value><int>1</int></value></param></params></methodResponse>"
FLEX: Final = (
    '<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="0"></FlexStatements></FlexQueryResponse>'
)
STRINGS: Final = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>code</t></si><si><t>name</t></si></sst>'

Reader = Callable[[bytes], object]
READERS: Final[Mapping[str, tuple[str, Reader, tuple[type[Exception], ...], str]]] = {
    "connectors/ibkr_flex/xml.py": (FLEX, lambda b: parse_flex("report", b), (InvalidInput,), "document type|encoding"),
    "connectors/odoo/xmlrpc.py": (ANSWER, decode_answer, (ValueError,), "DOCTYPE"),
    "connectors/sap/xml_reading.py": ("<a/>", read_xml, (UnsafeXml,), "document type"),
    "connectors/sap/journal.py": (WSDL.partition("?>")[2], _wsdl, (DTDForbidden, EntitiesForbidden), "DTD|Entit"),
    "connectors/tabular/workbook.py": (STRINGS, _table, (InvalidInput,), "document type"),
    "connectors/u8openapi/eai.py": ("<ufinterface/>", eai.answer_items, (eai.UnsafeXml,), "declaration"),
    "mapping/workbook_file.py": ("<cp:coreProperties/>", _spec, (InvalidInput,), "DOCTYPE"),
    "sandbox/odoo/protocols.py": (CALL, read_call, (ValueError,), "document type"),
    "sandbox/sap/journal.py": ("<a/>", _journal_stand_in, (BadEnvelope,), "document type"),
    "sandbox/u8openapi/eai.py": ("<ufinterface/>", _eai_stand_in, (ValueError,), "refused"),
}
"""Module → a document without its declarations, the way in, what it raises, words of it."""

FURTHER: Final = {"sandbox/sap/journal.py": "not a SOAP 1.1 envelope"}
"""What the sample lacks beyond the declaration."""

NOT_FROM_OUTSIDE: Final[Mapping[str, str]] = {
    "sandbox/sap/metadata.py": "writes; of the standard library the escapes",
    "connectors/sap/odata.py": "parses by read_xml; lxml for its types",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("what", DOCTYPES)
@pytest.mark.parametrize("module", READERS)
def test_a_doctype_is_refused(module: str, what: str, encoding: str) -> None:
    document, read, errors, words = READERS[module]
    root = re.findall(r"<([A-Za-z:]+)", document)[0]
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'
    with pytest.raises(errors, match=words):
        read((declared + DOCTYPES[what].replace("ROOT", root) + document).encode(encoding))


@pytest.mark.parametrize("module", READERS)
def test_the_same_document_without_one_is_taken(module: str) -> None:
    document, read, _, _ = READERS[module]
    whole = f'<?xml version="1.0" encoding="utf-8"?>{document}'.encode()
    if module in FURTHER:
        with pytest.raises(Exception, match=FURTHER[module]):
            read(whole)
    else:
        read(whole)


def test_a_refusal_in_xml_with_a_doctype_is_no_refusal() -> None:
    said = "<error><code>F5/201</code><message>closed</message></error>"
    assert _refusal(said.encode())
    assert refusal_of(('<!DOCTYPE error [<!ENTITY x "y">]>' + said).encode()) is None


def test_no_module_parses_xml_outside_the_table() -> None:
    importing = {
        str(path.relative_to(HOUSE))
        for folder in FOLDERS
        for path in (HOUSE / folder).rglob("*.py")
        if _imports(path) & PARSERS
    }
    assert importing == READERS.keys() | NOT_FROM_OUTSIDE.keys()


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
