"""Who may come in: users with passwords and API keys, their roles and companies."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.odoo.books import Books
from sandbox.odoo.records import Caller
from sandbox.odoo.refusals import AccessError, BadKey
from sandbox.odoo.texts import say


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client is told: the integration user, a second user without accounting rights, and an administrator."""

    database: str
    user: str
    password: str
    api_key: str
    reader_user: str
    reader_key: str
    admin_user: str
    admin_key: str

    @classmethod
    def random(cls) -> Credentials:
        """Fresh secrets; an API key has 160 bits, in hex."""
        keys = [secrets.token_hex(20) for _ in range(4)]
        return cls("jinhe", "hedge.bot", keys[0], keys[1], "reader", keys[2], "admin", keys[3])


class Gate:
    """Checks credentials of one database. API logins are not throttled, as on the real server; failures are counted."""

    def __init__(self, books: Books, credentials: Credentials) -> None:
        self._books = books
        self.database = credentials.database
        self.failures: Counter[str] = Counter()

    def authenticate(self, login: str, secret: str) -> int | None:
        """The user's id, or None: `authenticate` answers a wrong login with false, not with a fault."""
        user = self._books.one('SELECT id FROM "res.users" WHERE login = ?', (login,))
        if user is None or self.role(int(user), secret) is None:
            self.failures["authenticate"] += 1
            return None
        return int(user)

    def role(self, user: int, secret: str) -> str | None:
        """The role of a user whose password or API key this is."""
        rows = self._books.rows("SELECT secret, role FROM secrets WHERE user_id = ?", (user,))
        return next((row["role"] for row in rows if secrets.compare_digest(row["secret"], secret)), None)

    def bearer(self, header: str) -> tuple[int, str]:
        """(user, role) of an `Authorization: bearer` header; only API keys count here."""
        scheme, _, key = header.partition(" ")
        rows = self._books.rows("SELECT user_id, role FROM secrets WHERE secret = ? AND kind = 'key'", (key,))
        if scheme.lower() != "bearer" or not rows:
            self.failures["bearer"] += 1
            raise BadKey(say("bad_key"))
        return int(rows[0]["user_id"]), str(rows[0]["role"])

    def caller(self, user: int, role: str, context: Mapping[str, Any]) -> Caller:
        """The caller in the surroundings the context asks for; AccessError for a company the user does not have."""
        row = self._books.row("res.users", user)
        own = json.loads(row["company_ids"])
        lang = str(context.get("lang") or "en_US")
        asked = context.get("allowed_company_ids")
        if asked and not set(asked) <= set(own):
            raise AccessError(say("wrong_companies", lang))
        mine = [row["company_id"], *(one for one in own if one != row["company_id"])]
        return Caller(user, role, tuple(asked or mine), lang, bool(context.get("active_test", True)))
