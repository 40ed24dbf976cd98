"""EAI documents: exact bytes in the declared encoding, answers read in theirs, and no DOCTYPE in either direction."""

from __future__ import annotations

import pytest
from lxml import etree

from connectors.http import HttpAnswer
from connectors.u8openapi import EaiClient, EaiVoucher
from connectors.u8openapi.eai import UnsafeXml, answer_items, voucher_xml
from hedge_core.errors import OutcomeUnknown, Rejected

VOUCHER = EaiVoucher(
    "HB1",
    {"voucher_type": "记", "date": "2026-03-31", "reserve2": "HB1"},
    [({"entry_id": "1", "abstract": "盯市 & <平仓>", "natural_debit_currency": "1.20"}, {"item_id": "80010001"})],
)
SUCCESS = (
    '<ufinterface roottag="return"><item accounting_period="5" voucher_type="收" voucher_id="3" entry_id="" succeed="0" '
    'dsc="凭证已成功保存" u8accounting_period="5" u8voucher_id="3"/></ufinterface>'
)


class Wire:
    """A transport that answers one body and keeps what was sent."""

    system = "U8+"

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.answer = HttpAnswer(status, {}, body)
        self.sent: list[bytes] = []

    def post(self, path: str, body: bytes, headers: dict[str, str], *, write: bool) -> HttpAnswer:
        assert write
        self.sent.append(body)
        return self.answer


def add(body: str, *, encoding: str = "UTF-8", status: int = 200, voucher: EaiVoucher = VOUCHER) -> object:
    client = EaiClient(Wire(body.encode(encoding), status), path="x", sender="004", encoding=encoding)  # type: ignore[arg-type]
    return client.add_voucher(voucher)


@pytest.mark.parametrize("encoding", ["UTF-8", "GB2312", "GBK", "GB18030"])
def test_a_document_is_encoded_as_it_declares(encoding: str) -> None:
    body = voucher_xml(VOUCHER, "004", "u8", encoding)
    assert body.startswith(f'<?xml version="1.0" encoding="{encoding}"?>'.encode("ascii"))
    assert "盯市 &amp; &lt;平仓&gt;".encode(encoding) in body
    root = etree.fromstring(body)
    assert root.findtext("voucher/voucher_head/voucher_type") == "记"
    assert root.find("voucher/voucher_body/entry/auxiliary_accounting/item").get("name") == "item_id"
    assert (root.get("sender"), root.get("proc"), root.get("billtype")) == ("004", "add", "gl")


def test_a_character_that_the_encoding_lacks_is_refused_before_anything_is_sent() -> None:
    wire = Wire(SUCCESS.encode())
    client = EaiClient(wire, path="x", sender="004", encoding="GB2312")  # type: ignore[arg-type]
    rare = EaiVoucher("HB1", {"voucher_type": "記"}, [])
    with pytest.raises(Rejected, match="GB2312"):
        client.add_voucher(rare)
    assert wire.sent == []


def test_an_encoding_that_nobody_declared_is_no_option() -> None:
    with pytest.raises(ValueError, match="encoding"):
        EaiClient(Wire(b""), path="x", sender="004", encoding="utf-16")  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["UTF-8", "GB2312", "GB18030"])
def test_an_answer_is_read_in_the_encoding_that_it_declares(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?>{SUCCESS}'.encode(encoding)
    (item,) = answer_items(body)
    assert (item["dsc"], item["u8voucher_id"]) == ("凭证已成功保存", "3")


def test_zero_is_success_and_everything_else_is_not() -> None:
    assert add(SUCCESS)
    failed = '<ufinterface roottag="return"><item key="p16102" succeed="101" dsc="客户编码已经存在，不可重复！"/></ufinterface>'
    with pytest.raises(Rejected) as refused:
        add(failed)
    assert (refused.value.vendor_code, refused.value.vendor_text) == ("101", "客户编码已经存在，不可重复！")
    with pytest.raises(Rejected):
        add(SUCCESS.replace("</ufinterface>", '<item succeed="1" dsc="借贷不平衡"/></ufinterface>'))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html><body>login</body></html>",
        '<ufinterface roottag="return"></ufinterface>',
        '<ufinterface roottag="return"><item dsc="?"/></ufinterface>',
        SUCCESS[:40],
        f'<!DOCTYPE ufinterface [<!ENTITY x "y">]>{SUCCESS}',
        f'<!DOCTYPE ufinterface SYSTEM "http://127.0.0.1:9/x.dtd">{SUCCESS}',
    ],
)
def test_an_answer_that_proves_nothing_is_an_unknown_outcome(body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        add(body)


def test_success_with_a_strange_status_proves_nothing() -> None:
    with pytest.raises(OutcomeUnknown):
        add(SUCCESS, status=404)


@pytest.mark.parametrize("doctype", ["<!DOCTYPE ufinterface>", '<!DOCTYPE x SYSTEM "file:///etc/hostname">'])
def test_any_document_type_declaration_is_refused(doctype: str) -> None:
    with pytest.raises(UnsafeXml, match="declaration"):
        answer_items((doctype + SUCCESS).encode())
