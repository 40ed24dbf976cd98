"""The fault switchboard by itself: notation, scopes, counts, and reproducible rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.faults import FAULTS, Switchboard, UnknownFault


def _names(board: Switchboard, service: str, kind: str) -> list[str]:
    return [one.name for one in board.hits(service, kind)]


def test_nothing_armed_means_nothing_hits():
    assert Switchboard().hits("Save", "write") == ()


def test_a_count_hits_exactly_so_many_matching_calls():
    board = Switchboard()
    board.arm_text("waf=2x@writes")
    calls = [_names(board, "Save", kind) for kind in ("read", "write", "write", "write")]
    assert calls == [[], ["waf"], ["waf"], []]


@pytest.mark.parametrize(
    ("scope", "hit"),
    [
        ("all", {"read", "write"}),
        ("reads", {"read"}),
        ("writes", {"write"}),
        ("logins", {"login"}),
        ("Save", {"read", "write", "login"}),
        ("Submit", set()),
    ],
)
def test_scopes(scope, hit):
    board = Switchboard()
    board.arm("waf", rate=1.0, scope=scope)
    assert {kind for kind in ("read", "write", "login") if board.hits("Save", kind)} == hit


def test_after_commit_faults_concern_writes_unless_told_otherwise():
    board = Switchboard()
    board.arm("lose_answer_after_commit", rate=1.0)
    assert _names(board, "ExecuteBillQuery", "read") == []
    assert _names(board, "Save", "write") == ["lose_answer_after_commit"]


def test_a_delay_comes_before_one_other_fault():
    board = Switchboard()
    for name in ("slow", "waf", "html_200"):
        board.arm(name, rate=1.0)
    assert _names(board, "Save", "write") == ["slow", "waf"]


def test_clearing_one_and_all():
    board = Switchboard()
    for name in ("waf", "html_200"):
        board.arm(name, rate=1.0)
    board.clear("waf")
    assert _names(board, "Save", "write") == ["html_200"]
    board.clear()
    assert _names(board, "Save", "write") == []
    assert board.state()["fired"] == {"html_200": 1}


@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_rates_are_reproducible_by_seed(seed, rate):
    def pattern() -> list[bool]:
        board = Switchboard(seed=seed)
        board.arm("waf", rate=rate)
        return [bool(board.hits("Save", "write")) for _ in range(50)]

    assert pattern() == pattern()


@pytest.mark.parametrize(
    "text",
    [
        "waf",
        "waf=",
        "waf=often",
        "waf=1.5",
        "waf=-1",
        "waf=-2x",
        "waf=0.1:soon",
        "waf=0.1:-1",
        "waf=0.1:1e9",
        "typo=1",
        "waf=nan",
    ],
)
def test_a_fault_that_cannot_be_read_is_refused(text):
    with pytest.raises(UnknownFault):
        Switchboard().arm_text(text)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_written_with_scope_and_seconds(name):
    board = Switchboard()
    board.arm_text(f"{name}=1.0@Save:2.5")
    (fired,) = board.hits("Save", "write")
    assert (fired.name, fired.seconds) == (name, 2.5)
