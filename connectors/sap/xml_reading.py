"""XML from outside, read without its dangers: any DOCTYPE is refused, nothing is fetched, depth and size stay bounded."""

from __future__ import annotations

from typing import Final

from lxml import etree

_PARSER_OPTIONS: Final = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


class UnsafeXml(ValueError):
    """Not well-formed, or carrying a document type declaration."""


def read_xml(body: bytes) -> etree._Element:
    """The root element of a document. A DOCTYPE of any kind is refused: no SAP answer has one, every XML attack does."""
    try:
        root = etree.fromstring(body, etree.XMLParser(**_PARSER_OPTIONS))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnsafeXml(f"not well-formed XML: {type(error).__name__}") from error
    if root is None or root.getroottree().docinfo.doctype or root.getroottree().docinfo.internalDTD is not None:
        raise UnsafeXml("a document type declaration is refused")
    return root


def local(element: etree._Element) -> str:
    """An element's name without its namespace: releases disagree on which elements are qualified."""
    return str(etree.QName(element).localname)


def child(element: etree._Element | None, name: str) -> etree._Element | None:
    """The first child of that local name."""
    if element is None:
        return None
    return next((one for one in element if isinstance(one.tag, str) and local(one) == name), None)


def children(element: etree._Element | None, name: str) -> list[etree._Element]:
    """All children of that local name."""
    return [] if element is None else [one for one in element if isinstance(one.tag, str) and local(one) == name]


def child_text(element: etree._Element | None, name: str) -> str:
    """The stripped text of a child; empty when it is not there."""
    found = child(element, name)
    return "" if found is None else (found.text or "").strip()
