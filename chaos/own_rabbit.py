"""A RabbitMQ node of our own on free ports, with a port mapper of its own: never the machine's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from chaos.own_servers import CannotRun, free_port
from chaos.tally import until

PLACES = "/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/rabbitmq/sbin"
"""Where packages keep the program itself; what they put on the PATH may change the user first."""
MAPPERS = "/usr/lib/erlang/bin", "/usr/local/lib/erlang/bin"


def _program(name: str, places: tuple[str, ...]) -> str:
    found = shutil.which(name, path=os.pathsep.join(places)) or shutil.which(name)
    if found is None:
        raise CannotRun(f"RabbitMQ: there is no {name}")
    return found


class OwnRabbit:
    """A node that keeps its durable queues in `folder`; whoever kills it has cut every connection and lost what was not
    yet confirmed."""

    name = "RabbitMQ"

    def __init__(self, folder: Path) -> None:
        self._program = _program("rabbitmq-server", PLACES)
        mapper = _program("epmd", MAPPERS)
        folder.mkdir(parents=True, exist_ok=True)
        self.port, mapper_port = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}"
        plugins, settings = folder / "enabled_plugins", folder / "rabbitmq.conf"
        plugins.write_text("[].\n", encoding="ascii")
        settings.write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\nlog.console = false\n"
            "vm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 10MB\n",
            encoding="ascii",
        )
        self._environment = {
            **os.environ, "HOME": str(folder), "LC_ALL": "C", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(mapper_port), "RABBITMQ_NODENAME": f"chaos{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_MNESIA_BASE": str(folder), "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins), "RABBITMQ_CONFIG_FILE": str(settings.with_suffix("")),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }  # fmt: skip
        self._log = folder / "node.log"
        self._mapper = self._start(mapper, "-port", str(mapper_port), "-address", "127.0.0.1")
        try:
            self._node = self._up()
        except BaseException:
            self._end(self._mapper)
            raise

    def kill(self) -> None:
        """SIGKILL, and the node again on the same port with what it had on disk."""
        self._end(self._node)
        self._node = self._up()

    def stop(self) -> None:
        self._end(self._node)
        self._end(self._mapper)

    def _up(self) -> subprocess.Popen[bytes]:
        node = self._start(self._program)
        try:
            until(lambda: self._answers() or node.poll() is not None, "RabbitMQ answers", 120)
            if node.poll() is not None:
                raise CannotRun(f"RabbitMQ: the node ended with {node.returncode}")
        except BaseException:
            self._end(node)
            raise
        return node

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        """The whole group: the node's program is started by a script."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _answers(self) -> bool:
        import pika
        from pika.exceptions import AMQPError

        with suppress(AMQPError, OSError):
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
            return True
        return False
