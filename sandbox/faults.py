"""The fault switchboard every stand-in shares: named faults with a rate or a count, seeded, switchable at run time.

A fault is written `NAME=RATE[@SCOPE][:SECONDS]`. RATE is a probability (`0.1`) or a count (`3x` = the next three
matching calls). SCOPE is `all` (reads and writes), `reads`, `writes`, `logins`, or the name of one service.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

SCOPES = ("all", "reads", "writes", "logins")
CALL_KINDS = {"read": "reads", "write": "writes", "login": "logins"}
LONGEST_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a fault does. `stage`: `delay` (wait, then go on), `instead` (nothing is executed), `after` (executed and
    committed, but another answer or none), `delivery` (executed, the answer arrives damaged). `scope` is the default."""

    stage: str
    scope: str
    meaning: str


FAULTS: Mapping[str, FaultKind] = {
    "slow": FaultKind("delay", "all", "wait SECONDS before doing anything"),
    "session_lost_object": FaultKind("instead", "all", "forget the session; answer the session-lost object"),
    "session_lost_wrapped": FaultKind("instead", "all", "forget the session; answer the same object inside [[ ]]"),
    "waf": FaultKind("instead", "all", "a web firewall's list with HTTP 200"),
    "html_200": FaultKind("instead", "all", "an HTML page with HTTP 200"),
    "error_500_before": FaultKind("instead", "all", "HTTP 500, nothing executed"),
    "too_frequent": FaultKind("instead", "all", "HTTP 429 with Retry-After"),
    "session_lost_after_commit": FaultKind("after", "writes", "execute, commit, then answer session lost"),
    "error_500_after_commit": FaultKind("after", "writes", "execute, commit, then HTTP 500"),
    "lose_answer_after_commit": FaultKind("after", "writes", "execute, commit, then close without one byte"),
    "cut_connection": FaultKind("delivery", "all", "execute, send half of the body, then reset the connection"),
    "stall": FaultKind("delivery", "all", "execute, send half of the body, wait SECONDS, send the rest"),
}


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault that hits the present call."""

    name: str
    stage: str
    seconds: float


@dataclass(slots=True)
class _Armed:
    rate: float | None
    count: int | None
    scope: str
    seconds: float


class UnknownFault(ValueError):
    """The name, rate, scope or time of a fault is not one we know."""


class Switchboard:
    """Decides, call by call, which armed fault hits. The same seed and the same calls give the same faults."""

    def __init__(self, kinds: Mapping[str, FaultKind] = FAULTS, *, seed: int = 0) -> None:
        self._kinds = kinds
        self._dice = random.Random(seed)  # noqa: S311 - reproducible faults, not secrets
        self._armed: dict[str, _Armed] = {}
        self._fired: Counter[str] = Counter()
        self._lock = threading.Lock()

    def arm(
        self,
        name: str,
        *,
        rate: float | None = None,
        count: int | None = None,
        scope: str | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Switch one fault on: with a probability `rate` per call, or for the next `count` matching calls."""
        kind = self._kinds.get(name)
        if kind is None:
            raise UnknownFault(f"unknown fault {name!r}; known: {', '.join(self._kinds)}")
        if (rate is None) == (count is None):
            raise UnknownFault(f"fault {name!r} needs either a rate or a count")
        if rate is not None and not 0 <= rate <= 1:
            raise UnknownFault(f"the rate of {name!r} lies between 0 and 1")
        if count is not None and count < 0:
            raise UnknownFault(f"the count of {name!r} is not negative")
        if scope is not None and scope not in SCOPES and not scope[:1].isupper():
            raise UnknownFault(f"scope {scope!r} is none of {', '.join(SCOPES)} and no service name")
        if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
            raise UnknownFault(f"the seconds of {name!r} lie between 0 and {LONGEST_WAIT_SECONDS:g}")
        with self._lock:
            self._armed[name] = _Armed(rate, count, scope or kind.scope, seconds)

    def arm_text(self, text: str) -> None:
        """Switch on a fault written as `NAME=RATE[@SCOPE][:SECONDS]`."""
        name, equals, rest = text.partition("=")
        rest, _, seconds = rest.partition(":")
        amount, _, scope = rest.partition("@")
        try:
            wait = float(seconds) if seconds else 1.0
            if not equals:
                raise ValueError("no rate")
            if amount.endswith("x"):
                self.arm(name, count=int(amount[:-1]), scope=scope or None, seconds=wait)
            else:
                self.arm(name, rate=float(amount), scope=scope or None, seconds=wait)
        except UnknownFault:
            raise
        except ValueError as error:
            raise UnknownFault(f"{text!r} is not NAME=RATE[@SCOPE][:SECONDS]: {error}") from error

    def clear(self, name: str | None = None) -> None:
        """Switch one fault off, or all of them."""
        with self._lock:
            if name is None:
                self._armed.clear()
            else:
                self._armed.pop(name, None)

    def hits(self, service: str, call_kind: str) -> tuple[Fired, ...]:
        """The faults that hit this call: any delays, then at most one of another stage. `call_kind` is `read`,
        `write` or `login`."""
        fired: list[Fired] = []
        with self._lock:
            for name, kind in self._kinds.items():
                armed = self._armed.get(name)
                if armed is None or not _concerns(armed.scope, service, call_kind):
                    continue
                if armed.count is not None:
                    if armed.count == 0:
                        continue
                    armed.count -= 1
                elif self._dice.random() >= (armed.rate or 0.0):
                    continue
                self._fired[name] += 1
                fired.append(Fired(name, kind.stage, armed.seconds))
                if kind.stage != "delay":
                    break
        return tuple(fired)

    def state(self) -> dict[str, object]:
        """What is armed and how often each fault has hit, for the control endpoint."""
        with self._lock:
            return {
                "armed": {
                    name: {"rate": a.rate, "count": a.count, "scope": a.scope, "seconds": a.seconds}
                    for name, a in self._armed.items()
                },
                "fired": dict(self._fired),
                "known": {name: kind.meaning for name, kind in self._kinds.items()},
            }


def _concerns(scope: str, service: str, call_kind: str) -> bool:
    if scope == "all":
        return call_kind != "login"
    return scope in (CALL_KINDS[call_kind], service)
