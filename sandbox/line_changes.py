"""A change of one free field of an order line, as every stand-in takes it: what is checked first.

No vendor publishes all of this. Which states are closed, which fields are free and how a revision is told is the stand-in's own
choice, modelled on what such systems do; the words of a refusal are the stand-in's and invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 200


class Unchangeable(Exception):
    """The change is refused: `which` names the sentence of the stand-in's texts, `given` what it is filled in with."""

    def __init__(self, which: str, **given: object) -> None:
        super().__init__(which)
        self.which = which
        self.given = given


def checked(
    changes: Mapping[str, Any], *, free: frozenset[str], closed: bool, revision: Any = None, known_revision: Any = None
) -> Mapping[str, Any]:
    """The changes, when the document may be changed: it is open, its revision is the one that was read (where one is given),
    each field is a free one and the text fits."""
    if closed:
        raise Unchangeable("closed_order")
    if revision not in (None, "") and str(revision) != str(known_revision):
        raise Unchangeable("stale_order")
    for name, value in changes.items():
        if name not in free:
            raise Unchangeable("no_such_field", name=name)
        if len(str(value)) > MOST_CHARACTERS:
            raise Unchangeable("too_long_text", name=name)
    return changes


TEXTS: Mapping[str, str] = {
    "closed_order": "单据已关闭，不允许修改",
    "stale_order": "单据已被他人修改，请刷新后重试",
    "no_such_field": "字段{name}不存在或不允许修改",
    "too_long_text": "字段{name}超过最大长度",
    "no_such_order": "单据{id}不存在",
    "no_such_line": "单据行{id}不存在",
}
"""Invented, all of them."""
