"""The page about the connection tells everything that can be configured, and every step of its check."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

from adapters.erp.nccloud import NcCloudOptions
from tests.support.nccloud import serving
from worker import nccloud as nccloud_wiring
from worker.systems import system

PAGE = (Path(__file__).parents[4] / "docs/connections/nccloud.md").read_text(encoding="utf-8")


def test_every_option_of_the_connection_is_explained() -> None:
    kind = system("nccloud")
    names = {*(field.name for field in fields(NcCloudOptions)), *kind.required, *kind.secrets}
    names |= set(re.findall(r'option\("(\w+)"', inspect.getsource(nccloud_wiring)))
    assert not [name for name in sorted(names) if f"`{name}`" not in PAGE]


def test_every_step_of_the_check_is_explained() -> None:
    with serving() as site:
        steps = [step.step for step in site.adapter().check().steps]
    assert len(steps) > 3
    assert not [step for step in steps if f"`{step}`" not in PAGE]
