"""What was done to the system and what came of it: counts, findings, and the table that is printed at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


class NotInTime(AssertionError):
    """Something that had to come did not."""


@dataclass
class Tally:
    """`injected`: fault → how often. `came`: what was counted afterwards → figure. `not_run`: fault → why not. `broken`: every
    promise that did not hold; a run without any has passed."""

    name: str
    seed: int
    injected: Counter[str] = field(default_factory=Counter)
    came: dict[str, object] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def require(self, holds: bool, promise: str) -> None:
        """Note a promise that does not hold; the run goes on, so that the others are looked at too."""
        if not holds:
            self.broken.append(promise)

    def text(self) -> str:
        """The table."""
        rows = [("injected", what, str(count)) for what, count in sorted(self.injected.items())]
        rows += [("not run", what, why) for what, why in sorted(self.not_run.items())]
        rows += [("came of it", what, str(figure)) for what, figure in self.came.items()]
        rows += [("BROKEN", promise, "") for promise in self.broken]
        rows.append(("result", "every promise holds" if not self.broken else "promises do not hold", self._took()))
        width = max(len(what) for _, what, _ in rows)
        lines = [f"{self.name} (seed {self.seed})"]
        kind = ""
        for one, what, figure in rows:
            lines.append(f"  {one if one != kind else '':<11} {what:<{width}}  {figure}".rstrip())
            kind = one
        return "\n".join(lines)

    def _took(self) -> str:
        return f"{time.monotonic() - self.began:.0f} s"


def until(
    condition: Callable[[], bool], what: str, seconds: float = 240, also: Callable[[], object] | None = None
) -> None:
    """Wait for a condition; NotInTime says which one did not come. `also` is done between the looks."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise NotInTime(what)
        if also is not None:
            also()
        time.sleep(0.03)
