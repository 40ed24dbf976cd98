"""Adapters of other packages are found by entry points, and every mistake on the way is a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from hedge_core.errors import InvalidInput
from hedge_core.model.identity import book_id
from hedge_core.ports.storage import Connection
from messages import LANGUAGES, say
from tests.support.kingdee import TestClock
from worker import systems
from worker.systems import ENTRY_POINTS, System, Wiring, packaged, system

ACME = System(secrets=("token",), required=("url",), spec_names=(), spec_package="acme", build=lambda wiring: wiring)  # type: ignore[arg-type,return-value]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    offered: list[EntryPoint] = []
    monkeypatch.setattr(systems, "entry_points", lambda group: [one for one in offered if one.group == group])
    yield lambda name, value: offered.append(EntryPoint(name, value, ENTRY_POINTS))


def sentence(name: str) -> str:
    with pytest.raises(InvalidInput) as raised:
        system(name)
    assert all(say(raised.value.message, language) for language in LANGUAGES)
    return str(raised.value)


def wiring(**options: object) -> Wiring:
    connection = Connection("erp", book_id("demo"), "kingdee", options, {})
    return Wiring(connection, {"app_secret": "s"}, {}, TestClock(), 20)


def test_a_system_of_another_package_is_found(offer: Any) -> None:
    offer("acme", f"{__name__}:ACME")
    assert system("acme").secrets == ("token",)


@pytest.mark.parametrize("name", packaged())
def test_a_packaged_system_cannot_be_replaced_from_outside(offer: Any, name: str) -> None:
    offer(name, f"{__name__}:ACME")
    assert system(name).secrets == packaged()[name].secrets != ("token",)


def test_an_unknown_system_names_all_that_are_there(offer: Any) -> None:
    offer("acme", f"{__name__}:ACME")
    text = sentence("nothing")
    assert "acme" in text and "kingdee" in text


def test_a_package_that_lacks_something_says_what(offer: Any) -> None:
    offer("acme", "no_such_package_at_all:SYSTEM")
    assert "no_such_package_at_all" in sentence("acme")


def test_a_package_that_offers_something_else_is_refused(offer: Any) -> None:
    offer("acme", "json:dumps")
    assert "json:dumps" in sentence("acme")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "erp.example.com"}, "not an http"),
        ({"url": "https://user:secret@erp.example.com/"}, "credentials"),
        ({"app_id": "short"}, "application id"),
        ({"page_rows": "many"}, "many"),
        ({"page_rows": 1}, "page_rows"),
        ({"target_stage": "nowhere"}, "nowhere"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_sentence_and_shows_no_secret(
    changes: dict[str, object], words: str
) -> None:
    given = {
        "url": "https://erp.example.com/k3cloud/", "acct_id": "a", "user": "u", "app_id": "1_" + "A" * 32, "org": "100",
        "account_book": "001", **changes,
    }  # fmt: skip
    with pytest.raises(InvalidInput) as raised:
        system("kingdee").build(wiring(**given))
    assert words in str(raised.value)
    assert "secret@" not in str(raised.value)
