"""Vouchers over two connections while everything goes wrong: PostgreSQL, a broker and several workers as processes of our own.

The faults come in an order that the seed gives, each after a further number of deliveries; the run waits for what it does
(a server that answers again, a worker that is back), never for a time. What is counted at the end stands in the ERPs' books.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.storage import upgrade_database
from chaos.company import company, ended, prove_posted, queue, settings, states
from chaos.crew import ODD, USUAL, Crew, Post
from chaos.own_rabbit import OwnRabbit
from chaos.own_servers import CannotRun, OwnPostgres, OwnRedis, own_postgres
from chaos.relay import Relay
from chaos.stand_ins import StandIn
from chaos.tally import NotInTime, Tally, until
from hedge_core.ports.storage import OutboxState
from worker.bootstrap import App
from worker.settings import Settings

ROLE = "hb_chaos_app"
LEASE, CALL, SETTLE = 10, 3, 5
STALL = LEASE + 3
"""An answer that comes so late has outlived the lease of who asked."""

FULL = {
    "SIGKILL of a worker (with its dispatcher)": 28,
    "SIGKILL of the broker (Redis)": 6,
    "Redis flushed": 8,
    "PostgreSQL restarted, fast": 4,
    "PostgreSQL restarted, immediate": 4,
    "clock of a worker stepped": 8,
    "answers delayed past the lease": 6,
    "worker parted from database and broker past its lease": 4,
}
SHORT = {
    "SIGKILL of a worker (with its dispatcher)": 3,
    "SIGKILL of the broker (Redis)": 1,
    "Redis flushed": 1,
    "PostgreSQL restarted, fast": 1,
    "PostgreSQL restarted, immediate": 1,
    "clock of a worker stepped": 1,
    "answers delayed past the lease": 1,
    "worker parted from database and broker past its lease": 1,
}
RABBIT = {
    "SIGKILL of a worker (with its dispatcher)": 6,
    "SIGKILL of the broker (RabbitMQ)": 4,
    "PostgreSQL restarted, immediate": 1,
    "answers delayed past the lease": 1,
}
LOSSES = ("lose_answer_after_commit=0.06@writes", "error_500_after_commit=0.03@writes", "cut_connection=0.02@all")


@dataclass
class Scene:
    """What the faults act on."""

    app: App
    crew: Crew
    postgres: OwnPostgres
    broker: OwnRedis | OwnRabbit | None
    sites: list[StandIn]
    clock: Path
    dice: random.Random
    tally: Tally
    caught: Counter[OutboxState]
    offsets: list[int]
    relays: list[Relay]

    def look(self) -> None:
        """What was in work when a worker was killed; it stands still while we look."""
        self.caught.update({state: count for state, count in states(self.app).items() if state.value in _IN_WORK})


_IN_WORK = ("leased", "started")


def _kill(scene: Scene) -> None:
    scene.crew.kill_one(scene.dice, scene.look)


def _broker(scene: Scene) -> None:
    assert scene.broker is not None
    scene.broker.kill()


def _flush(scene: Scene) -> None:
    assert isinstance(scene.broker, OwnRedis)
    scene.broker.flush()


def _step(scene: Scene) -> None:
    """Forward beyond every lease, or back; then right again, which is a step too."""
    scene.clock.write_text(str(scene.offsets.pop(0)), encoding="ascii")


def _delay(scene: Scene) -> None:
    """The ERP has booked it; the answer comes when the lease of who waits for it is over."""
    scene.dice.choice(scene.sites).fault(f"stall=2x@writes:{STALL}")


def _part(scene: Scene) -> None:
    """The ERP can be reached, what came of it cannot be written down until others have taken the rows over."""
    for relay in scene.relays:
        relay.part(LEASE + 3)


FAULTS: Mapping[str, Callable[[Scene], None]] = {
    "SIGKILL of a worker (with its dispatcher)": _kill,
    "SIGKILL of the broker (Redis)": _broker,
    "SIGKILL of the broker (RabbitMQ)": _broker,
    "Redis flushed": _flush,
    "PostgreSQL restarted, fast": lambda scene: scene.postgres.restart("fast"),
    "PostgreSQL restarted, immediate": lambda scene: scene.postgres.restart("immediate"),
    "clock of a worker stepped": _step,
    "answers delayed past the lease": _delay,
    "worker parted from database and broker past its lease": _part,
}


def run(
    vouchers: int,
    faults: Mapping[str, int],
    seed: int,
    latency_ms: int = 15,
    broker: type[OwnRedis] | type[OwnRabbit] = OwnRedis,
) -> Tally:
    """The whole run; the tally says what happened. CannotRun without PostgreSQL."""
    tally = Tally(f"{vouchers} vouchers over two connections, PostgreSQL, {broker.name}, four workers", seed)
    dice = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hb-chaos-")))
        folder.chmod(0o755)  # the cluster's user has to get through
        postgres = stack.enter_context(own_postgres(folder / "postgres"))
        own_broker = _own_broker(broker, stack, folder / "broker", tally)
        usual = [f"--seed={seed}", f"--latency-ms={latency_ms}"]
        usual += [f"--fault={one}" for one in LOSSES]
        sites = [StandIn(name, folder, tuple(usual)) for name in ("kingdee", "odoo")]
        for site in sites:
            stack.callback(site.stop)
        chosen = settings(
            database_for_a_role(postgres), folder, broker=own_broker.url if own_broker else "memory", worker_threads=3,
            lease_seconds=LEASE, call_seconds=CALL, settle_seconds=SETTLE,
        )  # fmt: skip
        app = stack.enter_context(company(chosen, sites, {"kingdee": {"batch": "2"}, "odoo": {"batch": "3"}}))
        share = vouchers * 6 // 10
        sent = {"kingdee": queue(app, "kingdee", 0, share), "odoo": queue(app, "odoo", share, vouchers - share)}
        relays = [Relay(postgres.port), *([Relay(own_broker.port)] if own_broker else [])]
        for relay in relays:
            stack.callback(relay.stop)
        crew = stack.enter_context(_crew(chosen, folder, tally, _through(chosen, relays)))
        order = _order(faults, own_broker is not None, dice, tally)
        steps = sum(one == "clock of a worker stepped" for one in order)
        offsets = [(120, 0, -120, 0)[number % 4] for number in range(steps)]
        scene = Scene(app, crew, postgres, own_broker, sites, folder / "clock", dice, tally, Counter(), offsets, relays)
        _go_through(scene, order, vouchers)
        _drain(scene)
        tally.came["workers asked to stop ended with"] = sorted(crew.rest(60))
        for site in sites:
            for name, times in site.fired().items():
                tally.injected[f"{name} (ERP stand-ins)"] += times
        tally.came["rows handed out and not started, at the kills, of all workers"] = scene.caught[OutboxState.LEASED]
        tally.came["rows started, at the kills, of all workers"] = scene.caught[OutboxState.STARTED]
        prove_posted(app, sites, sent, tally)
    return tally


def _order(faults: Mapping[str, int], has_broker: bool, dice: random.Random, tally: Tally) -> list[str]:
    order = []
    for name, times in faults.items():
        if ("Redis" in name or "broker" in name) and not has_broker:
            tally.not_run[name] = "there is no broker of our own on this machine"
        else:
            order += [name] * times
    dice.shuffle(order)
    return order


def _go_through(scene: Scene, order: list[str], vouchers: int) -> None:
    """The faults, spread over the first nine tenths of the deliveries."""
    due = 0.0
    for number, name in enumerate(order):
        due = max(due, (number + scene.dice.random()) * 0.9 * vouchers / len(order))
        until(lambda due=due: ended(scene.app) >= due, f"{due:.0f} deliveries, for “{name}”", also=scene.crew.keep)  # type: ignore[misc]
        FAULTS[name](scene)
        scene.tally.injected[name] += 1


def _drain(scene: Scene) -> None:
    """The clock right again, the losses over; then everything has to end by itself."""
    scene.clock.write_text("0", encoding="ascii")
    for site in scene.sites:
        site.clear()
    total = sum(states(scene.app).values())
    try:
        until(lambda: ended(scene.app) >= total, "every row in a final state", 300, scene.crew.keep)
    except NotInTime as late:
        scene.tally.broken.append(f"not in time: {late}")


def database_for_a_role(postgres: OwnPostgres) -> str:
    """A database for a role that owns nothing in it, as an installation should have it."""
    url = postgres.create("hedgebridge", ROLE)
    upgrade_database(url, grant_to=ROLE)
    return postgres.url_of("hedgebridge", ROLE)


def _own_broker(
    kind: type[OwnRedis] | type[OwnRabbit], stack: ExitStack, folder: Path, tally: Tally
) -> OwnRedis | OwnRabbit | None:
    try:
        broker = kind(folder)
    except CannotRun as why:
        tally.not_run[f"several processes over {kind.name}"] = str(why)
        return None
    stack.callback(broker.stop)
    return broker


def _through(chosen: Settings, relays: list[Relay]) -> dict[str, str]:
    """The addresses of database and broker for a worker whose network may be parted."""
    urls = {"HEDGEBRIDGE_DATABASE": chosen.database, "HEDGEBRIDGE_BROKER": chosen.broker}
    return {
        name: re.sub(r":\d+(?=/|$)", f":{relay.port}", url)
        for (name, url), relay in zip(urls.items(), relays, strict=False)
    }


@contextmanager
def _crew(chosen: Settings, folder: Path, tally: Tally, through: dict[str, str]) -> Iterator[Crew]:
    """One worker as it is, one that waits for answers longer than its lease is, one whose clock can be stepped, one behind a
    network that can be parted."""
    posts = [
        Post((*USUAL, "deliveries")),
        Post((*USUAL, "deliveries"), {"HEDGEBRIDGE_CALL_SECONDS": str(3 * STALL)}),
        Post((*ODD, "deliveries"), {"CHAOS_CLOCK": str(folder / "clock")}),
        Post((*USUAL, "deliveries"), through),
    ]
    with Crew(chosen, posts, tally, folder / "workers.log") as crew:
        yield crew
