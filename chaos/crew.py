"""Workers as processes that are killed, frozen and asked to stop; one that ended is replaced, as a service manager does."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.company import environment
from chaos.tally import Tally
from worker.settings import Settings

USUAL = ("-m", "cli.main", "worker", "--queues")
ODD = ("-m", "chaos.odd_worker")


@dataclass
class Post:
    """A place that is always filled: the command of its worker, and what is special in its environment."""

    command: Sequence[str]
    special: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None


class Crew:
    """All workers of a run."""

    def __init__(self, chosen: Settings, posts: Sequence[Post], tally: Tally, log: Path) -> None:
        self._environment = {**os.environ, **environment(chosen)}
        self._posts = posts
        self._tally = tally
        self._log = log
        self.keep()

    def keep(self) -> None:
        """Fill every place. A worker that ended by itself is counted; its words stand in the log."""
        for post in self._posts:
            if post.process is not None and post.process.poll() is not None:
                self._tally.injected["(a worker ended by itself and was replaced)"] += 1
                post.process = None
            if post.process is None:
                with self._log.open("ab") as log:
                    post.process = subprocess.Popen(
                        [sys.executable, *post.command],
                        env={**self._environment, **post.special},
                        stdout=log,
                        stderr=log,
                    )

    def kill_one(self, dice: random.Random, look: object = None) -> None:
        """SIGKILL of one worker. It is stopped first, so that what was in its hands can be looked at without a race."""
        post = dice.choice(self._posts)
        process = post.process
        assert process is not None
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGSTOP)
            if callable(look):
                look()
            process.send_signal(signal.SIGKILL)
        process.wait()
        post.process = None
        self.keep()

    def rest(self, seconds: float) -> list[int]:
        """Ask every worker to stop, as at a shutdown; answers the exit codes."""
        running = [post.process for post in self._posts if post.process is not None]
        for process in running:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        codes = []
        for process in running:
            try:
                codes.append(process.wait(seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        for post in self._posts:
            post.process = None
        return codes

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for post in self._posts:
            if post.process is not None:
                post.process.kill()
                post.process.wait()
                post.process = None
