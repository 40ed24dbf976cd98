"""The page of capability cards says what the adapters say."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.cards import SYSTEMS, cards, page
from worker.systems import system

PAGE = Path(__file__).resolve().parents[2] / "docs/connections/cards.md"


def test_the_page_is_made_from_the_adapters() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: hedgebridge connection cards > docs/connections/cards.md"


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_card_is_that_of_its_system(name: str) -> None:
    assert cards()[name].system == name
    assert system(name).spec_names
