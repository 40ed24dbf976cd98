"""The page about the connection tells everything that can be configured, and every step of its check."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

from adapters.erp.u8openapi import U8Options
from tests.support.u8openapi import serving
from worker import u8openapi as u8openapi_wiring
from worker.systems import system

PAGE = (Path(__file__).parents[4] / "docs/connections/u8openapi.md").read_text(encoding="utf-8")


def test_every_option_of_the_connection_is_explained() -> None:
    kind = system("u8openapi")
    names = {*(field.name for field in fields(U8Options)), *kind.required, *kind.secrets}
    names |= set(re.findall(r'option\("(\w+)"', inspect.getsource(u8openapi_wiring)))
    assert not [name for name in sorted(names) if f"`{name}`" not in PAGE]


def test_every_step_of_the_check_is_explained() -> None:
    with serving() as site:
        steps = [step.step for step in site.adapter().check().steps]
    assert len(steps) > 3
    assert not [step for step in steps if f"`{step}`" not in PAGE]
