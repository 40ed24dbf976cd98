"""`python -m chaos [PART…]`: runs the parts, prints a table of what was done and what came of it; exit code 1 if a promise broke.

Everything runs on a PostgreSQL cluster, a Redis and stand-ins of its own, on free ports. With the same `--seed` the faults come
in the same order, each after the same number of deliveries; threads and processes still take turns as they like.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
from collections.abc import Callable, Mapping

from chaos import full_disk, postings, pulls, small_mount
from chaos.own_rabbit import OwnRabbit
from chaos.own_servers import CannotRun
from chaos.tally import NotInTime, Tally

NEVER_RUN: Mapping[str, str] = {
    "two machines": "one machine here; a worker is parted from its database and broker by a relay that carries nothing",
    "power cut": "SIGKILL and an immediate restart lose what a process has, not what a disk has not written",
}
"""What this suite does not do, and why."""


def parts(vouchers: int, seed: int) -> Mapping[str, Callable[[], Tally]]:
    """The runs by name."""
    return {
        "postings": lambda: postings.run(vouchers, postings.FULL, seed),
        "rabbitmq": lambda: postings.run(vouchers // 4, postings.RABBIT, seed, broker=OwnRabbit),
        "pulls": lambda: pulls.run(pulls.FULL, seed),
        "full_disk": lambda: full_disk.run(200, 4, seed),
        "small_mount": lambda: small_mount.run(200, 4, seed),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("part", nargs="*", help="postings, pulls, full_disk; all of them by default")
    parser.add_argument("--vouchers", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="random by default, and printed")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    known = parts(given.vouchers, given.seed)
    if unknown := set(given.part) - set(known):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    broken = 0
    for name in given.part or known:
        sys.stderr.write(f"{name}, seed {given.seed} …\n")
        try:
            tally = known[name]()
        except CannotRun as why:
            print(f"{name}: not run: {why}\n")
            continue
        except NotInTime as late:
            print(f"{name}: BROKEN: not in time: {late}\n")
            broken += 1
            continue
        print(tally.text() + "\n", flush=True)
        broken += bool(tally.broken)
    print("not run, here or anywhere")
    for what, why in NEVER_RUN.items():
        print(f"  {what}: {why}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
