"""Orders, limits and alerts as they are typed, against the DIFF stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.diff.command import USER
from tests.support.broker_statement import PRICE
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.diff import BUY, INSTRUMENT, SELL, DiffUnderTest, Offset

LIMITS = """规则,类别,上限,品种,期货品种,盘中
one-order-lots,order_lots,5,copper,,
one-order-worth,order_notional,2000000,,SHFE.cu,
price,price_band,5%,,,
copper-lots,lots,1,copper,,是
"""


@pytest.fixture
def broker() -> Iterator[DiffUnderTest]:
    with DiffUnderTest() as running:
        exchange = running.running.gateway.exchange
        exchange.clock = datetime.now(UTC)
        yield running


@pytest.fixture
def desk(command: CommandLine, broker: DiffUnderTest) -> CommandLine:
    """A book with limits and a connection that may send orders."""
    command.set("HEDGEBRIDGE_SECRET_PASSWORD", broker.running.password)
    command("init", "cu01", "--name", "示例铜业贸易")
    options = (f"url={broker.running.url}", f"user={USER}", "orders=true")
    command("connection", "add", "td", "--system", "diff", *(part for text in options for part in ("--set", text)))
    table = command.folder / "limits.csv"
    table.write_text(LIMITS, encoding="utf-8")
    assert command("limit", "import", table).said == ["4 limits read, 4 new versions kept."]
    return command


def proposed(desk: CommandLine, *more: str, code: int = 0) -> dict[str, object]:
    price = str(PRICE - 1000)
    given = ("--instrument", INSTRUMENT, "--side", "buy", "--lots", "1", "--flag", "speculation", "--as", "zhao.lei")
    run = desk("order", "propose", "td", price, *given, *more, "--json", code=code)
    return dict(run.json) if code == 0 else {"said": " ".join(run.said)}


def test_an_order_from_the_proposal_to_the_cancel_and_the_switch(desk: CommandLine, broker: DiffUnderTest) -> None:
    one = proposed(desk, "--id", "first")
    assert (one["stage"], one["account"], one["lots"]) == ("proposed", USER, 1)
    assert "somebody else" in desk("order", "approve", "first", "--as", "zhao.lei", code=1).said[0]
    digest = str(one["digest"])[:6]
    assert (
        desk("order", "approve", "first", "--digest", digest, "--as", "qian.yu", "--json").json["stage"] == "approved"
    )
    sent = desk("order", "send", "first", "--json").json
    assert (sent["stage"], sent["order_key"]) == ("working", "261124000001")
    assert [row["stage"] for row in desk("order", "refresh", "--json").json] == ["working"]
    assert desk("order", "cancel", "first", "--json").json["stage"] == "cancelled"
    assert desk("order", "show", "first", "--json").json["filled"] == 0
    proposed(desk, "--id", "second")
    run = desk("order", "kill", "--reason", "odd prices", "--json")
    assert [(row["order"], row["stage"]) for row in run.json] == [("second", "stopped")]
    assert "odd prices" in proposed(desk, "--id", "third", code=1)["said"]  # type: ignore[operator]
    assert "odd prices" in desk("order", "list", code=1).said[-1]
    assert desk("order", "release", "--reason", "over").said == ["Orders are allowed again."]
    assert proposed(desk, "--id", "fourth")["stage"] == "proposed"
    assert desk("audit", "verify").code == 0
    assert broker.orders_received() == 1


def test_an_order_beyond_its_limits_says_every_reason(desk: CommandLine) -> None:
    said = str(proposed(desk, "--lots", "9", code=1)["said"])
    assert "Order of 9 lots" in said
    assert "9 lots are more than the 1 of limit copper-lots" in said
    assert desk("order", "list", "--json").json == []


def test_the_common_switch_is_of_all_books(desk: CommandLine) -> None:
    desk("init", "al02", "--name", "Sample Aluminium")
    desk("order", "kill", "--all-books", "--reason", "halt")
    for book in ("cu01", "al02"):
        assert "halt" in desk("order", "list", "--book", book, code=1).said[-1]
    desk("order", "release", "--reason", "mine alone", "--book", "al02", code=1)
    desk("order", "release", "--all-books", "--reason", "over")
    desk("order", "list", "--book", "al02")


def test_a_position_beyond_its_limit_is_an_alert_until_it_is_not(desk: CommandLine, broker: DiffUnderTest) -> None:
    broker.trade(BUY, Offset.OPEN, 3)
    desk("broker", "pull", "td")
    (row,) = desk("limit", "check", "--json", code=1).json
    assert (row["rule"], row["subject"], row["figure"]) == ("copper-lots", "copper", "3")
    assert row["proposal"].startswith("sell 2 lots of SHFE.cu2605 to close")
    (alert,) = desk("alert", "list", "--json", code=1).json
    desk("alert", "acknowledge", alert["alert"], "--note", "closing today", "--owner", "zhao.lei", "--as", "qian.yu")
    (again,) = desk("alert", "list", "--json").json
    assert (again["acknowledged"], again["owner"], again["since"]) == ("qian.yu", "zhao.lei", alert["since"])
    broker.trade(SELL, Offset.CLOSE_TODAY, 2)
    desk("broker", "pull", "td")
    assert desk("limit", "check", "--json").json == []
    assert desk("alert", "list", "--json").json == []
    (past,) = desk("alert", "list", "--all", "--json").json
    assert past["cleared"] is not None
    assert "no open alert" in desk("alert", "acknowledge", alert["alert"], code=3).said[0]


def test_limits_are_a_table_and_a_wrong_cell_is_named(desk: CommandLine) -> None:
    rows = {row["rule"]: row for row in desk("limit", "list", "--json").json}
    assert (rows["price"]["high"], rows["copper-lots"]["commodity"]) == ("0.05", "copper")
    assert desk("limit", "import", "--pack", "soe").said == ["3 limits read, 3 new versions kept."]
    assert desk("limit", "import", "--pack", "soe").said == ["3 limits read, 0 new versions kept."]
    for text, said in (
        ("rule_id,kind,high\na,lots,many\n", "a.csv, row 2"),
        ("rule_id,kind\na,lots\n", "upper bound"),
        ("rule_id,kind,high\na,hedge_ratio,1\n", "physical or vat"),
        ("rule_id,kind,high,what\na,lots,1,x\n", "what"),
        ("rule_id,high\na,1\n", "kind"),
        ("rule_id,kind,high\na,lots,1\na,lots,2\n", "twice"),
    ):
        file = Path(desk.folder / "a.csv")
        file.write_text(text, encoding="utf-8")
        assert said in " ".join(desk("limit", "import", file, code=None).said)
    assert "--pack" in desk("limit", "import", code=3).said[0]
