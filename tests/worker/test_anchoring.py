"""Checkpoints from the book's log to the places that keep them, and everything a tampering administrator can do."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import make_url

from adapters.clock import SystemClock
from adapters.secrets import Redactor, check_signature, create_key_file
from adapters.storage import open_store
from hedge_core.audit import Checkpoint, Frontier, leaf_hash, read_checkpoint, sign_checkpoint, verify_log
from hedge_core.audit.evidence import check_evidence
from hedge_core.errors import IdempotencyConflict, InvalidInput
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import PostingReceipt, Stage, VoucherStatus
from hedge_core.ports.storage import Book, StoredVoucher
from hedge_core.use_cases.checkpoints import prove_consistency, prove_voucher
from hedge_core.use_cases.post import approve_vouchers
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK, CHECKER, MAKER, settings, voucher
from worker.anchoring import ErpAnchor, anchors, checkpoint_and_anchor, public_key, signer
from worker.bootstrap import App

LI = Actor("li")
VERIFIER = Path(__file__).parents[2] / "docs" / "verifier" / "hedgebridge_verify.py"


@pytest.fixture
def verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hedgebridge_verify_for_anchoring", VERIFIER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[App]:
    """A book with six approved vouchers and an anchor folder."""
    chosen = settings(sqlite_url, tmp_path)
    create_key_file(Path(chosen.key_file))
    made = App(chosen, open_store(sqlite_url, SystemClock()), SystemClock(), Redactor())
    (tmp_path / "worm").mkdir()
    made.store.add_book(Book(BOOK, "金禾", "CNY", {"anchor.folder": str(tmp_path / "worm")}), MAKER)
    for number in range(6):
        one = voucher(number)
        with made.store.begin(BOOK, MAKER) as uow:
            uow.results.add_voucher(StoredVoucher(one, VoucherStatus.DRAFT, MAKER.name))
            uow.audit.append("vouchers.made", "2026-03-31", {"made": [one.voucher_id]})
        assert approve_vouchers(made.store, BOOK, [one.voucher_id], CHECKER) == []
    yield made
    made.store.close()


def findings(app: App, trusted: list[Checkpoint]) -> list[str]:
    with app.store.read(BOOK) as uow:
        return [found.id for found in verify_log(BOOK, uow.audit.events(), uow.audit.head(), trusted)]


def test_a_checkpoint_is_kept_in_the_folder_and_fits_the_log_that_has_grown_since(app: App, tmp_path: Path) -> None:
    name, note, kept = checkpoint_and_anchor(app, BOOK, LI)
    (file,) = (tmp_path / "worm").iterdir()
    assert (file.name, file.read_text(encoding="utf-8")) == (f"{BOOK}-{name}.txt", note)
    assert [(one.kept_as, one.problem) for one in kept] == [(str(file), None)]
    trusted = read_checkpoint(note, public_key(app, BOOK, LI), check_signature)
    assert trusted.size == int(name)
    assert findings(app, [trusted]) == []


def test_an_anchor_never_overwrites_and_takes_the_same_note_again(app: App, tmp_path: Path) -> None:
    (folder,) = anchors(app, BOOK)
    place = folder.keep("a.txt", "one\n")
    assert folder.keep("a.txt", "one\n") == place
    with pytest.raises(IdempotencyConflict):
        folder.keep("a.txt", "another\n")
    assert (tmp_path / "worm" / "a.txt").read_text(encoding="utf-8") == "one\n"


def test_an_anchor_out_of_reach_is_said_and_the_others_still_get_the_checkpoint(app: App, tmp_path: Path) -> None:
    with app.store.begin(BOOK, LI) as uow:
        uow.save_settings({**uow.book.settings, "anchor.mail": "a@example.com", "anchor.mail_server": "127.0.0.1:1"})
    _, _, kept = checkpoint_and_anchor(app, BOOK, LI)
    assert [(one.place, one.problem is None) for one in kept] == [
        (str(tmp_path / "worm"), True),
        ("mailto:a@example.com", False),
    ]


def test_a_mail_server_that_is_none_is_refused_with_a_sentence(app: App) -> None:
    with app.store.begin(BOOK, LI) as uow:
        uow.save_settings({**uow.book.settings, "anchor.mail": "a@example.com", "anchor.mail_server": "smtp:often"})
    with pytest.raises(InvalidInput, match="smtp:often"):
        anchors(app, BOOK)


def test_the_newest_delivered_voucher_of_the_erp_gets_the_checkpoint_as_an_attachment() -> None:
    got: list[tuple[str, str, bytes]] = []

    class Erp:
        def attach(self, receipt: PostingReceipt, name: str, body: bytes) -> None:
            got.append((receipt.number, name, body))

    receipt = PostingReceipt(key="HB1", number="记-12", external_id="7", stage=Stage.SAVED)
    assert ErpAnchor("k3", Erp(), receipt).keep("c.txt", "note\n") == "k3:记-12 c.txt"
    assert got == [("记-12", "c.txt", b"note\n")]
    with pytest.raises(Exception, match="does not offer attachments"):
        ErpAnchor("k3", object(), receipt).keep("c.txt", "note\n")


def tamper(app: App, act: Callable[[sqlite3.Connection], None]) -> None:
    with sqlite3.connect(str(make_url(app.settings.database).database)) as database:
        triggers = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'"
        ).fetchall()
        for (name,) in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        act(database)
    database.close()


def rewrite_head(database: sqlite3.Connection) -> None:
    """Make the head fit whatever events are there now: the attack of somebody who knows the program."""
    rows = database.execute("SELECT body FROM audit_events ORDER BY sequence").fetchall()
    frontier = Frontier().extend([leaf_hash(body) for (body,) in rows])
    database.execute(
        "UPDATE audit_heads SET size = ?, root = ?, frontier = ?",
        (frontier.size, frontier.root(), frontier.to_bytes()),
    )


def alter(database: sqlite3.Connection) -> None:
    (body,) = database.execute("SELECT body FROM audit_events WHERE sequence = 3").fetchone()
    changed = body.replace(b"test-00001", b"test-00009")
    assert changed != body
    database.execute(
        "UPDATE audit_events SET body = ?, leaf_hash = ? WHERE sequence = 3", (changed, leaf_hash(changed))
    )


def delete(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM audit_events WHERE sequence = 4")


def reorder(database: sqlite3.Connection) -> None:
    for old, new in ((2, -2), (3, 2), (-2, 3)):
        database.execute("UPDATE audit_events SET sequence = ? WHERE sequence = ?", (new, old))


def truncate(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM audit_events WHERE sequence >= 8")


@pytest.mark.parametrize("attack", [alter, delete, reorder, truncate], ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("head_too", [False, True], ids=["", "with the head rewritten"])
def test_every_change_of_the_log_is_found_with_the_anchored_checkpoint(
    app: App, attack: Callable[[sqlite3.Connection], None], head_too: bool
) -> None:
    _, note, _ = checkpoint_and_anchor(app, BOOK, LI)
    trusted = read_checkpoint(note, public_key(app, BOOK, LI), check_signature)
    assert findings(app, [trusted]) == []
    tamper(app, attack)
    if head_too:
        tamper(app, rewrite_head)
    assert findings(app, [trusted]) != []


def test_without_an_anchor_a_log_rewritten_with_its_head_looks_true(app: App) -> None:
    """What the documentation says plainly; if this ever fails, the documentation understates what is found."""
    tamper(app, alter)
    tamper(app, rewrite_head)
    assert findings(app, []) == []


def test_the_evidence_for_a_voucher_is_checked_without_the_database(
    app: App, tmp_path: Path, verifier: ModuleType
) -> None:
    checkpoint_and_anchor(app, BOOK, LI)
    key = public_key(app, BOOK, LI)
    text, events = prove_voucher(app.store, BOOK, "test-00002")
    kinds = [json.loads(event.content)["kind"] for event in events]
    assert kinds == ["vouchers.made", "voucher.approved"]
    assert check_evidence(text, key, check_signature, "e.json") == []
    file = tmp_path / "e.json"
    file.write_text(text, encoding="utf-8")
    code, found = verifier.verify_evidence(str(file), str(key))
    assert (code, [name for name, _ in found]) == (0, ["evidence", "event", "event"])
    changed = json.loads(text)
    changed["events"][0]["event"] = changed["events"][0]["event"].replace("maker", "maken")
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert verifier.verify_evidence(str(file), str(key)) == (1, [("not_in_log", {"index": events[0].index})])
    assert [found.id for found in check_evidence(json.dumps(changed), key, check_signature, "e.json")] == [
        "audit.not_in_log"
    ]
    changed["events"] = []
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert verifier.verify_evidence(str(file), str(key)) == (1, [("nothing", {})])


def test_a_voucher_that_no_checkpoint_covers_or_that_does_not_exist_has_no_evidence(app: App) -> None:
    with pytest.raises(InvalidInput, match="no checkpoint yet"):
        prove_voucher(app.store, BOOK, "test-00002")
    checkpoint_and_anchor(app, BOOK, LI)
    with pytest.raises(InvalidInput, match="no voucher test-99999"):
        prove_voucher(app.store, BOOK, "test-99999")
    late = voucher(7)
    with app.store.begin(BOOK, MAKER) as uow:
        uow.results.add_voucher(StoredVoucher(late, VoucherStatus.DRAFT, MAKER.name))
    with pytest.raises(InvalidInput, match="audit checkpoint"):
        prove_voucher(app.store, BOOK, late.voucher_id)


def test_a_log_that_only_grew_is_proven_to_have_and_a_rewritten_one_is_not(
    app: App, tmp_path: Path, verifier: ModuleType
) -> None:
    key = public_key(app, BOOK, LI)
    _, older, _ = checkpoint_and_anchor(app, BOOK, LI)
    _, newer, _ = checkpoint_and_anchor(app, BOOK, LI)
    assert older != newer
    text = prove_consistency(app.store, BOOK, read_checkpoint(older, key, check_signature), older)
    file = tmp_path / "growth.json"
    file.write_text(text, encoding="utf-8")
    assert verifier.verify_growth(str(file), str(key))[0] == 0
    first = read_checkpoint(older, key, check_signature)
    forged = Checkpoint(first.origin, first.size, bytes(32))
    changed = json.loads(text) | {"older": sign_checkpoint(forged, signer(app, BOOK, LI))}
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert verifier.verify_growth(str(file), str(key))[0] == 1
    with pytest.raises(InvalidInput):
        prove_consistency(app.store, BOOK, Checkpoint(first.origin, 10_000, bytes(32)), older)


def test_files_that_are_no_evidence_are_refused_as_such(tmp_path: Path, verifier: ModuleType, app: App) -> None:
    key = public_key(app, BOOK, LI)
    for text in ("", "[]", '{"form": "hedgebridge-evidence-1"}', '{"form": "other"}', "{" * 5000):
        file = tmp_path / "e.json"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(verifier.Refused):
            verifier.verify_evidence(str(file), str(key))
        with pytest.raises(verifier.Refused):
            verifier.verify_growth(str(file), str(key))
        with pytest.raises(InvalidInput):
            check_evidence(text, key, check_signature, "e.json")
