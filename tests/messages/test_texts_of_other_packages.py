"""A package that brings an adapter brings its sentences too, in both languages; none of ours can be replaced that way."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from messages import Message, catalog, find_text, say


@pytest.fixture(autouse=True)
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    texts = tmp_path / "acme_sentences/texts"
    texts.mkdir(parents=True)
    (texts.parent / "__init__.py").write_text("")
    for subject in ("acme", "order"):
        (texts / f"{subject}.toml").write_text(
            '[ended]\nen = "The licence ended on {day}."\nzh = "许可已于 {day} 到期。"\n'
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [EntryPoint(name, "acme_sentences", catalog.ENTRY_POINTS) for name in ("acme", "order")]
    monkeypatch.setattr(catalog, "entry_points", lambda group: [one for one in points if one.group == group])
    catalog._subject.cache_clear()
    yield
    catalog._subject.cache_clear()


def test_its_sentences_are_spoken_in_both_languages() -> None:
    message = Message("acme.ended", {"day": "2026-03-31"})
    assert say(message) == "The licence ended on 2026-03-31."
    assert say(message, "zh") == "许可已于 2026-03-31 到期。"


def test_a_subject_of_ours_stays_ours() -> None:
    assert find_text("order.ended") is None


def test_a_subject_that_nobody_brings_shows_itself() -> None:
    assert say(Message("nobody.here", {"a": 1})) == "nobody.here {'a': 1}"
