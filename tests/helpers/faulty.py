"""A proxy that stands between a client and a server and does to them what networks do: loss, delay, slowness, cuts, half-closed connections.

TCP and UDP on one port, in a thread of its own. What happens is said by Faults, which may be replaced at any moment; a seed makes loss repeatable.
"""

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.helpers.server import free_place


@dataclass(frozen=True)
class Faults:
    """What is done. Of connections, each direction is treated alike unless a field says which."""

    loss: float = 0.0
    """Share of datagrams that get lost, each way."""
    answers_lost: int = 0
    """So many answers over UDP get lost, then no more."""
    twice: bool = False
    """Each datagram to the server comes twice."""
    delay: float = 0.0
    """Seconds before anything is passed on."""
    rate: float = 0.0
    """Octets a second from the server to the client; 0 = as it comes."""
    cut_after: int = -1
    """Octets from the server after which both ends see a reset."""
    end_after: int = -1
    """Octets from the server after which the client sees an orderly end, while the server may go on."""
    refuse: bool = False
    """Connections are reset at once."""


class Proxy:
    """See the head; `with` it."""

    def __init__(self, server: tuple[str, int], faults: Faults | None = None, seed: int = 1) -> None:
        self.place = free_place()
        self.server = server
        self.faults = faults or Faults()
        self.connections = 0
        """That were opened so far."""
        self.datagrams = 0
        """That came from clients."""
        self._rng = random.Random(seed)
        self._lost = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: list[Any] = []

    def __enter__(self) -> "Proxy":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, _a: type[BaseException] | None, _b: BaseException | None, _c: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        listening = await asyncio.start_server(self._connected, *self.place, limit=1 << 16)
        here, _ = await self._loop.create_datagram_endpoint(lambda: _Here(self), local_addr=self.place)
        self._ends += [listening, here]

    async def _close(self) -> None:
        for end in self._ends:
            end.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- connections

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.faults.refuse:
            _reset(writer)
            return
        try:
            up, down = await asyncio.open_connection(*self.server, limit=1 << 16)
        except OSError:
            _reset(writer)
            return
        try:
            await asyncio.gather(self._up(reader, down), self._down(up, writer))
        except (OSError, _Cut):
            _reset(writer)
            _reset(down)
        finally:
            for one in (writer, down):
                one.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1 << 16):
            await asyncio.sleep(self.faults.delay)
            writer.write(piece)
            await writer.drain()
        writer.write_eof()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while True:
            faults = self.faults
            room = 1 << 16 if not faults.rate else max(1, int(faults.rate / 20))
            for limit in (faults.cut_after, faults.end_after):
                room = min(room, limit - passed) if limit >= 0 else room
            if room <= 0:
                if faults.cut_after >= 0:
                    raise _Cut
                writer.write_eof()
                return
            piece = await reader.read(room)
            if not piece:
                writer.write_eof()
                return
            await asyncio.sleep(faults.delay + (len(piece) / faults.rate if faults.rate else 0))
            passed += len(piece)
            writer.write(piece)
            await writer.drain()

    # -- datagrams

    def lost(self) -> bool:
        """Whether the next datagram gets lost."""
        return self._rng.random() < self.faults.loss

    def answer_lost(self) -> bool:
        """Whether the next answer does."""
        if self._lost < self.faults.answers_lost:
            self._lost += 1
            return True
        return self.lost()


class _Cut(Exception):
    """The connection is to be cut now."""


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


class _Here(asyncio.DatagramProtocol):
    """The side of clients; each has a socket of its own on the other side, so that answers find back."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._there: dict[Any, asyncio.DatagramTransport] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._proxy.datagrams += 1
        for _ in range(2 if self._proxy.faults.twice else 1):
            if not self._proxy.lost():
                self._proxy.begin(self._pass(data, addr))

    async def _pass(self, data: bytes, client: Any) -> None:
        await asyncio.sleep(self._proxy.faults.delay)
        there = self._there.get(client)
        if there is None:
            loop = asyncio.get_running_loop()
            there, _ = await loop.create_datagram_endpoint(
                lambda: _There(self._proxy, self.transport, client), remote_addr=self._proxy.server
            )
            if client in self._there:
                there.close()
                there = self._there[client]
            self._there[client] = there
        there.sendto(data)

    def connection_lost(self, exc: Exception | None) -> None:
        for transport in self._there.values():
            transport.close()


class _There(asyncio.DatagramProtocol):
    def __init__(self, proxy: Proxy, back: Any, client: Any) -> None:
        self._proxy = proxy
        self._back = back
        self._client = client

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._proxy.answer_lost():
            self._proxy.begin(self._pass(data))

    async def _pass(self, data: bytes) -> None:
        await asyncio.sleep(self._proxy.faults.delay)
        self._back.sendto(data, self._client)


@contextlib.contextmanager
def between(server: tuple[str, int], faults: Faults | None = None) -> Iterator[Proxy]:
    """A proxy in front of a server."""
    with Proxy(server, faults) as proxy:
        yield proxy
