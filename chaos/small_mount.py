"""PostgreSQL on a volume of its own that is full again and again: a small mount, filled up to the last byte.

The server's answer is its own: an error on a statement, or the end of the server when not even its log can be written.
Then room is made and, where the server ended, it is started again, as an administrator would do.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg

from chaos.company import company, ended, prove_posted, queue, settings
from chaos.crew import USUAL, Crew, Post
from chaos.own_servers import CannotRun, OwnPostgres, own_postgres
from chaos.postings import CALL, LEASE, SETTLE, database_for_a_role
from chaos.stand_ins import StandIn
from chaos.tally import NotInTime, Tally, until

TROUBLE = ("lose_answer_after_commit=0.06@writes", "error_500_after_commit=0.03@writes")
SIZE = "192m"
FULL = "No space left on device"
"""What PostgreSQL writes into its log when the volume is full."""


def run(vouchers: int, times: int, seed: int) -> Tally:
    """The volume is full `times` times, the worker killed each second time while it is. CannotRun without the right to mount."""
    tally = Tally(f"{vouchers} vouchers, PostgreSQL on a mount of {SIZE}, volume full", seed)
    dice = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hb-chaos-")))
        folder.chmod(0o755)  # the cluster's user has to get through
        volume = stack.enter_context(_mounted(folder / "volume"))
        postgres = stack.enter_context(own_postgres(volume, tight=True))
        site = StandIn("kingdee", folder, (f"--seed={seed}", *(f"--fault={one}" for one in TROUBLE)))
        stack.callback(site.stop)
        chosen = settings(
            database_for_a_role(postgres), folder, lease_seconds=LEASE, call_seconds=CALL, settle_seconds=SETTLE,
            worker_threads=3,
        )  # fmt: skip
        app = stack.enter_context(company(chosen, [site], {"kingdee": {"batch": "2"}}))
        sent = {"kingdee": queue(app, "kingdee", 0, vouchers)}
        crew = stack.enter_context(Crew(chosen, [Post((*USUAL, "deliveries"))], tally, folder / "workers.log"))
        for number in range(times):
            due = (number + dice.random()) * 0.5 * vouchers / times
            until(lambda due=due: ended(app) >= due, f"{due:.0f} deliveries", also=crew.keep)  # type: ignore[misc]
            _fill(volume, postgres, crew)
            tally.injected["volume full (PostgreSQL)"] += 1
            if number % 2:
                crew.kill_one(dice)
                tally.injected["SIGKILL of the worker while the volume was full"] += 1
            (volume / "ballast").unlink()
            if not postgres.lets_in():
                postgres.restart("immediate")
                tally.injected["(PostgreSQL had ended and was started again)"] += 1
        for name, count in site.fired().items():
            tally.injected[f"{name} (ERP stand-in)"] = count
        site.clear()
        try:
            until(lambda: ended(app) == vouchers, "every row in a final state", 300, crew.keep)
        except NotInTime as late:
            tally.broken.append(f"not in time: {late}")
        tally.came["times the server said that the volume is full"] = postgres.lines_with(FULL)
        tally.came["workers asked to stop ended with"] = sorted(crew.rest(60))
        prove_posted(app, [site], sent, tally)
    return tally


def _fill(volume: Path, postgres: OwnPostgres, crew: Crew) -> None:
    """Take what room there is, again and again, until the server notices."""
    seen = postgres.lines_with(FULL)

    def take() -> None:
        crew.keep()
        with suppress(OSError), (volume / "ballast").open("ab", buffering=0) as ballast:
            while ballast.write(b"\0" * 4096):
                pass
        with suppress(psycopg.Error), psycopg.connect(postgres.url, connect_timeout=5, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    until(lambda: postgres.lines_with(FULL) > seen, "the volume is full", 120, take)


@contextmanager
def _mounted(place: Path) -> Iterator[Path]:
    """A file system in memory of its own size; CannotRun where we may not mount."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        raise CannotRun("a small mount: there is no mount")
    place.mkdir(mode=0o755)
    try:
        subprocess.run(
            [mount, "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "hb-chaos", str(place)],
            check=True, capture_output=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as why:
        raise CannotRun(f"a small mount: {why}") from why
    try:
        yield place
    finally:
        subprocess.run([umount, "-l", str(place)], check=True, timeout=30)
