"""Reading ahead: the next pages come in on a thread of their own while the current one is stored."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from queue import SimpleQueue
from typing import Final, TypeVar

T = TypeVar("T")

PAGES_AHEAD: Final = 2
"""Pages that wait at most; memory is bounded by them."""


def read_ahead(pages: Iterator[T], ahead: int = PAGES_AHEAD) -> Generator[T, None, None]:
    """The same pages in the same order, at most `ahead` of them read before they are wanted; an error comes in its place."""
    with closing(batches_ahead(pages, ahead, 1)) as batches:
        for (page,) in batches:
            yield page


def batches_ahead(pages: Iterator[T], ahead: int, most: int) -> Generator[list[T], None, None]:
    """As `read_ahead`, with the pages that wait already together, at most `most`: nobody waits for a page to come to have
    more of them. An error comes after the batch of the pages before it.

    The pages are made on one other thread, in this thread's context (so with its Decimal context). Closing the generator
    stops that thread after the page it is at and waits for it: nobody else speaks to the other side meanwhile."""
    room = threading.Semaphore(ahead)
    arrived: SimpleQueue[tuple[T | None, BaseException | None, bool]] = SimpleQueue()
    stopped = threading.Event()

    def read() -> None:
        try:
            while room.acquire() and not stopped.is_set():
                page = next(pages, None)
                if page is None:
                    break
                arrived.put((page, None, False))
        except BaseException as error:  # noqa: BLE001 - raised again where the pages are wanted
            arrived.put((None, error, True))
        else:
            arrived.put((None, None, True))
        finally:
            if isinstance(pages, Generator):
                pages.close()

    reader = threading.Thread(target=contextvars.copy_context().run, args=(read,), name="read-ahead", daemon=True)
    reader.start()
    batch: list[T] = []
    try:
        while True:
            page, error, ended = arrived.get()
            if page is not None:
                room.release()
                batch.append(page)
                if len(batch) < most and not arrived.empty():
                    continue
            if batch:
                yield batch
                batch = []
            if error is not None:
                raise error
            if ended:
                return
    finally:
        stopped.set()
        room.release()
        reader.join()
