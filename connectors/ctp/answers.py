"""What CTP's ErrorIDs and return codes mean for us: a table from number to error class (error.xml of release 6.7.8)."""

from __future__ import annotations

from typing import Final

from hedge_core.errors import AuthFailed, PlatformError, RateLimited, Rejected, Unavailable

SYSTEM: Final = "CTP"

OK: Final = 0
NOT_CONNECTED: Final = -1
TOO_MANY_OPEN: Final = -2
TOO_FREQUENT: Final = -3
"""Return codes of every Req… function: nothing was sent in any of the three refusals."""

WRONG_LOGIN: Final = 3
NEED_RETRY: Final = 90
"""The query is not ready; ask again later."""

LOGIN_REFUSED: Final = frozenset({3, 63, 64, 75})
"""Wrong user or password; authentication of the program failed; not authenticated; forbidden after repeated failures.
None of them is ever tried again by itself: the counter locks the account."""

NOT_READY: Final = frozenset({7, 8, 60})
"""Counter not initialised or not open; front inactive; too many sessions of this user."""


def error_of(error_id: int, message: str) -> PlatformError:
    """The error for an ErrorID with the counter's own words; what the table does not know is a rejection, in those words."""
    if error_id in LOGIN_REFUSED:
        return AuthFailed(f"{error_id} {message}".strip(), system=SYSTEM)
    if error_id == NEED_RETRY:
        return RateLimited(2, system=SYSTEM)
    if error_id in NOT_READY:
        return Unavailable(f"{error_id} {message}".strip(), system=SYSTEM)
    return Rejected(str(error_id), message, system=SYSTEM)


def refused_by_api(code: int, call: str) -> PlatformError:
    """The error for a return code that is not 0. Nothing was sent."""
    if code in (TOO_MANY_OPEN, TOO_FREQUENT):
        return RateLimited(2, system=SYSTEM)
    return Unavailable(f"{call} answered {code}: not connected", system=SYSTEM)
