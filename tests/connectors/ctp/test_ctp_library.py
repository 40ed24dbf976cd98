"""Our names against the vendor's module, and the reasons why it cannot be loaded.

The names are read from the module's source, because importing it ends the process where the locale is missing; where the
locale can be made, the real structures are filled and read in a process of their own.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from connectors.ctp import library
from connectors.ctp.callbacks import ANSWERS, ORDER_ANSWERS, PUSHES, QUERIES, REFUSALS
from hedge_core.errors import InvalidInput
from tests.support.ctp_trader import recorded_fields

PACKAGE = importlib.util.find_spec("openctp_ctp")
needs_package = pytest.mark.skipif(PACKAGE is None, reason="openctp-ctp is not installed: pip install -e '.[ctp]'")


@cache
def vendor_classes() -> dict[str, set[str]]:
    """Class -> names in its body, read from the source of the vendor's module."""
    assert PACKAGE is not None
    assert PACKAGE.origin is not None
    source = (Path(PACKAGE.origin).parent / "thosttraderapi.py").read_text("utf-8")
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            members = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            members |= {
                n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
            }
            found[node.name] = members
    return found


@needs_package
def test_every_callback_and_request_we_use_exists_in_the_vendors_module() -> None:
    spi, api = vendor_classes()["CThostFtdcTraderSpi"], vendor_classes()["CThostFtdcTraderApi"]
    ours = {"OnFrontConnected", "OnFrontDisconnected", "OnRspError", *ANSWERS, *ORDER_ANSWERS, *PUSHES, *REFUSALS}
    assert ours <= spi
    requests = {f"ReqQry{name}" for name in QUERIES}
    requests |= {"ReqAuthenticate", "ReqUserLogin", "ReqSettlementInfoConfirm", "ReqOrderInsert", "ReqOrderAction"}
    requests |= {"RegisterSpi", "SubscribePrivateTopic", "SubscribePublicTopic", "RegisterFront", "Init", "Release"}
    assert requests | {"GetFrontInfo", "CreateFtdcTraderApi"} <= api


@needs_package
@pytest.mark.parametrize("name", sorted(recorded_fields()))
def test_the_recorded_fields_of_a_structure_are_the_vendors(name: str) -> None:
    members = vendor_classes()[f"CThostFtdc{name}Field"]
    assert set(recorded_fields()[name]) == {member for member in members if member[:1].isupper()}


REAL = """
from connectors.ctp.library import load_ctp, new_trader_api
from connectors.ctp.values import copied
from connectors.ctp.callbacks import Collector, listener
from pathlib import Path
import sys
ctp = load_ctp()
order = ctp.CThostFtdcInputOrderField()
order.OrderRef = "261123000001"
order.LimitPrice = 3300.5
row = copied(order)
assert (row["OrderRef"], str(row["LimitPrice"])) == ("261123000001", "3300.5"), row
depth = ctp.CThostFtdcDepthMarketDataField()
depth.SettlementPrice = 1.7976931348623157e308
assert copied(depth)["SettlementPrice"] is None
assert copied(ctp.CThostFtdcSettlementInfoField())["Content"] == b""
api = new_trader_api(ctp, Path(sys.argv[1]))
spi = listener(ctp.CThostFtdcTraderSpi, Collector(lambda event: None))
api.RegisterSpi(spi)
print("real structures read")
"""


@needs_package
def test_the_real_structures_are_filled_and_read(tmp_path: Path) -> None:
    if sys.platform.startswith("linux"):
        if shutil.which("localedef") is None:
            pytest.skip("no localedef: the vendor's library ends a process without the locale zh_CN.GB18030")
        made = subprocess.run(
            ["localedef", "-i", "zh_CN", "-f", "GB18030", str(tmp_path / "zh_CN.GB18030")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not (tmp_path / "zh_CN.GB18030").exists():
            pytest.skip(f"the locale zh_CN.GB18030 cannot be made here: {made.stderr[:200]}")
    environment = {**os.environ, "LOCPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", REAL, str(tmp_path / "flow")],
        capture_output=True, text=True, env=environment, check=False, timeout=60,
    )  # fmt: skip
    assert "real structures read" in done.stdout.splitlines(), done.stderr


def test_without_the_package_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PACKAGE", "no_such_ctp_package")
    with pytest.raises(InvalidInput, match=r"hedgebridge\[ctp\]"):
        library.load_ctp()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux needs the locale")
def test_without_the_locale_the_library_is_not_touched_and_the_sentence_says_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "PACKAGE", "json")
    monkeypatch.setattr(library, "LOCALE", "xx_XX.NOWHERE")
    with pytest.raises(InvalidInput, match="localedef"):
        library.load_ctp()


def test_a_package_that_is_not_the_library_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PACKAGE", "json")
    monkeypatch.setattr(library, "LOCALE", "C")
    with pytest.raises(InvalidInput, match="tdapi"):
        library.load_ctp()


def test_an_older_library_takes_the_folder_only(tmp_path: Path) -> None:
    class Old:
        class CThostFtdcTraderApi:
            @staticmethod
            def CreateFtdcTraderApi(path: str) -> str:
                return path

        CThostFtdcTraderSpi = object

    assert library.new_trader_api(Old(), tmp_path / "flow") == f"{tmp_path / 'flow'}/"
    assert (tmp_path / "flow").is_dir()
