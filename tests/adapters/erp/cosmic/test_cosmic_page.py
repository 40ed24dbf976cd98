"""The page of a connection explains every option, every address and every name that can be replaced."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

from adapters.erp.cosmic import CosmicOptions
from adapters.erp.cosmic.vendor import NAMES, PATHS
from worker.cosmic import COSMIC

PAGE = (Path(__file__).resolve().parents[4] / "docs/connections/cosmic.md").read_text(encoding="utf-8")


def test_every_option_of_the_connection_is_explained() -> None:
    names = {
        *(field.name for field in fields(CosmicOptions)),
        *COSMIC.required,
        *COSMIC.secrets,
        *COSMIC.optional_secrets,
    }
    names |= set(re.findall(r'option\("(\w+)"', inspect.getsource(COSMIC.build)))
    assert not [name for name in sorted(names) if f"`{name}`" not in PAGE]


def test_every_name_and_path_that_can_be_replaced_stands_there_with_its_default() -> None:
    told = PAGE.partition("What is not confirmed")[2].partition("## What is read")[0]
    unsaid = [word for word in NAMES if not word.startswith("list.") and f"`{word}`" not in told]
    assert not [word for word in unsaid if f"`{word.replace('purchase.', 'sale.')}`" not in told]
    assert not [word for word, name in NAMES.items() if f"`{name}`" not in PAGE]
    assert not [word for word in PATHS if f"`{word}`" not in PAGE]
