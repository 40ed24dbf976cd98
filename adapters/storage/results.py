"""Matches, settlement snapshots with their versions, vouchers with their revisions, and entries expected of the ERP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select, update

from adapters.storage.codec import decode, decode_open, encode, encode_open
from adapters.storage.schema import EXPECTATIONS, FINAL, MATCHES, SNAPSHOTS, VOUCHERS
from adapters.storage.scope import Scope, pages
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.ports.storage import StoredSnapshot, StoredVoucher

SNAPSHOT_STATUSES: Final = ("final", "proposed", "superseded")


class Results:
    """`hedge_core.ports.storage.ResultStore` of one book. KeyError for a match, snapshot or voucher that is not there."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def matches(self) -> list[HedgeMatch]:
        """Those that have not ended, by id."""
        table = MATCHES
        query = self._scope.select(table, table.c.payload).where(table.c.ended_at.is_(None)).order_by(table.c.match_id)
        return [decode(row.payload, HedgeMatch) for row in self._scope.rows(query)]

    def add_matches(self, matches: Sequence[HedgeMatch]) -> None:
        """The database refuses an id that was used before, ended matches included."""
        self._scope.insert(MATCHES, ({"match_id": match.match_id, "payload": encode(match)} for match in matches))

    def ended_match_ids(self) -> set[str]:
        table = MATCHES
        query = self._scope.select(table, table.c.match_id).where(table.c.ended_at.is_not(None))
        return {row.match_id for row in self._scope.rows(query)}

    def end_match(self, match_id: str, reason: str) -> None:
        """The match stays as history."""
        table = MATCHES
        ended = self._scope.run(
            self._scope.update(table)
            .where(table.c.match_id == match_id, table.c.ended_at.is_(None))
            .values(ended_at=self._scope.clock.now(), ended_reason=reason)
        )
        if not ended:
            raise KeyError(match_id)

    def add_snapshot(self, snapshot: StoredSnapshot) -> None:
        """The database refuses a version that exists, and a second final one of a day."""
        _check_status(snapshot.status)
        names = ("trading_day", "version", "status", "digest", "previous_digest", "input_digest", "differences", "body")
        self._scope.insert(SNAPSHOTS, [{name: getattr(snapshot, name) for name in names}])

    def snapshot(self, trading_day: date, version: int | None = None) -> StoredSnapshot | None:
        chosen = FINAL if version is None else SNAPSHOTS.c.version == version
        return self._snapshot(self._scope.select(SNAPSHOTS).where(SNAPSHOTS.c.trading_day == trading_day, chosen))

    def last_snapshot(self, before: date | None = None) -> StoredSnapshot | None:
        query = self._scope.select(SNAPSHOTS).where(FINAL).order_by(SNAPSHOTS.c.trading_day.desc()).limit(1)
        return self._snapshot(query if before is None else query.where(SNAPSHOTS.c.trading_day < before))

    def snapshots(self) -> list[StoredSnapshot]:
        table = SNAPSHOTS
        columns = [column for column in table.c if column.name != "body"]
        query = self._scope.select(table, *columns).order_by(table.c.trading_day, table.c.version)
        return [_snapshot(row, b"") for row in self._scope.rows(query)]

    def set_snapshot_status(self, trading_day: date, version: int, status: str) -> None:
        """Making a version final supersedes the one that was."""
        _check_status(status)
        table = SNAPSHOTS
        of_day = self._scope.update(table).where(table.c.trading_day == trading_day)
        if status == "final":
            self._scope.run(of_day.where(FINAL, table.c.version != version).values(status="superseded"))
        if not self._scope.run(of_day.where(table.c.version == version).values(status=status)):
            raise KeyError(f"{trading_day}/{version}")

    def add_voucher(self, stored: StoredVoucher) -> None:
        """A new voucher, or a new revision of one: the revisions before it stay as they were."""
        self._require_own(stored)
        self._scope.insert(VOUCHERS, [voucher_row(stored)])

    def voucher(self, voucher_id: str) -> StoredVoucher | None:
        """Its highest revision."""
        found = self._scope.first(self._newest().where(VOUCHERS.c.voucher_id == voucher_id))
        return None if found is None else _voucher(found)

    def vouchers_named(self, voucher_ids: Sequence[str]) -> dict[str, StoredVoucher]:
        """Those that exist, by id."""
        if len(voucher_ids) == 1:
            alone = self._scope.connection.execute(_one(), {"book": self._scope.book, "id": voucher_ids[0]}).first()
            return {} if alone is None else {alone.voucher_id: _voucher(alone)}
        found: dict[str, StoredVoucher] = {}
        for page in pages(voucher_ids):
            named = self._newest().where(self._scope.among(VOUCHERS.c.voucher_id, page))
            found |= {row.voucher_id: _voucher(row) for row in self._scope.rows(named)}
        return found

    def set_receipts(self, receipts: Mapping[str, PostingReceipt], status: VoucherStatus) -> None:
        """The same status for many vouchers, each with its receipt."""
        usual = {"book": self._scope.book, "becomes": status.value}
        rows = [{**usual, "id": name, "new": encode(receipt)} for name, receipt in sorted(receipts.items())]
        if rows:
            self._scope.connection.execute(_set_receipt(), rows if len(rows) > 1 else rows[0])

    def vouchers(self, status: VoucherStatus | None = None) -> list[StoredVoucher]:
        """The highest revision of each, by posting date and id."""
        query = self._newest().order_by(VOUCHERS.c.posting_date, VOUCHERS.c.voucher_id)
        if status is not None:
            query = query.where(VOUCHERS.c.status == status.value)
        return [_voucher(row) for row in self._scope.rows(query)]

    def replace_draft(self, stored: StoredVoucher) -> None:
        """Other content for the same revision; the database refuses it unless that is a draft."""
        self._require_own(stored)
        table = VOUCHERS
        voucher = stored.voucher
        replaced = self._scope.run(
            self._scope.update(table)
            .where(table.c.voucher_id == voucher.voucher_id, table.c.revision == voucher.revision)
            .values(**_content(stored), **_state(stored))
        )
        if not replaced:
            raise KeyError(f"{voucher.voucher_id}/{voucher.revision}")

    def set_voucher(
        self,
        voucher_id: str,
        status: VoucherStatus,
        *,
        approved_by: str | None = None,
        approved_hash: str | None = None,
        receipt: PostingReceipt | None = None,
    ) -> None:
        """State of the highest revision; what is None stays."""
        changed: dict[str, Any] = {"status": status.value}
        if approved_by is not None:
            changed["approved_by"] = approved_by
        if approved_hash is not None:
            changed["approved_hash"] = approved_hash
        if receipt is not None:
            changed["receipt"] = encode(receipt)
        table = VOUCHERS
        query = self._scope.update(table).where(table.c.voucher_id == voucher_id, table.c.revision == _highest())
        if not self._scope.run(query.values(**changed)):
            raise KeyError(voucher_id)

    def add_expectation(self, voucher_id: str, posting_date: date, payload: Mapping[str, object]) -> None:
        row = {"voucher_id": voucher_id, "posting_date": posting_date, "payload": encode_open(payload)}
        self._scope.upsert(EXPECTATIONS, [row])

    def expectations(self) -> list[tuple[str, date, dict[str, object]]]:
        """(voucher id, posting date, payload) by posting date and id."""
        table = EXPECTATIONS
        query = self._scope.select(table).order_by(table.c.posting_date, table.c.voucher_id)
        return [(row.voucher_id, row.posting_date, decode_open(row.payload)) for row in self._scope.rows(query)]

    def _snapshot(self, query: Select[Any]) -> StoredSnapshot | None:
        found = self._scope.first(query)
        return None if found is None else _snapshot(found, found.body)

    def _newest(self) -> Select[Any]:
        return self._scope.select(VOUCHERS).where(VOUCHERS.c.revision == _highest())

    def _require_own(self, stored: StoredVoucher) -> None:
        voucher = stored.voucher
        if voucher.book != self._scope.book:
            raise ValueError(f"voucher {voucher.voucher_id} belongs to book {voucher.book}, not {self._scope.book}")


@cache
def _highest() -> Any:
    other = VOUCHERS.alias("other")
    same = (other.c.book_id == VOUCHERS.c.book_id, other.c.voucher_id == VOUCHERS.c.voucher_id)
    return select(func.max(other.c.revision)).where(*same).scalar_subquery()


@cache
def _one() -> Any:
    """Its highest revision."""
    mine = select(VOUCHERS).where(VOUCHERS.c.book_id == bindparam("book"), VOUCHERS.c.voucher_id == bindparam("id"))
    return mine.order_by(VOUCHERS.c.revision.desc()).limit(1)


@cache
def _set_receipt() -> Any:
    mine = (VOUCHERS.c.book_id == bindparam("book"), VOUCHERS.c.voucher_id == bindparam("id"))
    newest = update(VOUCHERS).where(*mine, VOUCHERS.c.revision == _highest())
    return newest.values(status=bindparam("becomes"), receipt=bindparam("new"))


def voucher_row(stored: StoredVoucher) -> dict[str, Any]:
    """The row of a voucher's revision, without its book."""
    voucher = stored.voucher
    return {
        "voucher_id": voucher.voucher_id,
        "revision": voucher.revision,
        **_content(stored),
        **_state(stored),
    }


def _content(stored: StoredVoucher) -> dict[str, Any]:
    voucher = stored.voucher
    return {
        "posting_date": voucher.posting_date,
        "idempotency_key": voucher.key,
        "content_hash": voucher.content_hash,
        "payload": encode(voucher),
        "made_by": stored.made_by,
    }


def _state(stored: StoredVoucher) -> dict[str, Any]:
    return {
        "status": stored.status.value,
        "approved_by": stored.approved_by,
        "approved_hash": stored.approved_hash,
        "receipt": None if stored.receipt is None else encode(stored.receipt),
    }


def _voucher(row: Any) -> StoredVoucher:
    return StoredVoucher(
        voucher=decode(row.payload, Voucher),
        status=VoucherStatus(row.status),
        made_by=row.made_by,
        approved_by=row.approved_by,
        approved_hash=row.approved_hash,
        receipt=None if row.receipt is None else decode(row.receipt, PostingReceipt),
    )


def _snapshot(row: Any, body: bytes) -> StoredSnapshot:
    return StoredSnapshot(
        trading_day=row.trading_day,
        version=row.version,
        status=row.status,
        digest=row.digest,
        previous_digest=row.previous_digest,
        input_digest=row.input_digest,
        body=body,
        differences=row.differences,
    )


def _check_status(status: str) -> None:
    if status not in SNAPSHOT_STATUSES:
        raise ValueError(f"a snapshot is {', '.join(SNAPSHOT_STATUSES)}, not {status!r}")
