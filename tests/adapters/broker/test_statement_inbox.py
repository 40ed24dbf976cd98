"""The watched folder: a file at rest is imported once, ends in done or refused with its sentence, and is never half taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.broker import inbox
from adapters.broker.inbox import Look, look_into
from adapters.broker.statement_files import read_any_statement
from hedge_core.errors import InvalidInput, RuleBroken, Unavailable
from messages import Message
from tests.support import ctp_text


class Store:
    """An importer that remembers what it was given, and refuses what it is told to."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []
        self.answer: Message | Exception | None = None

    def __call__(self, name: str, body: bytes) -> Message | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            self.kept.append((name, body))
        return self.answer


def looks(folder: Path, store: Store, count: int = 2) -> Look:
    look = Look((), {})
    for _ in range(count):
        look = look_into(folder, look.seen, store)
    return look


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_file_is_taken_only_when_it_has_not_changed_since_the_look_before(tmp_path: Path) -> None:
    store = Store()
    (tmp_path / "day.txt").write_bytes(b"half")
    first = look_into(tmp_path, {}, store)
    assert (first.taken, list(first.seen)) == ((), ["day.txt"])
    (tmp_path / "day.txt").write_bytes(b"half and the rest")
    second = look_into(tmp_path, first.seen, store)
    assert second.taken == () and store.kept == []
    third = look_into(tmp_path, second.seen, store)
    assert [(one.name, one.state) for one in third.taken] == [("day.txt", "done")]
    assert store.kept == [("day.txt", b"half and the rest")]
    assert names(tmp_path) == [] and names(tmp_path / "done") == ["day.txt"]


@pytest.mark.parametrize(
    "answer",
    [
        Message("statement.empty"),
        InvalidInput("x", 0, "file", Message("statement.empty")),
        RuleBroken("rule", "x", Message("statement.empty")),
    ],
)
def test_a_refused_file_lies_beside_its_sentence_in_both_languages(tmp_path: Path, answer: Message | Exception) -> None:
    store = Store()
    store.answer = answer
    (tmp_path / "day.txt").write_bytes(b"x")
    (taken,) = looks(tmp_path, store).taken
    assert taken.state == "refused"
    assert names(tmp_path / "refused") == ["day.txt", "day.txt.reason.txt"]
    sentence = (tmp_path / "refused" / "day.txt.reason.txt").read_text(encoding="utf-8")
    assert "文件为空" in sentence and "the file is empty" in sentence


def test_a_bug_met_on_one_file_does_not_hold_up_the_others(tmp_path: Path) -> None:
    store = Store()

    def stumble(name: str, body: bytes) -> Message | None:
        if name == "a.txt":
            raise ZeroDivisionError
        return store(name, body)

    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"x")
    taken = look_into(tmp_path, look_into(tmp_path, {}, stumble).seen, stumble).taken
    assert [(one.name, one.state) for one in taken] == [("a.txt", "refused"), ("b.txt", "done")]
    assert isinstance(taken[0].error, ZeroDivisionError)


def test_a_file_waits_while_the_store_cannot_be_reached(tmp_path: Path) -> None:
    store = Store()
    store.answer = Unavailable("no answer", system="database")
    (tmp_path / "day.txt").write_bytes(b"x")
    (taken,) = looks(tmp_path, store).taken
    assert taken.state == "left"
    store.answer = None
    (taken,) = look_into(tmp_path, {}, store).taken
    assert (taken.state, names(tmp_path / "done")) == ("done", ["day.txt"])


def test_a_second_file_of_a_waiting_name_does_not_overwrite_it(tmp_path: Path) -> None:
    store = Store()
    store.answer = Unavailable("no answer", system="database")
    (tmp_path / "day.txt").write_bytes(b"one")
    looks(tmp_path, store)
    (tmp_path / "day.txt").write_bytes(b"two")
    look = looks(tmp_path, store)
    store.answer = None
    look = look_into(tmp_path, look.seen, store)
    look_into(tmp_path, look.seen, store)
    assert [body for _, body in store.kept] == [b"one", b"two"]


def test_a_crash_between_import_and_move_repeats_the_import_and_loses_nothing(tmp_path: Path) -> None:
    store = Store()

    def killed(name: str, body: bytes) -> Message | None:
        store(name, body)
        raise KeyboardInterrupt

    (tmp_path / "day.txt").write_bytes(b"x")
    seen = look_into(tmp_path, {}, killed).seen
    with pytest.raises(KeyboardInterrupt):
        look_into(tmp_path, seen, killed)
    assert names(tmp_path / "done") == [] and names(tmp_path / "refused") == []
    look_into(tmp_path, {}, store)
    assert store.kept == [("day.txt", b"x")] * 2
    assert names(tmp_path / "done") == ["day.txt"]


def test_the_same_name_again_gets_a_number_and_replaces_nothing(tmp_path: Path) -> None:
    store = Store()
    for body in (b"one", b"two", b"three"):
        (tmp_path / "day.txt").write_bytes(body)
        looks(tmp_path, store)
    assert names(tmp_path / "done") == ["day (2).txt", "day (3).txt", "day.txt"]
    assert (tmp_path / "done" / "day.txt").read_bytes() == b"one"


def test_unfinished_downloads_locks_links_and_folders_are_left_alone(tmp_path: Path) -> None:
    store = Store()
    for name in ("a.xls.part", "b.xls.crdownload", "~$c.xlsx", ".hidden", "d.tmp"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.txt"
    outside.write_bytes(b"secret")
    os.symlink(outside, tmp_path / "link.txt")
    assert looks(tmp_path, store, 3).taken == ()
    assert store.kept == [] and outside.exists()


def test_an_oversize_file_is_refused_without_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_BYTES", 10)
    store = Store()
    (tmp_path / "big.txt").write_bytes(b"x" * 11)
    (taken,) = looks(tmp_path, store).taken
    assert taken.message is not None and taken.message.id == "statement.too_large"
    assert store.kept == []


def test_files_are_taken_in_the_order_of_their_names(tmp_path: Path) -> None:
    store = Store()
    for name in ("20260303.txt", "20260302.txt", "20260304.txt"):
        (tmp_path / name).write_bytes(b"x")
    looks(tmp_path, store)
    assert [name for name, _ in store.kept] == ["20260302.txt", "20260303.txt", "20260304.txt"]


def test_statements_dropped_into_the_folder_are_read_and_wrong_ones_come_back_with_a_reason(tmp_path: Path) -> None:
    found: list[str] = []

    def take(name: str, body: bytes) -> Message | None:
        found.extend(statement.account for statement in read_any_statement(name, body))
        return None

    (tmp_path / "good.txt").write_bytes(ctp_text.statement(ctp_text.trading_day()))
    (tmp_path / "login.xls").write_text("<html>请先登录</html>", encoding="utf-8")
    look_into(tmp_path, look_into(tmp_path, {}, take).seen, take)
    assert len(found) == 1
    assert "请先登录" in (tmp_path / "refused" / "login.xls.reason.txt").read_text(encoding="utf-8")
