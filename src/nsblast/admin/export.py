"""A zone as a master file, piece by piece: read in a thread, taken by the loop as fast as the client does.

Owns: the way between the two. Never: the form of the file (zones/zonefile.py). The zone is read in one version and never held in
memory; when the client goes away, the thread ends with its next piece.
"""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator
from typing import BinaryIO, cast

from nsblast._core.keys import owner_key
from nsblast._core.name import labels
from nsblast.backend.local import LocalBackend
from nsblast.types import Wire
from nsblast.zones.zonefile import write_zone

AHEAD = 4
"""Pieces read before the client took them."""


class _Left(Exception):
    """The client is gone."""


class _Out:
    """What write_zone() writes to; waits while the client has not taken what is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._room = threading.Semaphore(AHEAD)
        self.left = False
        self.parts: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        self.some = asyncio.Event()

    def write(self, part: bytes) -> int:
        """One piece."""
        self._room.acquire()
        if self.left:
            raise _Left
        self.put(part)
        return len(part)

    def put(self, part: bytes | BaseException | None) -> None:
        """A piece, the error that ended it, or None at the end."""
        self.parts.put(part)
        self._loop.call_soon_threadsafe(self.some.set)

    def taken(self) -> None:
        """The client has one more."""
        self._room.release()

    def leave(self) -> None:
        """Nobody takes any more."""
        self.left = True
        self._room.release()


async def stream_zone(backend: LocalBackend, apex: Wire) -> AsyncIterator[bytes]:
    """The file."""
    out = _Out(asyncio.get_running_loop())

    def run() -> None:
        depth = labels(apex)
        try:
            entries = ((owner_key(entry.owner, depth), entry.blob) for entry in backend.entries(apex))
            write_zone(cast(BinaryIO, out), entries)
            out.put(None)
        except _Left:
            pass
        except BaseException as error:
            out.put(error)

    threading.Thread(target=run, name="export", daemon=True).start()
    try:
        while True:
            await out.some.wait()
            out.some.clear()
            while not out.parts.empty():
                part = out.parts.get()
                if part is None:
                    return
                if isinstance(part, BaseException):
                    raise part
                if part:
                    yield part
                out.taken()
    finally:
        out.leave()
