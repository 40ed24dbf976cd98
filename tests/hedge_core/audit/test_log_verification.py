"""What verification finds in a log that somebody altered, shortened, reordered or rewrote."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.audit import AuditEvent, Checkpoint, event_bytes, leaf_hash, log_origin, root_of, verify_log
from hedge_core.model.identity import book_id
from messages.catalog import LANGUAGES, all_texts, say

BOOK = book_id("copper1")


def row(sequence, subject="", book=BOOK):
    event = AuditEvent(
        book,
        sequence,
        datetime(2025, 3, 3, tzinfo=UTC),
        "wang.li",
        False,
        "voucher.approved",
        subject or f"v{sequence}",
    )
    content = event_bytes(event)
    return sequence, content, leaf_hash(content)


def rows(count):
    return [row(sequence) for sequence in range(count)]


def head_of(stored):
    return len(stored), root_of(leaf for _, _, leaf in stored).hex()


def checkpoint_of(stored, book=BOOK):
    return Checkpoint(log_origin(book), len(stored), root_of(leaf for _, _, leaf in stored))


def ids(findings):
    return [finding.id for finding in findings]


LOG = rows(10)
HEAD = head_of(LOG)
AT_6 = checkpoint_of(LOG[:6])


def test_an_untouched_log_has_no_findings():
    assert verify_log(BOOK, LOG, HEAD, [AT_6, checkpoint_of(LOG), checkpoint_of([])]) == []


def test_an_empty_log_has_no_findings():
    assert verify_log(BOOK, [], head_of([])) == []


def test_a_changed_event_is_named():
    altered = list(LOG)
    altered[4] = (4, altered[4][1].replace(b"wang.li", b"li.wang"), altered[4][2])
    [finding] = verify_log(BOOK, altered, HEAD, [AT_6])
    assert (finding.id, finding.params) == ("audit.altered", {"sequence": 4})


def test_a_changed_event_whose_hash_was_changed_with_it_shows_in_the_root():
    altered = list(LOG)
    altered[4] = row(4, "another")
    assert ids(verify_log(BOOK, altered, HEAD)) == ["audit.root_differs"]


def test_a_log_rewritten_with_its_head_shows_only_against_a_checkpoint_and_the_place_is_narrowed_down():
    altered = list(LOG)
    altered[4] = row(4, "another")
    assert verify_log(BOOK, altered, head_of(altered)) == []
    [finding] = verify_log(BOOK, altered, head_of(altered), [checkpoint_of(LOG[:3]), AT_6])
    assert (finding.id, finding.params) == ("audit.rewritten", {"size": 6, "first": 3, "last": 5})


@pytest.mark.parametrize(
    ("gone", "name"), [({4}, "audit.missing"), ({4, 5, 6}, "audit.missing_range"), ({0}, "audit.missing")]
)
def test_missing_events_are_named_and_the_head_does_not_fit(gone, name):
    left = [stored for stored in LOG if stored[0] not in gone]
    assert ids(verify_log(BOOK, left, HEAD)) == [name, "audit.fewer_than_head"]


def test_events_cut_off_at_the_end_show_against_the_head_and_against_a_checkpoint():
    assert ids(verify_log(BOOK, LOG[:8], HEAD)) == ["audit.fewer_than_head"]
    [finding] = verify_log(BOOK, LOG[:5], head_of(LOG[:5]), [AT_6])
    assert (finding.id, finding.params) == ("audit.truncated", {"size": 6, "found": 5})


def test_exchanged_events_are_named_even_if_their_rows_were_renumbered():
    exchanged = list(LOG)
    exchanged[2], exchanged[3] = (2, *LOG[3][1:]), (3, *LOG[2][1:])
    found = verify_log(BOOK, exchanged, HEAD)
    assert ids(found) == ["audit.reordered", "audit.reordered", "audit.root_differs"]
    assert found[0].params == {"sequence": 2, "found": 3}


def test_an_event_that_stands_twice_is_out_of_order():
    doubled = [*LOG[:4], LOG[3], *LOG[4:]]
    assert ids(verify_log(BOOK, doubled, HEAD)) == ["audit.out_of_order", "audit.more_than_head"]


def test_an_event_of_another_book_and_bytes_that_are_no_event_are_named():
    foreign = [*LOG[:8], row(8, book="other1"), (9, b"{}", leaf_hash(b"{}"))]
    assert ids(verify_log(BOOK, foreign, head_of(foreign))) == ["audit.other_book", "audit.unreadable"]


def test_a_checkpoint_of_another_log_proves_nothing_and_is_said_so():
    other = checkpoint_of(LOG, book_id("other1"))
    assert ids(verify_log(BOOK, LOG, HEAD, [other])) == ["audit.other_log"]


def test_after_a_hundred_findings_the_rest_is_counted_and_the_root_is_still_compared():
    ruined = [(sequence, content + b" ", leaf) for sequence, content, leaf in rows(150)]
    found = verify_log(BOOK, ruined, (150, "00"))
    assert len(found) == 102
    assert found[100].params == {"count": 50}
    assert found[101].id == "audit.root_differs"


@given(st.integers(1, 20), st.data())
def test_any_change_before_a_checkpoint_is_found(count, data):
    log = rows(count)
    checkpoint = checkpoint_of(log)
    changed = list(log)
    place = data.draw(st.integers(0, count - 1))
    match data.draw(st.sampled_from(["alter", "rehash", "delete", "truncate", "exchange"])):
        case "alter":
            changed[place] = (place, log[place][1] + b" ", log[place][2])
        case "rehash":
            changed[place] = row(place, "another")
        case "delete":  # and renumber what follows
            changed = [(n, *stored[1:]) for n, stored in enumerate(log[:place] + log[place + 1 :])]
        case "truncate":
            changed = log[:place]
        case "exchange":
            other = data.draw(st.integers(0, count - 1))
            changed[place], changed[other] = (place, *log[other][1:]), (other, *log[place][1:])
    if changed != log:
        assert verify_log(BOOK, changed, head_of(changed), [checkpoint])


@pytest.mark.parametrize("subject", ["audit", "secret"])
def test_every_sentence_says_the_same_parameters_in_every_language(subject):
    texts = {name: text for name, text in all_texts().items() if name.startswith(f"{subject}.")}
    assert texts
    for name, text in texts.items():
        assert text.parameters("en") == text.parameters("zh"), name


def test_findings_are_sentences_without_open_places():
    altered = [*LOG[:3], row(3, "another"), *LOG[5:9]]
    for finding in verify_log(BOOK, altered, HEAD, [AT_6, checkpoint_of(LOG)]):
        for language in LANGUAGES:
            assert finding.id not in say(finding, language)
            assert "{" not in say(finding, language)
