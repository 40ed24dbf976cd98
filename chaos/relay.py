"""The network between one worker and its database and broker: a relay that can stop carrying anything for a while.

While it is stopped connections stay open and hang and new ones get no answer, as when a cable is pulled. Afterwards what was on
its way arrives late.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from chaos.own_servers import free_port

PIECE = 65536


class Relay:
    """Carries every connection made to `port` to the port `target`, both on loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)

    def part(self, seconds: float) -> None:
        """Carry nothing for so long; answers at once."""

        def now() -> None:
            self._open.clear()
            self._loop.call_later(seconds, self._open.set)

        self._loop.call_soon_threadsafe(now)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._carry, "127.0.0.1", self.port))
        ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._one_way(reader, back), self._one_way(there, writer))

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(PIECE):
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass  # one side is gone: the other is told below
        finally:
            await self._open.wait()
            writer.close()
